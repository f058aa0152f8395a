"""Volumes in files, whatever their format, and the command that projects them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from truth import Stored, slab_of

from DAGANSpineLib.__main__ import main
from DAGANSpineLib.errors import ImageError
from DAGANSpineLib.projection import Projector, Slab
from DAGANSpineLib.projection.files import Wanted, project_file, read_input
from DAGANSpineLib.simulation import simulate_subject, simulate_volume
from DAGANSpineLib.vpi import read_vpi


@pytest.fixture(scope="module")
def upright() -> Stored:
    return Stored.of(simulate_volume(simulate_subject(5, spacing_mm=0.5), (2.0, 1.8, 1.2)))


@pytest.fixture(scope="module")
def looked_at(upright) -> Projector:
    return upright.projector()


@pytest.mark.parametrize("ending", [".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd", "dicom series"])
def test_every_format_gives_the_same_vpi(ending, upright, looked_at, tmp_path):
    path = tmp_path / f"spine{ending}"
    if ending == "dicom series":
        path = write_series(upright.image(), tmp_path / "series")
    else:
        sitk.WriteImage(upright.image(), str(path))
    slab = slab_of(upright.volume)
    projected = project_file(path, Wanted(depth_mm=slab.depth_mm))
    assert np.array_equal(projected.vpi.pixels, looked_at.project(slab))
    expected = looked_at.vpi(slab).image
    for name, tolerance in (("Size", 0), ("Spacing", 1e-4), ("Origin", 1e-3), ("Direction", 1e-5)):
        read = (getattr(image, f"Get{name}")() for image in (projected.vpi.image, expected))
        np.testing.assert_allclose(*read, atol=tolerance)
    assert projected.report == {
        "depth_mm": slab.depth_mm, "thickness_mm": 3.0, "method": "mean", "head": "S", "skin": "P",
    }  # fmt: skip


@pytest.mark.parametrize("change", ["a gap", "twice"])
def test_a_series_with_a_gap_or_a_slice_twice_is_refused(change, upright, tmp_path):
    folder = write_series(upright.image(), tmp_path / "series")
    project_file(folder)
    slices = sorted(folder.iterdir())
    if change == "a gap":
        slices[7].unlink()
    else:
        again = pydicom.dcmread(slices[7])
        again.SOPInstanceUID = "1.2.3"
        again.save_as(folder / "again.dcm")
    with pytest.raises(ImageError, match="don't lie evenly"):
        project_file(folder)


def write_series(image: sitk.Image, folder: Path) -> Path:
    """A DICOM series of the image's slices."""
    folder.mkdir()
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    directions = np.array(image.GetDirection()).reshape(3, 3)
    for index in range(image.GetDepth()):
        slice_ = image[:, :, index]
        position = image.TransformIndexToPhysicalPoint((0, 0, index))
        tags = {
            "0008|0060": "OT",  # of US, GDCM does not keep the spacing
            "0020|000e": "1.2.826.0.1.3680043.2.1125.1",
            "0020|000d": "1.2.826.0.1.3680043.2.1125.2",
            "0020|0013": str(index + 1),
            "0020|0032": "\\".join(f"{value:.6f}" for value in position),
            "0020|0037": "\\".join(f"{value:.6f}" for value in directions[:, :2].T.ravel()),
            "0018|0088": f"{image.GetSpacing()[2]:.6f}",
        }
        for tag, value in tags.items():
            slice_.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{index:04d}.dcm"))
        writer.Execute(slice_)
    return folder


def test_a_single_picture_is_taken_as_it_is(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (120, 60)).astype(np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(pixels), str(tmp_path / "vpi.png"))
    vpi, projected = read_input(tmp_path / "vpi.png")
    assert projected is None and np.array_equal(vpi.pixels, pixels)


def run(monkeypatch, capsys, *arguments) -> tuple[int, str, str]:
    """The command line: exit status, standard output and error."""
    monkeypatch.setattr("sys.argv", ["DAGANSpineLib", *map(str, arguments)])
    try:
        status = main()
    except SystemExit as stop:
        status = int(stop.code)
    return status, *capsys.readouterr()


