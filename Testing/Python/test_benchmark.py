"""Systems are compared under the same conditions, and an interrupted comparison goes on as if nothing had happened."""

import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import processes
import pytest
import SimpleITK as sitk
from matplotlib.backends.backend_agg import FigureCanvasAgg
from runs import Killed, whole_search
from torch.distributed import HashStore

from DAGANSpineLib.__main__ import main
from DAGANSpineLib.baselines.budget import SMOKE
from DAGANSpineLib.baselines.systems import SYSTEMS, System
from DAGANSpineLib.baselines.tuning import Trial, write_searches
from DAGANSpineLib.evaluation import benchmarking as module
from DAGANSpineLib.evaluation.benchmarking import Benchmark, BenchmarkError, benchmark, named, recompute
from DAGANSpineLib.evaluation.gallery import draw
from DAGANSpineLib.evaluation.job import Job
from DAGANSpineLib.evaluation.standing import remaining
from DAGANSpineLib.evaluation.subjects import subjects_of
from DAGANSpineLib.evaluation.team import Team
from DAGANSpineLib.inference.pipeline import COARSE
from DAGANSpineLib.model import load_model
from DAGANSpineLib.training.dataset import load
from DAGANSpineLib.training.run import RunError
from DAGANSpineLib.training.trainer import Trainer

TWO = ("vanilla-fpn", "da-gan")


def run(data, folder, *keys, said=None):
    tell = (lambda line: None) if said is None else said.append
    return benchmark(data, folder, named(keys), seeds=(0,), budget=SMOKE, device="cpu", tell=tell)


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    """A benchmark of two systems, with what it said."""
    folder, said = tmp_path_factory.mktemp("benchmark") / "out", []
    assert run(data, folder, *TWO, said=said) == {}
    return folder, said


@pytest.fixture
def without_gallery(monkeypatch):
    """Tables and plot alone: drawing the gallery takes longer than all else in these small benchmarks."""
    monkeypatch.setattr(module, "write_gallery", lambda *arguments: [])


def job_folder(folder, key):
    return folder / "runs" / key / "seed-0"


def found(folder):
    """What benchmark.json holds, without how long things took."""
    comparison = json.loads((folder / "benchmark.json").read_text(encoding="utf-8"))
    for system in comparison["systems"]:
        del system["seconds per image"], system["seconds of training"]
    return {name: value for name, value in comparison.items() if name != "machine"}


def test_a_benchmark_ends_with_tables_plot_and_gallery(finished):
    folder, _ = finished
    for name in ("benchmark.json", "benchmark.md", "benchmark.csv", "settings.json"):
        assert (folder / name).stat().st_size > 100
    for picture in (folder / "benchmark.png", *folder.glob("gallery-*.jpg")):
        assert np.ptp(sitk.GetArrayFromImage(sitk.ReadImage(str(picture)))[..., :3]) > 150
    subjects = {row["subject"] for row in scores_of(folder, "da-gan")["subjects"]}
    assert {path.stem.removeprefix("gallery-") for path in folder.glob("gallery-*.jpg")} <= subjects
    assert not [path for path in folder.rglob("*") if path.name.startswith(".")]


def scores_of(folder, key):
    return json.loads((job_folder(folder, key) / "evaluation" / "scores.json").read_text(encoding="utf-8"))


def test_of_a_finished_job_the_model_stays_and_what_only_training_needs_goes(finished):
    folder, _ = finished
    for key in TWO:
        names = {path.name for path in job_folder(folder, key).iterdir()}
        assert {"best.pt", "job.json", "evaluation", "metrics.csv"} <= names
        assert not names & {"last.pt", "restored", "error.txt"}
    assert load_model(job_folder(folder, "da-gan") / "best.pt").provenance["preset"] == "DA-GAN, smoke"


def test_each_job_is_said_with_what_is_left(finished):
    _, said = finished
    assert [line.split(":")[0] for line in said] == ["Vanilla FPN, seed 0", "DA-GAN, seed 0"]
    assert "1 of 2 jobs are done, about " in said[0] and said[0].endswith(" min left")
    assert said[1].endswith("2 of 2 jobs are done")


def test_the_table_shows_what_evaluate_found(finished):
    folder, _ = finished
    table = (folder / "benchmark.md").read_text(encoding="utf-8")
    for key, name in zip(TWO, ("Vanilla FPN", "DA-GAN"), strict=True):
        scores = scores_of(folder, key)["per image"]
        row = next(line for line in table.splitlines() if line.startswith(f"| {name} |"))
        shown = " / ".join(f"{100 * scores[score]['lumbar']:.2f}" for score in ("dice", "jaccard", "accuracy"))
        assert row.split(" | ")[1] == shown


