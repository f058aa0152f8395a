"""Results in the scene: beside their image, filled anew by the next run, and never over what a user has drawn."""

import gc
import subprocess
import sys

import numpy as np
import pytest
from house import ROOT

slicer = pytest.importorskip("slicer")
pytest.importorskip("vtk")

from scene_nodes import LABELS, PICTURE, add_volume, geometry, voxels  # noqa: E402
from watching import watch  # noqa: E402

from DAGANSpineLib.errors import ImageError  # noqa: E402
from DAGANSpineLib.segments import SEGMENTS  # noqa: E402


def test_what_was_restored_is_not_read_again_to_show_its_results(library, monkeypatch):
    volume = add_volume(PICTURE[np.newaxis])
    pixels = library.pixels_of(volume)
    read = watch(library.pixels_of, monkeypatch)
    restored, _ = library.publish(volume, PICTURE, LABELS, pixels=pixels)
    assert read == []
    assert restored.GetDisplayNode().GetWindowLevelMax() == volume.GetDisplayNode().GetWindowLevelMax()


def test_results_lie_beside_the_input_in_the_subject_hierarchy(library, scene):
    volume = add_volume(PICTURE[np.newaxis])
    hierarchy = scene.GetSubjectHierarchyNode()
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "Patient")
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(volume), patient)
    for node in library.publish(volume, PICTURE, LABELS):
        assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) == patient


def test_a_second_run_refills_the_first_results_and_keeps_what_the_user_gave_them(library, scene):
    volume = add_volume(PICTURE[np.newaxis])
    restored, segmentation = library.publish(volume, PICTURE, LABELS)
    restored.SetName("mine")
    segmentation.GetSegmentation().GetSegment("Rib").SetColor(1, 1, 0)
    segmentation.GetSegmentation().AddEmptySegment("Own", "Own", (0, 1, 1))
    count = scene.GetNumberOfNodes()
    again = library.publish(volume, 255 - PICTURE, LABELS[::-1])
    assert again == (restored, segmentation)
    assert scene.GetNumberOfNodes() == count
    assert restored.GetName() == "mine"
    assert segmentation.GetSegmentation().GetSegment("Rib").GetColor() == (1, 1, 0)
    assert segmentation.GetSegmentation().GetSegment("Own") is not None
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(restored)[0], 255 - PICTURE)
    for segment in SEGMENTS:
        np.testing.assert_array_equal(voxels(segmentation, segment, volume)[0], np.equal(LABELS[::-1], segment.label))


def test_a_class_that_is_nowhere_leaves_an_empty_segment(library):
    volume = add_volume(PICTURE[np.newaxis])
    library.publish(volume, PICTURE, LABELS)
    _, segmentation = library.publish(volume, PICTURE, np.where(LABELS == 3, 0, LABELS))
    assert voxels(segmentation, SEGMENTS[2], volume).sum() == 0
    assert voxels(segmentation, SEGMENTS[0], volume).sum() == 400


def test_a_copy_of_the_input_does_not_claim_its_results(library, scene):
    volume = add_volume(PICTURE[np.newaxis])
    library.publish(volume, PICTURE, LABELS)
    copy = slicer.modules.volumes.logic().CloneVolume(scene, volume, "copy")
    assert library.results_of(copy) == (None, None)


def test_an_image_that_changed_its_size_meanwhile_leaves_the_scene_as_it_was(library, scene):
    volume = add_volume(PICTURE[np.newaxis, :50])
    count = scene.GetNumberOfNodes()
    with pytest.raises(ImageError, match="changed during the run"):
        library.publish(volume, PICTURE, LABELS)
    assert scene.GetNumberOfNodes() == count


def make_segments_fail(monkeypatch):
    def fail(*_):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(slicer.util, "updateSegmentBinaryLabelmapFromArray", fail)


def test_a_failure_while_results_are_made_leaves_the_scene_as_it_was(library, scene, monkeypatch):
    volume = add_volume(PICTURE[np.newaxis])
    before = scene.GetNumberOfNodes()
    make_segments_fail(monkeypatch)
    with pytest.raises(RuntimeError, match="out of memory"):
        library.publish(volume, PICTURE, LABELS)
    assert scene.GetNumberOfNodes() == before


FOUND = {
    "warnings": ['The pixel size is unknown; über 5 µm: "q"\nmm²'],
    "corrupted patches": {"before": 5, "after": 1, "of": 9},
    "largest g": {"before": 4.5, "after": None},
    "change of clean patches": None,
    "classes": {name: {"components": 1, "area_pixels": 20} for name in ("rib", "thoracic", "lumbar")},
}


