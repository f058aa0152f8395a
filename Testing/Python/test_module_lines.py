"""Curves measured by hand: lines are dragged, angles follow at once, and there is a way back; kept in the scene."""

import numpy as np
import pytest
from drawn_spine import STEP, labels_of

slicer = pytest.importorskip("slicer")
pytest.importorskip("PySide6")

from clinician import angles, drag_upper, lines, nodes, notes, results, rows, said, save_and_load  # noqa: E402


@pytest.mark.parametrize("tag", ["DAGANSpineOriginal", "DAGANSpineRestored"])
def test_the_angle_follows_a_dragged_line_at_once(spine, panel, host, tag):
    before, seen = rows(panel), []
    line = lines()[0]
    line.AddObserver(line.PointModifiedEvent, lambda *_: seen.append(rows(panel)))
    drag_upper(host, tag=tag)
    (left, right) = (np.array(line.GetNthControlPointPositionWorld(end)) for end in range(2))
    lower = np.subtract(*(lines()[1].GetNthControlPointPositionWorld(end) for end in (1, 0)))
    tilts = [np.degrees(np.arctan2(along[2], along[0])) for along in (right - left, lower)]
    assert angles(panel)[0] == round(abs(tilts[0] - tilts[1])) != int(before[0][1].rstrip("°"))
    assert len({row[0][1] for row in seen}) > 2, "while it is dragged, too"
    assert "measured by hand" in rows(panel)[0][0]
    assert ["measured by hand" in row[0] for row in rows(panel)[2:]] == [False] * len(rows(panel)[2:])


def test_a_levels_name_follows_its_line(spine, panel, host):
    from DAGANSpineLib import scene as library

    names, line = library.names_of(results()[1]), lines()[0]
    number = next(
        number for number in range(names.GetNumberOfControlPoints())
        if names.GetNthControlPointLabel(number) == line.GetAttribute("DAGANSpineLevel")
    )  # fmt: skip
    before = np.array(names.GetNthControlPointPosition(number))
    drag_upper(host, rows=20)
    moved = np.array(names.GetNthControlPointPosition(number)) - before
    assert moved[2] > 5 and line.GetDisplayNode().GetSelectedColor() != lines()[1].GetDisplayNode().GetSelectedColor()
    panel.ui.automaticButton.click()
    np.testing.assert_allclose(names.GetNthControlPointPosition(number), before, atol=0.02)


def test_one_click_goes_back_to_the_automatic_curve(spine, panel, host):
    before = rows(panel)
    assert not panel.ui.automaticButton.enabled
    drag_upper(host)
    assert panel.ui.automaticButton.enabled and rows(panel) != before
    panel.ui.automaticButton.click()
    assert rows(panel) == before
    assert not panel.ui.automaticButton.enabled


def test_a_deleted_line_comes_back_by_the_same_click(spine, panel, host, scene):
    before, there = rows(panel), len(lines())
    scene.RemoveNode(lines()[0])
    slicer.app.processEvents()
    assert len(lines()) == there - 1 and panel.ui.automaticButton.enabled and rows(panel) == before
    panel.ui.automaticButton.click()
    slicer.app.processEvents()
    assert len(lines()) == there and not panel.ui.automaticButton.enabled
    assert all(line.GetDisplayNode().GetVisibility() for line in lines())
    drag_upper(host)
    assert rows(panel) != before, "it can be dragged, too"


def test_a_line_that_lost_an_end_or_its_display_comes_back(spine, panel, scene):
    lines()[0].UnsetNthControlPointPosition(0)
    scene.RemoveNode(lines()[-1].GetDisplayNode())
    panel.updateGUI()
    assert panel.ui.automaticButton.enabled
    panel.ui.automaticButton.click()
    slicer.app.processEvents()
    assert all(
        line.GetNumberOfDefinedControlPoints() == 2 and line.GetDisplayNode().GetVisibility() for line in lines()
    )
    assert not panel.ui.automaticButton.enabled


def test_names_that_are_uncertain_are_said_beside_each_curve(finds, panel):
    panel.ui.inputSelector.setCurrentNode(finds(labels_of()))
    panel.ui.runButton.click()
    assert not any("names uncertain" in row[0] for row in rows(panel))
    without_lumps = labels_of()
    without_lumps[without_lumps == 3] = 0
    panel.ui.inputSelector.setCurrentNode(finds(without_lumps, "Thoracic"))
    panel.ui.runButton.click()
    assert rows(panel) and all(row[0].endswith("; names uncertain") for row in rows(panel))


