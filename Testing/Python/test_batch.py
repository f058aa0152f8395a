"""A folder goes in: results for each file, and a table of all; a bad file costs itself alone."""

import json
import subprocess
import sys
import time
from pathlib import Path

from house import ROOT
from tables import summary

from DAGANSpineLib.commands.terminal import Bar, duration
from DAGANSpineLib.inference import many_files as batch
from DAGANSpineLib.inference import one_file
from DAGANSpineLib.inference.many_files import SUMMARY, segment_files


def test_each_image_of_a_folder_gets_results_and_all_get_a_table_and_a_sheet(segment, clinic, tmp_path):
    status, output, error = segment(clinic, "-o", tmp_path / "out")
    assert (status, error) == (0, "")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["anna", "ben", "carl", "contact-sheet-01.png", SUMMARY]
    assert [Path(row["file"]).name for row in summary(tmp_path / "out")] == ["anna.png", "ben.png", "carl.png"]
    assert f"3 of 3 files are done: see {tmp_path / 'out' / SUMMARY}" in output
    assert "Research use, not for diagnosis." in output


def test_the_table_says_what_the_reports_say(segment, clinic, tmp_path):
    segment(clinic, "-o", tmp_path / "out")
    rows = summary(tmp_path / "out")
    assert len(rows) == 3
    for row in rows:
        report = json.loads((tmp_path / "out" / Path(row["file"]).stem / "report.json").read_text(encoding="utf-8"))
        assert len(report["classes"]) == 3
        for name, values in report["classes"].items():
            assert row[f"{name}_components"] == str(values["components"])
            assert row[f"{name}_area_pixels"] == str(values["area_pixels"])
            assert row[f"{name}_area_mm2"] == ""  # PNG files know no millimetres
        assert row["corrupted_before"] == str(report["corrupted patches"]["before"])
        assert row["corrupted_after"] == str(report["corrupted patches"]["after"])
        assert row["largest_g_before"] == str(report["largest g"]["before"])
        assert row["largest_g_after"] == str(report["largest g"]["after"])
        assert row["change_of_clean"] == str(report["change of clean patches"])
        assert "pixel size is unknown" in row["warnings"]
        assert float(row["seconds"]) == round(sum(report["seconds"].values()), 1)
        assert row["error"] == ""


def test_one_file_alone_gets_no_table(segment, clinic, tmp_path):
    segment(clinic / "anna.png", "-o", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["anna"]


def test_one_bad_file_is_named_and_does_not_stop_the_others(segment, clinic, tmp_path):
    (clinic / "bad.png").write_text("no picture")
    status, output, error = segment(clinic, "-o", tmp_path / "out")
    assert status == 2
    said, named = error.splitlines()
    assert "can't be read as an image" in said and named == "segment: Without results: bad.png."
    assert "3 of 4 files are done" in output
    rows = {Path(row["file"]).name: row for row in summary(tmp_path / "out")}
    assert "can't be read as an image" in rows["bad.png"]["error"] and rows["bad.png"]["rib_components"] == ""
    assert not (tmp_path / "out" / "bad").exists() and (tmp_path / "out" / "carl").is_dir()


def test_a_trouble_that_nobody_foresaw_costs_one_file_only(clinic, pipeline, tmp_path, monkeypatch):
    work = batch.segment_file

    def fragile(path, *arguments):
        if path.name == "ben.png":
            raise ZeroDivisionError("division by zero")
        return work(path, *arguments)

    monkeypatch.setattr(batch, "segment_file", fragile)
    outcomes = segment_files(sorted(clinic.iterdir()), tmp_path / "out", pipeline)
    assert [outcome.report is not None for outcome in outcomes] == [True, False, True]
    assert "ZeroDivisionError: division by zero" in outcomes[1].error


def test_a_file_that_is_gone_while_it_is_in_work_costs_itself_only(clinic, pipeline, tmp_path, monkeypatch):
    origin = one_file.origin_of

    def late(path, *arguments):
        if path.name == "ben.png":
            path.unlink()
        return origin(path, *arguments)

    monkeypatch.setattr(one_file, "origin_of", late)
    outcomes = segment_files(sorted(clinic.iterdir()), tmp_path / "out", pipeline)
    assert [outcome.report is not None for outcome in outcomes] == [True, False, True]
    assert outcomes[1].error == f"{clinic / 'ben.png'} can't be read or written: No such file or directory."


def test_the_bar_runs_once_over_all_files_with_the_remaining_time(clinic, pipeline, tmp_path, monkeypatch, capsys):
    told = []
    segment_files(sorted(clinic.iterdir()), tmp_path / "out", pipeline, progress=lambda *words: told.append(words))
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions) and fractions[0] == 0 and fractions[-1] == 1
    assert any(message.startswith("2 of 3, ben.png: Restoring, tile 1") for _, message in told)
    (clinic / "aaa.png").write_text("no picture")
    told.clear()
    segment_files(sorted(clinic.iterdir()), tmp_path / "out", pipeline, progress=lambda *words: told.append(words))
    assert [fraction for fraction, _ in told] == fractions  # a file that fails at once takes no share of the time
    bar = Bar("Segmenting")
    bar.heard = True
    bar.begin = time.monotonic() - 600
    bar(0.5, "2 of 3, ben.png: Restoring")
    assert capsys.readouterr().err == "\r\x1b[KSegmenting:  50% 2 of 3, ben.png: Restoring, 10 min left"
    assert (duration(99), duration(100)) == ("99 s", "2 min")


def test_the_command_takes_a_folder_in_a_process_of_its_own(clinic, tmp_path, slim_model):
    """As `PythonSlicer -m DAGANSpineLib` is called: in the folder that holds the library."""
    finished = subprocess.run(
        [sys.executable, "-m", "DAGANSpineLib", "segment", clinic, "-o", tmp_path / "out", "--model", slim_model,
         "--device", "cpu"],
        cwd=ROOT, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout.count("corrupted patches") == 3
