"""What a benchmark's folder has from before: scores whose models have gone, searches, and what a kill has left."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from runs import Killed, whole_search

from DAGANSpineLib.baselines.budget import SMOKE
from DAGANSpineLib.baselines.tuning import Outcome, Trial, read_searches, write_searches
from DAGANSpineLib.evaluation import benchmarking as module
from DAGANSpineLib.evaluation.benchmarking import Benchmark, BenchmarkError, benchmark, named
from DAGANSpineLib.evaluation.kept import Kept, write_kept
from DAGANSpineLib.evaluation.search import Search, judges_of
from DAGANSpineLib.training.dataset import open_dataset
from DAGANSpineLib.training.run import RunError, RunFolder

TWO = ("vanilla-fpn", "da-gan")


def scores_on(name):
    """Scores of one subject of a data set, as `evaluate` has them."""
    figures = {"PSNR": 30.0, "SSIM": 0.9, "corrupted patches": 1}
    dice = dict.fromkeys(("rib", "thoracic", "lumbar", "average"), 0.7)
    row = {
        "subject": "s0",
        "segmentation": dict.fromkeys(("dice", "jaccard", "accuracy"), dice),
        "restoration": dict.fromkeys(("input", "classical repair", "model"), figures),
        "seconds": {"restore": 1.0},
    }
    return {"data": name, "split": "test", "left out": {}, "pooled": {"dice": dice}, "subjects": [row]}


@pytest.fixture
def remembered(tmp_path):
    """A benchmark's folder of which the scores of one training are left, and that benchmark."""
    record = {"parameters": 1, "multiply-adds": 1, "seconds": 1.0, "rate": 2.5, "weight": 1.0}
    (system,) = named(["u-net"])
    write_kept([Kept(system, 0, tmp_path, record, {"own": scores_on("A")})], ["own"], {}, tmp_path / "scores.json.gz")
    return Benchmark(tmp_path, tmp_path, None, SMOKE, "full", "cpu", searches={"u-net": [Outcome(Trial(2.5), 0.9)]})


def test_no_scores_are_lost_for_a_further_test_set(remembered):
    """Models that have gone can't be tested on it, and a table has rows of all sets."""
    with pytest.raises(BenchmarkError, match="can't be tested on severe any more: leave that out of --also"):
        module.before(replace(remembered, also={"severe": remembered.folder}))


@pytest.mark.parametrize("searches", [{}, {"u-net": [Outcome(Trial(0.4), 0.9)]}])
def test_trainings_of_other_rates_are_not_put_into_one_row(remembered, searches):
    assert [each.seed for each in module.before(remembered)] == [0]
    with pytest.raises(BenchmarkError, match="U-Net that was trained with another rate or weight than"):
        module.before(replace(remembered, searches=searches))


class Begun(Exception):
    pass


def test_a_benchmark_that_was_killed_in_its_first_file_begins_again(data, tmp_path, monkeypatch):
    folder, write = tmp_path / "out", Path.write_text

    def killed(path, *arguments, **named):
        if path.name.startswith(".settings."):
            write(path, "{")
            shutil.copy(path, path.with_name(".settings.kept.json"))  # as what a kill leaves, which cleans nothing up
            raise Killed
        return write(path, *arguments, **named)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Path, "write_text", killed)
        benchmark(data, folder, named(TWO[:1]), (0,), SMOKE, "cpu")
    assert [path.name for path in folder.iterdir()] == [".settings.kept.json"]

    def begun(*arguments):
        raise Begun

    monkeypatch.setattr(Benchmark, "admit", begun)
    with pytest.raises(Begun):
        benchmark(data, folder, named(TWO[:1]), (0,), SMOKE, "cpu")
    assert (folder / "settings.json").is_file()


def test_a_search_that_is_refused_leaves_no_trace_and_one_that_is_not_is_kept(data, tmp_path, monkeypatch):
    """Or the command that was given before would be refused, too."""
    folder, found = tmp_path / "out", tmp_path / "found.json"
    searches = {key: whole_search(key, Trial(2.5)) for key in (*TWO, "segmenter-alone")}
    write_searches(searches, "smoke", {}, found)

    def refused(self, job):
        raise RunError("other settings")

    def admitted(self, job):
        assert self.searches == searches

    def begun(*arguments, **named):
        raise Begun

    for admit, error in ((refused, RunError), (admitted, Begun)):
        monkeypatch.setattr(Benchmark, "admit", admit)
        monkeypatch.setattr(module, "work", begun)
        with pytest.raises(error):
            benchmark(data, folder, named(TWO), (0,), SMOKE, "cpu", tuning=found)
        assert (folder / "tuning.json").exists() == (error is Begun)