def test_slicers_undo_takes_back_a_drag_and_going_back_to_automatic(spine, panel, host, scene):
    scene.SetUndoOn()
    try:
        before = rows(panel)
        drag_upper(host)
        drawn = rows(panel)
        panel.ui.automaticButton.click()
        scene.Undo()
        slicer.app.processEvents()
        assert rows(panel) == drawn != before
        scene.Undo()
        slicer.app.processEvents()
        assert rows(panel) == before
        drag_upper(host)
        assert rows(panel) == drawn, "the lines are followed on"
    finally:
        scene.SetUndoOff()
        scene.ClearUndoStack()
        scene.ClearRedoStack()


def test_a_saved_scene_brings_back_curves_lines_and_what_was_measured_by_hand(spine, panel, host, scene, tmp_path):
    automatic = rows(panel)
    drag_upper(host)
    drawn, sentence = rows(panel), panel.ui.curvesLabel.text
    places = [[line.GetNthControlPointPosition(end) for end in range(2)] for line in lines()]
    save_and_load(scene, tmp_path)
    assert rows(panel) == drawn != automatic and panel.ui.curvesLabel.text == sentence
    np.testing.assert_allclose(
        [[line.GetNthControlPointPosition(end) for end in range(2)] for line in lines()], places, atol=1e-3
    )
    panel.ui.automaticButton.click()
    assert rows(panel) == automatic
    drag_upper(host)
    assert rows(panel) == drawn


def test_edited_segments_are_measured_again_by_a_click(spine, panel, host):
    assert not panel.ui.measureButton.enabled
    before, segmentation = rows(panel), results()[1]
    drag_upper(host)
    host.leave("DAGANSpine")  # for the Segment Editor
    mirrored = labels_of()[:, ::-1]
    for label, name in enumerate(("Rib", "Thoracic", "Lumbar"), 1):
        mask = np.ascontiguousarray(mirrored == label)[np.newaxis].astype(np.uint8)
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, name, spine)
    host.open("DAGANSpine")
    assert "changed since: click Measure again" in notes(panel)
    panel.ui.measureButton.click()
    assert said(panel).startswith(
        "The curves were measured again. The lines that were drawn by hand are kept: VPI line"
    )
    for row, former in zip(rows(panel), before, strict=True):
        assert abs(int(row[1][:-1]) - int(former[1][:-1])) <= 1
        assert ("picture's left" in row[0]) != ("picture's left" in former[0])
    assert not panel.ui.measureButton.enabled and "Measure again" not in notes(panel)


@pytest.mark.parametrize("what", ["a pixel drawn", "names deleted", "saved and loaded"])
def test_what_the_model_was_not_sure_of_is_not_when_measured_again(finds, panel, host, scene, tmp_path, what):
    from DAGANSpineLib import scene as library

    volume = finds(labels_of(), sure=0.55)
    panel.ui.inputSelector.setCurrentNode(volume)
    panel.ui.runButton.click()
    assert notes(panel).startswith("No curves are given:")
    if what == "saved and loaded":
        save_and_load(scene, tmp_path)
        volume = slicer.util.getNode("VPI")
    if what == "names deleted":
        scene.RemoveNode(library.names_of(results()[1]))
        slicer.app.processEvents()
    else:
        mask = (labels_of() == 3)[np.newaxis].astype(np.uint8)
        mask[0, 0, 0] = 1
        host.leave("DAGANSpine")
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, results()[1], "Lumbar", volume)
        host.open("DAGANSpine")
    assert panel.ui.measureButton.enabled
    panel.ui.measureButton.click()
    assert notes(panel).startswith("No curves are given:") and not panel.ui.curvesTable.visible
    assert len(results()[1].GetAttribute("DAGANSpineDoubt")) < 20_000


