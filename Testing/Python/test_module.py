"""A click on the module's button, and what the panel says: real MRML, real widgets, real clicks."""

import logging

import numpy as np
import pytest

slicer = pytest.importorskip("slicer")
vtk = pytest.importorskip("vtk")
pytest.importorskip("PySide6")

from clinician import expected_result, nodes, results  # noqa: E402

from DAGANSpineLib.segments import SEGMENTS  # noqa: E402

AS_PNG = np.diag([-1.0, -1.0, 1.0, 1.0])


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
    monkeypatch.setattr("DAGANSpineLib.inference.pipeline.Pipeline.load", None)
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


def test_the_results_of_each_image_are_listed_with_their_warnings(chosen, volume, small_vpi, monkeypatch):
    from DAGANSpineLib.inference import Pipeline

    run = Pipeline.run

    def warn(pipeline, *arguments):
        result = run(pipeline, *arguments)
        result.warnings.append("The picture looks unlike a VPI.")
        return result

    monkeypatch.setattr(Pipeline, "run", warn)
    chosen.ui.runButton.click()
    restored, segmentation = (node.GetName() for node in results())
    listed = chosen.ui.resultsLabel.text.splitlines()
    assert listed[:2] == [f"Restored image: {restored}", f"Segmentation: {segmentation}"]
    assert listed[2].startswith("Model: slim.pt, sha256 ")
    assert "Note: The picture looks unlike a VPI." in chosen.ui.warningsLabel.text.splitlines()
    other = slicer.util.addVolumeFromArray(small_vpi[np.newaxis], AS_PNG, "Other")
    chosen.ui.inputSelector.setCurrentNode(other)
    assert chosen.ui.resultsLabel.text == "None yet."
    chosen.ui.inputSelector.setCurrentNode(volume)
    assert chosen.ui.resultsLabel.text.splitlines() == listed


def test_a_disabled_button_says_why(panel, scene):
    assert not panel.ui.runButton.enabled
    assert panel.ui.runButton.toolTip.startswith("Choose an image (VPI) first")
    thin = slicer.util.addVolumeFromArray(np.ones((1, 0, 50), np.uint8), AS_PNG, "Nothing")
    panel.ui.inputSelector.setCurrentNode(thin)
    assert not panel.ui.runButton.enabled
    assert "Nothing holds no image" in panel.ui.runButton.toolTip


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
    monkeypatch.setattr("DAGANSpineLib.inference.pipeline.Pipeline.run", fail)
    shown = []
    monkeypatch.setattr(slicer.util, "errorDisplay", lambda text, **more: shown.append((text, more)))
    chosen.ui.runButton.click()
    assert shown[0][0].startswith("Something went wrong: division by zero.")
    assert "ZeroDivisionError" in shown[0][1]["detailedText"]
    assert nodes() == before
    assert chosen.ui.runButton.enabled


def test_the_device_is_kept_with_the_scene(chosen):
    chosen.ui.deviceComboBox.currentIndex = 1
    assert chosen.logic.getParameterNode().device.value == "cpu"
    chosen.ui.runButton.click()
    assert chosen.ui.statusLabel.text.endswith("on CPU.")


def test_the_panel_says_that_it_is_for_research(panel):
    assert panel.ui.researchLabel.text == "Research use, not for diagnosis."
    assert panel.ui.researchLabel.visible


def test_every_widget_that_can_be_used_has_a_tool_tip(panel):
    for name, widget in vars(panel.ui).items():
        if name.endswith(("Button", "Selector", "ComboBox", "LineEdit", "Bar")) and "Collapsible" not in name:
            assert widget.toolTip, name
