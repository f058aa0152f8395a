"""What a clinician does with the module: real MRML, real widgets, real clicks."""

import logging
import sys
import types

import numpy as np
import pytest

slicer = pytest.importorskip("slicer")
vtk = pytest.importorskip("vtk")
pytest.importorskip("PySide6")

from DAGANSpineLib.segments import SEGMENTS  # noqa: E402

AS_PNG = np.diag([-1.0, -1.0, 1.0, 1.0])


@pytest.fixture
def volume(scene, small_vpi):
    """A loaded VPI, not quite where and how large Slicer would put a PNG."""
    matrix = AS_PNG @ np.diag([0.2, 0.25, 1, 1])
    matrix[:3, 3] = 12, -30, 5
    return slicer.util.addVolumeFromArray(small_vpi[np.newaxis], matrix, "VPI")


@pytest.fixture
def panel(host, scene, slim_model):
    """The module's widget, opened; closed as when Slicer quits."""
    widget = host.open("DAGANSpine")
    yield widget
    if hasattr(slicer.modules, "DAGANSpineWidget"):
        host.unload("DAGANSpine")


@pytest.fixture
def chosen(volume, panel):
    """The panel with the VPI chosen."""
    assert panel.ui.inputSelector.currentNode() is volume
    return panel


def nodes():
    """Every node's ID with its class: what must be the same before and after."""
    every = slicer.mrmlScene.GetNodes()
    return {every.GetItemAsObject(index).GetID() for index in range(every.GetNumberOfItems())}


def results():
    return (
        next(iter(slicer.util.getNodes("* restored").values()), None),
        next(iter(slicer.util.getNodes("* segmentation").values()), None),
    )


def during_the_run(panel, act, message="Restoring, tile 2"):
    """Do something, as a user might, when the run has come to this message."""
    show, done = panel.onProgress, []

    def onProgress(fraction, text):
        show(fraction, text)
        if text.startswith(message) and not done:
            done.append(text)
            act()

    panel.onProgress = onProgress
    return done


def expected_result(volume):
    from DAGANSpineLib import scene
    from DAGANSpineLib.pipeline import Pipeline

    return Pipeline.load(device="cpu").run(scene.pixels_of(volume))


def test_one_click_restores_and_segments(chosen, volume):
    chosen.ui.runButton.click()
    restored, segmentation = results()
    expected = expected_result(volume)
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(restored)[0], expected.restored)
    for segment in SEGMENTS:
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment.name, volume)
        assert mask.any()
        np.testing.assert_array_equal(mask[0], expected.labels == segment.label)


def test_the_results_have_the_inputs_geometry(chosen, volume):
    chosen.ui.runButton.click()
    restored, segmentation = results()
    of_volume, of_restored = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(of_volume)
    restored.GetIJKToRASMatrix(of_restored)
    np.testing.assert_array_equal(
        slicer.util.arrayFromVTKMatrix(of_restored), slicer.util.arrayFromVTKMatrix(of_volume)
    )
    assert restored.GetImageData().GetDimensions() == volume.GetImageData().GetDimensions()
    stored = slicer.vtkOrientedImageData()
    segmentation.GetBinaryLabelmapRepresentation("Rib", stored)
    of_segment = vtk.vtkMatrix4x4()
    stored.GetImageToWorldMatrix(of_segment)
    np.testing.assert_allclose(
        slicer.util.arrayFromVTKMatrix(of_segment), slicer.util.arrayFromVTKMatrix(of_volume), atol=1e-12
    )


def test_the_views_show_the_original_beside_the_restored_image_with_its_segments(chosen, volume, host, tmp_path):
    chosen.ui.runButton.click()
    restored, segmentation = results()
    manager = slicer.app.layoutManager()
    shown = {tag: manager.sliceWidget(tag) for tag in ("DAGANSpineOriginal", "DAGANSpineRestored")}
    assert shown["DAGANSpineOriginal"].mrmlSliceCompositeNode().GetBackgroundVolumeID() == volume.GetID()
    assert shown["DAGANSpineRestored"].mrmlSliceCompositeNode().GetBackgroundVolumeID() == restored.GetID()
    assert segmentation.GetDisplayNode().GetViewNodeIDs() == (shown["DAGANSpineRestored"].mrmlSliceNode().GetID(),)
    pictures = [host.slice_view(tag).pixels().astype(int) for tag in shown]
    assert pictures[0].std() > 20
    assert [np.ptp(picture, axis=2).max() > 100 for picture in pictures] == [False, True]
    host.picture_of("DAGANSpine", tmp_path / "panel.png")
    for tag in shown:
        host.slice_view(tag).save(tmp_path / f"{tag}.png")
    assert all(picture.stat().st_size > 1000 for picture in tmp_path.iterdir())
    assert len(list(tmp_path.iterdir())) == 3


