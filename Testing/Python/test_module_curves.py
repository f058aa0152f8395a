"""The curves in the panel: a table, lines and names in both views, and whatever may happen to them in the scene."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from drawn_spine import CORONAL, S_SHAPED, STEP, labels_of

slicer = pytest.importorskip("slicer")
pytest.importorskip("PySide6")

from clinician import angles, drag_upper, draw, lines, notes, results, rows, said  # noqa: E402
from test_module_width import cut_off  # noqa: E402

from DAGANSpineLib import spine as library_spine  # noqa: E402

RESOURCES = Path(__file__).parents[2] / "Resources"


def test_the_table_says_which_curves_there_are_above_all_other_figures(spine, panel, host):
    host.set_dock_width(344)
    expected = library_spine.read(labels_of(), np.ones_like(labels_of(), bool), spacing=(STEP, STEP))
    largest = max(expected.curves, key=lambda curve: curve.uca_deg)
    assert len(rows(panel)) == len(expected.curves) > 0
    text, uca, spa = rows(panel)[expected.curves.index(largest)]
    assert text == (
        f"{largest.upper} – {largest.lower}, apex {largest.apex}, convex to the picture's right, the patient's right; "
        "certain"
    )
    assert uca == f"{largest.uca_deg:.0f}°"
    assert int(spa.rstrip("°")) == pytest.approx(largest.spa_deg, abs=1)  # the panel knows the lit body's own midline
    host.dock_width()
    tops = [widget.mapTo(panel.ui.sections, widget.rect.topLeft()).y()
            for widget in (panel.ui.curvesTable, panel.ui.segmentsTable, panel.ui.restorationTable)]  # fmt: skip
    assert tops == sorted(set(tops))
    assert "Plausibility" in panel.ui.curvesLabel.text


def test_each_end_of_a_curve_has_a_line_where_the_bones_are_and_every_level_its_name(spine, panel):
    from DAGANSpineLib import scene as library

    found = library.spine_of(results()[1])
    ends = {end for curve in found.curves for end in (curve.upper, curve.lower)}
    assert {line.GetAttribute("DAGANSpineLevel") for line in lines()} == ends
    for line in lines():
        level = next(level for level in found.levels if level.name == line.GetAttribute("DAGANSpineLevel"))
        for end, (row, column) in enumerate((level.left, level.right)):
            expected = CORONAL @ (column, row, 0, 1)
            np.testing.assert_allclose(line.GetNthControlPointPositionWorld(end), expected[:3], atol=1e-6)
    names = library.names_of(results()[1])
    places = range(names.GetNumberOfControlPoints())
    assert [names.GetNthControlPointLabel(place) for place in places] == [level.name for level in found.levels]
    assert names.GetLocked()


def test_lines_and_names_are_shown_in_both_views_and_nowhere_else(spine, panel, host):
    assert all(line.GetDisplayNode().GetVisibility() for line in lines())
    seen = {line.GetDisplayNode().GetViewNodeIDs() for line in lines()}
    assert seen == {("vtkMRMLSliceNodeDAGANSpineOriginal", "vtkMRMLSliceNodeDAGANSpineRestored")}
    with_lines = host.slice_view("DAGANSpineOriginal").pixels().astype(int)
    panel.ui.showLinesCheckBox.click()
    without = host.slice_view("DAGANSpineOriginal").pixels().astype(int)
    assert (np.abs(with_lines - without).max(2) > 60).sum() > 300
    assert np.ptp(without, axis=2).max() == 0
    panel.ui.showLinesCheckBox.click()
    host.leave("DAGANSpine")
    assert not any(line.GetDisplayNode().GetVisibility() for line in lines())
    host.open("DAGANSpine")
    panel.ui.showButton.click()
    assert all(line.GetDisplayNode().GetVisibility() for line in lines())


@pytest.mark.parametrize("words", ["English", "half as long again"])
def test_of_the_table_and_its_notes_nothing_is_cut_off(finds, host, request, words):
    from contextlib import nullcontext

    from SlicerHost.i18n import long_texts

    with long_texts() if words != "English" else nullcontext():
        panel = request.getfixturevalue("panel")
        host.set_dock_width(344)
        labels = labels_of(missing={(level, 1) for level in range(3, 7)})
        panel.ui.inputSelector.setCurrentNode(finds(labels))
        panel.ui.runButton.click()
        drag_upper(host)
        assert host.dock_width() == 344
        assert len(rows(panel)) > 1 and panel.ui.curveNotesLabel.isVisible()
        assert cut_off(panel) == []


@pytest.mark.parametrize("kind", ["noise", "photograph", "empty"])
def test_what_is_no_spine_gets_no_angle_and_a_reason(finds, panel, kind):
    labels = np.zeros((600, 200), np.uint8)
    if kind == "noise":
        labels = np.kron(np.random.default_rng(0).integers(0, 4, (60, 20)), np.ones((10, 10), int)).astype(np.uint8)
    elif kind == "photograph":
        labels[100:300, 40:150] = 2
    panel.ui.inputSelector.setCurrentNode(finds(labels))
    panel.ui.runButton.click()
    assert not panel.ui.curvesTable.visible
    assert notes(panel).startswith("No curves are given:")
    assert lines() == []


def photograph():
    """As of things on a table, lit from one side, before and behind each other: float (rows, columns). The model takes
    some of their shadows for bones."""
    random = np.random.default_rng(3)
    down, across = np.mgrid[:700, :340]
    picture = 90 + 0.12 * down + 0.1 * across
    for _thing in range(60):
        row, column, turn = random.uniform((0, 0, 0), (700, 340, np.pi))
        height, width = random.uniform(8, (90, 60))
        u = (across - column) * np.cos(turn) + (down - row) * np.sin(turn)
        v = (down - row) * np.cos(turn) - (across - column) * np.sin(turn)
        power = random.choice([2, 8])  # round or with corners
        inside = np.abs(u / width) ** power + np.abs(v / height) ** power < 1
        picture = np.where(inside, random.uniform(20, 235) + 0.5 * v, picture)
    return (picture + random.normal(0, 4, picture.shape)).clip(0, 255)


def pictures_of_no_spine():
    """Noise, as speckle is; a photograph of a sort, of many edges and greys; nothing at all: float (rows, columns)."""
    return {
        "noise": np.random.default_rng(0).rayleigh(60, (700, 250)).clip(0, 255),
        "photograph": photograph(),
        "empty": np.zeros((600, 200)),
    }


@pytest.mark.parametrize("kind", ["noise", "photograph", "empty"])
def test_of_what_is_no_spine_the_bundled_model_itself_leads_to_no_angle(panel, kind):
    from DAGANSpineLib import scene as library

    volume = slicer.util.addVolumeFromArray(pictures_of_no_spine()[kind][np.newaxis].astype(np.uint8), CORONAL, kind)
    panel.ui.modelPathLineEdit.currentPath = str(RESOURCES / "Models" / "DAGANSpine.pt")
    panel.ui.inputSelector.setCurrentNode(volume)
    panel.ui.runButton.click()
    assert not panel.ui.curvesTable.visible and lines() == []
    if kind == "empty":
        assert said(panel).startswith("This picture is empty")
    else:
        assert kind != "photograph" or library.labels_of(results()[1], volume).any(), "or there is nothing to refuse"
        assert notes(panel).startswith("No curves are given:")


def test_a_straight_spine_has_no_curve_and_that_is_said(finds, panel):
    panel.ui.inputSelector.setCurrentNode(finds(labels_of(np.zeros(17))))
    panel.ui.runButton.click()
    assert panel.ui.curvesLabel.text.startswith("No curve of 10° or more.")
    assert not panel.ui.curvesTable.visible and lines() == []


def test_what_could_not_be_found_is_said_beside_the_table(finds, panel):
    labels = labels_of(missing={(level, 1) for level in range(3, 7)})
    panel.ui.inputSelector.setCurrentNode(finds(labels))
    panel.ui.runButton.click()
    assert "Between T4 and T7 the bones on the right could not be found." in notes(panel)


def test_two_images_in_turn_keep_their_own_curves_and_lines(spine, finds, panel, host):
    drag_upper(host)
    first, other = rows(panel), finds(labels_of(0.7 * S_SHAPED[::-1]), "Other")
    panel.ui.inputSelector.setCurrentNode(other)
    assert not panel.ui.curvesTable.visible and not any(line.GetDisplayNode().GetVisibility() for line in lines())
    panel.ui.runButton.click()
    second = rows(panel)
    shown = [line.GetName().split()[0] for line in lines() if line.GetDisplayNode().GetVisibility()]
    assert set(shown) == {"Other"} and second != first
    panel.ui.inputSelector.setCurrentNode(spine)
    assert rows(panel) == first
    shown = [line.GetName().split()[0] for line in lines() if line.GetDisplayNode().GetVisibility()]
    assert set(shown) == {"VPI"}
    panel.ui.inputSelector.setCurrentNode(other)
    assert rows(panel) == second


def test_a_closed_scene_leaves_no_curve_behind(spine, finds, panel, host, scene):
    old = lines()[0]
    scene.Clear()
    assert not panel.ui.curvesTable.visible and not panel.ui.curvesLabel.visible
    old.SetNthControlPointPosition(0, 1, 2, 3)  # nobody listens any more
    panel.ui.inputSelector.setCurrentNode(finds(labels_of()))
    panel.ui.runButton.click()
    drag_upper(host)
    assert "measured by hand" in rows(panel)[0][0]


@pytest.mark.parametrize("gone", ["segmentation", "restored", "names", "a line", "display nodes"])
def test_whatever_is_deleted_nothing_is_left_behind_and_the_next_run_works(spine, panel, scene, gone):
    from DAGANSpineLib import scene as library

    expected, (restored, segmentation) = rows(panel), results()
    victims = {
        "segmentation": [segmentation], "restored": [restored], "names": [library.names_of(segmentation)],
        "a line": lines()[:1], "display nodes": [line.GetDisplayNode() for line in library.all_markups()],
    }[gone]  # fmt: skip
    for node in victims:
        scene.RemoveNode(node)
    slicer.app.processEvents()
    if gone == "segmentation":
        assert lines() == slicer.util.getNodesByClass("vtkMRMLMarkupsNode") == []
        assert not panel.ui.curvesTable.visible
    if gone == "names":
        assert "not known" in panel.ui.curvesLabel.text and panel.ui.measureButton.enabled
        panel.ui.measureButton.click()
        assert angles(panel) == [int(row[1][:-1]) for row in expected]
    panel.updateGUI()
    panel.ui.runButton.click()
    assert rows(panel) == expected


def test_markups_of_a_segmentation_that_was_deleted_in_another_module_go(spine, panel, host, scene):
    host.unload("DAGANSpine")
    scene.RemoveNode(results()[1])
    host.open("DAGANSpine")
    assert slicer.util.getNodesByClass("vtkMRMLMarkupsNode") == []


def test_an_export_holds_the_curves_as_they_are_now(spine, panel, host, tmp_path):
    drag_upper(host)
    panel.ui.exportPathLineEdit.currentPath = str(tmp_path)
    panel.ui.exportButton.click()
    report = json.loads((tmp_path / "VPI" / "report.json").read_text(encoding="utf-8"))
    assert [curve["uca_deg"] for curve in report["curves"]] == pytest.approx(angles(panel), abs=0.6)
    assert report["curves"][0]["confidence"] is None and report["levels"][report["curves"][0]["upper"]]["by_hand"]
    assert 0 < report["plausibility"] <= 1 and report["image"]["patients_right_is"] == "right"
    with (tmp_path / "VPI" / "figures.csv").open(encoding="utf-8-sig", newline="") as file:
        row = next(csv.DictReader(file))
    first = report["curves"][0]
    assert row["curves"].startswith(f"{first['upper']}-{first['lower']} {first['uca_deg']} {first['convex']} by hand")
    assert float(row["largest_uca_deg"]) == max(curve["uca_deg"] for curve in report["curves"])


@pytest.mark.parametrize("what", ["segments changed", "names deleted"])
def test_an_export_says_that_its_curves_are_not_those_of_its_segments(spine, panel, scene, tmp_path, what):
    from DAGANSpineLib import scene as library

    if what == "segments changed":
        draw(spine)
    else:
        scene.RemoveNode(library.names_of(results()[1]))
    panel.ui.exportPathLineEdit.currentPath = str(tmp_path)
    panel.ui.exportButton.click()
    report = json.loads((tmp_path / "VPI" / "report.json").read_text(encoding="utf-8"))
    assert report["warnings"][-1].endswith("click Measure again.")
    assert {"curves", "levels", "names_confidence", "plausibility"} <= report.keys()
    assert (report["curves"] is None) == (what == "names deleted")


def test_the_page_says_what_the_table_says(spine, panel, tmp_path):
    from DAGANSpinePanel import page
    from DAGANSpinePanel.export import curvesOf

    from DAGANSpineLib import scene as library

    files = {name: tmp_path / name for name in ("original", "restored", "removed")}
    curves = curvesOf(library.drawn_spine_of(results()[1], spine), spine, [])
    text = page.contents([], files, panel._results.found, curves)
    for row in rows(panel):
        assert row[0].replace("'", "&#x27;") in text and row[1] in text
    assert "Plausibility" in text


MALFORMED = ["", "{", "[]", "1e999", '{"levels": 5}', "[" * 5000, "9" * 5000, "null", '{"a": 1}', "[[1, 2], 3]", '"x"']


@pytest.mark.parametrize("text", MALFORMED)
def test_attributes_that_another_program_spoilt_are_taken_for_none(spine, panel, host, text):
    from DAGANSpineLib import scene as library

    restored, segmentation = results()
    library.names_of(segmentation).SetAttribute("DAGANSpineSpine", text)
    lines()[0].SetAttribute("DAGANSpinePlace", text)
    for node in (restored, segmentation):
        node.SetAttribute("DAGANSpineFindings", text)
    segmentation.SetAttribute("DAGANSpineDoubt", text)
    spine.SetAttribute("DAGANSpineProjection", text)
    spine.GetDisplayNode().SetAttribute("DAGANSpineWindow", text)
    segmentation.GetDisplayNode().SetAttribute("DAGANSpineFormer", text)
    panel.updateGUI()
    panel.ui.resetViewsButton.click()
    assert not panel.ui.curvesTable.visible
    assert library.projection.projection_of(spine) in (None, {"a": 1}, {"levels": 5})
    host.leave("DAGANSpine")
    host.open("DAGANSpine")
    panel.ui.measureButton.click()
    assert rows(panel)


# what can be shown all the same: no curve, a sentence, no sentence
HARMLESS = {"curves": [{}], "notes": ["x", {}]}


@pytest.mark.parametrize("key", ["levels", "curves", "plausibility", "notes", "midline", "spacing", "variance"])
def test_a_spine_with_a_spoilt_part_is_taken_for_none(spine, panel, key):
    from DAGANSpineLib import scene as library

    names = library.names_of(results()[1])
    record = json.loads(names.GetAttribute("DAGANSpineSpine"))
    for spoilt in ("x", 7, [[]], [{"name": 5}], {}, [None], float("nan")):
        names.SetAttribute("DAGANSpineSpine", json.dumps({**record, key: spoilt}))
        panel.updateGUI()
        shown = spoilt in HARMLESS.get(key, ())
        assert ("are not known" in panel.ui.curvesLabel.text) != shown, spoilt
        assert panel.ui.curvesTable.visible == (shown and key != "curves"), spoilt
    names.SetAttribute("DAGANSpineSpine", json.dumps(record))
    panel.updateGUI()
    assert panel.ui.curvesTable.visible and "are not known" not in panel.ui.curvesLabel.text


@pytest.mark.parametrize("end", ["upper", "lower", "apex"])
def test_a_spine_whose_curves_are_at_levels_that_it_lacks_is_taken_for_none(spine, panel, end):
    from DAGANSpineLib import scene as library

    names = library.names_of(results()[1])
    record = json.loads(names.GetAttribute("DAGANSpineSpine"))
    elsewhere = [{**curve, end: "T0"} for curve in record["curves"]]
    names.SetAttribute("DAGANSpineSpine", json.dumps({**record, "curves": elsewhere}))
    panel.updateGUI()
    assert not panel.ui.curvesTable.visible and "are not known" in panel.ui.curvesLabel.text