@pytest.fixture(scope="module")
def spine_file(upright, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("spine") / "spine.nrrd"
    sitk.WriteImage(upright.image(), str(path))
    return path


def test_the_command_writes_a_vpi_with_its_place(spine_file, upright, looked_at, tmp_path, monkeypatch, capsys):
    slab = Slab(11.0, 4.0, "maximum")
    options = "--depth", 11, "--thickness", 4, "--method", "maximum", "--axis", "S", "--direction", "P"
    for name in ("vpi.nrrd", "vpi.nii.gz", "vpi.png", "{path}.NII.GZ", "V.Mha"):
        status, output, _ = run(monkeypatch, capsys, "project", spine_file, "-o", tmp_path / name, *options)
        assert status == 0 and "maximum of 4 mm from 11 mm under the skin" in output
        assert "Research use, not for diagnosis." in output
        assert np.array_equal(read_vpi(tmp_path / name).pixels, looked_at.project(slab))
    stored = sitk.ReadImage(str(tmp_path / "vpi.nrrd"))
    for name in ("Size", "Spacing", "Origin", "Direction"):
        values = (getattr(image, f"Get{name}")() for image in (stored, looked_at.vpi(slab).image))
        np.testing.assert_allclose(*values, atol=1e-6)


def test_bad_input_is_one_line_exit_status_2_and_nothing_written(spine_file, upright, tmp_path, monkeypatch, capsys):
    many = tmp_path / "many.nrrd"
    sitk.WriteImage(sitk.JoinSeries([upright.image()[::8, ::8, ::8]] * 2), str(many))
    colours = tmp_path / "colours.nrrd"
    sitk.WriteImage(sitk.Compose([upright.image()[::4, ::4, ::4]] * 3), str(colours))
    picture = tmp_path / "picture.png"
    sitk.WriteImage(sitk.GetImageFromArray(np.eye(64, dtype=np.uint8) * 255), str(picture))
    (tmp_path / "empty").mkdir()
    out = tmp_path / "out.nrrd"
    before = sorted(tmp_path.rglob("*"))
    for words, arguments in {
        "no file": (tmp_path / "missing.nrrd", "-o", out),
        "sequence of volumes": (many, "-o", out),
        "3 values for each voxel": (colours, "-o", out),
        "used as it is": (picture, "-o", out),
        "holds no DICOM series": (tmp_path / "empty", "-o", out),
        "holds nothing from 300": (spine_file, "-o", out, "--depth", 300),
        "one line": (spine_file, "-o", out, "--axis", "P", "--direction", "A"),
        "not as out.jpg": (spine_file, "-o", tmp_path / "out.jpg"),
        "not as .nrrd": (spine_file, "-o", tmp_path / ".nrrd"),
        "not as ..nii": (spine_file, "-o", tmp_path / "..nii"),
        "invalid choice": (spine_file, "-o", out, "--axis", "up"),
        "invalid float": (spine_file, "-o", out, "--depth", "deep"),
        "can't be": (spine_file, "-o", out, "--thickness", -3),
    }.items():
        status, _, error = run(monkeypatch, capsys, "project", *arguments)
        assert status == 2 and words in error and error.count("\n") == 1, error
        assert sorted(tmp_path.rglob("*")) == before, words


def test_a_vpi_never_takes_the_place_of_a_volume(spine_file, tmp_path, monkeypatch, capsys):
    copy = tmp_path / "copy.nrrd"
    copy.write_bytes(spine_file.read_bytes())
    for output in (copy, spine_file):
        before = output.read_bytes()
        status, _, error = run(monkeypatch, capsys, "project", copy, "-o", output)
        assert status == 2 and "choose another name" in error and output.read_bytes() == before


def test_segmenting_a_volume_projects_it_first(spine_file, looked_at, slim_model_file, tmp_path):
    from DAGANSpineLib.inference import Pipeline
    from DAGANSpineLib.inference.one_file import segment_file

    report = segment_file(spine_file, tmp_path, Pipeline.load(slim_model_file, "cpu"))
    slab = Slab(looked_at.depth_mm)
    assert report["projection"] == looked_at.report(slab)
    assert report["image"]["spacing_mm"] == pytest.approx(looked_at.spacing[:2])
    restored, expected = sitk.ReadImage(str(tmp_path / "spine" / "restored.nrrd")), looked_at.vpi(slab)
    for name in ("Size", "Spacing", "Origin", "Direction"):
        values = (getattr(image, f"Get{name}")() for image in (restored, expected.image))
        np.testing.assert_allclose(*values, atol=1e-6)
    assert np.corrcoef(sitk.GetArrayFromImage(restored).ravel(), expected.pixels.ravel())[0, 1] > 0.9
