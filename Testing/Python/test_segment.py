"""A file goes in, a folder of results comes out, with what the pipeline computed, in the file's own geometry."""

import json
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk
import slicerio
from watching import watch
from writers import write

from DAGANSpineLib.files import OutputError
from DAGANSpineLib.inference import Pipeline
from DAGANSpineLib.inference import one_file as segment_module
from DAGANSpineLib.inference.one_file import name_of, segment_file
from DAGANSpineLib.metrics import LIT, patches
from DAGANSpineLib.model.card import BUNDLED
from DAGANSpineLib.progress import Cancelled
from DAGANSpineLib.segments import SEGMENTS
from DAGANSpineLib.simulation import simulate_subject
from DAGANSpineLib.vpi import lit_body, within_reach

OUTPUTS = ["labels.png", "overlay.png", "report.json", "residual.png", "restored.nrrd", "segmentation.seg.nrrd"]


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline.load(device="cpu")


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    """320 rows and columns of a simulated VPI around its most corrupted patch."""
    vpi = simulate_subject(6).vpi
    measured = patches(vpi, lit_body(vpi))
    variation = measured.variation * (measured.lit >= LIT)
    worst = np.array(np.unravel_index(variation.argmax(), variation.shape)) * measured.stride
    down, across = (np.clip(worst - 112, 0, np.array(vpi.shape) - 320)).tolist()
    part = np.ascontiguousarray(vpi[down : down + 320, across : across + 320])
    part[part == part.max()] = 255  # as in real VPI, which are saturated: deeper pictures are scaled to that
    return part


def test_every_output_is_there_with_the_inputs_geometry(pixels, pipeline, tmp_path):
    coronal = np.ascontiguousarray(pixels[::-1])[:, None, :]
    source = write(tmp_path / "vpi.nrrd", coronal, spacing=(0.2, 1.0, 0.25))
    report = segment_file(source, tmp_path / "out", pipeline)
    folder = tmp_path / "out" / "vpi"
    assert sorted(path.name for path in folder.iterdir()) == OUTPUTS
    given, restored = sitk.ReadImage(str(source)), sitk.ReadImage(str(folder / "restored.nrrd"))
    for name in ("Size", "Spacing", "Origin", "Direction"):
        np.testing.assert_allclose(getattr(restored, f"Get{name}")(), getattr(given, f"Get{name}")())
    assert report["image"]["spacing_mm"] == [0.25, 0.2] or report["image"]["spacing_mm"] == (0.25, 0.2)
    assert json.loads((folder / "report.json").read_text(encoding="utf-8"))["image"]["spacing_mm"] == [0.25, 0.2]


def test_files_hold_what_the_pipeline_computed(pixels, pipeline, tmp_path):
    source = write(tmp_path / "vpi.png", pixels)
    report = segment_file(source, tmp_path / "out", pipeline)
    result = pipeline.run(pixels.astype(np.float32))
    folder = tmp_path / "out" / "vpi"
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "labels.png"))), result.labels)
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "restored.nrrd")))[0], result.restored)
    assert sitk.ReadImage(str(folder / "overlay.png")).GetSize() == pixels.shape[::-1]
    assert json.loads((folder / "report.json").read_text(encoding="utf-8")) == json.loads(json.dumps(report))


def test_slicers_segmentation_has_names_colours_and_codes(pixels, pipeline, tmp_path):
    segment_file(write(tmp_path / "vpi.png", pixels), tmp_path / "out", pipeline)
    stored = slicerio.read_segmentation(str(tmp_path / "out" / "vpi" / "segmentation.seg.nrrd"))
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out" / "vpi" / "labels.png")))
    assert np.array_equal(stored["voxels"][:, :, 0].T, labels)
    assert [(segment["name"], segment["labelValue"]) for segment in stored["segments"]] == [
        ("Rib", 1),
        ("Thoracic", 2),
        ("Lumbar", 3),
    ]
    assert [segment["terminology"]["type"][:2] for segment in stored["segments"]] == [
        ["SCT", "113197003"],
        ["SCT", "122495006"],
        ["SCT", "122496007"],
    ]
    for segment, expected in zip(stored["segments"], SEGMENTS, strict=True):
        np.testing.assert_allclose(segment["color"], expected.colour)


