"""Curves that somebody adds to those that were found, and lines that are drawn at other vertebrae than their own."""

import numpy as np
import pytest
from drawn_spine import labels_of

slicer = pytest.importorskip("slicer")
pytest.importorskip("PySide6")

from clinician import lines, results, rows, save_and_load  # noqa: E402


def add(panel, upper, lower):
    panel.ui.upperLevelComboBox.setCurrentText(upper)
    panel.ui.lowerLevelComboBox.setCurrentText(lower)
    panel.ui.addCurveButton.click()
    slicer.app.processEvents()


def test_a_curve_that_was_missed_is_added_dragged_kept_and_taken_back(spine, panel, host, scene, tmp_path):
    before, there = rows(panel), len(lines())
    add(panel, "T9", "L4")
    row = next(row for row in rows(panel) if row[0].startswith("T9 – L4"))
    assert len(rows(panel)) == len(before) + 1 and "measured by hand" in row[0]
    own = [line for line in lines() if line.GetAttribute("DAGANSpineLevel") in ("T9", "L4")]
    assert len(own) == 2 and all(line.GetDisplayNode().GetVisibility() for line in own)
    host.slice_view("DAGANSpineRestored").drag(own[0], 1, 0, 25)
    dragged = rows(panel)
    assert next(row for row in dragged if row[0].startswith("T9 – L4"))[1] != row[1]
    save_and_load(scene, tmp_path)
    assert rows(panel) == dragged
    assert panel.ui.automaticButton.enabled
    panel.ui.automaticButton.click()
    slicer.app.processEvents()
    assert rows(panel) == before and len(lines()) == there and not panel.ui.automaticButton.enabled


def line_of(level):
    return next(line for line in lines() if line.GetAttribute("DAGANSpineLevel") == level)


def put(line, level):
    """Drag a line onto where a vertebra's was drawn."""
    from DAGANSpineLib import scene as library
    from DAGANSpineLib.scene.images import picture_to_local

    found = next(each for each in library.spine_of(results()[1]).levels if each.name == level)
    to_local = picture_to_local(slicer.util.getNode("VPI"))
    for end, point in enumerate((found.left, found.right)):
        line.SetNthControlPointPosition(end, *(to_local @ (*point, 1)))


def test_whatever_is_dragged_where_rows_are_of_the_vertebrae_that_the_lines_lie_at(spine, panel):
    (top, middle), (_, bottom) = (row[0].split(",")[0].split(" – ") for row in rows(panel))
    add(panel, "T8", "T12")
    put(line_of(middle), "T8")
    put(line_of(top), middle)
    assert sorted(row[0].split(",")[0] for row in rows(panel)) == sorted(
        [f"{middle} – T8", "T8 – T12", f"T8 – {bottom}"]
    )


def test_no_curve_is_added_at_a_line_that_was_dragged_elsewhere_nor_one_that_dragging_has_made(spine, panel):
    middle, bottom = rows(panel)[1][0].split(",")[0].split(" – ")
    put(line_of(middle), "T8")
    for ends, why in (((middle, "T11"), "dragged elsewhere"), (("T8", bottom), "in the table already")):
        panel.ui.upperLevelComboBox.setCurrentText(ends[0])
        panel.ui.lowerLevelComboBox.setCurrentText(ends[1])
        assert not panel.ui.addCurveButton.enabled and why in panel.ui.addCurveButton.toolTip


def test_an_added_curve_goes_when_one_of_its_lines_is_deleted_and_can_be_added_again(spine, panel, scene):
    before = rows(panel)
    add(panel, "T8", "T12")
    scene.RemoveNode(line_of("T12"))
    slicer.app.processEvents()
    assert rows(panel) == before and panel.ui.addCurveButton.enabled
    add(panel, "T8", "T12")
    assert len(rows(panel)) == len(before) + 1 and line_of("T12") is not None


@pytest.mark.parametrize("button", ["runButton", "measureButton"])
def test_added_curves_outlive_another_run_and_being_measured_again(spine, panel, host, button):
    add(panel, "T9", "L4")
    expected = rows(panel)
    if button == "measureButton":
        host.leave("DAGANSpine")
        mask = (labels_of() == 1)[np.newaxis].astype(np.uint8)
        mask[0, :3, :3] = 1
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, results()[1], "Rib", spine)
        host.open("DAGANSpine")
    getattr(panel.ui, button).click()
    slicer.app.processEvents()
    assert rows(panel) == expected and line_of("L4") is not None


