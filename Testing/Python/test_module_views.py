"""What the slice views show, what the panel changes of it, and that all is undone: real views, real pixels."""

import numpy as np
import pytest

slicer = pytest.importorskip("slicer")
pytest.importorskip("PySide6")

from scene_nodes import LABELS, PICTURE  # noqa: E402

from DAGANSpineLib.segments import SEGMENTS  # noqa: E402

pytestmark = pytest.mark.usefixtures("small_tiles")


@pytest.fixture
def shown(scene):
    """Volume, results and the layout that shows them."""
    from DAGANSpinePanel.look import Look
    from DAGANSpinePanel.views import Views

    from DAGANSpineLib import scene as library

    volume = slicer.util.addVolumeFromArray(PICTURE[np.newaxis], np.diag([-1.0, -1.0, 1.0, 1.0]), "VPI")
    restored, segmentation = library.publish(volume, PICTURE, LABELS)
    views = Views()
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


def test_leaving_gives_back_the_former_layout_and_hides_the_segments(shown):
    _, _, segmentation, views = shown
    views.leave()
    assert slicer.app.layoutManager().layout == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
    assert segmentation.GetDisplayNode().GetVisibility() == 0
    assert segmentation.GetDisplayNode().GetViewNodeIDs() == (), "its eye in the Data module shows it in every view"


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
    node = slicer.util.getNode("VPI restored")  # an untrained model changes next to nothing
    slicer.util.updateVolumeFromArray(node, slicer.util.arrayFromVolume(node) // 2)
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
    from DAGANSpinePanel.views import Views

    before = [pixels(host, tag) for tag in ("Original", "Restored")]
    shown_panel.ui.swapButton.click()
    assert slicer.app.layoutManager().layout == Views.SWAPPED
    description = slicer.app.layoutManager().layoutLogic().GetLayoutNode().GetLayoutDescription(Views.SWAPPED)
    assert description.index("DAGANSpineRestored") < description.index("DAGANSpineOriginal")
    for tag, picture in zip(("Original", "Restored"), before, strict=True):
        np.testing.assert_array_equal(pixels(host, tag), picture)
    shown_panel.ui.swapButton.click()
    assert slicer.app.layoutManager().layout == Views.LAYOUT


def test_what_was_removed_is_red_where_it_became_darker_and_blue_where_brighter(shown, host):
    from DAGANSpinePanel.look import Look

    volume, restored, segmentation, views = shown
    changed = PICTURE.astype(int)
    changed[:40] -= 80
    changed[80:] += 80
    slicer.util.updateVolumeFromArray(restored, changed.clip(0, 255).astype(np.uint8)[np.newaxis])
    views.show(volume, restored, segmentation, Look(showRemoved=True))
    seen = pixels(host, "Original")
    rows = np.flatnonzero(seen.any(axis=(1, 2)))
    thirds = np.array_split(seen[rows[0] : rows[-1] + 1], 3)
    inner = [third[20:-20] for third in thirds]  # colours reach a pixel of the image beyond what was changed
    redness = [(third[..., 0] - third[..., 2]).mean() for third in inner]
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
    from DAGANSpineLib.report import changes

    restored, _ = library.results_of(volume)
    expected = changes(library.pixels_of(volume), library.pixels_of(restored))
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(library.removed_of(volume))[0], expected)


def test_a_change_of_the_look_keeps_what_the_user_has_zoomed_to(shown_panel, host):
    node = host.slice_view("DAGANSpineRestored").node
    node.SetFieldOfView(10, 20, 1)
    for act in (shown_panel.ui.showRemovedCheckBox.click, lambda: setattr(shown_panel.ui.fadeSlider, "value", 30)):
        act()
        assert node.GetFieldOfView()[:2] == (10, 20)


def test_choosing_a_look_shows_the_views(shown_panel):
    from DAGANSpinePanel.views import Views

    manager = slicer.app.layoutManager()
    manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    shown_panel.ui.fadeSlider.value = 40
    assert manager.layout == Views.LAYOUT


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
        assert slicer.util.getNode(f"{name} segmentation").GetDisplayNode().GetVisibility() == 0


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
    assert [display.GetVisibility() for display in displays] == [1, 0]
    assert [display.GetOpacity() for display in displays] == [0.7, 1]
    assert [display.GetViewNodeIDs() for display in displays] == [("vtkMRMLSliceNodeRed",), ()]
    assert [display.GetAttribute("DAGANSpineFormer") for display in displays] == [None, None]
    for tag in ("DAGANSpineOriginal", "DAGANSpineRestored"):
        composite = slicer.app.layoutManager().sliceWidget(tag).mrmlSliceCompositeNode()
        assert composite.GetForegroundVolumeID() is None
        assert composite.GetLabelVolumeID() is None
    assert slicer.app.layoutManager().layout == layout


def test_without_results_there_is_nothing_to_look_at(chosen):
    from DAGANSpinePanel.look import CHOICES

    for name in CHOICES:
        assert not getattr(chosen.ui, name).enabled, name
    chosen.ui.runButton.click()
    for name in CHOICES:
        assert getattr(chosen.ui, name).enabled, name


def seen_in_slicers_view(host, volume):
    """What Slicer's own red view shows of this image, and of whatever lies over it."""
    slicer.app.layoutManager().sliceWidget("Red").mrmlSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
    view = host.slice_view("Red")
    view.logic.FitSliceToAll()
    picture = view.pixels().astype(int)
    assert picture.std() > 20
    return picture