def test_slicer_itself_reads_the_segmentation_in_its_place(scene, pixels, pipeline, tmp_path):
    import slicer

    image = sitk.GetImageFromArray(np.ascontiguousarray(pixels[::-1])[:, None, :])
    image.SetSpacing((0.2, 1.0, 0.25))
    image.SetOrigin((10, -20, 30))
    sitk.WriteImage(image, str(tmp_path / "vpi.nrrd"))
    segment_file(tmp_path / "vpi.nrrd", tmp_path / "out", pipeline)
    read = {}
    for kind, name in (("Segmentation", "segmentation.seg.nrrd"), ("ScalarVolume", "restored.nrrd")):
        read[kind] = scene.AddNewNodeByClass(f"vtkMRML{kind}Node")
        read[kind].AddDefaultStorageNode()
        read[kind].GetStorageNode().SetFileName(str(tmp_path / "out" / "vpi" / name))
        assert read[kind].GetStorageNode().ReadData(read[kind])
    segmentation = read["Segmentation"].GetSegmentation()
    assert [segmentation.GetNthSegment(index).GetName() for index in range(3)] == ["Rib", "Thoracic", "Lumbar"]
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out" / "vpi" / "labels.png")))
    for segment in SEGMENTS:
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(read["Segmentation"], segment.name, read["ScalarVolume"])
        assert np.array_equal(mask[::-1, 0].astype(bool), labels == segment.label)
        assert segmentation.GetSegment(segment.name).GetTerminology() == segment.terminology


def test_the_report_says_what_ran_and_what_it_found(pixels, pipeline, tmp_path):
    report = segment_file(write(tmp_path / "vpi.png", pixels), tmp_path / "out", pipeline)
    assert report["note"] == "Research use, not for diagnosis."
    assert report["model"] == {"name": BUNDLED.name, "sha256": pipeline.model.sha256}
    assert len(report["model"]["sha256"]) == 64
    assert report["device"] == "cpu"
    assert set(report["classes"]) == {"rib", "thoracic", "lumbar"}
    assert report["corrupted patches"]["of"] >= report["corrupted patches"]["before"] > 0
    assert any("pixel size is unknown" in warning for warning in report["warnings"])
    assert report["largest g"]["before"] >= 4 > report["largest g"]["after"] > 0
    assert 0 < report["change of clean patches"] < 4


def test_the_command_says_what_restoration_removed_and_what_it_changed(run, pixels, tmp_path):
    status, output, _ = run("segment", write(tmp_path / "vpi.png", pixels), "-o", tmp_path)
    report = json.loads((tmp_path / "vpi" / "report.json").read_text(encoding="utf-8"))
    before, after = report["largest g"].values()
    assert status == 0
    assert f"largest g {before} → {after}, clean patches changed by {report['change of clean patches']} grey" in output


def test_a_picture_smaller_than_a_patch_has_no_figures_of_patches(run, pixels, tmp_path):
    status, output, _ = run("segment", write(tmp_path / "vpi.png", pixels[:90, 100:164]), "-o", tmp_path)
    report = json.loads((tmp_path / "vpi" / "report.json").read_text(encoding="utf-8"))
    assert status == 0 and "corrupted patches 0 → 0; segments" in output
    assert report["largest g"] == {"before": None, "after": None} and report["change of clean patches"] is None


def test_a_cancelled_run_leaves_nothing(pixels, pipeline, small_tiles, tmp_path):
    def cancel(fraction, message):
        if "tile 2" in message:
            raise Cancelled

    source = write(tmp_path / "vpi.png", pixels)
    with pytest.raises(Cancelled):
        segment_file(source, tmp_path / "a" / "b", pipeline, cancel)
    assert [path.name for path in tmp_path.iterdir()] == ["vpi.png"]


