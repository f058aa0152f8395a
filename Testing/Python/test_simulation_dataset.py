"""A data set of simulated subjects is complete, readable and split by subject, or it is not there at all."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from DAGANSpineLib.commands.terminal import Parser, add_severity
from DAGANSpineLib.errors import UserError
from DAGANSpineLib.simulation import SEVERITIES, USUAL, dataset, simulate_subject, write_dataset
from DAGANSpineLib.simulation.dataset import split_subjects
from DAGANSpineLib.simulation.volume import pool
from DAGANSpineLib.training.dataset import load, open_dataset

ROOT = Path(__file__).resolve().parents[2]
COARSE = 0.4  # mm a pixel: a fourth as many as usual


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Two subjects, and what the caller was told meanwhile."""
    folder, told = tmp_path_factory.mktemp("data") / "new" / "spines", []
    write_dataset(
        folder, 2, 5, lambda fraction, message: told.append((fraction, message)), volumes=True, spacing_mm=COARSE
    )
    return folder, told


def test_of_several_worlds_one_subject_after_the_other_is_of_the_next(tmp_path, monkeypatch):
    asked = []

    def noted(folder, drawn, progress, *how):
        asked.append(drawn)
        return {name: {"spacing_mm": [1, 1], "severity": world} for name, (_seed, world) in drawn.items()}

    monkeypatch.setattr(dataset, "_simulate_all", noted)
    write_dataset(tmp_path / "spines", 5, 2, severity=["mixed", "severe"])
    (drawn,) = asked
    assert [world for _seed, world in drawn.values()] == ["mixed", "severe", "mixed", "severe", "mixed"]
    assert [seed for seed, _world in drawn.values()] == [2000006 + i for i in range(5)]
    description = json.loads((tmp_path / "spines" / "dataset.json").read_text(encoding="utf-8"))
    assert description["severity"] == "mixed, severe" and "mixed, severe, 5 subjects" in description["name"]


def killed(*_how):
    os._exit(9)


def test_a_process_that_the_system_ends_is_a_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    """As it does with who takes the most memory."""
    forked = multiprocessing.get_context("fork")
    monkeypatch.setattr(dataset, "_write_subject", killed)
    monkeypatch.setattr(dataset.multiprocessing, "get_context", lambda _way: forked)
    monkeypatch.setattr(dataset, "_begin_worker", None)
    with pytest.raises(UserError, match="was ended from outside"):
        write_dataset(tmp_path / "spines", 2, 5)
    assert not list(tmp_path.iterdir())


def read(path):
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def test_a_data_set_holds_what_was_simulated(written):
    folder, _ = written
    description = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    for name, known in description["subjects"].items():
        subject = simulate_subject(known["seed"], severity="mixed", spacing_mm=COARSE)
        assert np.array_equal(read(folder / "images" / f"{name}.png"), subject.vpi)
        assert np.array_equal(read(folder / "clean" / f"{name}.png"), subject.clean)
        assert np.array_equal(read(folder / "labels" / f"{name}.png"), subject.labels)
        assert np.array_equal(read(folder / "torn" / f"{name}.png"), 255 * subject.torn.astype(np.uint8))
        assert known == subject.known and description["spacing"][name] == known["spacing_mm"]


def test_a_data_set_says_its_classes_and_its_split(written):
    description = json.loads((written[0] / "dataset.json").read_text(encoding="utf-8"))
    assert description["classes"] == ["background", "rib", "thoracic", "lumbar"]
    assert len(description["train"]) == len(description["test"]) == 1
    assert sorted(description["train"] + description["test"]) == sorted(description["subjects"])


