"""MRML nodes to pixels and back, in a real MRML scene."""

import numpy as np
import pytest

slicer = pytest.importorskip("slicer")
vtk = pytest.importorskip("vtk")

from scene_nodes import LABELS, PICTURE, add_volume, geometry, voxels  # noqa: E402

from DAGANSpineLib.errors import ImageError  # noqa: E402
from DAGANSpineLib.segments import SEGMENTS  # noqa: E402


def test_a_picture_without_orientation_is_taken_as_it_is(library):
    volume = add_volume(PICTURE[np.newaxis])
    np.testing.assert_array_equal(library.pixels_of(volume), PICTURE)


def test_a_colour_picture_becomes_its_luminance(library):
    colours = np.zeros((1, 120, 60, 3), np.uint8)
    colours[..., 0], colours[0, :60, :, 1], colours[0, :, :30, 2] = 200, 100, 50
    volume = add_volume(colours, kind="vtkMRMLVectorVolumeNode")
    expected = 0.30 * colours[0, ..., 0] + 0.59 * colours[0, ..., 1] + 0.11 * colours[0, ..., 2]
    np.testing.assert_allclose(library.pixels_of(volume), expected, atol=1e-3)


# columns of the matrices: where i, j and k point (right, anterior, superior)
CORONAL = np.array([[-0.5, 0, 0, 7], [0, 0, 0.5, 8], [0, -0.5, 0, 9], [0, 0, 0, 1]])  # i left, j down, one slice in k
FROM_BELOW = np.array([[-0.5, 0, 0, 7], [0, 2, 0, 8], [0, 0, 0.5, 9], [0, 0, 0, 1]])  # i left, k up, one slice in j
LYING = np.array([[0, -0.5, 0, 7], [0, 0, 2, 8], [-0.5, 0, 0, 9], [0, 0, 0, 1]])  # i down, j left, one slice in k


@pytest.mark.parametrize(
    ("array", "matrix"),
    [
        (PICTURE[np.newaxis], CORONAL),
        (PICTURE[::-1, np.newaxis], FROM_BELOW),
        (PICTURE.T[np.newaxis], LYING),
    ],
    ids=["coronal", "slice in the middle axis", "lying on its side"],
)
def test_the_head_is_at_the_top_in_whatever_axes_the_slice_lies(library, array, matrix):
    volume = add_volume(np.ascontiguousarray(array), matrix)
    np.testing.assert_array_equal(library.pixels_of(volume), PICTURE)
    restored, segmentation = library.publish(volume, PICTURE, LABELS)
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(restored), array)
    for segment in SEGMENTS:
        stored = voxels(segmentation, segment, volume)
        np.testing.assert_array_equal(stored == 1, (array > 0) & (as_stored(LABELS, array) == segment.label))


def as_stored(labels, array):
    """LABELS in the axes of one of the arrays above."""
    if array.shape[1] == 1:
        return labels[::-1, np.newaxis]
    return (labels.T if array.shape[1] == labels.shape[1] else labels)[np.newaxis]


@pytest.mark.parametrize(
    ("array", "kind", "words"),
    [
        (np.ones((3, 120, 60), np.uint8), None, "60 × 120 × 3"),
        (PICTURE[np.newaxis], "vtkMRMLLabelMapVolumeNode", "label map"),
    ],
    ids=["a volume of three slices", "a label map"],
)
def test_what_is_no_projection_image_is_refused_with_a_sentence(library, array, kind, words):
    volume = add_volume(array, kind=kind)
    assert words in library.trouble_with(volume)
    with pytest.raises(ImageError, match=words):
        library.pixels_of(volume)


def test_a_node_without_an_image_is_refused_with_a_sentence(library, scene):
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Empty")
    assert "Empty holds no image" in library.trouble_with(volume)
    assert "Choose an image" in library.trouble_with(None)


