"""A training leaves a whole run folder, and goes on after any interruption as if there had been none."""

import dataclasses
import io
import math
import multiprocessing
import signal
import time

import numpy as np
import processes
import pytest
import torch
from runs import SMOKE, Killed, assert_equal
from tables import logged
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from DAGANSpineLib.model import load_model
from DAGANSpineLib.training.dataset import open_dataset
from DAGANSpineLib.training.feed import stream
from DAGANSpineLib.training.run import RunError, changed_settings
from DAGANSpineLib.training.spines import SpineFeed
from DAGANSpineLib.training.trainer import Trainer, train


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    train(data, folder, SMOKE, name="smoke")
    return folder


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


def test_a_run_is_not_overwritten_by_another(data, finished):
    with pytest.raises(RunError, match="--resume"):
        train(data, finished, SMOKE, name="smoke")


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


def test_tensorboard_shows_restorations(finished):
    events = EventAccumulator(str(finished), size_guidance={"images": 0})
    events.Reload()
    assert "stage 0/corrupted, restored, removed" in events.Tags()["images"]
