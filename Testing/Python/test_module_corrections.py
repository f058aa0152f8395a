"""Corrected segments become labels: bones by their names, upright on the picture's grid; or a sentence says why not."""

import json

import numpy as np
import pytest

slicer = pytest.importorskip("slicer")
pytest.importorskip("PySide6")

from clinician import LEARN, WITHOUT_LABELS, draw, keep, results  # noqa: E402

from DAGANSpineLib.training.dataset import load, open_dataset  # noqa: E402

CORONAL = np.array([[0.6, 0, 0, -40], [0, 0, 1, 7], [0, -0.75, 0, 30], [0, 0, 0, 1]])  # seen from behind


def test_segments_that_nobody_has_changed_are_said_to_be_the_models_own(ready, volume, folder):
    note = ready.ui.keepNotesLabel
    assert note.visible and "as the model drew them" in note.text.replace("\u200b", "")
    ready.ui.keepAsComboBox.currentIndex = WITHOUT_LABELS
    assert not note.visible
    ready.ui.keepAsComboBox.currentIndex = LEARN
    assert note.visible
    draw(volume)
    ready.updateGUI()
    assert not note.visible


@pytest.mark.parametrize("flipped", [False, True], ids=["head first", "feet first"])
def test_a_picture_that_lies_otherwise_in_its_volume_is_kept_upright(ready, small_vpi, folder, flipped):
    """As the run restores it: the head at the top, and the labels on the same grid."""
    from DAGANSpineLib import scene as library

    matrix = CORONAL.copy()
    # the volume's columns run down the picture, its rows across
    matrix[:3, :3] = np.array([[0, 0.6, 0], [0, 0, 1], [-0.75, 0, 0]])
    stored = small_vpi.T
    if flipped:
        matrix[:, 0] *= -1
        stored = stored[:, ::-1]
    volume = slicer.util.addVolumeFromArray(np.ascontiguousarray(stored[np.newaxis]), matrix, "Turned")
    ready.ui.inputSelector.setCurrentNode(volume)
    ready.ui.runButton.click()
    segmentation = library.results_of(volume)[1]
    along = slice(10, 100) if flipped else slice(200, 290)
    draw(volume, slice(20, 60), along, "Thoracic", segmentation)
    keep(ready)
    sample = load(open_dataset(folder).train[0])
    np.testing.assert_array_equal(sample.image, small_vpi)
    expected = np.zeros(small_vpi.shape, bool)
    expected[200:290, 20:60] = True
    np.testing.assert_array_equal(sample.labels == 2, expected & (sample.labels != 3))


def test_segments_on_another_grid_or_under_a_transform_are_brought_to_the_pictures(ready, volume, folder):
    """Segment Editor lets users draw on a finer grid than the image's."""
    segmentation, expected = results()[1], draw(volume)
    for segment in ("Rib", "Thoracic"):
        draw(volume, slice(0, 0), segment=segment)
    fine = slicer.util.addVolumeFromArray(np.zeros((1, 600, 320), np.uint8), np.eye(4), "Fine")
    matrix = slicer.util.arrayFromVTKMatrix(ijk_to_ras(volume)) @ np.diag([0.5, 0.5, 1, 1])
    matrix[:2, 3] += 0.25 * np.array([0.6, 0.75])  # the middle of the first fine pixel: a quarter of a pixel outside
    fine.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    mask = np.kron(expected, np.ones((2, 2), np.uint8))[np.newaxis].astype(np.uint8)
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(fine)
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, "Lumbar", fine)
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(CORONAL))
    volume.SetAndObserveTransformNodeID(transform.GetID())
    keep(ready)
    kept = load(open_dataset(folder).train[0]).labels == 3
    assert (kept & expected).sum() >= 0.95 * max(kept.sum(), expected.sum())


def ijk_to_ras(volume):
    import vtk

    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return matrix


def renamed(segmentation, volume):
    segmentation.GetSegmentation().GetSegment("Rib").SetName("Rippen")


def made_anew(segmentation, volume):
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, "Rib", volume)
    segmentation.GetSegmentation().RemoveSegment("Rib")
    segmentation.GetSegmentation().AddEmptySegment("Segment_1", " rib ", (1, 1, 0))
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, "Segment_1", volume)


