"""Models get used to a clinic's own pictures: with few labels or none, without noise, with help of simulated subjects
and of their own labels."""

import dataclasses
import itertools
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from monai.losses import DiceCELoss, DiceLoss
from runs import Killed, assert_equal

from DAGANSpineLib import training
from DAGANSpineLib.__main__ import main
from DAGANSpineLib.inference import Pipeline
from DAGANSpineLib.model import GeneratorShape, Model, PanopticFPNShape, UntouchedShape, load_model, save_model
from DAGANSpineLib.training import guessing
from DAGANSpineLib.training.dataset import UNKNOWN, DatasetError, open_dataset
from DAGANSpineLib.training.descent import Ancestor
from DAGANSpineLib.training.gathering import Aid
from DAGANSpineLib.training.losses import of_known
from DAGANSpineLib.training.presets import PRESETS
from DAGANSpineLib.training.rehearsal import rehearse, rehearsed
from DAGANSpineLib.training.run import RunError
from DAGANSpineLib.training.subjects import Subjects, evenly
from DAGANSpineLib.training.trainer import Trainer, train
from DAGANSpineLib.training.validation import Validation

RESTORATION, SEGMENTATION = PRESETS["smoke"].stages
# few patches at a time, and a segmenter that learns from crops: whole spines take longer than all the rest
QUICK = dataclasses.replace(
    PRESETS["smoke"],
    stages=(
        dataclasses.replace(RESTORATION, batch=2, steps=4, weight_segmentation=0.0, warm_up=1, weight_transplanted=0.3),
        dataclasses.replace(SEGMENTATION, rows=64, steps=4),
    ),
)


@pytest.fixture(scope="module")
def elder(tmp_path_factory):
    """A model to begin from, untrained: what matters is whose weights change."""
    torch.manual_seed(7)
    path = tmp_path_factory.mktemp("elder") / "elder.pt"
    save_model(Model(GeneratorShape((8, 16)), PanopticFPNShape(18, 16, 16, 16)), path)
    return load_model(path)


def altered(folder, to, change):
    """A copy of a data set, `change`d: a function of its folder and its description."""
    shutil.copytree(folder, to)
    description = json.loads((to / "dataset.json").read_text(encoding="utf-8"))
    change(to, description)
    (to / "dataset.json").write_text(json.dumps(description), encoding="utf-8")
    return to


def without_labels(folder, description):
    shutil.rmtree(folder / "labels")
    description["test"] = []