def test_a_second_click_replaces_the_first_result(chosen, volume):
    chosen.ui.runButton.click()
    first, count = results(), nodes()
    slicer.util.updateVolumeFromArray(volume, slicer.util.arrayFromVolume(volume)[:, ::-1].copy())
    chosen.ui.runButton.click()
    assert results() == first
    assert nodes() == count
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(first[0])[0], expected_result(volume).restored)


def test_results_that_the_user_deleted_are_made_again(chosen):
    chosen.ui.runButton.click()
    for node in results():
        slicer.mrmlScene.RemoveNode(node)
    chosen.ui.runButton.click()
    assert None not in results()


def test_the_model_stays_loaded_for_the_next_run(chosen, monkeypatch):
    chosen.ui.runButton.click()
    monkeypatch.setattr("DAGANSpineLib.pipeline.Pipeline.load", None)
    chosen.ui.runButton.click()
    assert chosen.ui.statusLabel.text.startswith("Done")


def test_a_colour_picture_works_as_its_luminance_does(scene, panel, small_vpi):
    colours = np.repeat(small_vpi[..., np.newaxis], 3, axis=2)[np.newaxis]
    volume = slicer.util.addVolumeFromArray(colours, AS_PNG, "Colour", "vtkMRMLVectorVolumeNode")
    panel.ui.inputSelector.setCurrentNode(volume)
    panel.ui.runButton.click()
    restored, _ = results()
    assert restored.GetClassName() == "vtkMRMLScalarVolumeNode"
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(restored)[0], expected_result(volume).restored)


def test_cancelling_in_mid_run_leaves_the_scene_as_before(chosen):
    before = nodes()
    done = during_the_run(chosen, chosen.ui.runButton.click)
    chosen.ui.runButton.click()
    assert done
    assert nodes() == before
    assert chosen.ui.statusLabel.text.startswith("Cancelled")
    assert chosen.ui.runButton.text == "Restore && Segment"
    assert chosen.ui.runButton.enabled


def test_cancelling_a_second_run_leaves_the_first_result(chosen, volume):
    chosen.ui.runButton.click()
    restored, _ = results()
    first = slicer.util.arrayFromVolume(restored).copy()
    slicer.util.updateVolumeFromArray(volume, slicer.util.arrayFromVolume(volume)[:, ::-1].copy())
    during_the_run(chosen, chosen.ui.runButton.click)
    chosen.ui.runButton.click()
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(restored), first)


def test_while_it_runs_the_button_cancels_and_the_inputs_wait(chosen):
    seen = {}

    def look():
        slicer.app.processEvents()
        for name in ("runButton", "inputSelector", "deviceComboBox", "progressBar"):
            widget = getattr(chosen.ui, name)
            seen[name] = widget.text if name == "runButton" else widget.enabled
        seen["status"] = chosen.ui.statusLabel.text
        seen["value"] = chosen.ui.progressBar.value

    during_the_run(chosen, look, "Segmenting")
    assert not chosen.ui.progressBar.visible
    chosen.ui.runButton.click()
    assert seen["runButton"] == "Cancel"
    assert not seen["inputSelector"]
    assert not seen["deviceComboBox"]
    assert 0 < seen["value"] <= 100
    assert "elapsed, about 0:0" in seen["status"]
    assert not chosen.ui.progressBar.visible


def test_closing_the_scene_in_mid_run_raises_nothing_and_leaves_nothing(chosen, scene, caplog):
    done = during_the_run(chosen, scene.Clear)
    chosen.ui.runButton.click()
    assert done
    assert results() == (None, None)
    assert chosen.ui.statusLabel.text.startswith("Cancelled")
    assert not chosen.ui.runButton.enabled
    assert not caplog.records


def test_deleting_the_input_in_mid_run_raises_nothing_and_leaves_nothing(chosen, volume, scene, caplog):
    before = nodes() - {volume.GetID(), volume.GetDisplayNodeID()}
    done = during_the_run(chosen, lambda: scene.RemoveNode(volume))
    chosen.ui.runButton.click()
    assert done
    assert nodes() == before
    assert not caplog.records


