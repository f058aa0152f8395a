"""Several pictures at a time: the same results, sooner."""

import contextlib
import csv
import json
import os
import re
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from DAGANSpineLib.inference import many_files, one_file, segment_files
from DAGANSpineLib.inference.crew import HANDS, Crew, Room
from DAGANSpineLib.progress import Cancelled
from DAGANSpineLib.vpi.foreign import silenced

TWO = Crew(hands=2, threads=1)
LONG = 10  # s after which something has gone wrong


@pytest.fixture
def clinic(tmp_path, small_vpi):
    """The files of five VPI, each a little different, by name."""
    paths = [tmp_path / "clinic" / f"{name}.png" for name in ("anna", "ben", "carl", "dora", "emil")]
    paths[0].parent.mkdir()
    for index, path in enumerate(paths):
        sitk.WriteImage(sitk.GetImageFromArray(np.roll(small_vpi, 5 * index, 0)), str(path))
    return paths


def contents(folder):
    """What each file below a folder holds, without when it was made and how long it took."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found[str(path.relative_to(folder))] = path.read_bytes()
        if path.name.endswith(".seg.nrrd"):
            found[str(path.relative_to(folder))] = re.sub(rb"\n# on [^\n]*", b"", path.read_bytes())
        if path.name == "report.json":
            found[str(path.relative_to(folder))] = {**json.loads(path.read_text(encoding="utf-8")), "seconds": None}
        if path.suffix == ".csv":
            rows = csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines())
            found[path.name] = [{**row, "seconds": None} for row in rows]
    return found


def test_several_at_a_time_give_the_same_files_byte_for_byte(clinic, pipeline, tmp_path):
    for name, crew in (("one", Crew(1, 1)), ("several", Crew(3, 1)), ("threads", Crew(2, 2))):
        segment_files(clinic, tmp_path / name, pipeline, crew=crew)
    one, several, threads = (contents(tmp_path / name) for name in ("one", "several", "threads"))
    assert len(one) == 5 * len(one_file.OUTPUTS) + 2
    assert several == one and threads == one


def test_while_one_is_written_another_is_computed(clinic, pipeline, tmp_path, monkeypatch):
    write, computed = one_file.write_results, threading.Event()

    def patient(folder, vpi, result, spine, report):
        if report["input"] == "anna.png":
            assert computed.wait(LONG), "nothing is computed while results are written"
        else:
            computed.set()
        write(folder, vpi, result, spine, report)

    monkeypatch.setattr(one_file, "write_results", patient)
    outcomes = segment_files(clinic, tmp_path / "out", pipeline, crew=TWO)
    assert [outcome.error for outcome in outcomes] == [""] * 5


def test_outcomes_and_the_table_keep_the_files_order_whoever_comes_first(clinic, pipeline, tmp_path, monkeypatch):
    work = many_files.segment_file
    last = threading.Event()

    def slow(path, *arguments):
        if path.name == "anna.png":
            assert last.wait(LONG)
        if path.name == "emil.png":
            last.set()
        return work(path, *arguments)

    monkeypatch.setattr(many_files, "segment_file", slow)
    told = []
    outcomes = segment_files(clinic, tmp_path / "out", pipeline, tell=told.append, crew=TWO)
    assert [outcome.path for outcome in outcomes] == clinic
    assert [Path(row["file"]) for row in contents(tmp_path / "out")["summary.csv"]] == clinic
    assert sorted(outcome.path for outcome in told) == clinic and told[0].path != clinic[0]


def test_a_bad_file_and_a_trouble_that_nobody_foresaw_cost_one_file_each(clinic, pipeline, tmp_path, monkeypatch):
    work = many_files.segment_file

    def fragile(path, *arguments):
        if path.name == "dora.png":
            raise ZeroDivisionError("division by zero")
        return work(path, *arguments)

    monkeypatch.setattr(many_files, "segment_file", fragile)
    clinic[1].write_text("no picture")
    outcomes = segment_files(clinic, tmp_path / "out", pipeline, crew=TWO)
    assert [bool(outcome.error) for outcome in outcomes] == [False, True, False, True, False]


@pytest.mark.parametrize("error", [Cancelled, KeyboardInterrupt])
def test_stopping_stops_all_and_leaves_whole_what_is_done(clinic, pipeline, tmp_path, error):
    done = []

    def progress(fraction, message):
        if done and "Segmenting" in message:
            raise error

    with pytest.raises(error):
        segment_files(clinic, tmp_path / "out", pipeline, progress=progress, tell=done.append, crew=TWO)
    assert 1 <= len(done) < 5
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {outcome.path.stem for outcome in done} | {"summary.csv"}
    assert len(contents(tmp_path / "out")["summary.csv"]) == len(done)
    again = segment_files(clinic, tmp_path / "out", pipeline, resume=True, crew=TWO)
    assert sum(outcome.kept for outcome in again) == len(done) and not any(outcome.error for outcome in again)


class OtherFirst(Crew):
    """A hand that `progress` stops, and another one that is the first to end."""

    def do(self, work, items, note, stop):
        with contextlib.suppress(KeyboardInterrupt):
            work(items[0])
        work(items[1])


@pytest.mark.parametrize("error", [Cancelled, KeyboardInterrupt, RuntimeError])
def test_a_run_ends_with_what_stopped_it_whichever_hand_ends_first(clinic, pipeline, tmp_path, error):
    def progress(fraction, message):
        raise error

    with pytest.raises(error):
        segment_files(clinic, tmp_path / "out", pipeline, progress=progress, crew=OtherFirst(2, 1))


def test_ctrl_c_in_the_main_thread_begins_no_other_file(clinic, pipeline, tmp_path):
    def interrupt(outcome):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        segment_files(clinic, tmp_path / "out", pipeline, tell=interrupt, crew=TWO)
    assert len(list((tmp_path / "out").iterdir())) <= 3 and not list((tmp_path / "out").glob(".*"))


def test_the_progress_is_one_runs_and_told_by_one_thread_at_a_time(clinic, pipeline, tmp_path):
    fractions, telling = [], threading.Lock()

    def progress(fraction, message):
        assert telling.acquire(blocking=False)
        time.sleep(0.001)
        fractions.append(fraction)
        telling.release()

    outcomes = segment_files(clinic, tmp_path / "out", pipeline, progress=progress, crew=TWO)
    assert not any(outcome.error for outcome in outcomes)
    assert fractions == sorted(fractions) and fractions[-1] == 1


@pytest.mark.parametrize(
    "cores, pictures, expected",
    [(1, 50, (1, 1)), (2, 50, (2, 1)), (8, 50, (HANDS, 2)), (8, 2, (2, 4)), (8, 1, (1, 8)), (2, 0, (1, 2))],
)
def test_hands_share_the_cores_and_never_want_more_than_there_are(monkeypatch, cores, pictures, expected):
    monkeypatch.setattr(torch, "get_num_threads", lambda: cores)
    assert Crew.of(pictures) == Crew(*expected)


def test_each_hand_computes_on_its_share_and_the_process_has_its_threads_back():
    def threads():
        return torch.get_num_threads(), sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()

    before, found = threads(), []
    Crew(2, 3).do(lambda item: threads(), range(4), lambda item, share: found.append(share), lambda: None)
    assert found == [(3, 3)] * 4 and threads() == before


def test_large_pictures_wait_for_each_other_and_small_ones_do_not():
    room, together, most = Room(100), [], []

    def work(size):
        with room.of(size, lambda: None):
            together.append(size)
            most.append(sum(together))
            time.sleep(0.02)
            together.remove(size)

    Crew(4, 1).do(work, [80, 80, 30, 30, 30, 400], lambda *_: None, lambda: None)
    assert 80 < max(each for each in most if each != 400) <= 100 or max(most) == 400
    assert 400 in most and all(each <= 100 or each == 400 for each in most)


def test_who_waits_for_room_can_be_stopped():
    room = Room(100)

    def stop():
        raise Cancelled

    with room.of(100, stop), pytest.raises(Cancelled), room.of(1, stop):
        pass


def test_what_is_told_is_not_lost_while_another_thread_silences_libraries(clinic, pipeline, tmp_path, capfd):
    ends = threading.Event()

    def noisy():
        while not ends.wait(0.001):
            with silenced():
                time.sleep(0.002)

    other = threading.Thread(target=noisy)
    other.start()
    try:
        segment_files(clinic, tmp_path / "out", pipeline, tell=lambda outcome: os.write(1, b"told"), crew=TWO)
    finally:
        ends.set()
        other.join()
    assert capfd.readouterr().out.count("told") == 5


def test_streams_come_back_whichever_thread_silenced_them_first(capfd):
    def often():
        for _ in range(50):
            with silenced():
                os.write(2, b"hidden")

    threads = [threading.Thread(target=often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"


def test_a_graphics_card_takes_one_picture_at_a_time(pipeline, small_vpi):
    pipeline.device, inside, most = torch.device("meta"), [], []

    def compute(pixels, progress, spacing):
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.01)
        inside.pop()

    pipeline._run = compute
    Crew(3, 1).do(lambda item: pipeline.run(small_vpi), range(6), lambda *_: None, lambda: None)
    assert most == [1] * 6
