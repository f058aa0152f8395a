"""A folder goes in: results for each file, a table and contact sheets of all; what stops it loses one file at most."""

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from writers import dicom, write

from DAGANSpineLib.__main__ import main
from DAGANSpineLib.commands.terminal import Bar, duration
from DAGANSpineLib.errors import UserError
from DAGANSpineLib.inference import Pipeline, one_file
from DAGANSpineLib.inference import many_files as batch
from DAGANSpineLib.inference.many_files import SUMMARY, find_images, segment_files
from DAGANSpineLib.model import load_model, save_model
from DAGANSpineLib.progress import Cancelled
from DAGANSpineLib.report.contact_sheet import ACROSS, DOWN, page_of, wrapped, write_contact_sheets
from DAGANSpineLib.report.lettering import ADVANCE, HEIGHT, letters

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def clinic(tmp_path, small_vpi):
    """A folder with three VPI of one size, each a little different."""
    for index, name in enumerate(("anna.png", "ben.png", "carl.png")):
        write(tmp_path / "clinic" / name, np.roll(small_vpi, 5 * index, 0))
    return tmp_path / "clinic"


@pytest.fixture
def run(monkeypatch, capsys, slim_model):
    """The segment command with the slim model, as from a shell: (exit status, standard output, standard error)."""

    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["DAGANSpineLib", "segment", "--device", "cpu", *map(str, arguments)])
        try:
            status = main()
        except SystemExit as stop:
            status = stop.code
        return status, *capsys.readouterr()

    return command


@pytest.fixture
def pipeline(slim_model):
    return Pipeline.load(device="cpu")


