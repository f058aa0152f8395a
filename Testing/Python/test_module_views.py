"""What the slice views show, what the panel changes of it, and that all is undone: real views, real pixels."""

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


def pixels(host, tag):
    return host.slice_view(f"DAGANSpine{tag}").pixels().astype(int)


def colourfulness(picture):
    """Pixels that are not grey."""
    return int((np.ptp(picture, axis=2) > 20).sum())


@pytest.fixture
def shown_panel(chosen):
    """The panel after a run."""
    chosen.ui.runButton.click()
    return chosen


def test_fading_turns_the_restored_view_into_the_original(shown_panel, host):
    shown_panel.ui.segmentOpacitySlider.value = 0
    restored, original = pixels(host, "Restored"), pixels(host, "Original")
    assert np.abs(restored - original).max() > 20
    shown_panel.ui.fadeSlider.value = 50
    half = pixels(host, "Restored")
    np.testing.assert_allclose(half, (restored + original) / 2, atol=2)
    shown_panel.ui.fadeSlider.value = 100
    np.testing.assert_allclose(pixels(host, "Restored"), original, atol=1)


def test_the_opacity_of_the_segments_goes_down_to_nothing(shown_panel, host):
    full = colourfulness(pixels(host, "Restored"))
    shown_panel.ui.segmentOpacitySlider.value = 50
    half = pixels(host, "Restored")
    assert full > 1000
    assert 0 < np.ptp(half, axis=2).max() < 255
    shown_panel.ui.segmentOpacitySlider.value = 0
    assert colourfulness(pixels(host, "Restored")) == 0


def test_swapping_sides_swaps_the_layouts_order_and_nothing_else(shown_panel, host):
    from DAGANSpinePanel.views import SideBySide

    before = [pixels(host, tag) for tag in ("Original", "Restored")]
    shown_panel.ui.swapButton.click()
    assert slicer.app.layoutManager().layout == SideBySide.SWAPPED
    description = slicer.app.layoutManager().layoutLogic().GetLayoutNode().GetLayoutDescription(SideBySide.SWAPPED)
    assert description.index("DAGANSpineRestored") < description.index("DAGANSpineOriginal")
    for tag, picture in zip(("Original", "Restored"), before, strict=True):
        np.testing.assert_array_equal(pixels(host, tag), picture)
    shown_panel.ui.swapButton.click()
    assert slicer.app.layoutManager().layout == SideBySide.LAYOUT


def test_what_was_removed_is_red_where_it_became_darker_and_blue_where_brighter(shown, host):
    from DAGANSpinePanel.views import Look

    volume, restored, segmentation, views = shown
    changed = PICTURE.astype(int)
    changed[:40] -= 80
    changed[80:] += 80
    slicer.util.updateVolumeFromArray(restored, changed.clip(0, 255).astype(np.uint8)[np.newaxis])
    views.show(volume, restored, segmentation, Look(showRemoved=True))
    seen = pixels(host, "Original")
    rows = np.flatnonzero(seen.any(axis=(1, 2)))
    thirds = np.array_split(seen[rows[0] : rows[-1] + 1], 3)
    redness = [(third[..., 0] - third[..., 2]).mean() for third in thirds]
    assert redness[0] > 40
    assert abs(redness[1]) < 1
    assert redness[2] < -40


def test_the_legend_is_shown_with_what_it_explains(shown_panel, host):
    assert not shown_panel.ui.removedLegendLabel.visible
    assert colourfulness(pixels(host, "Original")) == 0
    shown_panel.ui.showRemovedCheckBox.click()
    assert shown_panel.ui.removedLegendLabel.visible
    assert "rgb(217, 38, 26)" in shown_panel.ui.removedLegendLabel.text
    assert colourfulness(pixels(host, "Original")) > 100
    shown_panel.ui.showRemovedCheckBox.click()
    assert colourfulness(pixels(host, "Original")) == 0


def test_what_was_removed_is_that_of_the_last_run_even_if_it_was_hidden_meanwhile(shown_panel, volume):
    box = shown_panel.ui.showRemovedCheckBox
    box.click()
    box.click()
    slicer.util.updateVolumeFromArray(volume, slicer.util.arrayFromVolume(volume)[:, ::-1].copy())
    shown_panel.ui.runButton.click()
    box.click()
    from DAGANSpineLib import scene as library
    from DAGANSpineLib.report import overlay

    restored, _ = library.results_of(volume)
    expected = overlay.changes(library.pixels_of(volume), library.pixels_of(restored))
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(library.removed_of(volume))[0], expected)


