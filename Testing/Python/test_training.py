"""A training runs from end to end, and goes on after any interruption as if there had been none."""

import csv
import dataclasses
import io
import itertools
import json
import math
import multiprocessing
import shutil
import signal
import time

import numpy as np
import processes
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from DAGANSpineLib.model import Model, load_model
from DAGANSpineLib.training.dagan import DAGAN
from DAGANSpineLib.training.dataset import DatasetError, open_dataset
from DAGANSpineLib.training.feed import stream
from DAGANSpineLib.training.health import Health, TrainingError
from DAGANSpineLib.training.presets import PRESETS
from DAGANSpineLib.training.run import RunError, RunFolder, changed_settings
from DAGANSpineLib.training.spines import SpineFeed
from DAGANSpineLib.training.stages import AdversarialStage
from DAGANSpineLib.training.trainer import Course, Trainer, train
from DAGANSpineLib.training.validation import Validation

RESTORATION, SEGMENTATION = PRESETS["smoke"].stages
# few patches at a time, and a segmenter that learns from crops: whole spines take longer than all the rest
SMOKE = dataclasses.replace(
    PRESETS["smoke"],
    stages=(dataclasses.replace(RESTORATION, batch=2), dataclasses.replace(SEGMENTATION, rows=64)),
)


@pytest.fixture(scope="module")
def data(part):
    return part


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    train(data, folder, SMOKE, name="smoke")
    return folder


def logged(folder) -> list[list[str]]:
    with (folder / "metrics.csv").open(newline="") as lines:
        return list(csv.reader(lines))


def test_a_run_folder_has_what_the_design_lists(finished):
    names = {path.name.split(".")[0] if "tfevents" in path.name else path.name for path in finished.iterdir()}
    assert {"config.json", "metrics.csv", "last.pt", "best.pt", "events"} <= names
    assert not [name for name in names if "partial" in name]


def test_the_best_model_knows_where_it_comes_from(finished, data):
    provenance = load_model(finished / "best.pt").provenance
    assert (provenance["preset"], provenance["seed"]) == ("smoke", 0)
    assert provenance["data"] == open_dataset(data).name
    assert 0 <= provenance["validation dice"] <= 1


def test_every_loss_term_is_logged_and_finite(finished):
    header, *rows = logged(finished)
    assert header == ["stage", "step", "name", "value"]
    names = {name for stage, _, name, _ in rows if stage == "0"}
    assert {
        "total",
        "adversarial",
        "segmentation",
        "reconstruction",
        "discriminators",
        "clean discriminator accuracy",
        "corrupted discriminator accuracy",
        "validation dice",
    } <= names
    assert all(math.isfinite(float(value)) for *_, value in rows)


def test_the_segmenters_loss_falls(data, tmp_path):
    """On half spines: crops of 64 rows differ from batch to batch by more than six steps teach."""
    halves = dataclasses.replace(SMOKE, stages=(dataclasses.replace(SEGMENTATION, rows=512),))
    train(data, tmp_path / "run", halves, quiet=True)
    losses = [float(value) for _, _, name, value in logged(tmp_path / "run") if name == "total"]
    assert losses[-1] < losses[0]


class Killed(BaseException):
    """Stands for kill -9: nothing gets to tidy up."""


@pytest.mark.parametrize("after", [0, 3, 5, 7, 11])
def test_a_run_that_was_killed_goes_on_bit_for_bit(data, finished, tmp_path, monkeypatch, after):
    """Before the first checkpoint, between two, in the second stage: the resumed run equals the unbroken one."""
    folder, saves = tmp_path / "run", []
    log = Trainer._log

    def kill(self, index, step, figures):
        log(self, index, step, figures)
        saves.append(step)
        if len(saves) > after // 2:
            raise Killed

    monkeypatch.setattr(Trainer, "_log", kill)
    with pytest.raises(Killed):
        train(data, folder, SMOKE, name="smoke")
    monkeypatch.undo()
    with (folder / "metrics.csv").open("a") as lines:
        lines.write("1,1")  # a row cut short
    train(data, folder, SMOKE, resume=True, name="smoke")
    ours, theirs = (torch.load(run / "last.pt", weights_only=True) for run in (folder, finished))
    assert_equal(ours, theirs)
    assert logged(folder) == logged(finished)


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


