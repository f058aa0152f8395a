"""What a training learns from, and what is watched on its way: losses, weights, discriminators, the clock."""

import dataclasses
import itertools
import json
import math
import shutil

import processes
import pytest
import torch
from runs import RESTORATION, SEGMENTATION, SMOKE, Killed, assert_equal
from tables import logged

from DAGANSpineLib.model import Model, load_model
from DAGANSpineLib.training.dagan import DAGAN
from DAGANSpineLib.training.dataset import DatasetError, open_dataset
from DAGANSpineLib.training.health import Health, TrainingError
from DAGANSpineLib.training.presets import PRESETS
from DAGANSpineLib.training.run import RunFolder
from DAGANSpineLib.training.segmentation import Segmentation
from DAGANSpineLib.training.stages import AdversarialStage
from DAGANSpineLib.training.trainer import Course, Trainer, train
from DAGANSpineLib.training.validation import Validation


def test_the_segmenters_loss_falls(data, tmp_path):
    """On half spines: crops of 64 rows differ from batch to batch by more than six steps teach."""
    halves = dataclasses.replace(SMOKE, stages=(dataclasses.replace(SEGMENTATION, rows=512),))
    train(data, tmp_path / "run", halves, quiet=True)
    losses = [float(value) for _, _, name, value in logged(tmp_path / "run") if name == "total"]
    assert losses[-1] < losses[0]


@pytest.fixture(scope="module")
def partly_labelled(data, tmp_path_factory):
    """The simulated subjects, two of those to train on without their labels."""
    folder = tmp_path_factory.mktemp("partly") / "data"
    shutil.copytree(data, folder)
    description = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    first, second, *labelled = description["train"]
    for subject in (first, second):
        (folder / "labels" / f"{subject}.png").unlink()
    description |= {"train": labelled, "unlabelled": [first, second]}
    (folder / "dataset.json").write_text(json.dumps(description), encoding="utf-8")
    return folder


ALONE = dataclasses.replace(RESTORATION, weight_segmentation=0.0)
RESTORATION_FIRST = dataclasses.replace(SMOKE, stages=(ALONE, SMOKE.stages[1]))


def test_restoration_alone_learns_from_subjects_without_labels_too(partly_labelled, tmp_path):
    fewer, preset = tmp_path / "fewer", dataclasses.replace(SMOKE, stages=(ALONE,))
    shutil.copytree(partly_labelled, fewer)
    description = json.loads((fewer / "dataset.json").read_text(encoding="utf-8"))
    (fewer / "dataset.json").write_text(json.dumps(description | {"unlabelled": []}), encoding="utf-8")
    more, less = (train(data, tmp_path / f"{data.name} run", preset) for data in (partly_labelled, fewer))
    assert more.provenance["subjects without labels"] == 2
    assert "subjects without labels" not in less.provenance
    weights = less.generator.state_dict()
    assert any(not torch.equal(value, weights[name]) for name, value in more.generator.state_dict().items())


@pytest.mark.parametrize("preset", [SMOKE, RESTORATION_FIRST], ids=["end to end", "restoration first"])
def test_subjects_without_labels_leave_a_resumed_training_as_if_unbroken(
    partly_labelled, tmp_path, monkeypatch, preset
):
    train(partly_labelled, tmp_path / "whole", preset, name="smoke")
    log = Trainer._log

    def kill(self, index, step, figures):
        log(self, index, step, figures)
        if (index, step) == (0, 4):
            raise Killed

    monkeypatch.setattr(Trainer, "_log", kill)
    with pytest.raises(Killed):
        train(partly_labelled, tmp_path / "killed", preset, name="smoke")
    monkeypatch.undo()
    train(partly_labelled, tmp_path / "killed", preset, resume=True, name="smoke")
    ours, theirs = (torch.load(tmp_path / run / "last.pt", weights_only=True) for run in ("killed", "whole"))
    assert_equal(ours, theirs)


def test_checkpoints_are_written_by_the_clock_and_at_a_stages_end(data, tmp_path, monkeypatch):
    saves, minutes = [], iter([4.9, 5.1])  # unsaved at steps 2 and 4
    monkeypatch.setattr(RunFolder, "save_checkpoint", lambda self, content: saves.append(content["step"]))
    monkeypatch.setattr(Course, "minutes_unsaved", property(lambda course: next(minutes)))
    preset = dataclasses.replace(SMOKE, stages=SMOKE.stages[:1], checkpoint_minutes=5.0)
    train(data, tmp_path / "run", preset)
    assert saves == [4, 6]


def test_weights_that_are_no_longer_numbers_end_a_run_and_are_not_saved(data, tmp_path, monkeypatch):
    step = DAGAN.step

    def spoil(self, batch):
        figures = step(self, batch)
        with torch.no_grad():
            next(self.networks["generator"].parameters()).fill_(math.nan)
        return figures

    monkeypatch.setattr(DAGAN, "step", spoil)
    with pytest.raises(TrainingError, match="By step 2 the weights of the generator are no longer numbers"):
        train(data, tmp_path / "run", dataclasses.replace(SMOKE, checkpoint_minutes=5.0))
    assert not (tmp_path / "run" / "last.pt").exists()