def test_findings_are_kept_with_both_results_and_go_with_the_next_run(library):
    volume = add_volume(PICTURE[np.newaxis])
    for node in library.publish(volume, PICTURE, LABELS, "m.pt", FOUND):
        assert library.findings_of(node) == FOUND
        assert library.model_of(node) == "m.pt"
    for node in library.publish(volume, PICTURE, LABELS):
        assert library.findings_of(node) is None


@pytest.mark.parametrize("text", ["{half", "[]", "{}", '{"warnings": [], "classes": {}}', "[" * 5000])
def test_findings_that_somebody_spoilt_are_none(library, text):
    restored, _ = library.publish(add_volume(PICTURE[np.newaxis]), PICTURE, LABELS, findings=FOUND)
    restored.SetAttribute(library.FINDINGS, text)
    assert library.findings_of(restored) is None


def test_what_was_removed_is_a_picture_of_its_own_and_no_result(library, scene):
    matrix = np.array([[0, -0.2, 0, 30], [0.3, 0, 0, -20], [0, 0, 2, 10], [0, 0, 0, 1]])
    volume = add_volume(np.full((1, 120, 60), 100, np.uint8) + (PICTURE[np.newaxis] > 250), matrix)
    changed = np.full((120, 60), 100, np.uint8)
    changed[:40], changed[40:80] = 100 - 64, 100 + 16
    restored, segmentation = library.publish(volume, changed, LABELS)
    removed = library.show_removed(volume, restored)
    stored = slicer.util.arrayFromVolume(removed)[0]
    names = [removed.GetDisplayNode().GetColorNode().GetColorName(int(stored[row, 0])) for row in (5, 50, 100)]
    assert names == ["Darkened by 32 grey levels", "Brightened by 16 grey levels", "Unchanged"]
    np.testing.assert_allclose(geometry(removed), matrix)
    assert library.results_of(volume) == (restored, segmentation)
    assert library.first_image() is volume


