"""The side-by-side layout, in real slice views."""

import numpy as np
import pytest

slicer = pytest.importorskip("slicer")
pytest.importorskip("PySide6")

from DAGANSpineLib.segments import SEGMENTS  # noqa: E402

LABELS = np.zeros((120, 60), np.uint8)
LABELS[10:30, 5:25] = 1
LABELS[40:60, 20:50] = 2
LABELS[80:110, 10:30] = 3
PICTURE = np.random.default_rng(0).integers(1, 255, LABELS.shape, dtype=np.uint8)


@pytest.fixture
def shown(scene):
    """Volume, results and the layout that shows them."""
    from DAGANSpinePanel.views import Look, SideBySide

    from DAGANSpineLib import scene as library

    volume = slicer.util.addVolumeFromArray(PICTURE[np.newaxis], np.diag([-1.0, -1.0, 1.0, 1.0]), "VPI")
    restored, segmentation = library.publish(volume, PICTURE, LABELS)
    views = SideBySide()
    views.show(volume, restored, segmentation, Look())
    yield volume, restored, segmentation, views
    views.leave()


def test_the_layout_shows_the_original_beside_the_restored_image(shown):
    volume, restored, segmentation, views = shown
    manager = slicer.app.layoutManager()
    assert manager.layout == views.LAYOUT
    for tag, expected in ((views.ORIGINAL, volume), (views.RESTORED, restored)):
        composite = manager.sliceWidget(tag).mrmlSliceCompositeNode()
        assert composite.GetBackgroundVolumeID() == expected.GetID()
        assert composite.GetLinkedControl()
    node = manager.sliceWidget(views.RESTORED).mrmlSliceNode()
    assert segmentation.GetDisplayNode().GetViewNodeIDs() == (node.GetID(),)


def test_only_the_restored_view_is_drawn_with_segments(shown, host):
    *_, views = shown
    original, restored = (host.slice_view(tag).pixels().astype(int) for tag in (views.ORIGINAL, views.RESTORED))
    assert np.ptp(original, axis=2).max() == 0
    image_area = original.any(axis=2).sum()
    for segment in SEGMENTS:
        channel = int(np.argmax(segment.colour))
        others = np.delete(restored, channel, axis=2).max(axis=2)
        coloured = (restored[..., channel] - others > 20).sum()
        assert coloured / image_area == pytest.approx(np.equal(LABELS, segment.label).mean(), rel=0.2)


def test_leaving_gives_back_the_former_layout_and_shows_segments_everywhere(shown):
    _, _, segmentation, views = shown
    views.leave()
    assert slicer.app.layoutManager().layout == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
    assert segmentation.GetDisplayNode().GetViewNodeIDs() == ()


def test_leaving_keeps_a_layout_that_the_user_chose_meanwhile(shown):
    *_, views = shown
    slicer.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView)
    views.leave()
    assert slicer.app.layoutManager().layout == slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView
    slicer.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