@pytest.mark.parametrize("begun", ["vanilla-fpn", "da-gan"])
@pytest.mark.parametrize("kept", [False, True], ids=["begun", "of which scores are left"])
def test_a_search_is_refused_where_trainings_began_without_it(begun, kept, data, tmp_path, monkeypatch):
    """Those of another system, too, which take their segmentation's learning rate from it; nothing is tried out, and
    the command that was given before goes on."""
    folder = tmp_path / "out"
    monkeypatch.setattr(module, "search", None)
    monkeypatch.setattr(module, "work", lambda task, job, **named: None)
    monkeypatch.setattr(module, "standing", lambda *arguments: "")
    benchmark(data, folder, named([begun]), (0,), SMOKE, "cpu")
    if kept:
        system, scored = *named([begun]), scores_on("Simulated")
        write_kept([Kept(system, 0, folder, {}, {"own": scored})], ["own"], {}, folder / "scores.json.gz")
    else:
        training = folder / "runs" / begun / "seed-0"
        training.mkdir(parents=True)
        RunFolder(training).configuration.write_text("{}", encoding="utf-8")
    with pytest.raises(BenchmarkError, match="that began without what --tune would find: go on without it"):
        benchmark(data, folder, named(["n2v"]), (0,), SMOKE, "cpu", tune=True)
    assert not (folder / "tuning.json").exists() and not (folder / "tuning").exists()


def test_what_was_searched_before_is_not_searched_again(data, tmp_path, monkeypatch):
    """In a folder that has tuning.json alone, as whoever goes on with a committed comparison has it."""
    folder, tried = tmp_path / "out", []
    known = {key: whole_search(key, Trial(2.5)) for key in ("segmenter-alone", "da-gan")}
    monkeypatch.setattr(module, "work", lambda task, job, **named: None)
    monkeypatch.setattr(module, "standing", lambda *arguments: "")
    monkeypatch.setattr(Search, "try_out", lambda self, system, trial, quiet: outcome_of(self, system, trial, tried))
    benchmark(data, folder, named(["da-gan"]), (0,), SMOKE, "cpu")
    write_searches(known, "smoke", {}, folder / "tuning.json")
    written = (folder / "tuning.json").read_bytes()
    benchmark(data, folder, named(["da-gan"]), (0,), SMOKE, "cpu", tell=lambda line: None, tune=True)
    assert not tried and (folder / "tuning.json").read_bytes() == written
    benchmark(data, folder, named(["n2v"]), (0,), SMOKE, "cpu", tell=lambda line: None, tune=True)
    found = read_searches(folder / "tuning.json", "smoke")
    assert set(tried) == {"n2v"} and len(found["n2v"]) == len(tried) == 5
    assert {key: found[key] for key in known} == known


@pytest.mark.parametrize(("key", "refused"), [("n2v", True), ("u-net", False)])
def test_trials_that_another_measure_has_judged_are_not_mixed_with_new_ones(key, refused, data, tmp_path, monkeypatch):
    """As of a file from before restorers were judged by the clean truth; segmenters always were by Dice."""
    folder, tried = tmp_path / "out", []
    monkeypatch.setattr(module, "work", lambda task, job, **named: None)
    monkeypatch.setattr(module, "standing", lambda *arguments: "")
    monkeypatch.setattr(Search, "try_out", lambda self, system, trial, quiet: outcome_of(self, system, trial, tried))
    former = {
        name: [replace(outcome, measure="") for outcome in whole_search(name)] for name in ("segmenter-alone", "da-gan")
    }
    benchmark(data, folder, named(["da-gan"]), (0,), SMOKE, "cpu")
    write_searches(former, "smoke", {}, folder / "tuning.json")
    written = (folder / "tuning.json").read_bytes()
    ask = {"tell": lambda line: None, "tune": True}
    if refused:
        with pytest.raises(
            BenchmarkError, match=r"DA-GAN .* another measure \(noise left .* new ones of N2V .*\(PSNR\)"
        ):
            benchmark(data, folder, named([key]), (0,), SMOKE, "cpu", **ask)
        assert not tried and (folder / "tuning.json").read_bytes() == written
    else:
        benchmark(data, folder, named([key]), (0,), SMOKE, "cpu", **ask)
        assert set(tried) == {key}
    benchmark(data, folder, named(["da-gan"]), (0,), SMOKE, "cpu", **ask)  # nothing is left to try