def another_patients(small_vpi, name="Another patient"):
    return slicer.util.addVolumeFromArray(small_vpi[np.newaxis].copy(), np.diag([-0.2, -0.25, 1, 1]), name)


def test_after_leaving_no_segments_lie_over_any_image_in_slicers_own_views(shown_panel, host, volume, small_vpi):
    other = another_patients(small_vpi)
    shown_panel.ui.inputSelector.setCurrentNode(other)
    shown_panel.ui.runButton.click()
    host.leave("DAGANSpine")
    for image in (volume, other, another_patients(small_vpi, "A third")):
        assert colourfulness(seen_in_slicers_view(host, image)) == 0


def test_a_run_that_ends_after_leaving_shows_no_segments_in_slicers_own_views(chosen, host, volume):
    from clinician import during_the_run

    done = during_the_run(chosen, lambda: host.leave("DAGANSpine"))
    chosen.ui.runButton.click()
    assert done
    assert colourfulness(seen_in_slicers_view(host, volume)) == 0


def test_while_the_module_is_open_its_segments_stay_out_of_slicers_own_views(shown_panel, host, volume, small_vpi):
    assert colourfulness(seen_in_slicers_view(host, another_patients(small_vpi))) == 0


def test_an_image_that_is_loaded_does_not_get_under_the_segments_of_another(shown_panel, host, volume, picture_file):
    slicer.util.loadVolume(picture_file)
    for tag, name in (("Original", "VPI"), ("Restored", "VPI restored")):
        composite = slicer.app.layoutManager().sliceWidget(f"DAGANSpine{tag}").mrmlSliceCompositeNode()
        assert composite.GetBackgroundVolumeID() == slicer.util.getNode(name).GetID()


@pytest.fixture
def picture_file(small_vpi, tmp_path):
    """Another patient's VPI, as a PNG on disk."""
    import SimpleITK

    path = str(tmp_path / "next.png")
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(np.ascontiguousarray(small_vpi[::-1])), path)
    return path


def test_the_views_corners_name_only_what_can_be_seen(shown_panel, host):
    corners = [host.slice_view(f"DAGANSpine{tag}").corner_text() for tag in ("Original", "Restored")]
    assert corners == ["B: VPI", "B: VPI restored"]
    shown_panel.ui.fadeSlider.value = 40
    assert host.slice_view("DAGANSpineRestored").corner_text() == "F: VPI (40%)\nB: VPI restored"


def test_another_image_without_results_is_shown_alone_and_not_under_the_first_ones_results(
    shown_panel, host, small_vpi
):
    from DAGANSpinePanel.views import Views

    other = another_patients(small_vpi)
    shown_panel.ui.inputSelector.setCurrentNode(other)
    assert slicer.app.layoutManager().layout == Views.ALONE
    assert host.slice_view("DAGANSpineOriginal").corner_text() == "B: Another patient"
    assert colourfulness(pixels(host, "Original")) == 0


def test_closing_the_scene_gives_back_the_former_layout(shown_panel, scene):
    from DAGANSpinePanel.views import Views

    scene.Clear()
    assert slicer.app.layoutManager().layout not in (Views.LAYOUT, Views.SWAPPED, Views.ALONE)


@pytest.fixture(params=[1, 16], ids=["8 bits", "12 bits"])
def compared(panel, scene, small_vpi, request):
    """The panel after a run of a picture whose values are grey levels or deeper; both display nodes, and the factor."""
    pixels = small_vpi[np.newaxis].astype(np.uint16) * request.param
    picture = slicer.util.addVolumeFromArray(pixels, np.diag([-0.2, -0.25, 1, 1]), "Picture")
    panel.ui.inputSelector.setCurrentNode(picture)
    panel.ui.runButton.click()
    restored = slicer.util.getNode("Picture restored")
    return panel, picture.GetDisplayNode(), restored.GetDisplayNode(), picture


def drag(display, black, white):
    """What Slicer's mouse mode for window and level does."""
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(black, white)


def levels(display):
    return display.GetWindowLevelMin(), display.GetWindowLevelMax()


def test_both_views_have_window_and_level_in_common(compared):
    from DAGANSpineLib import scene as library

    _, original, restored, picture = compared
    offset, factor = library.grey_scale(picture)
    drag(original, 30 / factor, 120 / factor)
    assert levels(restored) == pytest.approx((offset + 30, offset + 120), abs=0.01)
    drag(restored, 50, 200)
    assert levels(original) == pytest.approx(((50 - offset) / factor, (200 - offset) / factor), abs=0.01)


def test_reset_gives_back_zoom_window_and_level(compared, host):
    panel, original, restored, _ = compared
    before = levels(original), levels(restored), original.GetAutoWindowLevel()
    node = host.slice_view("DAGANSpineRestored").node
    whole = node.GetFieldOfView()
    node.SetFieldOfView(10, 20, 1)
    drag(restored, 50, 60)
    panel.ui.resetViewsButton.click()
    assert (levels(original), levels(restored), original.GetAutoWindowLevel()) == before
    assert node.GetFieldOfView() == pytest.approx(whole)


def test_after_leaving_each_image_has_its_own_window_again(compared, host):
    _, original, restored, _ = compared
    host.leave("DAGANSpine")
    before = levels(restored)
    drag(original, 1, 2)
    assert levels(restored) == before
