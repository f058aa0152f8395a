"""Which files of a folder are inputs, under what names their results go, and that they take nobody's place."""

import os
from pathlib import Path

import numpy as np
import pydicom
import pytest
from tables import summary
from writers import dicom, write

from DAGANSpineLib.errors import UserError
from DAGANSpineLib.inference import many_files as batch
from DAGANSpineLib.inference.many_files import SUMMARY, find_images


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


def test_a_data_set_is_not_taken_for_a_folder_of_images(segment, tmp_path, small_vpi):
    for name in ("images", "labels", "clean", "extra"):
        write(tmp_path / "data" / name / "a.png", small_vpi)
    status, _, error = segment(tmp_path / "data", "-o", tmp_path / "out")
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


def test_results_never_go_among_the_images_or_over_somebodys_table(segment, clinic, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    status, _, error = segment(clinic, "-o", clinic)
    assert status == 2 and "choose another folder" in error and sorted(tmp_path.rglob("*")) == before
    for name in (SUMMARY, "contact-sheet-01.png"):
        own = tmp_path / f"with {name}" / name
        own.parent.mkdir()
        own.write_text("mine")
        status, _, error = segment(clinic, "-o", own.parent)
        assert status == 2 and f"holds other files ({name})" in error and error.count("\n") == 1
        assert own.read_text(encoding="utf-8") == "mine" and [path.name for path in own.parent.iterdir()] == [name]


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode under Windows")
def test_odd_names_cost_nothing(segment, clinic, tmp_path, small_vpi):
    made = write(tmp_path / "a.png", small_vpi)
    odd = (b"caf\xe9.png", b"CON.png", b"=1+2.png", b"...png", b"dots...png", b"n" * 250 + b".png")
    for name in odd:
        (tmp_path / "odd").mkdir(exist_ok=True)
        Path(os.fsdecode(os.fsencode(tmp_path / "odd") + b"/" + name)).write_bytes(made.read_bytes())
    out = tmp_path / "out"
    status, output, error = segment(*(tmp_path / "odd").iterdir(), "-o", out)
    assert (status, error) == (0, "") and "6 of 6 files are done" in output
    assert all(row["rib_components"] for row in summary(out))
    assert len([each for each in out.iterdir() if each.is_dir()]) == 6
    for begin in ("=", "\t=", "\r=", "\uff1d", "@", "|"):
        assert batch.cell(Path(f"{begin}1+2.png")) == f"'{begin}1+2.png"


def test_a_dicom_folder_is_read_as_one(segment, tmp_path, small_vpi):
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
    status, output, error = segment(folder, "-o", tmp_path / "out")
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