def test_results_have_the_inputs_geometry_and_transform(library, scene):
    matrix = np.array([[0, -0.2, 0, 30], [0.3, 0, 0, -20], [0, 0, 2, 10], [0, 0, 0, 1]])
    volume = add_volume(PICTURE[np.newaxis], matrix)
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    moved = vtk.vtkMatrix4x4()
    moved.SetElement(0, 3, 50)
    transform.SetMatrixTransformToParent(moved)
    volume.SetAndObserveTransformNodeID(transform.GetID())
    restored, segmentation = library.publish(volume, PICTURE, LABELS)
    np.testing.assert_allclose(geometry(restored), matrix)
    assert restored.GetParentTransformNode() is transform
    assert segmentation.GetParentTransformNode() is transform
    for segment in SEGMENTS:
        np.testing.assert_array_equal(voxels(segmentation, segment, volume)[0], np.equal(LABELS, segment.label))


def test_segments_carry_name_colour_and_terminology(library):
    _, segmentation = library.publish(add_volume(PICTURE[np.newaxis]), PICTURE, LABELS)
    for index, segment in enumerate(SEGMENTS):
        stored = segmentation.GetSegmentation().GetNthSegment(index)
        assert stored.GetName() == segment.name
        assert stored.GetColor() == pytest.approx(segment.colour)
        tag = vtk.reference("")
        assert stored.GetTag(stored.GetTerminologyEntryTagName(), tag)
        assert str(tag).split("~")[2] == f"SCT^{segment.code}^{segment.meaning}"


def test_the_first_image_is_no_label_map_no_volume_and_no_result(library):
    add_volume(PICTURE[np.newaxis], kind="vtkMRMLLabelMapVolumeNode")
    add_volume(np.ones((3, 120, 60), np.uint8))
    assert library.first_image() is None
    volume = add_volume(PICTURE[np.newaxis])
    library.publish(volume, PICTURE, LABELS)
    assert library.first_image() is volume


@pytest.mark.parametrize(
    ("array", "matrix"),
    [
        (PICTURE[np.newaxis], CORONAL),
        (PICTURE[::-1, np.newaxis], FROM_BELOW),
        (PICTURE.T[np.newaxis], LYING),
    ],
    ids=["coronal", "slice in the middle axis", "lying on its side"],
)
def test_the_segments_as_they_are_now_are_read_upright(library, array, matrix):
    volume = add_volume(np.ascontiguousarray(array), matrix)
    _, segmentation = library.publish(volume, PICTURE, LABELS)
    np.testing.assert_array_equal(library.labels_of(segmentation, volume), LABELS)
    segmentation.GetSegmentation().RemoveSegment("Rib")
    np.testing.assert_array_equal(library.labels_of(segmentation, volume), np.where(LABELS == 1, 0, LABELS))


def test_areas_are_in_mm_where_the_pixel_size_is_known(library):
    matrix = np.array([[-0.5, 0, 0, 7], [0, 0, 2, 8], [0, -0.25, 0, 9], [0, 0, 0, 1]])  # 0.5 mm across, 0.25 mm down
    volume = add_volume(PICTURE[np.newaxis], matrix)
    _, segmentation = library.publish(volume, PICTURE, LABELS)
    assert library.OneSlice.of(volume).spacing == (0.25, 0.5)
    assert library.classes_of(segmentation, volume)["rib"] == {"components": 1, "area_pixels": 400, "area_mm2": 50.0}


def test_the_pixel_size_is_unknown_where_slicer_only_assumes_it(library, tmp_path):
    volume = add_volume(PICTURE[np.newaxis])
    assert library.OneSlice.of(volume).spacing is None
    coronal = add_volume(PICTURE[np.newaxis], np.array([[-1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1.0]]))
    assert library.OneSlice.of(coronal).spacing == (1.0, 1.0)
    print_size = add_volume(PICTURE[np.newaxis], np.diag([-0.35, -0.35, 1, 1]))
    assert library.OneSlice.of(print_size).spacing == (0.35, 0.35)
    print_size.AddDefaultStorageNode(str(tmp_path / "scan.JPG"))
    assert library.OneSlice.of(print_size).spacing is None