def test_a_change_of_the_look_keeps_what_the_user_has_zoomed_to(shown_panel, host):
    node = host.slice_view("DAGANSpineRestored").node
    node.SetFieldOfView(10, 20, 1)
    for act in (shown_panel.ui.showRemovedCheckBox.click, lambda: setattr(shown_panel.ui.fadeSlider, "value", 30)):
        act()
        assert node.GetFieldOfView()[:2] == (10, 20)


def test_choosing_a_look_shows_the_views(shown_panel):
    from DAGANSpinePanel.views import SideBySide

    manager = slicer.app.layoutManager()
    manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    shown_panel.ui.fadeSlider.value = 40
    assert manager.layout == SideBySide.LAYOUT


def test_a_picture_without_orientation_is_seen_in_slicers_axial_plane(shown, host):
    *_, views = shown
    for tag in (views.ORIGINAL, views.RESTORED):
        assert host.slice_view(tag).node.GetOrientation() == "Axial"


def test_choosing_another_image_shows_its_results_without_the_segments_of_the_first(shown_panel, volume, host):
    other = slicer.util.addVolumeFromArray(
        slicer.util.arrayFromVolume(volume)[:, ::-1].copy(), np.diag([-0.2, -0.25, 1, 1]), "Other"
    )
    shown_panel.ui.inputSelector.setCurrentNode(other)
    shown_panel.ui.runButton.click()
    displays = {
        name: slicer.util.getNode(f"{name} segmentation").GetDisplayNode().GetVisibility() for name in ("VPI", "Other")
    }
    assert displays == {"VPI": 0, "Other": 1}
    shown_panel.ui.inputSelector.setCurrentNode(volume)
    composite = slicer.app.layoutManager().sliceWidget("DAGANSpineOriginal").mrmlSliceCompositeNode()
    assert composite.GetBackgroundVolumeID() == volume.GetID()
    assert slicer.util.getNode("VPI segmentation").GetDisplayNode().GetVisibility() == 1
    assert slicer.util.getNode("Other segmentation").GetDisplayNode().GetVisibility() == 0
    host.leave("DAGANSpine")
    for name in ("VPI", "Other"):
        assert slicer.util.getNode(f"{name} segmentation").GetDisplayNode().GetVisibility() == 1


def test_leaving_the_module_undoes_all_that_the_views_changed(chosen, host, scene):
    own = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Own")
    own.CreateDefaultDisplayNodes()
    own.GetDisplayNode().SetOpacity(0.7)
    own.GetDisplayNode().AddViewNodeID("vtkMRMLSliceNodeRed")
    layout = slicer.app.layoutManager().layout
    chosen.ui.runButton.click()
    chosen.ui.segmentOpacitySlider.value, chosen.ui.fadeSlider.value = 30, 60
    chosen.ui.showRemovedCheckBox.click()
    chosen.ui.swapButton.click()
    assert not own.GetDisplayNode().GetVisibility()
    host.leave("DAGANSpine")
    displays = own.GetDisplayNode(), slicer.util.getNode("VPI segmentation").GetDisplayNode()
    assert [display.GetVisibility() for display in displays] == [1, 1]
    assert [display.GetOpacity() for display in displays] == [0.7, 1]
    assert [display.GetViewNodeIDs() for display in displays] == [("vtkMRMLSliceNodeRed",), ()]
    assert [display.GetAttribute("DAGANSpineFormer") for display in displays] == [None, None]
    for tag in ("DAGANSpineOriginal", "DAGANSpineRestored"):
        composite = slicer.app.layoutManager().sliceWidget(tag).mrmlSliceCompositeNode()
        assert composite.GetForegroundVolumeID() is None
        assert composite.GetLabelVolumeID() is None
    assert slicer.app.layoutManager().layout == layout


def test_without_results_there_is_nothing_to_look_at(chosen):
    for name in ("showButton", "swapButton", "segmentOpacitySlider", "fadeSlider", "showRemovedCheckBox"):
        assert not getattr(chosen.ui, name).enabled, name
    chosen.ui.runButton.click()
    for name in ("showButton", "swapButton", "segmentOpacitySlider", "fadeSlider", "showRemovedCheckBox"):
        assert getattr(chosen.ui, name).enabled, name