def test_a_failed_run_keeps_the_former_results(pixels, pipeline, tmp_path, monkeypatch):
    source = write(tmp_path / "vpi.png", pixels)
    segment_file(source, tmp_path, pipeline)
    before = (tmp_path / "vpi" / "report.json").read_text(encoding="utf-8")

    def full_disk(labels, path):
        raise RuntimeError("itk::ERROR: write failed")

    monkeypatch.setattr(segment_module, "write_segmentation", full_disk)
    with pytest.raises(OutputError, match="disk full"):
        segment_file(source, tmp_path, pipeline)
    assert (tmp_path / "vpi" / "report.json").read_text(encoding="utf-8") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["vpi", "vpi.png"]


def test_the_pixel_size_of_a_picture_can_be_given(run, pixels, tmp_path):
    source = write(tmp_path / "vpi.png", pixels)
    known = write(tmp_path / "known.nrrd", pixels, spacing=(1.5, 1.5))
    status, _, _ = run("segment", source, known, "-o", tmp_path / "out", "--spacing", "1.25")
    assert status == 0
    for name, size in (("vpi", 1.25), ("known", 1.5)):
        report = json.loads((tmp_path / "out" / name / "report.json").read_text(encoding="utf-8"))
        assert report["image"]["spacing_mm"] == [size, size]
        rib = report["classes"]["rib"]
        assert rib["area_mm2"] == pytest.approx(rib["area_pixels"] * size**2, abs=0.01)
        restored = sitk.ReadImage(str(tmp_path / "out" / name / "restored.nrrd"))
        assert restored.GetSpacing()[:2] == (size, size)
    for wrong in ("wide", "0.3,", "0.3,0.2,0.1", "0.3 0.2", "0,1", "nan", "0.3,inf"):
        status, _, error = run("segment", source, "-o", tmp_path / "out", "--spacing", wrong)
        assert status == 2 and "no pixel size in mm" in error, wrong


def test_pixels_that_are_not_square_can_be_given_down_and_across(run, pixels, tmp_path):
    source = write(tmp_path / "vpi.png", pixels)
    assert run("segment", source, "-o", tmp_path / "out", "--spacing", "0.5,1.25")[0] == 0
    report = json.loads((tmp_path / "out" / "vpi" / "report.json").read_text(encoding="utf-8"))
    assert report["image"]["spacing_mm"] == report["given_spacing_mm"] == [0.5, 1.25]
    assert sitk.ReadImage(str(tmp_path / "out" / "vpi" / "restored.nrrd")).GetSpacing()[:2] == (1.25, 0.5)
    before = (tmp_path / "out" / "vpi" / "report.json").stat().st_mtime_ns
    assert run("segment", source, "-o", tmp_path / "out", "--spacing", "0.5,1.25", "--resume")[0] == 0
    assert (tmp_path / "out" / "vpi" / "report.json").stat().st_mtime_ns == before


def bad_inputs(folder, pixels):
    (folder / "text.png").write_text("this is no picture")
    (folder / "no bytes.png").touch()
    (folder / "half.pt").write_bytes(BUNDLED.read_bytes()[:100_000])
    good = write(folder / "good.png", pixels)
    write(folder / "zeros.png", np.zeros((400, 100), np.uint8))
    write(folder / "nan.nrrd", np.where(pixels > 200, np.nan, pixels).astype(np.float32))
    write(folder / "thin.png", pixels[:1])
    write(folder / "volume.nrrd", (np.arange(20 * 64 * 48) % 4).reshape(20, 64, 48).astype(np.uint8))
    sitk.WriteImage(sitk.JoinSeries([sitk.GetImageFromArray(pixels[None])] * 2), str(folder / "4-D.nrrd"))
    (folder / "file").touch()
    out = folder / "out"
    return {
        "no file": (folder / "missing.png", "-o", out),
        "can't be read as an image": (folder / "text.png", "-o", out),
        "can't be read": (folder / "no bytes.png", "-o", out),
        "same value": (folder / "zeros.png", "-o", out),
        "NaN": (folder / "nan.nrrd", "-o", out),
        "too small": (folder / "thin.png", "-o", out),
        "a label map": (folder / "volume.nrrd", "-o", out),
        "sequence": (folder / "4-D.nrrd", "-o", out),
        "damaged": (good, "-o", out, "--model", folder / "half.pt"),
        "no model file": (good, "-o", out, "--model", folder / "missing.pt"),
        "can't be written": (good, "-o", folder / "file" / "out"),
        "Several inputs are called good": (good, folder / "other" / "good.nrrd", "-o", out),
        "the following arguments are required": (good,),
        "invalid choice": (good, "-o", out, "--device", "tpu"),
    }


