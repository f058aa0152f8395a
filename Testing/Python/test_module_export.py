"""The export: a folder that is whole or not there, and what its files say."""

import csv

import numpy as np
import pytest
import SimpleITK as sitk

slicer = pytest.importorskip("slicer")
slicerio = pytest.importorskip("slicerio")
pytest.importorskip("PySide6")

from clinician import results, said  # noqa: E402
from disks import full_disk  # noqa: E402

from DAGANSpineLib.report import findings  # noqa: E402
from DAGANSpineLib.segments import SEGMENTS  # noqa: E402

FILES = ["figures.csv", "report.json", "report.png", "restored.nrrd", "segmentation.seg.nrrd"]


@pytest.fixture
def ready(chosen, tmp_path):
    """The panel after a run, with a folder chosen."""
    chosen.ui.runButton.click()
    chosen.ui.exportPathLineEdit.currentPath = str(tmp_path)
    return chosen


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def rows_of(folder):
    with (folder / "figures.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_the_button_says_what_is_missing(chosen, tmp_path):
    button = chosen.ui.exportButton
    assert not button.enabled
    assert "no results of this image" in button.toolTip
    chosen.ui.runButton.click()
    assert not button.enabled
    assert "Choose a folder" in button.toolTip
    chosen.ui.exportPathLineEdit.currentPath = str(tmp_path)
    assert button.enabled
    assert "NRRD" in button.toolTip


def test_an_export_is_a_folder_of_the_images_name(ready, tmp_path):
    ready.ui.exportButton.click()
    assert names_in(tmp_path) == ["VPI"]
    assert names_in(tmp_path / "VPI") == FILES
    assert said(ready) == f"Exported to {tmp_path / 'VPI'}."
    assert not ready.ui.progressBar.visible


def test_the_exported_images_have_the_inputs_geometry(ready, volume, tmp_path):
    ready.ui.exportButton.click()
    image = sitk.ReadImage(str(tmp_path / "VPI" / "restored.nrrd"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), slicer.util.arrayFromVolume(results()[0]))
    np.testing.assert_allclose(image.GetSpacing(), volume.GetSpacing())
    left, anterior, superior = volume.GetOrigin()
    np.testing.assert_allclose(image.GetOrigin(), (-left, -anterior, superior))


def test_the_exported_segmentation_has_slicers_names_and_every_pixel(ready, volume, tmp_path):
    ready.ui.exportButton.click()
    read = slicerio.read_segmentation(str(tmp_path / "VPI" / "segmentation.seg.nrrd"))
    assert [segment["name"] for segment in read["segments"]] == [segment.name for segment in SEGMENTS]
    for stored, segment in zip(read["segments"], SEGMENTS, strict=True):
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(results()[1], segment.name, volume)
        assert (read["voxels"] == stored["labelValue"]).sum() == mask.sum() > 0
        assert segment.code in stored["tags"]["TerminologyEntry"] if "tags" in stored else True


def test_the_table_has_a_line_for_each_class_with_the_figures_of_the_restoration(ready, volume, small_vpi, tmp_path):
    from DAGANSpineLib import scene as library

    ready.ui.exportButton.click()
    rows = rows_of(tmp_path / "VPI")
    restored, segmentation = results()
    pictures = library.pixels_of(restored), library.labels_of(segmentation, volume)
    found = findings(small_vpi.astype(np.float32), *pictures, (0.75, 0.6))
    assert [row["class"] for row in rows] == ["rib", "thoracic", "lumbar"]
    for row in rows:
        values = found["classes"][row["class"]]
        assert (int(row["components"]), int(row["area_pixels"])) == (values["components"], values["area_pixels"])
        assert float(row["area_mm2"]) == values["area_mm2"]
        assert row["image"] == "VPI"
        assert int(row["corrupted_before"]) == found["corrupted patches"]["before"]
        assert float(row["largest_g_after"]) == found["largest g"]["after"]
        assert row["model"].startswith("slim.pt, sha256 ")


@pytest.mark.parametrize("which", [0, 1])
def test_results_that_were_deleted_just_now_are_missed_in_a_sentence(ready, scene, tmp_path, which):
    scene.RemoveNode(results()[which])
    ready.ui.exportButton.click()
    assert "no results of this image any more" in said(ready)
    assert "object" not in said(ready) and not names_in(tmp_path)


@pytest.mark.parametrize("name", ["=1+1", "\t=1", "@now", "| cmd"])
def test_no_name_is_a_formula_to_a_spreadsheet(ready, volume, tmp_path, name):
    volume.SetName(name)
    ready.ui.exportButton.click()
    (folder,) = tmp_path.iterdir()
    assert [row["image"] for row in rows_of(folder)] == [f"'{name}"] * 3


def test_edited_segments_are_exported_as_they_are_now(ready, volume, tmp_path):
    mask = np.zeros((1, 300, 160), np.uint8)
    mask[0, 100:110, 50:60] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, results()[1], "Lumbar", volume)
    ready.ui.exportButton.click()
    row = rows_of(tmp_path / "VPI")[2]
    assert (row["components"], row["area_pixels"]) == ("1", "100")
    assert "changed after the run" in row["warnings"]


