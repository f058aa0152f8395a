"""What stops a batch loses one file at most, and the next run makes what is missing, and that alone."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from house import ROOT
from tables import summary
from writers import write

from DAGANSpineLib.inference.many_files import SUMMARY, segment_files
from DAGANSpineLib.model import load_model, save_model
from DAGANSpineLib.progress import Cancelled


def written(folder):
    """When each file below a folder was written: what must not change where results are kept."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_resuming_keeps_what_is_done(segment, clinic, tmp_path, small_vpi):
    segment(clinic, "-o", tmp_path / "out")
    before = written(tmp_path / "out" / "anna")
    write(clinic / "dora.png", small_vpi)
    status, output, _ = segment(clinic, "-o", tmp_path / "out", "--resume")
    assert status == 0 and "4 of 4 files are done (3 by an earlier run)" in output
    assert written(tmp_path / "out" / "anna") == before
    assert len(summary(tmp_path / "out")) == 4 and summary(tmp_path / "out")[0]["rib_components"] != ""
    segment(clinic, "-o", tmp_path / "out")
    assert written(tmp_path / "out" / "anna") != before  # without --resume all is made anew


def other_model(path):
    model = load_model()
    model.segmenter.classify.bias.add_(0.1)
    save_model(model, path)
    return path


def test_results_of_another_model_are_made_anew(segment, clinic, tmp_path, slim_model):
    segment(clinic, "-o", tmp_path / "out")
    retrained = other_model(tmp_path / slim_model.name)
    _, output, _ = segment(clinic, "-o", tmp_path / "out", "--resume", "--model", retrained)
    assert "by an earlier run" not in output
    report = json.loads((tmp_path / "out" / "ben" / "report.json").read_text(encoding="utf-8"))
    assert report["model"]["sha256"] == hashlib.sha256(retrained.read_bytes()).hexdigest()


def change_content(clinic, results):
    write(clinic / "ben.png", np.full((300, 160), 90, np.uint8) + np.arange(160, dtype=np.uint8))


def lose_a_file(clinic, results):
    (results / "labels.png").unlink()


def cut_off_a_picture(clinic, results):
    (results / "overlay.png").write_bytes((results / "overlay.png").read_bytes()[:-9])


def cut_off_the_segments(clinic, results):
    path = results / "segmentation.seg.nrrd"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def spoil_the_report(clinic, results):
    (results / "report.json").write_text("{")


@pytest.mark.parametrize(
    "change", [change_content, lose_a_file, cut_off_a_picture, cut_off_the_segments, spoil_the_report]
)
def test_results_of_a_changed_input_and_incomplete_results_are_made_anew(segment, clinic, tmp_path, change):
    segment(clinic, "-o", tmp_path / "out")
    before = written(tmp_path / "out")
    change(clinic, tmp_path / "out" / "ben")
    _, output, _ = segment(clinic, "-o", tmp_path / "out", "--resume")
    assert "(2 by an earlier run)" in output
    again = {path.parent.name for path, moment in written(tmp_path / "out").items() if before.get(path) != moment}
    assert again == {"ben", "out"}


def test_a_header_whose_pixels_changed_is_made_anew(segment, clinic, tmp_path, small_vpi):
    for name in ("anna.mhd", "ben.mhd"):
        write(tmp_path / "headers" / name, small_vpi)
    segment(tmp_path / "headers", "-o", tmp_path / "out")
    (tmp_path / "headers" / "ben.raw").write_bytes(np.roll(small_vpi, 9, 0).tobytes())
    _, output, _ = segment(tmp_path / "headers", "-o", tmp_path / "out", "--resume")
    assert "2 of 2 files are done (1 by an earlier run)" in output