def test_what_was_removed_is_filled_anew_by_the_next_run(library, scene):
    volume = add_volume(PICTURE[np.newaxis])
    restored, _ = library.publish(volume, PICTURE // 2, LABELS)
    removed = library.show_removed(volume, restored)
    before, first = scene.GetNumberOfNodes(), slicer.util.arrayFromVolume(removed).copy()
    library.publish(volume, PICTURE, LABELS)
    assert library.show_removed(volume, restored) is removed
    assert scene.GetNumberOfNodes() == before
    assert first.any()
    assert not slicer.util.arrayFromVolume(removed).any()


@pytest.mark.parametrize("scale", [1, 64], ids=["8 bits", "16 bits"])
def test_the_restored_image_is_first_shown_as_bright_as_the_original(library, host, scale):
    volume = add_volume(PICTURE[np.newaxis].astype(np.uint16) * scale)
    volume.GetDisplayNode().AutoWindowLevelOff()
    volume.GetDisplayNode().SetWindowLevelMinMax(40 * scale, 200 * scale)
    pixels = library.pixels_of(volume)
    restored, _ = library.publish(volume, pixels.round().astype(np.uint8), LABELS)
    view = slicer.app.layoutManager().sliceWidget("Red")
    seen = []
    for node in (volume, restored):
        view.mrmlSliceCompositeNode().SetBackgroundVolumeID(node.GetID())
        view.sliceLogic().FitSliceToAll()
        seen.append(host.slice_view("Red").pixels().astype(int))
    assert seen[0].std() > 20
    np.testing.assert_allclose(seen[1], seen[0], atol=2)
    restored.GetDisplayNode().SetWindowLevelMinMax(0, 99)
    library.publish(volume, PICTURE, LABELS)
    assert restored.GetDisplayNode().GetWindowLevelMax() == 99


def test_beside_a_colour_picture_all_greys_are_shown(library):
    colours = np.repeat(PICTURE[np.newaxis, ..., np.newaxis], 3, axis=3)
    restored, _ = library.publish(add_volume(colours, kind="vtkMRMLVectorVolumeNode"), PICTURE, LABELS)
    display = restored.GetDisplayNode()
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == (0, 255)


DELETED = """
import sys
sys.path[:0] = [{root!r}, {root!r} + "/Testing"]
import numpy as np
import SlicerHost
SlicerHost.start()
import slicer
from DAGANSpineLib import scene
picture = np.tile(np.arange(64, dtype=np.uint8) * 3 + 20, (120, 1))
labels = np.zeros((120, 64), np.uint8)
labels[20:40, 10:20], labels[50:60, 20:40], labels[80:100, 20:40] = 1, 2, 3
volume = slicer.util.addVolumeFromArray(picture[np.newaxis], name="VPI")
segmentation = scene.publish(volume, picture, labels)[1]
slicer.mrmlScene.RemoveNode(segmentation.GetDisplayNode())
assert np.array_equal(scene.labels_of(segmentation, volume), labels)
assert not segmentation.GetDisplayNode().GetVisibility()
slicer.mrmlScene.RemoveNode(segmentation.GetDisplayNode())
fill, displayed = slicer.util.updateSegmentBinaryLabelmapFromArray, []
def watched(mask, node, *arguments):
    displayed.append(node.GetDisplayNode() is not None)
    fill(mask, node, *arguments)
slicer.util.updateSegmentBinaryLabelmapFromArray = watched
scene.publish(volume, picture, labels)
assert displayed and all(displayed)
print("read and filled")
"""


def test_a_segmentation_whose_display_node_was_deleted_gets_another_before_it_is_read_or_filled(tmp_path):
    """In a process of its own, which may crash."""
    finished = subprocess.run(
        [sys.executable, "-c", DELETED.format(root=str(ROOT))],
        cwd=tmp_path, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    assert "read and filled" in finished.stdout


def test_deleted_display_nodes_live_as_long_as_their_segmentation(library, scene):
    """Slicer's slice views go on asking them."""
    volume, ended = add_volume(PICTURE[np.newaxis]), []
    _, segmentation = library.publish(volume, PICTURE, LABELS)
    for _ in range(2):
        segmentation.GetDisplayNode().AddObserver("DeleteEvent", lambda *_: ended.append(True))
        scene.RemoveNode(segmentation.GetDisplayNode())
        library.labels_of(segmentation, volume)
    gc.collect()
    assert not ended
    scene.RemoveNode(segmentation)
    del segmentation
    gc.collect()
    assert ended, "and no longer"


def test_segments_that_a_user_edited_are_kept_beside_those_of_the_next_run(library):
    volume = add_volume(PICTURE[np.newaxis])
    restored, edited = library.publish(volume, PICTURE, LABELS)
    moved = np.roll(LABELS, 1, axis=0)  # as many pieces and as many pixels
    slicer.util.updateSegmentBinaryLabelmapFromArray(
        (moved == 2).astype(np.uint8)[np.newaxis], edited, "Thoracic", volume
    )
    again = library.publish(volume, PICTURE, LABELS)
    assert again[0] is restored
    assert again[1] is not edited
    assert library.results_of(volume) == again
    assert (edited.GetName(), again[1].GetName()) == ("VPI segmentation (edited)", "VPI segmentation")
    np.testing.assert_array_equal(voxels(edited, SEGMENTS[1], volume)[0], moved == 2)
    np.testing.assert_array_equal(voxels(again[1], SEGMENTS[1], volume)[0], np.equal(LABELS, 2))
    assert library.publish(volume, PICTURE, LABELS) == again, "what nobody has edited is filled anew"


def test_a_segment_that_a_user_deleted_is_an_edit_as_well(library):
    volume = add_volume(PICTURE[np.newaxis])
    _, edited = library.publish(volume, PICTURE, LABELS)
    edited.GetSegmentation().RemoveSegment("Rib")
    assert library.publish(volume, PICTURE, LABELS)[1] is not edited


def test_a_failed_run_leaves_edited_segments_with_their_image(library, scene, monkeypatch):
    volume = add_volume(PICTURE[np.newaxis])
    restored, edited = library.publish(volume, PICTURE, LABELS)
    edited.GetSegmentation().RemoveSegment("Rib")
    before = scene.GetNumberOfNodes()
    make_segments_fail(monkeypatch)
    with pytest.raises(RuntimeError, match="out of memory"):
        library.publish(volume, PICTURE, LABELS)
    assert library.results_of(volume) == (restored, edited)
    assert edited.GetName() == "VPI segmentation"
    assert scene.GetNumberOfNodes() == before


def test_new_segments_are_hidden_from_slicers_own_views(library):
    _, segmentation = library.publish(add_volume(PICTURE[np.newaxis]), PICTURE, LABELS)
    assert segmentation.GetDisplayNode().GetVisibility() == 0