def test_the_page_is_one_sheet_of_paper_with_every_text_and_picture(ready, volume, small_vpi, tmp_path):
    from DAGANSpinePanel import page

    ready.ui.exportButton.click()
    sheet = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "VPI" / "report.png")))
    assert sheet.shape[:2] == (page.HEIGHT, page.WIDTH)
    grey = (np.ptp(sheet[..., :3].astype(int), axis=2) < 8).mean()
    assert 0.5 < grey < 0.999  # paper and pictures, and some colour
    found = findings(small_vpi.astype(np.float32), small_vpi, (small_vpi > 190).astype(np.uint8), None)
    files = {name: tmp_path / name for name in ("original", "restored", "removed")}
    text = page.contents([("Image", "<our VPI> & more"), ("Date", "2026-05-04")], files, found)
    for expected in (
        "Research use, not for diagnosis.",
        "&lt;our VPI&gt; &amp; more",
        "2026-05-04",
        *(file.as_uri() for file in files.values()),
        *found["warnings"],
        str(found["classes"]["rib"]["area_pixels"]),
        f"{found['largest g']['before']:.2f}",
    ):
        assert expected in text, expected


def test_nothing_is_replaced_without_asking(ready, tmp_path, monkeypatch):
    ready.ui.exportButton.click()
    before = {path.name: path.read_bytes() for path in (tmp_path / "VPI").iterdir()}
    asked = []

    def decline(text, **_more):
        asked.append(text)
        return False

    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", decline)
    results()[0].SetName("changed")
    (tmp_path / "VPI" / "figures.csv").write_text("mine")
    ready.ui.exportButton.click()
    assert str(tmp_path / "VPI") in asked[0]
    assert (tmp_path / "VPI" / "figures.csv").read_text(encoding="utf-8") == "mine"
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, **_more: True)
    ready.ui.exportButton.click()
    assert (tmp_path / "VPI" / "figures.csv").read_bytes() == before["figures.csv"]
    assert names_in(tmp_path) == ["VPI"]


def test_a_folder_with_other_files_is_left_alone(ready, tmp_path, monkeypatch):
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, **_more: True)
    (tmp_path / "VPI").mkdir()
    (tmp_path / "VPI" / "thesis.doc").write_text("years of work")
    ready.ui.exportButton.click()
    assert "holds other files (thesis.doc)" in said(ready)
    assert names_in(tmp_path / "VPI") == ["thesis.doc"]


def test_a_folder_that_is_gone_is_told_and_not_made(ready, tmp_path):
    ready.ui.exportPathLineEdit.currentPath = str(tmp_path / "gone")
    ready.ui.exportButton.click()
    assert f"There is no folder {tmp_path / 'gone'}" in said(ready)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("limit", [100, 6000], ids=["at once", "in the midst"])
def test_a_full_disk_is_told_and_leaves_nothing(ready, tmp_path, limit):
    with full_disk(limit):
        ready.ui.exportButton.click()
    assert "can't be written" in said(ready)
    assert names_in(tmp_path) == []
    assert ready.ui.exportButton.enabled


@pytest.mark.parametrize("index", [0, 1], ids=["restored image", "segmentation"])
@pytest.mark.parametrize("missing", [100, 9000])
def test_an_image_that_the_disk_has_no_room_for_is_not_taken_for_written(ready, tmp_path, index, missing):
    """Of the last bytes, Slicer's writers don't notice that they are missing."""
    from DAGANSpinePanel import export

    from DAGANSpineLib.files import OutputError

    node, path = results()[index], tmp_path / export.OUTPUTS[index]
    storage = (slicer.vtkMRMLVolumeArchetypeStorageNode, slicer.vtkMRMLSegmentationStorageNode)[index]
    export.writeNode(node, storage(), path)
    size = path.stat().st_size
    with full_disk(size - missing), pytest.raises(OutputError, match="is the disk full"):
        export.writeNode(node, storage(), path)


@pytest.mark.parametrize("after", ["Writing the segmentation", "Drawing the page"])
def test_cancelling_an_export_leaves_nothing(ready, tmp_path, after):
    show = ready.onProgress

    def onProgress(fraction, text):
        show(fraction, text)
        if text == after:
            ready.ui.runButton.click()

    ready.onProgress = onProgress
    ready.ui.exportButton.click()
    assert ready.ui.statusLabel.text == "Cancelled. Nothing was written."
    assert names_in(tmp_path) == []


def test_an_unforeseen_error_is_told_and_leaves_nothing(ready, tmp_path, monkeypatch):
    def fail(*_arguments):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("DAGANSpinePanel.page.draw", fail)
    ready.ui.exportButton.click()
    assert "division by zero. Nothing was written." in said(ready)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "folder"),
    [("a/b: c?", "a_b_ c_"), ("../..", "_"), ("  ", "VPI"), ("Größe 1%", "Größe 1%"), ("a" * 200, "a" * 200)],
)
def test_a_name_that_is_no_folder_becomes_one(ready, volume, tmp_path, name, folder):
    volume.SetName(name)
    ready.ui.exportButton.click()
    assert names_in(tmp_path) == [folder]


def test_an_export_changes_nothing_in_the_scene(ready, tmp_path):
    from clinician import nodes

    before = nodes(), [node.GetStorageNode() for node in results()]
    ready.ui.exportButton.click()
    assert (nodes(), [node.GetStorageNode() for node in results()]) == before


def test_results_whose_display_nodes_were_deleted_are_exported(ready, scene, tmp_path):
    for node in results():
        scene.RemoveNode(node.GetDisplayNode())
    ready.ui.exportButton.click()
    assert names_in(tmp_path) == ["VPI"] and "Exported to" in said(ready)