def test_a_run_that_is_stopped_keeps_its_last_step(data, finished, tmp_path, monkeypatch):
    """Between two lines of the log, with another process making batches: nothing is lost, nobody is left behind."""
    folder, look, send = tmp_path / "run", Trainer._look, signal.raise_signal

    def end(number):
        raise Killed(number)

    monkeypatch.setattr(signal, "raise_signal", end)

    def interrupt(self, course, done, *arguments):
        if done == 3:
            send(signal.SIGTERM)
        return look(self, course, done, *arguments)

    monkeypatch.setattr(Trainer, "_look", interrupt)
    with pytest.raises(Killed, match=str(int(signal.SIGTERM))):
        train(data, folder, SMOKE, name="smoke", workers=1)
    monkeypatch.undo()
    assert not multiprocessing.active_children()
    assert torch.load(folder / "last.pt", weights_only=True)["step"] == 3
    train(data, folder, SMOKE, resume=True, name="smoke")
    ours, theirs = (torch.load(run / "last.pt", weights_only=True) for run in (folder, finished))
    assert_equal(ours, theirs)
    assert logged(folder) == logged(finished)


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
    step, steps, merits = DAGAN.step, itertools.count(1), itertools.count()

    def swell(self, batch):
        figures = step(self, batch)
        if next(steps) >= first:
            buffers = self.networks["segmenter"].named_buffers()
            next(buffer for name, buffer in buffers if name.endswith("running_var")).fill_(1e6)
        return figures

    monkeypatch.setattr(DAGAN, "step", swell)
    monkeypatch.setattr(Validation, "merit", lambda self, scores: next(merits))  # later ones would be chosen
    preset = dataclasses.replace(SMOKE, stages=SMOKE.stages[:1], validate_every=2)
    if first == 1:
        with pytest.raises(TrainingError, match="At no step could a model file hold the weights"):
            train(data, tmp_path / "run", preset)
        return
    assert train(data, tmp_path / "run", preset).provenance["step"] == 2
    assert "Step 4: not kept" in capsys.readouterr().out