def test_each_image_has_its_volume(written):
    folder, _ = written
    assert sorted(path.name for path in (folder / "volumes").iterdir()) == ["sim0000.nrrd", "sim0001.nrrd"]
    spacing = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))["spacing"]["sim0001"]
    volume = sitk.ReadImage(str(folder / "volumes" / "sim0001.nrrd"))
    step = volume.GetSpacing()[2] / spacing[0], volume.GetSpacing()[1] / spacing[1]
    subject = simulate_subject(1000003 * 5 + 1, severity="mixed", spacing_mm=COARSE)
    filled = pool(subject.body & (subject.vpi > 0), step) / (step[0] * step[1])
    column = sitk.GetArrayViewFromImage(volume).max(2) > 0
    assert column.shape == filled.shape
    assert column[filled > 0.99].all() and not column[filled < 0.49].any()


def test_training_reads_it(written):
    dataset = open_dataset(written[0])
    assert len(dataset.train) == len(dataset.test) == 1
    for record in (*dataset.train, *dataset.test):
        sample = load(record)
        assert np.array_equal(sample.clean, read(record.clean))
        assert sample.torn.dtype == bool and np.array_equal(sample.torn, read(record.torn) > 0)
        assert sample.known["severity"] == "mixed" and sample.known == record.known


def test_a_world_that_there_is_not_is_refused(tmp_path):
    with pytest.raises(ValueError, match="mild, mixed, severe, former, not dire"):
        write_dataset(tmp_path / "spines", 2, 0, severity=["mixed", "dire"])
    assert list(tmp_path.iterdir()) == []


def test_progress_goes_to_the_end(written):
    assert [fraction for fraction, _ in written[1]] == [0.5, 1.0]


def test_nothing_but_the_data_set_is_left(written):
    assert [entry.name for entry in written[0].parent.iterdir()] == ["spines"]


def test_the_split_keeps_the_papers_proportion_and_gives_each_part_a_subject():
    for subjects, expected in ((2, 1), (3, 1), (109, 29), (240, 64)):
        names = [f"s{i}" for i in range(subjects)]
        train, test = split_subjects(names, seed=1)
        assert len(test) == expected and sorted(train + test) == sorted(names)


def test_a_stop_halfway_leaves_nothing(tmp_path):
    def stop(fraction, message):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_dataset(tmp_path / "spines", 2, 0, stop, spacing_mm=COARSE)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_already_is_not_overwritten(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(ValueError, match="already holds something"):
        write_dataset(tmp_path, 2, 0)
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine.txt"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="can't be written"):
        write_dataset(tmp_path / "file" / "spines", 2, 0)


@pytest.mark.parametrize(("subjects", "seed"), [(1, 0), (0, 0), (2, -1)])
def test_too_few_subjects_or_a_negative_seed_are_refused(tmp_path, subjects, seed):
    with pytest.raises(ValueError, match="not"):
        write_dataset(tmp_path / "spines", subjects, seed)
    assert not (tmp_path / "spines").exists()


def test_the_command_offers_every_world_and_takes_the_one_that_the_model_learns_from():
    command = Parser()
    add_severity(command)
    (offered,) = (action.choices for action in command._actions if action.dest == "severity")
    assert sorted(offered) == sorted(SEVERITIES) and command.parse_args([]).severity == USUAL


def is_running(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{number}/stat")  # one that has ended may wait there for somebody to ask
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(os.name == "nt", reason="asks for processes as Linux and macOS name them")
def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    program = (
        "import sys, multiprocessing, time; from concurrent.futures import ProcessPoolExecutor\n"
        "from DAGANSpineLib.simulation.dataset import _begin_worker\n"
        "import os\n"
        "if __name__ == '__main__':\n"
        "    pool = ProcessPoolExecutor(1, multiprocessing.get_context('spawn'), _begin_worker)\n"
        "    print(pool.submit(os.getpid).result(), flush=True); time.sleep(60)\n"
    )
    (tmp_path / "program.py").write_text(program)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen(
        [sys.executable, tmp_path / "program.py"], env=environment, stdout=subprocess.PIPE, text=True
    )
    worker = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    for _moment in range(100):
        if not is_running(worker):
            return
        time.sleep(0.1)
    os.kill(worker, signal.SIGKILL)
    raise AssertionError("the worker goes on")