def test_leaving_the_module_in_mid_run_finishes_the_run_and_keeps_the_layout(chosen, host):
    layout = slicer.app.layoutManager().layout
    during_the_run(chosen, lambda: host.leave("DAGANSpine"))
    chosen.ui.runButton.click()
    assert None not in results()
    assert slicer.app.layoutManager().layout == layout
    host.open("DAGANSpine")
    assert chosen.ui.showButton.enabled
    chosen.ui.showButton.click()
    assert slicer.app.layoutManager().layout != layout


def test_quitting_in_mid_run_raises_nothing_and_leaves_nothing(chosen, host, caplog):
    before = nodes()
    run = chosen.onRunButton  # the button itself goes in mid-click
    during_the_run(chosen, lambda: host.unload("DAGANSpine"))
    run()
    assert nodes() == before
    assert not caplog.records


def test_running_twice_at_once_is_refused(chosen, volume):
    refused = []

    def again():
        with pytest.raises(RuntimeError, match="in progress already") as caught:
            chosen.logic.restoreAndSegment(volume)
        refused.append(caught)

    during_the_run(chosen, again)
    chosen.ui.runButton.click()
    assert refused
    assert None not in results()


def test_leaving_the_module_gives_back_the_former_layout(chosen, host):
    layout = slicer.app.layoutManager().layout
    chosen.ui.runButton.click()
    assert slicer.app.layoutManager().layout != layout
    host.leave("DAGANSpine")
    assert slicer.app.layoutManager().layout == layout


def test_a_disabled_button_says_why(panel, scene):
    assert not panel.ui.runButton.enabled
    assert panel.ui.runButton.toolTip.startswith("Choose an image (VPI) first")
    stack = slicer.util.addVolumeFromArray(np.ones((4, 50, 50), np.uint8), AS_PNG, "Stack")
    panel.ui.inputSelector.setCurrentNode(stack)
    assert not panel.ui.runButton.enabled
    assert "Stack is a volume of 50 × 50 × 4 voxels" in panel.ui.runButton.toolTip


def test_the_selector_offers_grey_and_colour_images_but_no_label_maps(panel, scene):
    kinds = "vtkMRMLScalarVolumeNode", "vtkMRMLVectorVolumeNode", "vtkMRMLLabelMapVolumeNode"
    added = [scene.AddNewNodeByClass(kind) for kind in kinds]
    selector = panel.ui.inputSelector
    assert [selector.nodeFromIndex(index) for index in range(selector.nodeCount())] == added[:2]