def test_pixels_in_a_file_of_another_name_that_changed_are_made_anew(segment, clinic, tmp_path, small_vpi):
    for name, of in (("anna.nhdr", "one.raw"), ("ben.nhdr", "two.raw")):
        path = tmp_path / "headers" / name
        path.parent.mkdir(exist_ok=True)
        sizes = f"sizes: {small_vpi.shape[1]} {small_vpi.shape[0]}"
        path.write_text(f"NRRD0004\ntype: uchar\ndimension: 2\n{sizes}\nencoding: raw\ndata file: {of}\n")
        (path.parent / of).write_bytes(small_vpi.tobytes())
    headers = sorted((tmp_path / "headers").glob("*.nhdr"))
    segment(*headers, "-o", tmp_path / "out")
    (tmp_path / "headers" / "two.raw").write_bytes(np.roll(small_vpi, 9, 0).tobytes())
    _, output, _ = segment(*headers, "-o", tmp_path / "out", "--resume")
    assert "2 of 2 files are done (1 by an earlier run)" in output


def test_reports_of_another_version_are_made_anew(segment, clinic, tmp_path):
    segment(clinic, "-o", tmp_path / "out")
    for name, content in (
        ("anna", '{"input": "anna.png"}'),
        ("ben", "[" * 200_000),
        ("carl", '{"a": %s}' % ("9" * 5000)),
    ):
        (tmp_path / "out" / name / "report.json").write_text(content)
    status, output, error = segment(clinic, "-o", tmp_path / "out", "--resume")
    assert (status, error) == (0, "") and "by an earlier run" not in output


def test_cancelling_leaves_whole_what_is_done(clinic, pipeline, tmp_path):
    def cancel(fraction, message):
        if message.startswith("2 of 3") and "Segmenting" in message:
            raise Cancelled

    with pytest.raises(Cancelled):
        segment_files(sorted(clinic.iterdir()), tmp_path / "out", pipeline, progress=cancel)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["anna", SUMMARY]
    assert [Path(row["file"]).name for row in summary(tmp_path / "out")] == ["anna.png"]


SLOW = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # which background jobs of shells lack
sys.path.insert(0, {root!r})
from pathlib import Path
from DAGANSpineLib import __main__
from DAGANSpineLib.inference import one_file as segment
write_results = segment.write_results
def slow(folder, vpi, result, spine, report):
    if report["input"] == "ben.png":
        (folder / "labels.png").touch()
        print("half-written", flush=True)
        time.sleep(60)
    write_results(folder, vpi, result, spine, report)
segment.write_results = slow
sys.argv = ["DAGANSpineLib", "segment", *{arguments!r}]
sys.exit(__main__.main())
"""


def start_and_wait(clinic, folder, model):
    """A run in a process of its own that hangs while it writes the second file's results."""
    arguments = [str(clinic), "-o", str(folder), "--model", str(model), "--device", "cpu"]
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW.format(root=str(ROOT), arguments=arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    while "half-written" not in process.stdout.readline():
        assert process.poll() is None, process.stderr.read()
    return process


def test_a_killed_run_loses_the_file_in_work_and_nothing_else(segment, clinic, tmp_path, slim_model):
    process = start_and_wait(clinic, tmp_path / "out", slim_model)
    process.kill()
    process.communicate()
    visible = sorted(path.name for path in (tmp_path / "out").iterdir() if not path.name.startswith("."))
    assert visible == ["anna", SUMMARY]
    assert list((tmp_path / "out").glob(".ben.*"))  # hidden, and gone with the next run
    before = written(tmp_path / "out" / "anna")
    status, output, _ = segment(clinic, "-o", tmp_path / "out", "--resume")
    assert status == 0 and "3 of 3 files are done (1 by an earlier run)" in output
    assert written(tmp_path / "out" / "anna") == before
    assert not list((tmp_path / "out").glob(".*"))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signal that one process could send another for Ctrl-C")
def test_ctrl_c_ends_with_a_sentence_that_says_how_to_go_on(clinic, tmp_path, slim_model):
    process = start_and_wait(clinic, tmp_path / "out", slim_model)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert error == "segment: Stopped: 1 of 3 files are done; with --resume the rest follows.\n"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["anna", SUMMARY]
