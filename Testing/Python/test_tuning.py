"""Every system gets the same small search; what is found is kept, read again, and holds for who should have it."""

import errno
import json
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from runs import Killed, whole_search

from DAGANSpineLib.baselines.budget import LAPTOP, PAPER, SMOKE
from DAGANSpineLib.baselines.systems import SYSTEMS
from DAGANSpineLib.baselines.tuning import (
    AGREEMENT,
    QUALITY,
    REMOVAL,
    SHARE,
    Outcome,
    Trial,
    TuningError,
    chosen,
    duration,
    measure_of,
    read_searches,
    shortened,
    trials,
    tried,
    tuned,
    write_searches,
)
from DAGANSpineLib.evaluation import search as module
from DAGANSpineLib.evaluation.benchmarking import left_out, named
from DAGANSpineLib.evaluation.search import Search, judges_of, search, searched
from DAGANSpineLib.evaluation.team import Team
from DAGANSpineLib.inference import Pipeline
from DAGANSpineLib.model import Model
from DAGANSpineLib.model.shapes import ClassicalRepairShape, PanopticFPNShape, UntouchedShape
from DAGANSpineLib.training.dataset import open_dataset
from DAGANSpineLib.training.health import TrainingError
from DAGANSpineLib.vpi import lit_body

OWN_SEARCH = searched(SYSTEMS, SMOKE)


def one(key):
    (system,) = named([key])
    return system


@pytest.mark.parametrize("each", OWN_SEARCH, ids=[each.key for each in OWN_SEARCH])
def test_every_search_has_five_trials_the_authors_settings_among_them(each):
    found = whole_search(each.key)
    assert len({outcome.trial for outcome in found}) == len(found) == 5
    assert Trial() in [outcome.trial for outcome in found]
    assert {trial.weight for trial in (outcome.trial for outcome in found)} == ({1, 0.2, 5} if each.weighs else {1})


@pytest.mark.parametrize("best, beyond", [
    (Trial(6.25, 0.04), [Trial(6.25, 0.2), Trial(2.5, 0.04)]),
    (Trial(0.16, 25.0), [Trial(0.16, 5.0), Trial(0.4, 25.0)]),
    (Trial(1.0, 25.0), [Trial(1.0, 25.0)]), (Trial(6.25, 1.0), [Trial(6.25, 1.0)]),
])  # fmt: skip
def test_a_search_goes_on_where_the_best_lies_at_its_edge(best, beyond):
    assert [outcome.trial for outcome in whole_search("da-gan", best)[5:]] == beyond


@pytest.mark.parametrize("best, beyond", [(15.0, [15.625]), (0.05, [0.064]), (2.5, [])])
def test_so_does_that_of_a_system_without_a_weight(best, beyond):
    assert [outcome.trial.rate for outcome in whole_search("n2v", Trial(best))[5:]] == beyond


@pytest.mark.parametrize("each", OWN_SEARCH, ids=[each.key for each in OWN_SEARCH])
@pytest.mark.parametrize("budget", [LAPTOP, PAPER], ids=["laptop", "paper"])
def test_a_trial_changes_the_rate_and_the_weight_of_the_stage_that_is_searched_for_and_nothing_else(each, budget):
    stages = [tried(budget, each, trial).stages[0] for trial in (Trial(), Trial(2.5, 5.0))]
    before, after = (stage.described() for stage in stages)
    changed = {name for name in before if before[name] != after[name]}
    assert stages[1].learning_rate == pytest.approx(2.5 * stages[0].learning_rate)
    assert any("weight" in name for name in changed) == each.weighs
    assert all("weight" in name or name in ("learning_rate", "segmentation") for name in changed)


def test_weights_are_tried_at_the_best_rate():
    found = whole_search("da-gan", Trial(2.5, 0.2))
    assert [outcome.trial for outcome in found[3:5]] == [Trial(2.5, 0.2), Trial(2.5, 5.0)]
    assert chosen(found) == Trial(2.5, 0.2)


def test_where_nothing_is_better_the_authors_settings_stand():
    for merit in (0.5, None):
        found = [Outcome(trial, merit) for trial in (Trial(0.4), Trial(), Trial(2.5), Trial(0.16), Trial(6.25))]
        assert chosen(found) == Trial() and not trials(one("n2v"), found)