def test_an_unusable_image_is_told_in_a_sentence(panel, scene, caplog):
    volume = slicer.util.addVolumeFromArray(np.full((1, 50, 50), np.nan, np.float32), AS_PNG, "NaN")
    before = nodes()
    panel.ui.inputSelector.setCurrentNode(volume)
    panel.ui.runButton.click()
    assert "not numbers (NaN or infinite)" in panel.ui.statusLabel.text
    assert nodes() == before
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_an_unforeseen_error_is_shown_with_its_cause(chosen, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError("division by zero")

    before = nodes()
    monkeypatch.setattr("DAGANSpineLib.pipeline.Pipeline.run", fail)
    shown = []
    monkeypatch.setattr(slicer.util, "errorDisplay", lambda text, **more: shown.append((text, more)))
    chosen.ui.runButton.click()
    assert shown[0][0].startswith("Something went wrong: division by zero.")
    assert "ZeroDivisionError" in shown[0][1]["detailedText"]
    assert nodes() == before
    assert chosen.ui.runButton.enabled


@pytest.fixture
def without_torch():
    """Torch can't be imported, until `undo`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "torch", None)
        yield patch


def test_without_torch_a_sentence_says_what_to_do(chosen, volume, without_torch):
    before = nodes()
    chosen.ui.runButton.click()
    assert "Install the extension PyTorch with the Extensions Manager" in chosen.ui.statusLabel.text
    assert nodes() == before
    with pytest.raises(RuntimeError, match="Extensions Manager"):
        chosen.logic.restoreAndSegment(volume)


@pytest.mark.parametrize(("answer", "status"), [(True, "Done"), (False, "PyTorch was not installed")])
def test_with_the_pytorch_extension_it_asks_once_and_installs(chosen, monkeypatch, without_torch, answer, status):
    asked = []

    class PyTorchUtilsLogic:
        def installTorch(self, askConfirmation=False):
            asked.append(askConfirmation)
            if not answer:
                return None
            without_torch.undo()
            return sys.modules["torch"]

    extension = types.ModuleType("PyTorchUtils")
    extension.PyTorchUtilsLogic = PyTorchUtilsLogic
    monkeypatch.setitem(sys.modules, "PyTorchUtils", extension)
    chosen.ui.runButton.click()
    assert asked == [True]
    assert chosen.ui.statusLabel.text.startswith(status)


def test_a_failed_installation_is_told_with_its_cause(chosen, monkeypatch, without_torch):
    class PyTorchUtilsLogic:
        def installTorch(self, askConfirmation=False):
            raise OSError("no network")

    extension = types.ModuleType("PyTorchUtils")
    extension.PyTorchUtilsLogic = PyTorchUtilsLogic
    monkeypatch.setitem(sys.modules, "PyTorchUtils", extension)
    chosen.ui.runButton.click()
    assert "could not be installed (no network)" in chosen.ui.statusLabel.text


def test_the_device_is_kept_with_the_scene(chosen):
    chosen.ui.deviceComboBox.currentIndex = 1
    assert chosen.logic.getParameterNode().device.value == "cpu"
    chosen.ui.runButton.click()
    assert chosen.ui.statusLabel.text.endswith("on CPU.")


def test_closing_the_scene_empties_the_panel_and_a_new_image_can_be_chosen(chosen, scene, small_vpi):
    scene.Clear()
    assert not chosen.ui.runButton.enabled
    volume = slicer.util.addVolumeFromArray(small_vpi[np.newaxis], AS_PNG, "Next")
    chosen.ui.inputSelector.setCurrentNode(volume)
    chosen.ui.runButton.click()
    assert None not in results()


def test_reloading_brings_the_library_anew_and_the_module_still_works(chosen, volume):
    before = sys.modules["DAGANSpineLib.vpi"]
    kept = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "DAGANSpineLib"}
    model_file = sys.modules["DAGANSpineLib.model"].BUNDLED
    try:
        chosen.onReload()
        import DAGANSpineLib.model

        DAGANSpineLib.model.BUNDLED = model_file
        assert sys.modules["DAGANSpineLib.vpi"] is not before
        slicer.modules.DAGANSpineWidget.ui.runButton.click()
        assert None not in results()
        assert slicer.app.layoutManager().layout == sys.modules["DAGANSpineLib.scene"].SideBySide.LAYOUT
    finally:
        sys.modules.update(kept)


def test_slicer_knows_the_layout_from_its_start(host):
    from DAGANSpineLib.scene import SideBySide

    assert slicer.app.layoutManager().layoutLogic().GetLayoutNode().IsLayoutDescription(SideBySide.LAYOUT)


def test_a_saved_scene_brings_back_images_results_and_choices(chosen, volume, host, scene, tmp_path):
    chosen.ui.deviceComboBox.currentIndex = 1
    chosen.ui.runButton.click()
    labels = expected_result(volume).labels
    scene.SetURL(str(tmp_path / "scene.mrml"))
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLStorableNode")):
        node = scene.GetNthNodeByClass(index, "vtkMRMLStorableNode")
        if node.IsA("vtkMRMLVolumeNode") or node.IsA("vtkMRMLSegmentationNode"):
            extension = "seg.nrrd" if node.IsA("vtkMRMLSegmentationNode") else "nrrd"
            node.AddDefaultStorageNode(str(tmp_path / f"{node.GetName()}.{extension}"))
            assert node.GetStorageNode().WriteData(node)
    assert scene.Commit()
    scene.Clear()
    scene.Connect()
    again = slicer.util.getNode("VPI")
    assert chosen.ui.inputSelector.currentNode() is again
    assert chosen.ui.deviceComboBox.currentIndex == 1
    assert chosen.ui.showButton.enabled
    _, segmentation = results()
    for segment in SEGMENTS:
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment.name, again)
        np.testing.assert_array_equal(mask[0], labels == segment.label)


def test_the_panel_says_that_it_is_for_research(panel):
    assert panel.ui.researchLabel.text == "Research use, not for diagnosis."
    assert panel.ui.researchLabel.visible


def test_every_widget_that_can_be_used_has_a_tool_tip(panel):
    for name, widget in vars(panel.ui).items():
        if name.endswith(("Button", "Selector", "ComboBox", "Bar")) and "Collapsible" not in name:
            assert widget.toolTip, name


def test_the_modules_own_test_passes(host, scene, slim_model):
    slicer.selfTests["DAGANSpine"]()
