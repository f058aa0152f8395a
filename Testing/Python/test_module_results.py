"""What a run found: in the tables, in the scene, and in agreement with Slicer's own counts."""

import copy

import numpy as np
import pytest

slicer = pytest.importorskip("slicer")
vtk = pytest.importorskip("vtk")
pytest.importorskip("PySide6")

from clinician import expected_result, nodes, results  # noqa: E402

from DAGANSpineLib.report import findings  # noqa: E402
from DAGANSpineLib.segments import SEGMENTS  # noqa: E402

SPACING = 0.75, 0.6  # mm between rows and columns of the fixture `volume`


def cells(table):
    """The texts of a table, its header first."""
    columns = range(table.columnCount)
    header = [table.horizontalHeaderItem(column).text() for column in columns]
    return [header, *([table.item(row, column).text() for column in columns] for row in range(table.rowCount))]


def as_png(pixels, name):
    return slicer.util.addVolumeFromArray(pixels[np.newaxis], np.diag([-1.0, -1.0, 1.0, 1.0]), name)


def statistics(segmentation, name):
    """Components and pixels of a segment, counted by VTK."""
    mask = segmentation.GetBinaryLabelmapInternalRepresentation(name)
    value = segmentation.GetSegmentation().GetSegment(name).GetLabelValue()
    chosen = vtk.vtkImageThreshold()
    chosen.SetInputData(mask)
    chosen.ThresholdBetween(value, value)
    chosen.SetInValue(1)
    chosen.SetOutValue(0)
    chosen.SetOutputScalarTypeToUnsignedChar()
    counted = vtk.vtkImageAccumulate()
    counted.SetInputConnection(chosen.GetOutputPort())
    counted.IgnoreZeroOn()
    counted.Update()
    return counted.GetVoxelCount()


def test_before_a_run_there_is_no_table(chosen):
    for name in ("segmentsTable", "restorationTable", "warningsLabel"):
        assert not getattr(chosen.ui, name).visible, name
    assert chosen.ui.resultsLabel.text == "None yet."


def test_the_tables_say_what_the_segment_command_reports(chosen, volume, small_vpi):
    chosen.ui.runButton.click()
    result = expected_result(volume)
    found = findings(small_vpi.astype(np.float32), result.restored, result.labels, SPACING)
    rows = [[segment.name, found["classes"][segment.name.lower()]] for segment in SEGMENTS]
    assert cells(chosen.ui.segmentsTable) == [
        ["Bone", "Pieces", "Area (mm²)"],
        *([name, str(values["components"]), f"{values['area_mm2']:.0f}"] for name, values in rows),
    ]
    patches, largest = found["corrupted patches"], found["largest g"]
    assert cells(chosen.ui.restorationTable) == [
        ["Noise", "Before", "After"],
        [f"Patches torn by noise, of {patches['of']}", str(patches["before"]), str(patches["after"])],
        [
            "Strongest noise in a patch (g): torn from 4 on, clean up to 2",
            f"{largest['before']:.2f}",
            f"{largest['after']:.2f}",
        ],
        [
            "Mean change of clean patches, in grey levels (0 to 255)",
            "–",
            f"{found['change of clean patches']:.2f}",
        ],
    ]
    for table in (chosen.ui.segmentsTable, chosen.ui.restorationTable):
        assert table.visible


def test_areas_agree_with_slicers_own_count(chosen, volume):
    chosen.ui.runButton.click()
    _, segmentation = results()
    areas = {row[0]: float(row[2]) for row in cells(chosen.ui.segmentsTable)[1:]}
    for segment in SEGMENTS:
        counted = statistics(segmentation, segment.name)
        assert counted > 0
        assert areas[segment.name] == pytest.approx(counted * SPACING[0] * SPACING[1], abs=0.5)


def test_without_a_pixel_size_areas_are_in_pixels_and_a_note_says_so(panel, scene, small_vpi):
    as_png(small_vpi, "Picture")
    panel.ui.inputSelector.setCurrentNode(slicer.util.getNode("Picture"))
    panel.ui.runButton.click()
    _, segmentation = results()
    table = cells(panel.ui.segmentsTable)
    assert table[0][2] == "Pixels"
    assert [int(row[2]) for row in table[1:]] == [statistics(segmentation, segment.name) for segment in SEGMENTS]
    assert "Note: The pixel size is unknown" in panel.ui.warningsLabel.text


def test_a_pixel_size_that_is_given_makes_areas_and_is_the_results_own(panel, scene, small_vpi):
    picture = as_png(small_vpi, "Picture")
    panel.ui.inputSelector.setCurrentNode(picture)
    assert panel.ui.givenPixelSize.visible and panel.ui.givenPixelSize.text == "unknown"
    panel.ui.givenPixelSize.value = 0.7
    assert panel.ui.pixelSizeLabel.text == "Pixels of 0.7 mm across, 0.7 mm down, as given below."
    panel.ui.runButton.click()
    restored, segmentation = results()
    areas = {row[0]: float(row[2]) for row in cells(panel.ui.segmentsTable)[1:]}
    for segment in SEGMENTS:
        assert areas[segment.name] == pytest.approx(statistics(segmentation, segment.name) * 0.49, abs=0.5)
    assert restored.GetSpacing() == picture.GetSpacing() == (0.7, 0.7, 1.0)