def test_a_trial_that_another_measure_has_judged_is_tried_anew(data, tmp_path):
    """As one of a search that former code has begun."""
    (system,), tried = named(["n2v"]), []
    searching = Search(tmp_path, data, SMOKE, "full", "cpu", judges=judges_of(open_dataset(data)))
    outcome_of(replace(searching, judges=()), system, Trial(0.4), tried)
    assert searching.known(system) == []
    outcome_of(searching, system, Trial(0.4), tried)
    assert [outcome.measure for outcome in searching.known(system)] == ["PSNR"]


def test_a_search_that_ended_at_its_edge_is_brought_to_its_end(tmp_path):
    """As those were that were made before there was more to try."""
    short = whole_search("da-gan", Trial(2.5, 0.2))[:5]
    known = {key: whole_search(key) for key in ("vanilla-fpn", "segmenter-alone")} | {"da-gan": short}
    searching = Search(tmp_path, tmp_path, SMOKE, "full", "cpu", known)
    assert [system.key for system in searching.missing(named(TWO))] == ["da-gan"]
    assert searching.known(*named(["da-gan"])) == short


@pytest.mark.parametrize("given", ["kept", "elsewhere"])
def test_nobody_is_compared_untuned_with_who_is_tuned(given, data, tmp_path, monkeypatch):
    folder, file = tmp_path / "out", tmp_path / "tuning.json"
    searches = {key: whole_search(key) for key in ("vanilla-fpn", "segmenter-alone")}
    monkeypatch.setattr(module, "work", lambda task, job, **named: None)
    monkeypatch.setattr(module, "standing", lambda *arguments: "")
    if given == "kept":
        benchmark(data, folder, named(TWO[:1]), (0,), SMOKE, "cpu")
        file = folder / "tuning.json"
    write_searches(searches, "smoke", {}, file)
    tuning = None if given == "kept" else file
    with pytest.raises(BenchmarkError, match=r"no whole search for N2V, .* give --tune"):
        benchmark(data, folder, named(["n2v"]), (0,), SMOKE, "cpu", tuning=tuning)
    benchmark(data, folder, named(["vanilla-fpn", "segmenter-alone"]), (0,), SMOKE, "cpu", tuning=tuning)


def outcome_of(task, system, trial, tried):
    """Stands for trying a trial out."""
    tried.append(system.key)
    task.place(system, trial).parent.mkdir(parents=True, exist_ok=True)
    record = {"merit": 0.5, "seconds": 1.0, "measure": task.measure(system)}
    task.place(system, trial).write_text(json.dumps(record), encoding="utf-8")
    return Outcome(trial, 0.5, 1.0, measure=task.measure(system))


def test_a_system_whose_search_fails_has_no_result_and_the_others_are_trained(data, tmp_path, monkeypatch):
    """Without seeds each has as many trainings as its row needs; nobody is left where all searches fail."""
    trouble, trained = {"u-net": "U-Net, rate-1-weight-1: No memory."}, []
    searches = {"vanilla-fpn": whole_search("vanilla-fpn", Trial(2.5))}
    monkeypatch.setattr(module, "search", lambda *arguments: searches)
    monkeypatch.setattr(Search, "troubles", lambda *arguments: trouble)
    monkeypatch.setattr(module, "work", lambda task, job, **named: trained.append(job.name))
    monkeypatch.setattr(module, "standing", lambda *arguments: "")
    folder = tmp_path / "out"
    reasons = benchmark(data, folder, named(["u-net", "vanilla-fpn"]), (0,), SMOKE, "cpu", tune=True)
    assert trained == ["Vanilla FPN, seed 0"] and reasons["U-Net"] == trouble["u-net"]
    assert read_searches(folder / "tuning.json", "smoke") == searches
    assert benchmark(data, folder, named(["u-net"]), None, SMOKE, "cpu", tune=True) == {"U-Net": trouble["u-net"]}