@pytest.mark.parametrize("place", range(3))
def test_a_merit_that_is_no_number_is_never_the_best(place):
    """Which of them stands first must not matter: every comparison with such a one is false."""
    outcomes = [Outcome(Trial(0.4), 0.6), Outcome(Trial(2.5), 0.7)]
    outcomes.insert(place, Outcome(Trial(), math.nan))
    assert chosen(outcomes) == Trial(2.5)
    assert chosen(outcomes[place : place + 1]) == Trial()


def test_a_training_that_is_judged_by_no_number_is_lost(tmp_path):
    found, task = (
        {"validation dice": math.nan, "validation restoration": -0.25},
        Search(tmp_path, tmp_path, SMOKE, "full", "cpu"),
    )
    assert task.merit(SimpleNamespace(provenance=found), AGREEMENT) is None
    assert task.merit(SimpleNamespace(provenance=found), REMOVAL) == -0.25


@pytest.mark.parametrize("budget", [LAPTOP, PAPER], ids=["laptop", "paper"])
def test_restorers_are_judged_by_the_clean_truth_and_whoever_learns_to_segment_by_dice(budget):
    for each in SYSTEMS:
        stage, *others = each.preset(budget).stages
        alone = bool(stage.restores and others)
        assert measure_of(each, budget, truth=True) == (QUALITY if alone else AGREEMENT), each.name
        assert measure_of(each, budget, truth=False) == (REMOVAL if alone else AGREEMENT), each.name


SEGMENTER = PanopticFPNShape(18, 16, 16, 16)
RESTORERS = {"rate-0.4-weight-1": UntouchedShape(), "rate-2.5-weight-1": ClassicalRepairShape()}