def test_a_line_drawn_at_a_vertebra_without_bones_bears_its_name_in_the_views(finds, panel):
    from DAGANSpineLib import scene as library

    panel.ui.inputSelector.setCurrentNode(finds(labels_of(missing={(8, -1), (8, 1)})))
    panel.ui.runButton.click()
    names = library.names_of(results()[1])

    def labels():
        return [names.GetNthControlPointLabel(place) for place in range(names.GetNumberOfControlPoints())]

    assert "T9" not in labels()
    line, (above, below) = lines()[1], [library.spine_of(results()[1]).levels[place].name for place in (7, 8)]
    places = []
    for level in (above, below):
        put(line, level)
        places.append([np.array(line.GetNthControlPointPosition(end)) for end in range(2)])
    for end in range(2):
        line.SetNthControlPointPosition(end, *np.mean([place[end] for place in places], 0))
    assert (above, below) == ("T8", "T10") and any("T9" in row[0].split(",")[0] for row in rows(panel))
    assert "T9" in labels()
    panel.ui.automaticButton.click()
    assert "T9" not in labels()


def test_a_curve_can_end_at_a_vertebra_that_the_model_missed(finds, panel, host, scene, tmp_path):
    from DAGANSpineLib import scene as library

    panel.ui.inputSelector.setCurrentNode(finds(labels_of(missing={(8, -1), (8, 1)})))
    panel.ui.runButton.click()
    before, levels = rows(panel), [level.name for level in library.spine_of(results()[1]).levels]
    assert "T9" not in levels
    panel.ui.upperLevelComboBox.setCurrentText("T9")
    assert "Of T9 no bone was found" in panel.ui.addCurveButton.toolTip
    add(panel, "T9", "L4")
    row = next(row for row in rows(panel) if row[0].startswith("T9 – L4"))
    centres = {level.name: np.array(level.centre) for level in library.spine_of(results()[1]).levels}
    assert centres["T9"] == pytest.approx((centres["T8"] + centres["T10"]) / 2)
    host.slice_view("DAGANSpineRestored").drag(line_of("T9"), 1, 0, 25)
    dragged = rows(panel)
    assert next(row for row in dragged if row[0].startswith("T9 – L4"))[1] != row[1]
    save_and_load(scene, tmp_path)
    assert rows(panel) == dragged
    panel.ui.automaticButton.click()
    slicer.app.processEvents()
    assert rows(panel) == before and [level.name for level in library.spine_of(results()[1]).levels] == levels


def test_lines_that_an_undo_brings_back_can_be_seen(spine, panel, scene):
    scene.SetUndoOn()
    try:
        there = len(lines())
        add(panel, "T8", "T12")
        put(line_of("T8"), "T9")
        panel.ui.automaticButton.click()
        slicer.app.processEvents()
        assert len(lines()) == there
        scene.Undo()
        slicer.app.processEvents()
        assert len(lines()) == there + 2
        assert all(line.GetDisplayNode() is not None and line.GetDisplayNode().GetVisibility() for line in lines())
    finally:
        scene.SetUndoOff()
        scene.ClearUndoStack()
        scene.ClearRedoStack()


def test_a_straight_spine_can_be_given_a_curve(finds, panel):
    panel.ui.inputSelector.setCurrentNode(finds(labels_of(np.zeros(17))))
    panel.ui.runButton.click()
    assert not panel.ui.curvesTable.visible
    add(panel, "T3", "T9")
    assert rows(panel)[0][0].startswith("T3 – T9") and panel.ui.curvesTable.visible
    panel.ui.automaticButton.click()
    slicer.app.processEvents()
    assert not panel.ui.curvesTable.visible and lines() == []


def test_only_a_curve_that_there_is_not_yet_can_be_added(spine, panel):
    assert panel.ui.addCurveButton.enabled
    there = rows(panel)[0][0].split(",")[0].split(" – ")
    for ends, why in ((there, "in the table already"), (there[::-1], "in the table already"), (["T8", "T8"], "two")):
        panel.ui.upperLevelComboBox.setCurrentText(ends[0])
        panel.ui.lowerLevelComboBox.setCurrentText(ends[1])
        assert not panel.ui.addCurveButton.enabled and why in panel.ui.addCurveButton.toolTip
    panel.ui.lowerLevelComboBox.setCurrentText("L4")
    assert panel.ui.addCurveButton.enabled


def test_where_there_is_no_spine_no_curve_is_offered(finds, panel):
    panel.ui.inputSelector.setCurrentNode(finds(np.zeros((600, 200), np.uint8)))
    panel.ui.runButton.click()
    assert not panel.ui.addCurveFrame.visible


def test_an_added_curve_can_be_undone(spine, panel, scene):
    scene.SetUndoOn()
    try:
        before, there = rows(panel), len(lines())
        add(panel, "T9", "L4")
        scene.Undo()
        slicer.app.processEvents()
        assert rows(panel) == before and len(lines()) == there
    finally:
        scene.SetUndoOff()
        scene.ClearUndoStack()
        scene.ClearRedoStack()