def test_bad_input_is_one_line_exit_status_2_and_nothing_written(run, pixels, tmp_path):
    for words, arguments in bad_inputs(tmp_path, pixels).items():
        before = sorted(tmp_path.rglob("*"))
        status, _, error = run("segment", *arguments)
        assert status == 2, words
        assert words in error and error.count("\n") == 1 and "Traceback" not in error, error
        assert sorted(tmp_path.rglob("*")) == before, words


def test_colour_opacity_16_bit_and_float_pictures_work_and_agree(run, pixels, tmp_path):
    pixels = pixels[:128].copy()
    pixels[pixels == pixels.max()] = 255
    inputs = [
        write(tmp_path / "grey.png", pixels),
        write(tmp_path / "rgb.png", np.repeat(pixels[..., None], 3, 2), vector=True),
        write(tmp_path / "rgba.png", np.repeat(pixels[..., None], 4, 2), vector=True),
        write(tmp_path / "deep.png", pixels.astype(np.uint16) * 257),
        write(tmp_path / "float.nrrd", (pixels / 255).astype(np.float32)),
    ]
    status, output, _ = run("segment", *inputs, "-o", tmp_path / "out")
    assert status == 0 and "Research use, not for diagnosis." in output
    restored = [tmp_path / "out" / name_of(path) / "restored.nrrd" for path in inputs]
    first, *others = (sitk.GetArrayFromImage(sitk.ReadImage(str(path))).astype(int) for path in restored)
    assert all(np.abs(other - first).max() <= 1 for other in others)  # rounding of the luminance


def test_the_command_runs_as_a_module(tmp_path):
    finished = subprocess.run(
        [sys.executable, "-m", "DAGANSpineLib", "segment", "nowhere.png", "-o", "out"],
        cwd=tmp_path, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr == "segment: There is no file nowhere.png.\n"


def test_segmenting_needs_none_of_the_packages_that_training_or_the_tests_bring():
    """Contact sheets and their letters among it."""
    others = ("accelerate", "matplotlib", "monai", "slicer", "tensorboard", "tqdm", "vtk")
    blocked = f"import sys; sys.modules.update(dict.fromkeys({others}));"
    program = f"{blocked} from DAGANSpineLib.inference import many_files, one_file, pipeline"
    root = BUNDLED.parents[2]
    subprocess.run([sys.executable, "-c", program], cwd=root, check=True)


def test_the_lit_body_is_looked_for_once(pipeline, pixels, tmp_path, monkeypatch):
    looked = watch(lit_body, monkeypatch)
    segment_file(write(tmp_path / "a.png", pixels), tmp_path, pipeline)
    assert len(looked) == 1


def test_a_missing_package_is_named_with_what_brings_it(run, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "DAGANSpineLib.training.trainer", None)
    monkeypatch.setitem(sys.modules, "monai", None)
    status, _, error = run("train", "--data", tmp_path, "-o", tmp_path / "run")
    assert status == 2 and "is missing" in error and "[train]" in error


def test_the_simulated_vpi_is_segmented_into_bones_in_their_places(pipeline):
    """On a simulated spine that the model has never seen: ribs outside, thoracic blobs between, lumbar below."""
    subject = simulate_subject(987_654_321)
    labels = pipeline.run(subject.vpi.astype(np.float32)).labels
    for value in (1, 2, 3):
        found, truth = labels == value, subject.labels == value
        assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.5
    assert np.argwhere(labels == 3)[:, 0].mean() > np.argwhere(labels == 2)[:, 0].mean()
    assert not labels[~within_reach(lit_body(subject.vpi))].any()