def test_a_pixel_size_can_be_taken_back_and_is_asked_only_of_images_that_lack_it(chosen, scene, small_vpi):
    field = chosen.ui.givenPixelSize
    assert not field.visible  # the fixture's image knows
    picture = as_png(small_vpi, "Picture")
    chosen.ui.inputSelector.setCurrentNode(picture)
    assert field.visible and field.value == 0
    field.value = 0.25
    chosen.ui.inputSelector.setCurrentNode(slicer.util.getNode("VPI"))
    assert not field.visible
    chosen.ui.inputSelector.setCurrentNode(picture)
    assert field.value == 0.25
    field.value = 0
    assert chosen.ui.pixelSizeLabel.text.startswith("Pixel size unknown")
    assert picture.GetSpacing() == (1.0, 1.0, 1.0) and field.visible


def test_a_picture_too_small_for_patches_has_no_figures_of_the_restoration(panel, scene, small_vpi):
    as_png(np.ascontiguousarray(small_vpi[:90]), "Small")
    panel.ui.inputSelector.setCurrentNode(slicer.util.getNode("Small"))
    panel.ui.runButton.click()
    assert [row[1:] for row in cells(panel.ui.restorationTable)[2:]] == [["–", "–"], ["–", "–"]]
    assert "looks unlike a VPI" in panel.ui.warningsLabel.text


def test_each_image_has_its_own_figures(chosen, volume, small_vpi):
    chosen.ui.runButton.click()
    first = cells(chosen.ui.segmentsTable), chosen.ui.warningsLabel.text
    other = as_png(np.ascontiguousarray(small_vpi[::-1, :140]), "Other")
    chosen.ui.inputSelector.setCurrentNode(other)
    assert not chosen.ui.segmentsTable.visible
    chosen.ui.runButton.click()
    assert cells(chosen.ui.segmentsTable) != first[0]
    assert {node.GetName() for node in slicer.util.getNodes("* restored").values()} == {
        "VPI restored",
        "Other restored",
    }
    chosen.ui.inputSelector.setCurrentNode(volume)
    assert (cells(chosen.ui.segmentsTable), chosen.ui.warningsLabel.text) == first


def test_results_that_were_renamed_are_found_and_filled_by_the_next_run(chosen):
    chosen.ui.runButton.click()
    restored, segmentation = results()
    restored.SetName("mine")
    segmentation.SetName("mine as well")
    before = nodes()
    chosen.ui.runButton.click()
    assert nodes() == before
    assert chosen.ui.resultsLabel.text.startswith("Restored image: mine\nSegmentation: mine as well\n")


@pytest.mark.parametrize("deleted", [0, 1], ids=["restored image", "segmentation"])
def test_a_deleted_result_is_made_again_beside_the_other(chosen, host, scene, deleted):
    chosen.ui.runButton.click()
    gone, kept = results()[deleted], results()[1 - deleted]
    scene.RemoveNode(gone)
    host.leave("DAGANSpine")
    host.open("DAGANSpine")
    assert chosen.ui.restorationTable.visible  # the other one knows the figures too
    assert not chosen.ui.showButton.enabled
    chosen.ui.runButton.click()
    assert results()[1 - deleted] is kept
    assert None not in results()
    assert chosen.ui.showButton.enabled


def test_segments_that_were_edited_are_measured_again_and_a_note_says_so(chosen, volume, host):
    chosen.ui.runButton.click()
    _, segmentation = results()
    before = cells(chosen.ui.segmentsTable)
    mask = np.zeros((1, 300, 160), np.uint8)
    mask[0, 100:120, 50:80], mask[0, 200:210, 50:60] = 1, 1
    host.leave("DAGANSpine")  # for the Segment Editor
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, "Lumbar", volume)
    host.open("DAGANSpine")
    after = cells(chosen.ui.segmentsTable)
    assert after[3] == ["Lumbar", "2", f"{700 * SPACING[0] * SPACING[1]:.0f}"]
    assert after[:3] == before[:3]
    assert "segments were changed after the run" in chosen.ui.warningsLabel.text
    chosen.ui.runButton.click()
    assert cells(chosen.ui.segmentsTable) == before
    assert "segments were changed" not in chosen.ui.warningsLabel.text
    assert chosen.ui.statusLabel.text.endswith("kept as VPI segmentation (edited).")
    kept = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, "Lumbar", volume)
    np.testing.assert_array_equal(kept, mask)


def test_results_of_an_earlier_version_show_their_names_alone(chosen, volume):
    from DAGANSpineLib import scene as library

    library.publish(volume, np.zeros((300, 160), np.uint8), np.zeros((300, 160), np.uint8))
    chosen.updateGUI()
    assert chosen.ui.resultsLabel.text == "Restored image: VPI restored\nSegmentation: VPI segmentation"
    assert not chosen.ui.segmentsTable.visible