def summary(folder):
    with (folder / SUMMARY).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def written(folder):
    """When each file below a folder was written: what must not change where results are kept."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_each_image_of_a_folder_gets_results_and_all_get_a_table_and_a_sheet(run, clinic, tmp_path):
    status, output, error = run(clinic, "-o", tmp_path / "out")
    assert (status, error) == (0, "")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["anna", "ben", "carl", "contact-sheet-01.png", SUMMARY]
    assert [Path(row["file"]).name for row in summary(tmp_path / "out")] == ["anna.png", "ben.png", "carl.png"]
    assert f"3 of 3 files are done: see {tmp_path / 'out' / SUMMARY}" in output
    assert "Research use, not for diagnosis." in output


def test_the_table_says_what_the_reports_say(run, clinic, tmp_path):
    run(clinic, "-o", tmp_path / "out")
    for row in summary(tmp_path / "out"):
        report = json.loads((tmp_path / "out" / Path(row["file"]).stem / "report.json").read_text(encoding="utf-8"))
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


def test_one_file_alone_gets_no_table(run, clinic, tmp_path):
    run(clinic / "anna.png", "-o", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["anna"]


def test_one_bad_file_is_named_and_does_not_stop_the_others(run, clinic, tmp_path):
    (clinic / "bad.png").write_text("no picture")
    status, output, error = run(clinic, "-o", tmp_path / "out")
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


def test_sub_folders_and_other_files_are_left_out_and_named(clinic, tmp_path, small_vpi):
    for name in ("labels/anna.png", "labels/ben.png", ".hidden.png", "old.seg.nrrd"):
        write(clinic / name, small_vpi)
    (clinic / "notes.txt").write_text("no picture")
    (clinic / "IM0001").write_bytes(write(tmp_path / "slice.dcm", small_vpi[None]).read_bytes())
    files, notes = find_images([clinic], tmp_path / "out")
    assert sorted(path.name for path in files) == ["IM0001", "anna.png", "ben.png", "carl.png"]
    folders, others = notes
    assert folders == f"Sub-folders of {clinic} are not entered: labels; give them as inputs."
    assert others == f"Not images, left out of {clinic}: notes.txt, old.seg.nrrd."


def test_a_data_set_is_not_taken_for_a_folder_of_images(run, tmp_path, small_vpi):
    for name in ("images", "labels", "clean", "extra"):
        write(tmp_path / "data" / name / "a.png", small_vpi)
    status, _, error = run(tmp_path / "data", "-o", tmp_path / "out")
    assert status == 2 and error.count("\n") == 1 and not (tmp_path / "out").exists()
    assert "no images" in error and "clean, extra, images and 1 more; give them as inputs" in error


@pytest.mark.parametrize("other", ["north/anna.png", "north/ANNA.nrrd"])
def test_inputs_whose_results_would_overwrite_each_other_are_refused(clinic, tmp_path, small_vpi, other):
    twin = write(tmp_path / other, small_vpi)
    with pytest.raises(UserError, match="Several inputs are called anna"):
        find_images([clinic, twin], tmp_path / "out")
    assert len(find_images([clinic, clinic / "anna.png"], tmp_path / "out")[0]) == 3  # one file, named twice


def test_only_inputs_that_clash_with_each_other_are_named(tmp_path, small_vpi):
    accents = [
        write(tmp_path / folder / name, small_vpi) for folder, name in (("a", "\u00e9.png"), ("b", "e\u0301.png"))
    ]
    others = [write(tmp_path / folder / "o.png", small_vpi) for folder in "cd"]
    with pytest.raises(UserError, match="Several inputs are called \u00e9") as told:
        find_images([*accents, *others], tmp_path / "out")
    assert all(str(path) in str(told.value) for path in accents) and "o.png" not in str(told.value)


def test_results_never_go_among_the_images_or_over_somebodys_table(run, clinic, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    status, _, error = run(clinic, "-o", clinic)
    assert status == 2 and "choose another folder" in error and sorted(tmp_path.rglob("*")) == before
    for name in (SUMMARY, "contact-sheet-01.png"):
        own = tmp_path / f"with {name}" / name
        own.parent.mkdir()
        own.write_text("mine")
        status, _, error = run(clinic, "-o", own.parent)
        assert status == 2 and f"holds other files ({name})" in error and error.count("\n") == 1
        assert own.read_text(encoding="utf-8") == "mine" and [path.name for path in own.parent.iterdir()] == [name]


def test_resuming_keeps_what_is_done(run, clinic, tmp_path, small_vpi):
    run(clinic, "-o", tmp_path / "out")
    before = written(tmp_path / "out" / "anna")
    write(clinic / "dora.png", small_vpi)
    status, output, _ = run(clinic, "-o", tmp_path / "out", "--resume")
    assert status == 0 and "4 of 4 files are done (3 by an earlier run)" in output
    assert written(tmp_path / "out" / "anna") == before
    assert len(summary(tmp_path / "out")) == 4 and summary(tmp_path / "out")[0]["rib_components"] != ""
    run(clinic, "-o", tmp_path / "out")
    assert written(tmp_path / "out" / "anna") != before  # without --resume all is made anew


def other_model(path):
    model = load_model()
    model.segmenter.classify.bias.add_(0.1)
    save_model(model, path)
    return path


def test_results_of_another_model_are_made_anew(run, clinic, tmp_path, slim_model):
    run(clinic, "-o", tmp_path / "out")
    retrained = other_model(tmp_path / slim_model.name)
    _, output, _ = run(clinic, "-o", tmp_path / "out", "--resume", "--model", retrained)
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
def test_results_of_a_changed_input_and_incomplete_results_are_made_anew(run, clinic, tmp_path, change):
    run(clinic, "-o", tmp_path / "out")
    before = written(tmp_path / "out")
    change(clinic, tmp_path / "out" / "ben")
    _, output, _ = run(clinic, "-o", tmp_path / "out", "--resume")
    assert "(2 by an earlier run)" in output
    again = {path.parent.name for path, moment in written(tmp_path / "out").items() if before.get(path) != moment}
    assert again == {"ben", "out"}


def test_a_header_whose_pixels_changed_is_made_anew(run, clinic, tmp_path, small_vpi):
    for name in ("anna.mhd", "ben.mhd"):
        write(tmp_path / "headers" / name, small_vpi)
    run(tmp_path / "headers", "-o", tmp_path / "out")
    (tmp_path / "headers" / "ben.raw").write_bytes(np.roll(small_vpi, 9, 0).tobytes())
    _, output, _ = run(tmp_path / "headers", "-o", tmp_path / "out", "--resume")
    assert "2 of 2 files are done (1 by an earlier run)" in output


def test_pixels_in_a_file_of_another_name_that_changed_are_made_anew(run, clinic, tmp_path, small_vpi):
    for name, of in (("anna.nhdr", "one.raw"), ("ben.nhdr", "two.raw")):
        path = tmp_path / "headers" / name
        path.parent.mkdir(exist_ok=True)
        sizes = f"sizes: {small_vpi.shape[1]} {small_vpi.shape[0]}"
        path.write_text(f"NRRD0004\ntype: uchar\ndimension: 2\n{sizes}\nencoding: raw\ndata file: {of}\n")
        (path.parent / of).write_bytes(small_vpi.tobytes())
    headers = sorted((tmp_path / "headers").glob("*.nhdr"))
    run(*headers, "-o", tmp_path / "out")
    (tmp_path / "headers" / "two.raw").write_bytes(np.roll(small_vpi, 9, 0).tobytes())
    _, output, _ = run(*headers, "-o", tmp_path / "out", "--resume")
    assert "2 of 2 files are done (1 by an earlier run)" in output


def test_reports_of_another_version_are_made_anew(run, clinic, tmp_path):
    run(clinic, "-o", tmp_path / "out")
    for name, content in (
        ("anna", '{"input": "anna.png"}'),
        ("ben", "[" * 200_000),
        ("carl", '{"a": %s}' % ("9" * 5000)),
    ):
        (tmp_path / "out" / name / "report.json").write_text(content)
    status, output, error = run(clinic, "-o", tmp_path / "out", "--resume")
    assert (status, error) == (0, "") and "by an earlier run" not in output


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode under Windows")
def test_odd_names_cost_nothing(run, clinic, tmp_path, small_vpi):
    made = write(tmp_path / "a.png", small_vpi)
    odd = (b"caf\xe9.png", b"CON.png", b"=1+2.png", b"...png", b"dots...png", b"n" * 250 + b".png")
    for name in odd:
        (tmp_path / "odd").mkdir(exist_ok=True)
        Path(os.fsdecode(os.fsencode(tmp_path / "odd") + b"/" + name)).write_bytes(made.read_bytes())
    out = tmp_path / "out"
    status, output, error = run(*(tmp_path / "odd").iterdir(), "-o", out)
    assert (status, error) == (0, "") and "6 of 6 files are done" in output
    assert all(row["rib_components"] for row in summary(out))
    assert len([each for each in out.iterdir() if each.is_dir()]) == 6
    for begin in ("=", "\t=", "\r=", "\uff1d", "@", "|"):
        assert batch.cell(Path(f"{begin}1+2.png")) == f"'{begin}1+2.png"


def test_a_dicom_folder_is_read_as_one(run, tmp_path, small_vpi):
    folder = tmp_path / "exam"
    folder.mkdir()
    for number in (1, 2, 3):
        dicom(folder / f"1.2.826.0.{number}", np.roll(small_vpi, number, 0), SeriesInstanceUID=f"1.2.{number}")
    report = dicom(folder / "1.2.826.0.9", small_vpi)
    dataset = pydicom.dcmread(report)
    for name in ("PixelData", "Rows", "Columns"):
        delattr(dataset, name)
    dataset.save_as(report)
    (folder / "DICOMDIR").write_bytes(report.read_bytes())
    status, output, error = run(folder, "-o", tmp_path / "out")
    assert (status, error) == (0, "") and "3 of 3 files are done" in output
    assert output.count("Not images, left out") == 1 and "1.2.826.0.9, DICOMDIR" in output


def test_slices_of_a_volume_in_a_folder_are_one_volume(tmp_path, small_vpi):
    folder = tmp_path / "series"
    folder.mkdir()
    for number in range(5):
        dicom(folder / f"1.2.{number}", small_vpi, SeriesInstanceUID="1.2", ImagePositionPatient=[0, number, 0])
    assert find_images([folder], tmp_path / "out")[0] == [folder]
    dicom(folder / "1.3.1", small_vpi, SeriesInstanceUID="1.3")
    files, notes = find_images([folder], tmp_path / "out")
    assert files == [folder / "1.3.1"] and any("5 files" in note and "slices of volumes" in note for note in notes)


def test_an_overlay_that_was_deleted_meanwhile_has_its_place_on_the_sheet(tmp_path):
    (path,) = write_contact_sheets([("anna", tmp_path / "gone.png")], tmp_path)
    page = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    assert (page == 60).all(2).sum() > 0.9 * 400 * 192


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


def test_a_killed_run_loses_the_file_in_work_and_nothing_else(run, clinic, tmp_path, slim_model):
    process = start_and_wait(clinic, tmp_path / "out", slim_model)
    process.kill()
    process.communicate()
    visible = sorted(path.name for path in (tmp_path / "out").iterdir() if not path.name.startswith("."))
    assert visible == ["anna", SUMMARY]
    assert list((tmp_path / "out").glob(".ben.*"))  # hidden, and gone with the next run
    before = written(tmp_path / "out" / "anna")
    status, output, _ = run(clinic, "-o", tmp_path / "out", "--resume")
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


@pytest.fixture
def overlays(tmp_path):
    """Writes overlays of the usual proportions, one plain colour each."""

    def make(count):
        colours = [(40 + 4 * index % 200, 200 - index, 90) for index in range(count)]
        return [
            (
                f"subject {index}",
                write(tmp_path / f"{index}.png", np.full((800, 200, 3), colour, np.uint8), vector=True),
            )
            for index, colour in enumerate(colours)
        ]

    return make


def test_a_contact_sheet_shows_every_picture_at_its_proportions(overlays, tmp_path):
    pictures = overlays(3)
    (path,) = write_contact_sheets(pictures, tmp_path)
    page = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    for _, source in pictures:
        colour = sitk.GetArrayFromImage(sitk.ReadImage(str(source)))[0, 0]
        places = np.argwhere((np.abs(page.astype(int) - colour) <= 1).all(2))
        rows, columns = np.ptp(places, axis=0) + 1
        assert (rows, columns) == (400, 100) and len(places) == rows * columns


def test_many_pictures_take_as_many_pages_as_they_need_and_former_pages_go(overlays, tmp_path):
    pictures = overlays(2 * ACROSS * DOWN + 2)
    pages = write_contact_sheets(pictures, tmp_path)
    assert [path.name for path in pages] == [f"contact-sheet-0{number}.png" for number in (1, 2, 3)]
    sizes = [sitk.ReadImage(str(path)).GetSize() for path in pages]
    assert sizes[0] == sizes[1] and max(sizes[0]) < 2000 and sizes[2][1] < sizes[0][1] / 2
    assert write_contact_sheets(pictures[:5], tmp_path) == pages[:1]
    assert not pages[1].exists()


def test_a_file_without_results_has_its_place_on_the_sheet():
    page = page_of([("bad", None)], "title")
    grey = (page == 60).all(2)
    assert grey.sum() > 0.9 * 400 * 192


def test_names_stand_above_the_pictures_and_long_ones_keep_both_ends():
    assert wrapped("ben") == ["ben"]
    assert wrapped("simulated-double-curve") == ["simulated-", "double-curve"]
    assert wrapped("a" * 20) == ["a" * 15, "a" * 5]
    lines = wrapped("2026-11-23 " + "x" * 80 + " Größe 7")
    assert len(lines) <= 3 and "".join(lines).startswith("2026-11-23") and "".join(lines).endswith("Gro?e 7")
    page = page_of([("ben", None)], "")
    assert (page == 235).all(2).any()


def test_letters_differ_and_keep_to_their_cell():
    drawn = {character: letters(character, 1) for character in map(chr, range(33, 127))}
    assert {mask.shape for mask in drawn.values()} == {(HEIGHT, ADVANCE)}
    assert len({mask.tobytes() for mask in drawn.values()}) == len(drawn)
    assert not any(mask[:, -1].any() for mask in drawn.values())
    assert letters("L", 1).astype(int).tolist() == [[1, 0, 0, 0, 0, 0]] * 6 + [[1, 1, 1, 1, 1, 0]]
    assert np.array_equal(letters("é", 1), letters("e", 1)) and not letters(" ", 1).any()


def test_the_command_takes_a_folder_in_a_process_of_its_own(clinic, tmp_path, slim_model):
    """As `PythonSlicer -m DAGANSpineLib` is called: in the folder that holds the library."""
    finished = subprocess.run(
        [sys.executable, "-m", "DAGANSpineLib", "segment", clinic, "-o", tmp_path / "out", "--model", slim_model,
         "--device", "cpu"],
        cwd=ROOT, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout.count("corrupted patches") == 3