def train_and_hang_halfway(say, data, folder, name, count):
    """Write half of the file of this name at the `count`th time, and wait to be killed."""
    save, writes = torch.save, []

    def stop_halfway(content, path):
        writes.extend([path] if path.name.startswith(f".{name}.") else [])
        if len(writes) < count:
            return save(content, path)
        whole = io.BytesIO()
        save(content, whole)
        path.write_bytes(whole.getvalue()[: whole.tell() // 2])
        say.send("half written")
        time.sleep(600)

    torch.save = stop_halfway
    train(data, folder, SMOKE, name="smoke")


@pytest.mark.parametrize(("name", "count"), [("last", 2), ("best", 1)])
def test_a_process_that_is_killed_while_it_writes_does_no_harm(data, finished, tmp_path, name, count):
    """kill -9 in the middle of the second checkpoint, or of the first best model."""
    folder = tmp_path / "run"
    process, hear = processes.start(train_and_hang_halfway, data, folder, name, count)
    assert hear.recv() == "half written"
    process.kill()
    process.join()
    assert list(folder.glob(f".{name}.*.pt"))
    train(data, folder, SMOKE, resume=True, name="smoke")
    ours, theirs = (torch.load(run / "last.pt", weights_only=True) for run in (folder, finished))
    assert_equal(ours, theirs)
    assert load_model(folder / "best.pt").provenance == load_model(finished / "best.pt").provenance
    assert not list(folder.glob(".*"))


def feed_until_killed(say):
    """Have workers make batches, and wait. They get hold of what can be said, however they start."""
    picture = np.zeros((1024, 256), np.uint8)
    feed = SpineFeed([(picture, picture)], batch=1, seed=0)
    feed.say = say
    batches = stream(feed, range(100), process=0, device=torch.device("cpu"), workers=2)
    next(batches)
    say.send("feeding")
    time.sleep(600)


def test_workers_end_with_a_trainer_that_is_killed():
    trainer, hear = processes.start(feed_until_killed)
    assert hear.recv() == "feeding"
    trainer.kill()
    assert hear.poll(timeout=60), "a process is left that could say something"
    with pytest.raises(EOFError):
        hear.recv()


def assert_equal(one, two):
    """Nested dictionaries and lists of tensors and numbers, bit for bit."""
    assert type(one) is type(two)
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, two)
    elif isinstance(one, dict):
        assert one.keys() == two.keys()
        for key in one:
            assert_equal(one[key], two[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(two)
        for mine, other in zip(one, two, strict=True):
            assert_equal(mine, other)
    else:
        assert one == two


def test_a_run_is_not_overwritten_by_another(data, finished):
    with pytest.raises(RunError, match="--resume"):
        train(data, finished, SMOKE, name="smoke")


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


def test_a_run_that_had_no_checkpoint_yet_may_begin_again(data, tmp_path, monkeypatch):
    def stop(*arguments):
        raise Killed

    short = dataclasses.replace(SMOKE, stages=(dataclasses.replace(SMOKE.stages[1], steps=1),))
    monkeypatch.setattr(Trainer, "_train_stage", stop)
    with pytest.raises(Killed):
        train(data, tmp_path / "run", short)
    monkeypatch.undo()
    assert train(data, tmp_path / "run", short, seed=1).provenance["seed"] == 1


@pytest.mark.parametrize(
    ("before", "now", "changed"),
    [
        ({"stages": [{"steps": 3}]}, {"stages": [{"steps": 3, "warm_up": 0, "rows": None}]}, []),  # unknown, and off
        ({"stages": [{"steps": 3}]}, {"stages": [{"steps": 3, "warm_up": 5}]}, ["stages"]),
        ({"attention": True}, {"attention": True, "dual": False}, ["dual"]),  # who knows what was done then
        ({"seed": 0, "rate": 0.5}, {"seed": 1, "rate": 0.5}, ["seed"]),
        ({"seed": 1, "former": 2}, {"seed": 0}, ["seed", "former"]),
    ],
)
def test_a_setting_that_a_former_version_did_not_know_is_no_other_one_while_it_is_off(before, now, changed):
    assert sorted(changed_settings(before, now)) == sorted(changed)


def test_a_run_is_not_resumed_with_other_settings(data, finished, tmp_path):
    with pytest.raises(RunError, match=r"other settings than this command \(seed\)"):
        train(data, finished, SMOKE, seed=1, resume=True, name="smoke")
    with pytest.raises(RunError, match="no training run"):
        train(data, tmp_path / "nothing", SMOKE, resume=True, name="smoke")


def test_an_epoch_shows_as_many_clean_patches_as_the_authors_have():
    # the follow-up's pool of 11 112 of 80 subjects, 8 beside as many corrupted ones a step
    assert AdversarialStage(epochs=100).steps_for(subjects=80) == 100 * 1389


def test_the_bundled_networks_fit_the_bundled_file():
    preset = PRESETS["bundled"]
    model = Model(preset.generator, preset.segmenter)
    weights = sum(value.numel() for network in model.networks for value in network.state_dict().values())
    assert weights * 2 < 16e6


def test_a_training_may_end_to_end_teach_both_networks(data, tmp_path):
    stage = dataclasses.replace(SMOKE.stages[0], steps=2)
    train(data, tmp_path / "run", dataclasses.replace(SMOKE, stages=(stage,)))
    assert load_model(tmp_path / "run" / "best.pt").provenance["step"] == 2


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


def test_tensorboard_shows_restorations(finished):
    events = EventAccumulator(str(finished), size_guidance={"images": 0})
    events.Reload()
    assert "stage 0/corrupted, restored, removed" in events.Tags()["images"]