def test_the_figures_are_measured_while_the_run_can_still_be_cancelled(chosen):
    from clinician import during_the_run

    before = nodes()
    done = during_the_run(chosen, chosen.ui.runButton.click, "Measuring")
    chosen.ui.runButton.click()
    assert done
    assert nodes() == before


def test_no_part_of_the_findings_changes_its_inputs(small_vpi):
    pixels, labels = small_vpi.astype(np.float32), (small_vpi > 150).astype(np.uint8)
    kept = copy.deepcopy((pixels, labels))
    findings(pixels, small_vpi, labels, None)
    np.testing.assert_array_equal(pixels, kept[0])
    np.testing.assert_array_equal(labels, kept[1])


@pytest.fixture
def save_and_load(scene, tmp_path):
    """Save the scene as Slicer's .mrb, close it, and open the file again."""

    def act():
        path = str(tmp_path / "scene.mrb")
        assert scene.WriteToMRB(path, None)
        scene.Clear()
        assert scene.ReadFromMRB(path, True)

    return act


def test_a_saved_scene_brings_back_every_figure_note_and_choice(chosen, volume, save_and_load, tmp_path):
    ui = chosen.ui
    ui.runButton.click()
    ui.swapButton.checked = ui.showRemovedCheckBox.checked = True
    ui.segmentOpacitySlider.value, ui.fadeSlider.value = 60, 25
    ui.exportPathLineEdit.currentPath = str(tmp_path)
    labels = expected_result(volume).labels

    def seen():
        tables = cells(ui.segmentsTable), cells(ui.restorationTable)
        texts = ui.warningsLabel.text, ui.resultsLabel.text, ui.exportPathLineEdit.currentPath
        values = ui.segmentOpacitySlider.value, ui.fadeSlider.value
        switches = ui.swapButton.checked, ui.showRemovedCheckBox.checked, ui.removedLegendLabel.visible
        return tables, texts, values, switches

    before = seen()
    save_and_load()
    assert seen() == before
    assert ui.inputSelector.currentNode().GetName() == "VPI"
    assert ui.showButton.enabled
    assert ui.exportButton.enabled
    _, segmentation = results()
    for segment in SEGMENTS:
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment.name, slicer.util.getNode("VPI"))
        np.testing.assert_array_equal(mask[0], labels == segment.label)


def test_what_was_removed_looks_the_same_in_a_loaded_scene(chosen, host, save_and_load):
    chosen.ui.runButton.click()
    restored, _ = results()  # an untrained model changes next to nothing
    slicer.util.updateVolumeFromArray(restored, slicer.util.arrayFromVolume(restored) // 2)
    chosen.ui.showRemovedCheckBox.checked = True
    before = host.slice_view("DAGANSpineOriginal").pixels().copy()
    assert np.ptp(before.astype(int), axis=2).max() > 50
    save_and_load()
    np.testing.assert_array_equal(host.slice_view("DAGANSpineOriginal").pixels(), before)


def test_a_loaded_scene_is_as_it_was_before_the_run_once_the_module_is_left(chosen, host, save_and_load):
    layout = slicer.app.layoutManager().layout
    chosen.ui.runButton.click()
    chosen.ui.segmentOpacitySlider.value = 20
    save_and_load()
    host.leave("DAGANSpine")
    _, segmentation = results()
    assert segmentation.GetDisplayNode().GetOpacity() == 1
    assert segmentation.GetDisplayNode().GetViewNodeIDs() == ()
    assert slicer.app.layoutManager().layout == layout


@pytest.fixture
def film(scene, volume):
    """A browser with three frames of the image, each a little darker; the image shows the first."""
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Film")
    pixels = slicer.util.arrayFromVolume(volume).copy()
    for frame in range(3):
        slicer.util.updateVolumeFromArray(volume, pixels - np.minimum(pixels, 10 * frame))
        sequence.SetDataNodeAtValue(volume, str(frame))
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Film browser")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    browser.AddProxyNode(volume, sequence, False)
    browser.SetSelectedItemNumber(0)
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
    return browser


def test_the_results_say_which_frame_of_a_film_they_are_of_and_do_not_follow_it(film, chosen, volume):
    film.SetSelectedItemNumber(1)
    chosen.ui.runButton.click()
    restored, _ = results()
    before = slicer.util.arrayFromVolume(restored).copy()
    assert "Frame: 2 of 3" in chosen.ui.resultsLabel.text.splitlines()
    assert "film" not in chosen.ui.warningsLabel.text
    film.SetSelectedItemNumber(2)
    assert "frame 3 of 3 now; the results are those of frame 2 of 3" in chosen.ui.warningsLabel.text
    assert "Frame: 2 of 3" in chosen.ui.resultsLabel.text.splitlines()
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(restored), before)
    film.SetSelectedItemNumber(1)
    assert "film" not in chosen.ui.warningsLabel.text


def test_the_report_names_the_frame_of_a_film(film, chosen, volume):
    from DAGANSpinePanel.export import factsOf

    chosen.ui.runButton.click()
    assert ("Frame", "1 of 3") in factsOf(volume, results()[0], chosen._results.found)