def test_a_benchmark_that_is_killed_time_and_again_ends_as_an_unbroken_one(
    data, finished, tmp_path, monkeypatch, without_gallery
):
    """In training, in evaluation, and before what isn't needed any more is gone."""
    folder = tmp_path / "out"

    def killed(*arguments, **named):
        raise Killed

    for place, name in ((Trainer, "_validate"), (module, "evaluate"), (module, "tidy")):
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(place, name, killed)
            run(data, folder, TWO[0])
    assert (job_folder(folder, TWO[0]) / "restored").is_dir()
    assert run(data, folder, TWO[0]) == {}
    assert not (job_folder(folder, TWO[0]) / "restored").exists()
    ours, theirs = found(folder), found(finished[0])
    assert ours["systems"] == [system for system in theirs["systems"] if system["key"] == TWO[0]]


def test_a_gallery_of_few_systems_is_as_wide_as_its_title(data, tmp_path, figures):
    _, (record, *_) = subjects_of(data, "test")
    draw(load(record), {}, {}, "Simulated: sim0001; models of seed 0", tmp_path / "gallery.jpg")
    (figure,) = figures
    (title,) = (text for text in figure.texts if text.get_text() == figure.get_suptitle())
    assert title.get_window_extent(FigureCanvasAgg(figure).get_renderer()).x1 <= figure.bbox.x1


def test_another_system_joins_those_that_were_compared_before(finished, data, tmp_path, without_gallery):
    folder = shutil.copytree(finished[0], tmp_path / "out")
    shutil.rmtree(job_folder(folder, "da-gan"))
    before = job_folder(folder, TWO[0]) / "job.json"
    written = before.stat().st_mtime_ns
    assert run(data, folder, "da-gan") == {}
    assert before.stat().st_mtime_ns == written
    assert found(folder) == found(finished[0])


def test_two_processes_share_the_jobs_and_find_what_one_finds(data, tmp_path, monkeypatch):
    monkeypatch.setattr("DAGANSpineLib.inference.pipeline.COARSE", COARSE)  # as in the processes
    command = ["benchmark", "--data", str(data), "-o", str(tmp_path / "out"), "--systems", *TWO]
    options = ["--seeds", "0", "--budget", "smoke", "--device", "cpu"]
    printed = processes.torchrun([*command, *options], tmp_path / "printed.txt")
    said = re.findall(r"(DA-GAN|Vanilla FPN), seed 0: [^\n]* jobs are done", printed)  # maybe behind a progress bar
    assert sorted(said) == ["DA-GAN", "Vanilla FPN"]
    run(data, tmp_path / "one", *TWO)
    assert found(tmp_path / "out")["systems"] == found(tmp_path / "one")["systems"]


def test_a_team_does_every_job_once():
    store, jobs = HashStore(), list(range(7))
    teams = [Team(rank, 2, store).share(jobs) for rank in range(2)]
    taken = [next(teams[0]), next(teams[1]), *teams[0], *teams[1]]
    assert sorted(taken) == jobs


def test_a_system_that_fails_does_not_stop_the_others(data, finished, tmp_path, without_gallery):
    def fail(budget):
        raise ArithmeticError("no such luck")

    folder = shutil.copytree(finished[0], tmp_path / "out")
    said, systems = [], [System("Broken", fail), *named(TWO)]
    assert benchmark(data, folder, systems, (0,), SMOKE, "cpu", tell=said.append) == {
        "Broken, seed 0": "ArithmeticError: no such luck"
    }
    assert said == ["Broken, seed 0: given up (ArithmeticError: no such luck); 2 of 3 jobs are done"]
    assert found(folder) == found(finished[0])


def test_a_benchmark_is_not_mixed_with_another_or_with_other_files(data, finished, tmp_path):
    with pytest.raises(BenchmarkError, match=r"other settings \(budget\)"):
        benchmark(data, finished[0], named(["u-net"]), (0,), replace(SMOKE, learning_rate=2e-3), "cpu")
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(BenchmarkError, match="holds other files"):
        run(data, tmp_path, *TWO)
    changed = System("DA-GAN", named(["vanilla-fpn"])[0].preset)
    with pytest.raises(RunError, match="other settings than this command"):
        benchmark(data, finished[0], [changed], (0,), SMOKE, "cpu")