def test_bones_that_a_user_draws_in_a_segment_of_their_own_are_measured(spine, panel, host):
    """Slicer gives a segment that is added by hand an ID of its own: its name says which bone it is."""
    expected, segmentation = rows(panel), results()[1]
    host.leave("DAGANSpine")
    segmentation.GetSegmentation().RemoveSegment("Thoracic")
    host.open("DAGANSpine")
    panel.ui.measureButton.click()
    assert not panel.ui.curvesTable.visible
    host.leave("DAGANSpine")
    segmentation.GetSegmentation().AddEmptySegment("Segment_1", "thoracic spine")
    mask = np.ascontiguousarray(labels_of() == 2)[np.newaxis].astype(np.uint8)
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, "Segment_1", spine)
    host.open("DAGANSpine")
    assert "changed since: click Measure again" in notes(panel)
    panel.ui.measureButton.click()
    assert angles(panel) == [int(row[1][:-1]) for row in expected]


def test_a_second_run_keeps_lines_that_were_drawn_by_hand_and_no_others(spine, panel, host):
    before, expected = nodes(), rows(panel)
    panel.ui.runButton.click()
    assert len(nodes()) == len(before)
    drag_upper(host)
    panel.ui.runButton.click()
    kept = [line for line in lines() if line.GetName().endswith("(by hand)")]
    assert len(kept) == 1 and not kept[0].GetDisplayNode().GetVisibility()
    assert said(panel).endswith(f"drawn by hand are kept: {kept[0].GetName()}.")
    assert rows(panel) == expected


TURNED = {  # how a picture may be stored, and the matrix that puts it at the same place
    "upside down": (lambda picture: picture[np.newaxis, ::-1], [[STEP, 0, 0], [0, 0, STEP], [0, STEP, 0]]),
    "transposed": (lambda picture: picture.T[np.newaxis], [[0, STEP, 0], [0, 0, STEP], [-STEP, 0, 0]]),
    "other slices": (lambda picture: picture[:, np.newaxis], [[STEP, 0, 0], [0, STEP, 0], [0, 0, -STEP]]),
    "oblique": (lambda picture: picture[np.newaxis], [[0.6 * STEP, 0, 0.8], [0.8 * STEP, 0, -0.6], [0, -STEP, 0]]),
    "from the front": (lambda picture: picture[np.newaxis], [[-STEP, 0, 0], [0, 0, -STEP], [0, -STEP, 0]]),
    "without": (lambda picture: picture[np.newaxis], [[-1, 0, 0], [0, -1, 0], [0, 0, 1]]),
}


@pytest.mark.parametrize("how", TURNED)
def test_in_any_geometry_the_angles_and_a_drags_effect_are_the_same(spine, finds, panel, host, how):
    drawn = []
    stored, matrix = TURNED[how]
    turned = np.eye(4)
    turned[:3, :3] = matrix
    for volume in (spine, finds(labels_of(), "Turned", turned, stored)):
        panel.ui.inputSelector.setCurrentNode(volume)
        panel.ui.runButton.click()
        own = [line for line in lines() if line.GetName().startswith(volume.GetName())]
        own.sort(key=lambda line: line.GetAttribute("DAGANSpineLevel").translate({ord("T"): "A"}))
        before = angles(panel), [row[0].split(",")[:2] for row in rows(panel)]
        host.slice_view("DAGANSpineRestored").drag(own[0], 1, 3, 25)
        drawn.append((*before, angles(panel)))
    assert drawn[0] == drawn[1]
    side = {"from the front": "the patient's left", "oblique": "picture's right;", "without": "picture's right;"}
    assert any(side.get(how, "the patient's right") in row[0] for row in rows(panel))


def test_lines_follow_the_transform_of_their_image(spine, panel, host, scene):
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(np.diag([1.0, 1, 1, 1]) + np.eye(4, k=3) * 50))
    spine.SetAndObserveTransformNodeID(transform.GetID())
    before = angles(panel)
    panel.ui.runButton.click()
    assert angles(panel) == before
    assert {line.GetTransformNodeID() for line in lines()} == {transform.GetID()}
    drag_upper(host)
    assert "measured by hand" in rows(panel)[0][0]


def test_a_reloaded_module_follows_the_lines_and_the_old_one_does_not(spine, panel, host, reloadable):
    expected = rows(panel)
    reloadable(panel)
    again = slicer.modules.DAGANSpineWidget
    assert rows(again) == expected
    again.ui.showButton.click()
    drag_upper(host)
    assert "measured by hand" in rows(again)[0][0]
