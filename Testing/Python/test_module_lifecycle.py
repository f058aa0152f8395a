"""What users do meanwhile and afterwards: cancel, close, delete, leave, quit, reload, save."""

import sys

import numpy as np
import pytest

slicer = pytest.importorskip("slicer")
pytest.importorskip("PySide6")

from clinician import during_the_run, expected_result, nodes, results  # noqa: E402

from DAGANSpineLib.segments import SEGMENTS  # noqa: E402

pytestmark = pytest.mark.usefixtures("small_tiles")

AS_PNG = np.diag([-1.0, -1.0, 1.0, 1.0])


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
        for name in ("runButton", "inputSelector", "modelPathLineEdit", "deviceComboBox", "progressBar"):
            widget = getattr(chosen.ui, name)
            seen[name] = widget.text if name == "runButton" else widget.enabled
        seen["status"] = chosen.ui.statusLabel.text
        seen["value"] = chosen.ui.progressBar.value

    during_the_run(chosen, look, "Segmenting")
    assert not chosen.ui.progressBar.visible
    chosen.ui.runButton.click()
    assert seen["runButton"] == "Cancel"
    assert not seen["inputSelector"]
    assert not seen["modelPathLineEdit"]
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


def test_closing_the_scene_empties_the_panel_and_a_new_image_can_be_chosen(chosen, scene, small_vpi):
    scene.Clear()
    assert not chosen.ui.runButton.enabled
    volume = slicer.util.addVolumeFromArray(small_vpi[np.newaxis], AS_PNG, "Next")
    chosen.ui.inputSelector.setCurrentNode(volume)
    chosen.ui.runButton.click()
    assert None not in results()


def test_a_loaded_scene_brings_back_the_chosen_image_among_several(panel, scene, tmp_path, small_vpi):
    names = "First", "Second", "Third"
    nodes_of = {name: slicer.util.addVolumeFromArray(small_vpi[np.newaxis], AS_PNG, name) for name in names}
    panel.ui.inputSelector.setCurrentNode(nodes_of["Second"])
    scene.SetURL(str(tmp_path / "scene.mrml"))
    assert scene.Commit()
    scene.Clear()
    scene.Connect()
    assert panel.ui.inputSelector.currentNode().GetName() == "Second"
    scene.Import()
    assert panel.logic.getParameterNode().inputVolume is panel.ui.inputSelector.currentNode()
    assert panel.ui.inputSelector.currentNode().GetName() == "Second"


def test_importing_another_scene_keeps_the_chosen_image(panel, scene, tmp_path, small_vpi):
    other = slicer.vtkMRMLScene()
    other.AddNewNodeByClass("vtkMRMLTextNode", "Imported")
    other.SetURL(str(tmp_path / "other.mrml"))
    assert other.Commit()
    nodes_of = [slicer.util.addVolumeFromArray(small_vpi[np.newaxis], AS_PNG, name) for name in ("First", "Second")]
    panel.ui.inputSelector.setCurrentNode(nodes_of[1])
    scene.SetURL(str(tmp_path / "other.mrml"))
    assert scene.Import()
    assert panel.ui.inputSelector.currentNode() is nodes_of[1]


def test_two_images_in_turn_keep_their_own_results(chosen, volume, small_vpi):
    other = slicer.util.addVolumeFromArray(small_vpi[np.newaxis, ::-1].copy(), AS_PNG, "Other")
    expected = {node.GetName(): expected_result(node).restored for node in (volume, other)}
    for node in (volume, other, volume):
        chosen.ui.inputSelector.setCurrentNode(node)
        chosen.ui.runButton.click()
    restored = slicer.util.getNodes("* restored")
    assert sorted(restored) == ["Other restored", "VPI restored"]
    for name, pixels in expected.items():
        np.testing.assert_array_equal(slicer.util.arrayFromVolume(restored[f"{name} restored"])[0], pixels)


@pytest.mark.parametrize("kind", ["vtkMRMLLinearTransformNode", "vtkMRMLGridTransformNode"])
def test_the_results_follow_the_inputs_transform(chosen, volume, scene, kind):
    transform = scene.AddNewNodeByClass(kind)
    volume.SetAndObserveTransformNodeID(transform.GetID())
    expected = expected_result(volume)
    chosen.ui.runButton.click()
    restored, segmentation = results()
    for node in (restored, segmentation):
        assert node.GetTransformNodeID() == transform.GetID()
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(restored)[0], expected.restored)
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, "Rib", volume)
    np.testing.assert_array_equal(mask[0], expected.labels == 1)
    volume.SetAndObserveTransformNodeID(None)
    chosen.ui.runButton.click()
    assert [node.GetTransformNodeID() for node in results()] == [None, None]


def test_reloading_brings_all_parts_anew_and_the_module_still_works(chosen, volume, reloadable):
    parts = "DAGANSpineLib.vpi.picture", "DAGANSpinePanel.parameters"
    before = [sys.modules[name] for name in parts]
    reloadable(chosen)
    assert not any(sys.modules[name] is module for name, module in zip(parts, before, strict=True))
    slicer.modules.DAGANSpineWidget.ui.runButton.click()
    assert None not in results()
    assert slicer.app.layoutManager().layout == sys.modules["DAGANSpinePanel.views"].Views.LAYOUT