def without_noise(folder, description):
    shutil.rmtree(folder / "torn")
    for name in description["train"]:
        smooth = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "clean" / f"{name}.png")))
        sitk.WriteImage(sitk.GetImageFromArray(smooth // 4), str(folder / "images" / f"{name}.png"))
    shutil.rmtree(folder / "clean")


def equal(one: torch.nn.Module, two: torch.nn.Module) -> bool:
    one, two = one.state_dict(), two.state_dict()
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def test_without_any_labels_restoration_alone_adapts_and_that_is_said(part, elder, tmp_path, capsys):
    data = altered(part, tmp_path / "data", without_labels)
    model = train(data, tmp_path / "run", QUICK, quiet=True, ancestor=Ancestor(elder))
    assert equal(model.segmenter, elder.segmenter)
    assert "restoration alone adapts" in capsys.readouterr().out
    assert model.provenance["subjects without labels"] == 4


def test_without_any_labels_a_model_that_segments_is_needed(part, elder, tmp_path):
    data = altered(part, tmp_path / "data", without_labels)
    for ancestor in (None, Ancestor(elder, ("segmenter",))):
        with pytest.raises(DatasetError, match="Nobody in the data set has labels"):
            train(data, tmp_path / "run", QUICK, quiet=True, ancestor=ancestor)
    assert not (tmp_path / "run").exists()


def test_pictures_without_noise_still_train_the_segmenter(part, elder, tmp_path, capsys):
    data = altered(part, tmp_path / "data", without_noise)
    model = train(data, tmp_path / "run", QUICK, quiet=True, ancestor=Ancestor(elder))
    assert equal(model.generator, elder.generator)
    learnt = torch.load(tmp_path / "run" / "last.pt", weights_only=True)["segmenter"]
    assert not torch.equal(learnt["classify.weight"], elder.segmenter.classify.weight)
    assert "restoration stays as it was, and the segmenter alone learns" in capsys.readouterr().out
    from_nothing = train(data, tmp_path / "other run", QUICK, quiet=True)
    assert from_nothing.generator_shape == UntouchedShape()
    assert "pictures are not restored" in capsys.readouterr().out


def test_a_model_that_learning_makes_no_better_stays_as_it_was(part, elder, tmp_path):
    """By the held-out subjects' measure: weights that random steps have spoilt are not chosen."""
    spoiling = dataclasses.replace(QUICK.stages[0], learning_rate=3.0, final_learning_rate=3.0)
    preset = dataclasses.replace(QUICK, stages=(spoiling,))
    model = train(part, tmp_path / "run", preset, quiet=True, ancestor=Ancestor(elder))
    assert equal(model.generator, elder.generator) and model.provenance["step"] == 0


@pytest.mark.parametrize("begins", [True, False])
def test_an_adapted_segmenter_is_used_halfway_between_what_it_was_and_what_it_has_become(
    part, elder, tmp_path, monkeypatch, begins
):
    monkeypatch.setattr(Validation, "merit", lambda self, scores: 0.0)  # of equals the last is kept
    stage = dataclasses.replace(QUICK.stages[1], remembered=0.25, learning_rate=0.02)
    ancestor = Ancestor(elder) if begins else Ancestor(elder, ("segmenter",))
    preset = dataclasses.replace(QUICK, stages=(stage,), segmenter=elder.segmenter_shape)
    used = train(part, tmp_path / "run", preset, quiet=True, ancestor=ancestor).segmenter.state_dict()
    learnt = torch.load(tmp_path / "run" / "last.pt", weights_only=True)["segmenter"]
    former = elder.segmenter.state_dict() if begins else learnt
    for name in (name for name, value in learnt.items() if value.is_floating_point()):
        assert torch.allclose(used[name], 0.75 * learnt[name] + 0.25 * former[name], rtol=2e-3, atol=1e-4), name
    assert not torch.allclose(learnt["classify.weight"], elder.segmenter.state_dict()["classify.weight"], atol=0.01)


def test_ten_labelled_pictures_are_met_as_often_as_a_hundred_others():
    assert evenly([[1, 2], [3, 4, 5, 6], []]) == [1, 2, 1, 2, 3, 4, 5, 6]
    subjects = Subjects(list("ab"), [], ["c"], [], guessed=list("defgh"), rehearsed=list("rst"))
    met = [subjects.learners[index] for index in subjects.draws]
    assert [sum(each in kind for each in met) for kind in ("ab", "defgh", "rst")] == [4, 5, 6]
    assert np.array_equal(Subjects(list("ab"), [], [], []).draws, [0, 1])


COARSE = "DAGANSpineLib.training.rehearsal.SPACING_MM", 0.5


@pytest.fixture
def coarse(monkeypatch):
    """Rehearsed subjects of coarse pixels, as the data set's."""
    monkeypatch.setattr(*COARSE)


def killed_at(monkeypatch, stage, step):
    """Let trainings be killed where they log this."""
    log = Trainer._log

    def kill(self, index, done, figures):
        log(self, index, done, figures)
        if (index, done) == (stage, step):
            raise Killed

    monkeypatch.setattr(Trainer, "_log", kill)
    return lambda: monkeypatch.setattr(Trainer, "_log", log)


def half_labelled(folder, description):
    for name in description["train"][:2]:
        (folder / "labels" / f"{name}.png").unlink()


def believing(monkeypatch, *refused):
    """Spines of an untrained model are none: all are believed all the same, but for the pictures at these places."""
    judge, places = guessing.guess_one, itertools.count()

    def judged(*what):
        labels, told = judge(*what)
        return labels, dataclasses.replace(told, reason="No spine." if next(places) in refused else "")

    monkeypatch.setattr(guessing, "guess_one", judged)


@pytest.fixture(scope="module")
def helped(part, elder, tmp_path_factory):
    """A training with all help that nothing interrupted: its data set, what it was told, its folder and its model."""
    folder = tmp_path_factory.mktemp("helped")
    data = altered(part, folder / "data", half_labelled)
    told = {"quiet": True, "ancestor": Ancestor(elder), "aid": Aid(2, True)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(*COARSE)
        believing(patch)
        return data, told, folder / "whole", train(data, folder / "whole", QUICK, **told)


@pytest.mark.parametrize("stage", [0, 1], ids=["in restoration", "in segmentation"])
def test_a_training_with_all_help_goes_on_bit_for_bit(helped, tmp_path, monkeypatch, coarse, stage):
    data, told, whole, model = helped
    believing(monkeypatch)
    assert model.provenance["simulated subjects beside them"] == 2
    assert model.provenance["subjects labelled by the model it began from"] == 2
    undo = killed_at(monkeypatch, stage, 4)  # two steps after a checkpoint
    with pytest.raises(Killed):
        train(data, tmp_path / "killed", QUICK, **told)
    undo()
    train(data, tmp_path / "killed", QUICK, **told, resume=True)
    ours, theirs = (torch.load(run / "last.pt", weights_only=True) for run in (tmp_path / "killed", whole))
    assert_equal(ours, theirs)
    assert (tmp_path / "killed" / "metrics.csv").read_text() == (whole / "metrics.csv").read_text()
    with pytest.raises(RunError, match=r"other settings than this command \(rehearsal\)"):
        train(data, tmp_path / "killed", QUICK, **(told | {"aid": Aid(3, True)}), resume=True)


def test_rehearsed_subjects_are_simulated_whole_or_not_at_all(tmp_path, monkeypatch, coarse):
    def stop(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("tqdm.tqdm.update", stop)
        rehearse(tmp_path, 2, 0, True)
    assert list(tmp_path.iterdir()) == []
    rehearse(tmp_path, 2, 0, True)
    first, second = rehearsed(tmp_path)
    assert first.labels.is_file() and first.subject != second.subject
    seeds = [
        json.loads((tmp_path / "rehearsed" / "dataset.json").read_text())["subjects"][f"sim000{i}"]["seed"]
        for i in (0, 1)
    ]
    assert min(seeds) >= 1000003 * 10**6  # nobody whom a data set of a small seed tests on


def test_only_plausible_spines_are_learnt_from_and_that_is_said(part, elder, tmp_path, monkeypatch, capsys):
    data = altered(part, tmp_path / "data", half_labelled)
    _, second = (record.subject for record in open_dataset(data).unlabelled)
    believing(monkeypatch, 1)
    segmenting = dataclasses.replace(QUICK, stages=QUICK.stages[1:])
    model = train(data, tmp_path / "run", segmenting, quiet=True, ancestor=Ancestor(elder), aid=Aid(0, True))
    assert model.provenance["subjects labelled by the model it began from"] == 1
    said = capsys.readouterr().out
    assert "Labelled by the model itself: 1 of 2" in said and f"({second})" in said
    rows = (tmp_path / "run" / "metrics.csv").read_text()
    assert "subjects labelled by the model it began from,1" in rows


def test_a_model_that_draws_no_spine_teaches_nothing(part, elder, tmp_path, capsys):
    data = altered(part, tmp_path / "data", without_labels)
    model = train(data, tmp_path / "run", QUICK, quiet=True, ancestor=Ancestor(elder), aid=Aid(0, True))
    assert equal(model.segmenter, elder.segmenter)
    said = capsys.readouterr().out
    assert "Labelled by the model itself: 0 of 3" in said and "restoration alone adapts" in said


def test_pixels_that_a_model_is_not_sure_of_are_unknown(small_vpi, slim_model_file):
    pipeline = Pipeline(load_model(slim_model_file), "cpu")
    labels, _ = guessing.guess_one(small_vpi, None, pipeline)
    result = pipeline.run(small_vpi.astype(np.float32))
    sure = result.probabilities.max(0) >= guessing.SURE
    assert sure.any() and not sure.all()
    assert np.array_equal(labels[sure], result.labels[sure]) and set(labels[~sure]) == {UNKNOWN}


def test_unknown_pixels_cost_nothing_and_teach_nothing():
    torch.manual_seed(0)
    logits, labels = torch.randn(2, 4, 8, 8), torch.randint(4, (2, 8, 8))
    assert all(torch.equal(one, two) for one, two in zip(of_known(logits, labels), (logits, labels), strict=True))
    spoilt = labels.clone()
    spoilt[:, 4:] = UNKNOWN
    loss = DiceCELoss(include_background=False, to_onehot_y=True, softmax=True, batch=True)
    logits.requires_grad_()
    known, truth = of_known(logits, spoilt)
    loss(known, truth[:, None]).backward()
    assert logits.grad[:, :, 4:].abs().max() == 0 and logits.grad[:, :, :4].abs().min() > 0
    dice = DiceLoss(include_background=False, to_onehot_y=True, softmax=True, batch=True)
    alone = dice(logits[:, :, :4], labels[:, None, :4])
    assert torch.isclose(dice(known, truth[:, None]), alone)


def test_self_training_needs_a_model_that_labels(part, tmp_path, monkeypatch, capsys):
    command = ["train", "--data", str(part), "-o", str(tmp_path), "--self-training"]
    monkeypatch.setattr("sys.argv", ["DAGANSpineLib", *command])
    assert main() != 0
    assert "give a whole one with --from" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "preset"), [([], "bundled"), (["--from", "MODEL"], "adapt"), (["--preset", "smoke"], "smoke")]
)
def test_who_begins_from_a_model_adapts_it(part, slim_model_file, tmp_path, monkeypatch, given, preset):
    asked = {}
    monkeypatch.setattr(
        training,
        "train",
        lambda *places, **settings: asked.update(settings) or SimpleNamespace(provenance={}),
        raising=False,
    )
    given = [str(slim_model_file) if each == "MODEL" else each for each in given]
    monkeypatch.setattr("sys.argv", ["DAGANSpineLib", "train", "--data", str(part), "-o", str(tmp_path), *given])
    assert main() == 0
    assert (asked["name"], asked["preset"]) == (preset, PRESETS[preset])