@pytest.mark.parametrize("first", [1, 3])
def test_weights_too_large_for_a_model_file_do_not_replace_the_best_one(data, tmp_path, monkeypatch, capsys, first):
    """Half precision ends at 65504, which running variances of a training that goes astray soon reach."""
    step, steps, merits = Segmentation.step, itertools.count(1), itertools.count()

    def swell(self, batch):
        figures = step(self, batch)
        if next(steps) >= first:
            buffers = self.networks["segmenter"].named_buffers()
            next(buffer for name, buffer in buffers if name.endswith("running_var")).fill_(1e6)
        return figures

    monkeypatch.setattr(Segmentation, "step", swell)
    monkeypatch.setattr(Validation, "merit", lambda self, scores: next(merits))  # later ones would be chosen
    preset = dataclasses.replace(SMOKE, stages=SMOKE.stages[1:], validate_every=2)
    if first == 1:
        with pytest.raises(TrainingError, match="At no step could a model file hold the weights"):
            train(data, tmp_path / "run", preset)
        return
    assert train(data, tmp_path / "run", preset).provenance["step"] == 2
    assert "Step 4: not kept" in capsys.readouterr().out


def test_a_data_set_that_cant_be_trained_on_leaves_nothing_behind(data, tmp_path):
    bad = shutil.copytree(data, tmp_path / "data")
    for truth in ("clean", "torn"):  # none for those that change their picture below
        shutil.rmtree(bad / truth)
    for record in open_dataset(bad).train[:2]:
        record.labels.write_bytes(b"no picture")
    with pytest.raises(DatasetError, match=r"can't be read as an image: .* And 1 more"):
        train(bad, tmp_path / "run", SMOKE)
    for record in open_dataset(bad).train:
        shutil.copy(next((data / "clean").iterdir()), record.image)
        shutil.copy(data / "labels" / next((data / "clean").iterdir()).name, record.labels)
    together = dataclasses.replace(SMOKE, stages=SMOKE.stages[:1])
    with pytest.raises(DatasetError, match="No patch of the training images is corrupted"):
        train(bad, tmp_path / "run", together)
    assert not (tmp_path / "run").exists()


def test_an_epoch_shows_as_many_clean_patches_as_the_authors_have():
    # the follow-up's pool of 11 112 of 80 subjects, 8 beside as many corrupted ones a step
    assert AdversarialStage(epochs=100).steps_for(subjects=80) == 100 * 1389


def test_the_bundled_networks_fit_the_bundled_file():
    preset = PRESETS["bundled"]
    model = Model(preset.generator, preset.segmenter)
    weights = sum(value.numel() for network in model.networks for value in network.state_dict().values())
    assert weights * 2 < 16e6


def test_a_training_may_end_to_end_teach_both_networks(data, tmp_path, monkeypatch):
    step, first = DAGAN.step, {}

    def remember(self, batch):
        for name in ("generator", "segmenter"):
            first.setdefault(name, {key: each.detach().clone() for key, each in self.networks[name].named_parameters()})
        return step(self, batch)

    monkeypatch.setattr(DAGAN, "step", remember)
    stage = dataclasses.replace(SMOKE.stages[0], steps=2)
    train(data, tmp_path / "run", dataclasses.replace(SMOKE, stages=(stage,)))
    assert load_model(tmp_path / "run" / "best.pt").provenance["step"] == 2
    learnt = torch.load(tmp_path / "run" / "last.pt", weights_only=True)
    for network, weights in first.items():
        assert not any(torch.equal(weight, learnt[network][name]) for name, weight in weights.items()), network


def test_two_processes_train_one_model_together(data, tmp_path):
    command = ["train", "--data", str(data), "-o", str(tmp_path / "run"), "--preset", "smoke"]
    processes.torchrun(command, tmp_path / "printed.txt")
    assert load_model(tmp_path / "run" / "best.pt").provenance["preset"] == "smoke"
    rows = [tuple(row[:3]) for row in logged(tmp_path / "run")]
    assert len(rows) == len(set(rows))  # one process logs
    assert ("1", "6", "validation dice") in rows


def test_a_collapsed_discriminator_is_said_once():
    health, name = Health(), "clean discriminator accuracy"
    fine = [health.observe({name: 0.8, "total": 1.0}) for _ in range(30)]
    assert not any(fine)
    said = [sentence for _ in range(30) for sentence in health.observe({name: 0.5})]
    assert said == ["The clean discriminator has collapsed: it can no longer tell its domain from imitations."]
    said = [sentence for _ in range(30) for sentence in health.observe({name: 1.0})]
    assert len(said) == 1 and "always right" in said[0]