def test_slicer_knows_the_layout_from_its_start(host):
    from DAGANSpinePanel.views import Views

    assert slicer.app.layoutManager().layoutLogic().GetLayoutNode().IsLayoutDescription(Views.LAYOUT)


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


def load_picture(pixels, folder, name):
    """What a user loads by Add Data: a PNG on disk, and Slicer has handled all events since."""
    import SimpleITK

    path = str(folder / f"{name}.png")
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(np.ascontiguousarray(pixels)), path)
    node = slicer.util.loadVolume(path, {"singleFile": True})
    slicer.app.processEvents()
    return node


def test_from_a_picture_on_disk_to_a_result_it_takes_to_load_and_to_click(panel, host, scene, small_vpi, tmp_path):
    picture = load_picture(small_vpi, tmp_path, "scan")
    assert panel.ui.inputSelector.currentNode() is picture
    panel.ui.runButton.click()
    assert None not in results()
    assert host.slice_view("DAGANSpineOriginal").corner_text() == "B: scan"


def test_an_image_that_is_loaded_is_shown_whole_and_upright_in_one_view(panel, host, scene, small_vpi, tmp_path):
    from DAGANSpinePanel.views import Views

    load_picture(small_vpi, tmp_path, "scan")
    assert slicer.app.layoutManager().layout == Views.ALONE
    seen = host.slice_view("DAGANSpineOriginal").pixels()[..., 0]
    lit = np.flatnonzero(seen.any(axis=1))
    rows = np.linspace(lit[0], lit[-1], len(small_vpi)).astype(int)
    columns = np.linspace(0, seen.shape[1] - 1, small_vpi.shape[1]).astype(int)  # it is as wide as the view
    assert np.corrcoef(seen[np.ix_(rows, columns)].ravel(), small_vpi.ravel())[0, 1] > 0.9
    host.leave("DAGANSpine")
    assert slicer.app.layoutManager().layout == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView


def test_the_next_patients_image_is_chosen_once_the_first_has_results(chosen, volume, small_vpi, tmp_path):
    load_picture(small_vpi, tmp_path, "early")
    assert chosen.ui.inputSelector.currentNode() is volume, "it still waits for its run"
    chosen.ui.runButton.click()
    assert chosen.ui.inputSelector.currentNode() is volume
    late = load_picture(small_vpi, tmp_path, "late")
    assert chosen.ui.inputSelector.currentNode() is late
    assert chosen.ui.resultsLabel.text == "None yet."


def test_an_image_takes_the_place_of_the_sample(panel, scene, small_vpi, tmp_path):
    panel.ui.sampleButton.menu().actions()[1].trigger()
    slicer.app.processEvents()
    assert panel.ui.inputSelector.currentNode().GetName().startswith("Simulated")
    own = load_picture(small_vpi, tmp_path, "own")
    assert panel.ui.inputSelector.currentNode() is own


def test_what_cannot_be_restored_and_what_comes_by_an_import_is_not_chosen(panel, scene, small_vpi, tmp_path):
    scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Empty")
    slicer.util.addVolumeFromArray(small_vpi[np.newaxis], AS_PNG, "Map", "vtkMRMLLabelMapVolumeNode")
    slicer.app.processEvents()
    assert panel.ui.inputSelector.currentNode() is None
    other = slicer.vtkMRMLScene()
    other.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Imported")
    other.SetURL(str(tmp_path / "other.mrml"))
    assert other.Commit()
    scene.SetURL(str(tmp_path / "other.mrml"))
    assert scene.Import()
    slicer.app.processEvents()
    assert panel.ui.inputSelector.currentNode() is None


def test_in_another_module_nothing_is_chosen_or_shown(panel, host, scene, small_vpi, tmp_path):
    layout = slicer.app.layoutManager().layout
    host.leave("DAGANSpine")
    load_picture(small_vpi, tmp_path, "scan")
    assert panel.logic.getParameterNode().inputVolume is None
    assert slicer.app.layoutManager().layout == layout


def test_the_status_line_never_speaks_of_another_image(chosen, volume, scene, small_vpi, tmp_path):
    chosen.ui.runButton.click()
    chosen.ui.exportPathLineEdit.currentPath = str(tmp_path)
    chosen.ui.exportButton.click()
    assert chosen.ui.statusLabel.text.startswith("Exported to")
    other = slicer.util.addVolumeFromArray(small_vpi[np.newaxis], AS_PNG, "Other")
    chosen.ui.inputSelector.setCurrentNode(other)
    assert chosen.ui.statusLabel.text == ""


def test_after_closing_and_loading_a_scene_the_status_line_is_empty(chosen, scene, tmp_path):
    chosen.ui.runButton.click()
    path = str(tmp_path / "scene.mrb")
    assert scene.WriteToMRB(path, None)
    scene.Clear()
    assert chosen.ui.resultsLabel.text == "None yet."
    assert chosen.ui.statusLabel.text == ""
    assert scene.ReadFromMRB(path, True)
    assert chosen.ui.statusLabel.text == ""


def test_after_a_reload_in_mid_run_the_new_panel_says_that_it_was_cancelled(chosen, reloadable):
    run = chosen.onRunButton
    done = during_the_run(chosen, lambda: reloadable(chosen))
    run()
    assert done
    assert slicer.modules.DAGANSpineWidget.ui.statusLabel.text.startswith("Cancelled.")