def exchanged(segmentation, volume):
    """What was called thoracic is called lumbar, and the other way round."""
    for segment_id, name in (("Thoracic", "Lumbar spine"), ("Lumbar", "Thoracic spine")):
        segmentation.GetSegmentation().GetSegment(segment_id).SetName(name)


@pytest.mark.parametrize("change", [renamed, made_anew, exchanged])
def test_what_a_segment_is_called_says_which_bone_it_is(ready, volume, folder, change):
    segmentation = results()[1]
    draw(volume, columns=slice(30, 60), segment="Thoracic")
    lumbar, rib = draw(volume), slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, "Rib", volume)[0] > 0
    change(segmentation, volume)
    assert keep(ready).startswith("Kept as")
    labels = load(open_dataset(folder).train[0]).labels
    if change is exchanged:
        assert (labels[lumbar & (labels != 3)] == 2).all() and (labels == 3).sum() == 40 * 30
    else:
        np.testing.assert_array_equal(labels == 1, rib & (labels < 2))
        assert (labels == 1).any()


def gone(segmentation, volume):
    segmentation.GetSegmentation().RemoveSegment("Rib")


def twice(segmentation, volume):
    segmentation.GetSegmentation().AddEmptySegment("Segment_1", "rib", (1, 1, 0))


def called_as_another(segmentation, volume):
    segmentation.GetSegmentation().GetSegment("Rib").SetName("Lumbar")


def one_more(segmentation, volume):
    segmentation.GetSegmentation().AddEmptySegment("Segment_1", "Sacrum", (1, 1, 0))
    draw(volume, segment="Segment_1")


def all_empty(segmentation, volume):
    for segment in ("Rib", "Thoracic", "Lumbar"):
        draw(volume, slice(0, 0), segment=segment)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (gone, "There is no segment Rib any more"),
        (twice, "Several segments are called Rib"),
        (called_as_another, "There is no segment Rib any more"),
        (one_more, "The segment Sacrum is none of Rib, Thoracic, Lumbar"),
        (all_empty, "No bone is labelled"),
    ],
)
def test_segments_that_cannot_be_learnt_from_are_told_in_a_sentence(ready, volume, folder, change, words):
    change(results()[1], volume)
    assert words in keep(ready)
    assert not folder.exists()
    assert ready.ui.keepButton.enabled
    assert keep(ready, use=WITHOUT_LABELS).startswith("Kept as s001"), "the picture can be kept all the same"


def test_an_empty_segment_of_another_name_is_no_trouble_and_an_empty_bone_none(ready, volume, folder):
    results()[1].GetSegmentation().AddEmptySegment("Segment_1", "Sacrum", (1, 1, 0))
    draw(volume, slice(0, 0), segment="Rib")
    assert keep(ready).startswith("Kept as")
    assert 1 not in load(open_dataset(folder).train[0]).labels


def test_pixels_of_several_segments_are_said(ready, volume, folder):
    for segment in ("Rib", "Thoracic", "Lumbar"):
        draw(volume, slice(0, 0), segment=segment)
    results()[1].GetSegmentation().SeparateSegmentLabelmap("Lumbar")
    draw(volume, slice(100, 120), segment="Thoracic")
    draw(volume, slice(110, 130))
    assert "Of 400 pixels in several segments, the last one's name was taken." in keep(ready)
    labels = load(open_dataset(folder).train[0]).labels
    assert ((labels == 2).sum(), (labels == 3).sum()) == (400, 800)


def test_segments_of_another_frame_of_a_film_are_not_kept_with_this_one(ready, volume, folder, monkeypatch):
    from DAGANSpineLib import scene as library

    stored = library.findings_of(results()[1]) | {"frame": "1 of 9"}
    results()[1].SetAttribute(library.FINDINGS, json.dumps(stored))
    monkeypatch.setattr("DAGANSpineLib.scene.corrections.frame_of", lambda volume: "2 of 9")
    assert "The film shows frame 2 of 9, and the segments are those of frame 1 of 9" in keep(ready)
    assert not folder.exists()
