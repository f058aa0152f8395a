"""Results are whole or not there, take nobody's place, and have names that every system can hold."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import SimpleITK as sitk
from writers import write

from DAGANSpineLib.files import OutputError, plain_text, whole_file, whole_folder
from DAGANSpineLib.inference.one_file import name_of
from DAGANSpineLib.model.card import BUNDLED
from DAGANSpineLib.vpi import write_image


def test_a_second_run_replaces_the_first_ones_results(tmp_path):
    for content in ("old.png", "new.png"):
        with whole_folder(tmp_path / "results", replaces=("*.png",)) as folder:
            (folder / content).touch()
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["new.png"]
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def test_results_never_take_the_place_of_somebodys_files(run, pixels, tmp_path):
    """A folder or a file beside the input may have the name that the results would get."""
    folder = tmp_path / "child"
    folder.mkdir()
    inside = write(folder / "child.png", pixels)  # results would go to child/
    without_ending = tmp_path / "IM0001"  # as DICOM files are often called: results would go to IM0001/
    without_ending.write_bytes(write(tmp_path / "slice.dcm", pixels[None]).read_bytes())
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for source, words in ((inside, "holds other files (child.png)"), (without_ending, "is a file")):
        status, _, error = run("segment", source, "-o", tmp_path)
        assert status == 2 and words in error and error.count("\n") == 1
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_names_lose_their_ending_only():
    names = [name_of(Path(name)) for name in ("a.png", "b.nii.gz", "1.2.840.113.dcm", "plain", "sweep.2.nrrd", "1.2.3")]
    assert names == ["a", "b", "1.2.840.113", "plain", "sweep.2", "1.2.3"]


def test_names_of_results_are_fit_for_every_system():
    odd = {
        "CON.png": "CON_", "lpt1.nrrd": "lpt1_", "...png": "image", "..nii.gz": "image", "a. .png": "a",
        "a:b?.png": "a_b_", "caf\udce9.png": "caf?".replace("?", "_"), "=1+2.png": "=1+2",
    }  # fmt: skip
    assert {name: name_of(Path(name)) for name in odd} == odd
    long = [name_of(Path(letter * 300 + ".png")) for letter in "ab"] + [name_of(Path("a" * 299 + "b.png"))]
    assert len(set(long)) == 3 and max(map(len, long)) <= 200


def test_a_long_name_in_letters_of_several_bytes_costs_nothing(pixels, tmp_path):
    """Half a letter in a temporary name, which is no UTF-8, would end the process in ITK."""
    for letters in ("脊" * 80, "a" + "ö" * 110, "😀" * 55, "b" * 98 + ".é" + "c" * 120 + ".d"):
        with whole_folder(tmp_path / letters) as folder:
            assert plain_text(str(folder)) == str(folder)
            write_image(sitk.GetImageFromArray(pixels), folder / "a.nrrd")
        with whole_file(tmp_path / letters / f"{letters}.png") as partial:
            write_image(sitk.GetImageFromArray(pixels), partial)
        assert [path.name for path in (tmp_path / letters).iterdir() if path.suffix == ".png"] == [f"{letters}.png"]


def test_of_two_that_write_one_folder_the_first_is_told_and_the_seconds_results_stand(tmp_path):
    """The second can't tell the first's half-written folder from one that a killed run left."""
    place = tmp_path / "results"
    with pytest.raises(OutputError, match=r"begun to write .*results too"), whole_folder(place) as first:
        with whole_folder(place) as second:
            (second / "labels.txt").write_text("the second's")
        sitk.WriteImage(sitk.Image(8, 8, sitk.sitkUInt8), first / "labels.png")  # ITK's error is that of a full disk
    assert [each.name for each in tmp_path.iterdir()] == ["results"]
    assert (place / "labels.txt").read_text() == "the second's"


def test_somebodys_own_files_that_are_called_as_ours_stay(run, pixels, tmp_path):
    source = write(tmp_path / "vpi.png", pixels)
    own = tmp_path / "out" / "vpi" / "labels.png"
    own.parent.mkdir(parents=True)
    own.write_text("drawn by hand")
    status, _, error = run("segment", source, "-o", tmp_path / "out")
    assert status == 2 and "holds other files (labels.png)" in error and own.read_text() == "drawn by hand"
    own.unlink()
    (own / "mine").mkdir(parents=True)
    status, _, error = run("segment", source, "-o", tmp_path / "out")
    assert status == 2 and "holds other files (labels.png)" in error and (own / "mine").is_dir()


def test_a_folder_that_can_not_be_replaced_is_refused_before_any_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for place in (Path("."), tmp_path.parent, Path("/proc")):
        with pytest.raises(OutputError, match="can't be replaced"), whole_folder(place, replaces=("*",)):
            raise AssertionError("work was done")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit to the size of files")
def test_a_full_disk_is_a_sentence_whatever_library_writes(tmp_path):
    """In a process of its own that may not write more than 4 kB into a file."""
    program = """
import resource, sys
import numpy as np, SimpleITK as sitk, torch
from pathlib import Path
from DAGANSpineLib.files import OutputError, plain_text, whole_file, whole_folder
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
noise = np.random.default_rng(0).integers(0, 255, (300, 300)).astype(np.uint8)
writers = {
    "a.png": lambda path: sitk.WriteImage(sitk.GetImageFromArray(noise), str(path), useCompression=True),
    "a.nrrd": lambda path: sitk.WriteImage(sitk.GetImageFromArray(noise), str(path)),
    "a.pt": lambda path: torch.save(torch.from_numpy(noise), path),
}
for name, write in writers.items():
    for whole in (whole_file(Path(sys.argv[1]) / name), whole_folder(Path(sys.argv[1]) / "folder")):
        try:
            with whole as target:
                write(target / name if target.is_dir() else target)
            print(name, "written")
        except OutputError as error:
            print(name, error)
        except OSError as error:
            print(name, "can't be written")  # which commands say for all
"""
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path], cwd=BUNDLED.parents[2], capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["a.png"] * 2 + ["a.nrrd"] * 2 + ["a.pt"] * 2
    assert all("can't be written" in line for line in done.stdout.splitlines()) and list(tmp_path.iterdir()) == []


def test_what_libraries_say_of_a_full_disk_is_a_sentence(tmp_path):
    for error in ("unexpected pos 704 vs 598", "ITK ERROR: PNGImageIO: Error while writing"):
        for whole in (whole_file(tmp_path / "a"), whole_folder(tmp_path / "b")):
            with pytest.raises(OutputError, match="disk full"), whole:
                raise RuntimeError(error)
    with pytest.raises(RuntimeError, match="something else"), whole_folder(tmp_path / "b"):
        raise RuntimeError("something else")
    assert list(tmp_path.iterdir()) == []