def further(data, folder):
    """The same data set with another test picture."""
    shutil.copytree(data, folder)
    (test,) = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))["test"]
    path = str(folder / "images" / f"{test}.png")
    pixels = sitk.GetArrayFromImage(sitk.ReadImage(path))
    sitk.WriteImage(sitk.GetImageFromArray(np.ascontiguousarray(pixels[:, ::-1])), path)
    return folder


def test_models_are_tested_on_further_data_sets_without_being_trained_again(
    data, finished, tmp_path, without_gallery, monkeypatch
):
    folder, other = shutil.copytree(finished[0], tmp_path / "out"), further(data, tmp_path / "severe")
    monkeypatch.setattr(module, "train", None)
    assert benchmark(data, folder, named(TWO), (0,), SMOKE, "cpu", tell=lambda line: None, also=[other]) == {}
    comparison = json.loads((folder / "benchmark.json").read_text(encoding="utf-8"))
    assert list(comparison["severity"]["sets"]) == ["own", "severe"]
    first, second = (each["systems"]["DA-GAN"]["PSNR, dB"] for each in comparison["severity"]["sets"].values())
    assert first != second
    assert "## Segmentation" in (folder / "benchmark.md").read_text(encoding="utf-8")
    assert "Simulated" in (folder / "severity.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("twice", ["data", "other"])
def test_no_picture_is_tested_on_twice(data, twice, tmp_path):
    """Whatever its folder, its file, or the subject is called: its rows would count as two subjects'."""
    other = further(data, tmp_path / "other")
    again = shutil.copytree({"data": data, "other": other}[twice], tmp_path / "again")
    description = json.loads((again / "dataset.json").read_text(encoding="utf-8"))
    (name,) = description["test"]
    for path in [path for path in again.rglob(f"{name}*") if path.is_file()]:
        path.rename(path.with_name(path.name.replace(name, "renamed")))
    (again / "dataset.json").write_text(json.dumps(description | {"test": ["renamed"]}), encoding="utf-8")
    whose = re.escape({"data": "Simulated", "other": str(other)}[twice])
    with pytest.raises(BenchmarkError, match=f"renamed.png is one of the test pictures of {whose}.*, too: leave one"):
        benchmark(data, tmp_path / "out", named(TWO), (0,), SMOKE, "cpu", also=[other, again])
    assert not (tmp_path / "out").exists()


def test_no_simulated_spine_is_tested_on_twice_nor_learnt_from_whatever_its_picture(data, tmp_path):
    """One seed draws the same spine in each world."""
    own, other = shutil.copytree(data, tmp_path / "own"), further(data, tmp_path / "other")
    description = json.loads((data / "dataset.json").read_text(encoding="utf-8"))
    (name,), learnt = description["test"], description["train"][0]
    for seed, words in ((1, "test simulated spines of .*, too: simulate each"), (2, "simulated spines to train on")):
        for folder, seeds in ((own, {name: 1, learnt: 2}), (other, {name: seed})):
            known = {"subjects": {subject: {"seed": number} for subject, number in seeds.items()}}
            (folder / "dataset.json").write_text(json.dumps(description | known), encoding="utf-8")
        with pytest.raises(BenchmarkError, match=f"one of the {words}"):
            benchmark(own, tmp_path / "out", named(TWO), (0,), SMOKE, "cpu", also=[other])


def test_a_model_is_not_tested_on_what_it_was_trained_on(data, finished, tmp_path):
    other = further(data, tmp_path / "other")
    description = json.loads((other / "dataset.json").read_text(encoding="utf-8"))
    first, *rest = description["train"]
    (other / "dataset.json").write_text(json.dumps(description | {"train": rest, "test": [first]}))
    with pytest.raises(BenchmarkError, match="one of the pictures to train on"):
        benchmark(data, finished[0], named(TWO), (0,), SMOKE, "cpu", also=[other])
    with pytest.raises(BenchmarkError, match="plain names"):
        benchmark(data, finished[0], named(TWO), (0,), SMOKE, "cpu", also=[other, tmp_path / "more" / "other"])


def test_all_figures_are_computed_again_from_the_scores_that_are_kept(finished):
    folder, _ = finished
    again = json.loads(json.dumps(recompute(folder / "scores.json.gz")))
    assert again == json.loads((folder / "benchmark.json").read_text(encoding="utf-8"))


def test_trainings_whose_folders_have_gone_stay_in_the_tables_and_others_join_them(
    finished, data, tmp_path, without_gallery
):
    """Whoever goes on with somebody else's comparison has its scores, and not its models."""
    folder, said = tmp_path / "out", []
    shutil.copytree(finished[0], folder, ignore=shutil.ignore_patterns("runs"))
    assert run(data, folder, *TWO, said=said) == {} and said == []
    assert found(folder) == found(finished[0])
    assert run(data, folder, "without-sa", *TWO, said=said) == {}
    assert len(said) == 1 and said[0].startswith("without SA, seed 0")
    names = [system["name"] for system in found(folder)["systems"]]
    assert names == ["Vanilla FPN", "without SA", "DA-GAN"]


def test_no_scores_are_lost_for_want_of_a_test_set(finished, data, tmp_path, without_gallery):
    folder, other = tmp_path / "out", further(data, tmp_path / "other")
    shutil.copytree(finished[0], folder)
    benchmark(data, folder, named(TWO), (0,), SMOKE, "cpu", tell=lambda line: None, also=[other])
    shutil.rmtree(folder / "runs")
    kept = (folder / "scores.json.gz").read_bytes()
    with pytest.raises(BenchmarkError, match="scores on other, too: give these data sets with --also"):
        run(data, folder, *TWO)
    assert (folder / "scores.json.gz").read_bytes() == kept


def test_what_a_search_found_is_what_is_trained_with(data, finished, tmp_path):
    """So that a job that was trained with the authors' settings is not taken for one of the search's."""
    folder = shutil.copytree(finished[0], tmp_path / "out")
    searches = {key: whole_search(key, Trial(2.5)) for key in (*TWO, "segmenter-alone")}
    write_searches(searches, "smoke", {}, tmp_path / "found.json")
    with pytest.raises(RunError, match="other settings than this command"):
        benchmark(data, folder, named(TWO), (0,), SMOKE, "cpu", tuning=tmp_path / "found.json")
    assert not (folder / "tuning.json").exists()  # or the command that was given before would be refused, too


def test_without_seeds_the_systems_that_claims_stand_on_are_trained_oftener(data, tmp_path):
    jobs = Benchmark(tmp_path, data, None, SMOKE, "full", "cpu").jobs(SYSTEMS)
    counts = {system.key: sum(job.system is system for job in jobs) for system in SYSTEMS}
    often = {
        "cyclegan",
        "structured-n2v",
        "vanilla-fpn",
        "segmenter-alone",
        "u-net",
        "without-sa",
        "without-dal",
        "da-gan",
    }
    assert counts == {key: 5 if key in often else 3 for key in counts}
    assert [job.seed for job in jobs] == sorted(job.seed for job in jobs)


def test_a_system_that_does_not_exist_is_one_line(data, tmp_path, monkeypatch, capsys):
    command = ["benchmark", "--data", str(data), "-o", str(tmp_path / "out"), "--systems", "da-gan", "wavenet"]
    monkeypatch.setattr(sys, "argv", ["DAGANSpineLib", *command])
    assert main() == 2
    error = capsys.readouterr().err
    assert error.startswith("benchmark: There is no system wavenet: choose among") and error.count("\n") == 1
    assert "n2v" in error and not (tmp_path / "out").exists()


def test_the_remaining_time_is_that_of_alike_jobs():
    jobs = {
        (key, seed): Job(system, seed, Path(key, str(seed)))
        for key in TWO
        for seed in range(3)
        for system in named([key])
    }
    taken = {jobs["da-gan", 0]: 100.0, jobs["vanilla-fpn", 0]: 40.0, jobs["da-gan", 1]: None}
    left = [job for job in jobs.values() if job not in taken]
    assert remaining(left, taken, processes=2) == (100 + 2 * 40) / 2
    assert remaining(left, {jobs["da-gan", 0]: 60.0}, processes=1) == 3 * 60
    assert remaining(left, {}, processes=1) == 0


def test_a_benchmarks_model_segments_files(finished, small_vpi, tmp_path, monkeypatch):
    picture = tmp_path / "vpi.png"
    sitk.WriteImage(sitk.GetImageFromArray(small_vpi), str(picture))
    for key in TWO:
        model = job_folder(finished[0], key) / "best.pt"
        command = ["segment", str(picture), "-o", str(tmp_path / key), "--model", str(model), "--device", "cpu"]
        monkeypatch.setattr(sys, "argv", ["DAGANSpineLib", *command])
        assert main() == 0
        restored = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / key / "vpi" / "restored.nrrd")))
        assert (restored.squeeze() == small_vpi).all() == (key == "vanilla-fpn")


def test_the_keys_of_the_systems_are_unique():
    assert len({system.key for system in SYSTEMS}) == len(SYSTEMS)