@pytest.fixture
def torn(part, tmp_path):
    """The data set's held-out training subject, a part of whose clean picture is unfilled, every fourth row."""
    (held_out,) = judges_of(open_dataset(part))
    picture = sitk.GetArrayFromImage(sitk.ReadImage(str(held_out.clean)))
    rows, columns = np.indices(picture.shape)
    picture[(rows % 4 == 0) & (columns // 6 % 2 == 0)] = 0
    sitk.WriteImage(sitk.GetImageFromArray(picture), str(tmp_path / "torn.png"))
    return replace(held_out, image=tmp_path / "torn.png")


def test_restorers_are_ranked_by_psnr_against_the_clean_truth(torn, tmp_path, monkeypatch):
    """Who leaves pictures as they are has the input's, worked out here by hand; who fills what is unfilled has more."""

    def training(data, folder, preset, *arguments):
        if folder.name not in RESTORERS:
            raise TrainingError("Lost.")
        shape = RESTORERS[folder.name]
        # what checkpoints are chosen by says the opposite, and has no say
        return Model(shape, SEGMENTER, {"validation restoration": float(shape == UntouchedShape())})

    monkeypatch.setattr(module, "train", training)
    said, task = [], Search(tmp_path, tmp_path, SMOKE, "full", "cpu", judges=[torn])
    (outcomes,) = search(task, named(["n2v"]), Team(), said.append).values()
    image, clean = (sitk.GetArrayFromImage(sitk.ReadImage(str(path))) for path in (torn.image, torn.clean))
    error = (image.astype(float) - clean)[lit_body(image)]
    by_hand = 10 * np.log10(255**2 / np.mean(error**2))
    merits = {outcome.trial.name: outcome.merit for outcome in outcomes}
    assert merits["rate-0.4-weight-1"] == pytest.approx(by_hand, abs=1e-3)
    assert merits["rate-2.5-weight-1"] > by_hand + 3 and chosen(outcomes) == Trial(2.5)
    assert {outcome.measure for outcome in outcomes} == {"PSNR"}
    assert f"N2V, rate-0.4-weight-1: PSNR {by_hand:.4f} on held-out training subjects" in said


def test_nobody_judges_but_held_out_training_subjects_whose_clean_truth_is_known(part):
    dataset = open_dataset(part)
    learners, held_out = dataset.split_validation()
    assert judges_of(dataset) == held_out and not {*dataset.test, *learners} & {*held_out}
    assert judges_of(replace(dataset, train=[replace(each, clean=None) for each in dataset.train])) == []


def test_a_picture_with_nothing_to_restore_judges_nobody(torn):
    """Or whoever touches nothing would be infinitely good."""
    untouched, whole = Pipeline(Model(UntouchedShape(), SEGMENTER), "cpu"), replace(torn, image=torn.clean)
    assert module.quality(untouched, [torn, whole]) == module.quality(untouched, [torn])
    assert math.isnan(module.quality(untouched, [whole]))


def test_a_trial_is_a_share_of_one_stage():
    preset = one("da-gan").preset(LAPTOP)
    short = shortened(preset)
    assert [stage.steps for stage in short.stages] == [preset.stages[0].steps // SHARE]
    (stage,) = shortened(one("u-net").preset(PAPER)).stages
    assert stage.epochs == PAPER.segmentation.epochs // SHARE


def test_what_is_found_holds_for_the_system_its_ablations_and_all_segmenters_behind_a_restoration():
    searches = {
        "da-gan": [Outcome(Trial(2.5, 5.0), 0.9)],
        "segmenter-alone": [Outcome(Trial(0.4), 0.9)],
        "vanilla-fpn": [Outcome(Trial(2.5), 0.9)],
        "u-net": [Outcome(Trial(6.25), 0.9)],
    }
    for key in ("da-gan", "without-sa", "without-dal"):
        system = one(key)
        usual, found = (system.preset(budget).stages for budget in (LAPTOP, tuned(LAPTOP, system, searches)))
        assert found[0].learning_rate == pytest.approx(2.5 * usual[0].learning_rate)
        assert found[0].weight_reconstruction == pytest.approx(5 * usual[0].weight_reconstruction)
        assert found[1].learning_rate == pytest.approx(0.4 * usual[1].learning_rate)
    for key, factor in (("classical-repair", 2.5), ("vanilla-fpn", 2.5), ("u-net", 6.25), ("rsnu", 1.0)):
        (stage,) = one(key).preset(tuned(LAPTOP, one(key), searches)).stages
        assert stage.learning_rate == pytest.approx(factor * LAPTOP.segmentation.learning_rate), key
    assert all(tuned(LAPTOP, system, {}) == LAPTOP for system in SYSTEMS)


def test_searches_are_kept_and_read_again(tmp_path):
    searches = {"n2v": [Outcome(Trial(0.4), 0.71, 12.5), Outcome(Trial(), None, 3.0, "Training went astray.")]}
    write_searches(searches, "laptop", {"data": "Simulated"}, tmp_path / "tuning.json")
    assert read_searches(tmp_path / "tuning.json", "laptop") == searches
    judged = {"n2v": [replace(outcome, measure="PSNR") for outcome in searches["n2v"]]}
    write_searches(judged, "laptop", {"data": "Simulated"}, tmp_path / "judged.json")
    assert read_searches(tmp_path / "judged.json", "laptop") == judged
    (found,) = json.loads((tmp_path / "judged.json").read_text(encoding="utf-8"))["systems"].values()
    assert found["by"] == {"data": "Simulated", "measure": "PSNR"}
    (found,) = json.loads((tmp_path / "tuning.json").read_text(encoding="utf-8"))["systems"].values()
    assert found["by"] == {"data": "Simulated"} and found["chosen"] == {"rate": 0.4, "weight": 1.0}


def test_a_search_keeps_by_what_it_was_done_where_others_join_it(tmp_path):
    first, path = {"n2v": [Outcome(Trial(0.4), 0.71)]}, tmp_path / "tuning.json"
    write_searches(first, "laptop", {"machine": "slow"}, path)
    write_searches(first | {"n2s": [Outcome(Trial(), 0.5)]}, "laptop", {"machine": "fast"}, path)
    found = json.loads(path.read_text(encoding="utf-8"))["systems"]
    assert {key: each["by"]["machine"] for key, each in found.items()} == {"n2v": "slow", "n2s": "fast"}


def test_how_long_a_search_took_is_known_where_no_trial_was_interrupted():
    seconds = [Outcome(Trial(), 0.5, 12.5), Outcome(Trial(0.4), None, 30.0)]
    assert duration(seconds) == 42.5 and duration([*seconds, Outcome(Trial(2.5), 0.5)]) is None


def test_factors_of_one_budget_are_not_taken_for_another(tmp_path):
    write_searches({"n2v": [Outcome(Trial(0.4), 0.71)]}, "laptop", {}, tmp_path / "tuning.json")
    with pytest.raises(TuningError, match="of the budget laptop, not paper: search anew"):
        read_searches(tmp_path / "tuning.json", "paper")


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"systems": 1}', '{"budget": "laptop", "systems": {"n2v": {"trials": [{"merit": 1}]}}}'],
)
def test_a_file_that_holds_no_searches_is_a_sentence(text, tmp_path):
    path = tmp_path / "tuning.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TuningError, match=r"tuning\.json"):
        read_searches(path, "laptop")


def test_a_search_that_was_killed_goes_on_and_a_training_that_is_lost_is_an_outcome(tmp_path, monkeypatch):
    begun = []

    def training(data, folder, preset, *arguments):
        begun.append(folder.name)
        if len(begun) == 3:
            raise Killed
        if preset.stages[0].learning_rate > 2e-3:
            raise TrainingError("Lost.")
        return SimpleNamespace(provenance={"validation subjects": 8, "validation dice": preset.stages[0].learning_rate})

    monkeypatch.setattr(module, "train", training)
    task = Search(tmp_path, tmp_path, replace(SMOKE), "full", "cpu")
    said = []
    with pytest.raises(Killed):
        search(task, named(["vanilla-fpn"]), Team(), said.append)
    found = search(task, named(["vanilla-fpn"]), Team(), said.append)
    assert list(found) == ["vanilla-fpn"] and len(found["vanilla-fpn"]) == 5
    assert len(begun) == 6  # one of them twice
    assert found["vanilla-fpn"][1].merit == SMOKE.segmentation.learning_rate
    assert [outcome.lost for outcome in found["vanilla-fpn"]] == [None, None, "Lost.", None, "Lost."]
    assert chosen(found["vanilla-fpn"]) == Trial(1.0)  # 2.5 and 6.25 times are lost
    assert sum("lost" in line for line in said) == 2 and len(said) == 5
    assert search(task, named(["vanilla-fpn"]), Team(), said.append) == found and len(begun) == 6


def faulty(fault, system="u-net", trial="rate-2.5-weight-1"):
    """Stands for `train`: a trial of a system fails as long as `fault` holds an error."""

    def training(data, folder, preset, *arguments):
        if fault and (folder.parent.name, folder.name) == (system, trial):
            raise fault[0]
        rate = float(folder.name.split("-")[1])
        return SimpleNamespace(provenance={"validation dice": -abs(rate - 2.5)})

    return training


@pytest.mark.parametrize("trial", ["rate-2.5-weight-1", "rate-6.25-weight-1"])
@pytest.mark.parametrize("error", [torch.OutOfMemoryError("No memory."), ArithmeticError("No memory.")], ids=type)
def test_a_system_with_a_trial_that_fails_is_left_out_and_searched_the_next_time(error, trial, tmp_path, monkeypatch):
    """In the first round of trials as in the second; the others are searched to their end."""
    fault, said, task = [error], [], Search(tmp_path, tmp_path, SMOKE, "full", "cpu")
    systems = named(["u-net", "rsnu"])
    monkeypatch.setattr(module, "train", faulty(fault, trial=trial))
    found, without = search(task, systems, Team(), said.append), task.troubles(systems)
    assert {key: len(outcomes) for key, outcomes in found.items()} == {"rsnu": 6}
    assert list(without) == ["u-net"] and without["u-net"].startswith(f"U-Net, {trial}: ")
    assert without["u-net"].endswith(f"{type(error).__name__}: No memory.")
    assert sum("given up" in line for line in said) == 1 and not any("lost" in line for line in said)
    before = len(said)
    fault.clear()
    found = search(task, systems, Team(), said.append)
    assert not task.troubles(systems) and [len(found[key]) for key in ("u-net", "rsnu")] == [5, 6]
    assert all(line.startswith("U-Net") for line in said[before:])
    assert chosen(found["u-net"]) == Trial(2.5)


def test_where_the_disk_is_full_a_search_ends(tmp_path, monkeypatch):
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(module, "train", faulty([full]))
    with pytest.raises(OSError, match="No space"):
        search(Search(tmp_path, tmp_path, SMOKE, "full", "cpu"), named(["u-net"]), Team(), lambda line: None)


def test_who_takes_its_settings_from_a_search_that_was_given_up_is_left_out():
    systems = named(["da-gan", "without-sa", "n2v", "u-net", "vanilla-fpn", "segmenter-alone"])
    names = {key: set(left_out(systems, SMOKE, {key: ""})) for key in ("da-gan", "segmenter-alone", "u-net")}
    assert names["da-gan"] == {"DA-GAN", "without SA"} and names["u-net"] == {"U-Net"}
    assert names["segmenter-alone"] == {"DA-GAN", "without SA", "N2V", "segmenter alone"}
    assert left_out(systems, SMOKE, {}) == {}
