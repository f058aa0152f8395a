"""The panel in Slicer's dock: it takes no room from the views, whatever it has to say."""

import shutil

import numpy as np
import pytest

slicer = pytest.importorskip("slicer")
pytest.importorskip("PySide6")

from PySide6.QtCore import QPoint  # noqa: E402
from PySide6.QtWidgets import QWidget  # noqa: E402

from DAGANSpineLib.projection import Projector  # noqa: E402
from DAGANSpineLib.simulation import simulate_subject, simulate_volume  # noqa: E402

WIDTH = 344  # pixels: what Slicer gives the dock at first
EVERY_WARNING = "The picture looks unlike a VPI, and so on for more than a line of the panel. " * 2


@pytest.fixture
def docked(host, scene):
    """The host with a dock as wide as at Slicer's start."""
    host.set_dock_width(WIDTH)
    return host


@pytest.fixture(params=["English", "half as long again"])
def language(docked, request):
    """Each test in English, and in words as long as those of some translations."""
    from SlicerHost.i18n import long_texts

    if request.param == "English":
        yield docked
    else:
        with long_texts():
            yield docked


def acts(panel, volume, small_vpi):
    """What users do with the panel, one after the other."""
    from DAGANSpineLib.scene import results_of

    yield "opened", lambda: None
    yield "run", panel.ui.runButton.click
    for _ in range(3):
        yield "residual on and off", panel.ui.showRemovedCheckBox.click
    named = "A_long_name_without_a_gap_" * 4
    yield "long names", lambda: [node.SetName(named) for node in (volume, *results_of(volume))]
    yield (
        "another image",
        lambda: panel.ui.inputSelector.setCurrentNode(
            slicer.util.addVolumeFromArray(small_vpi[np.newaxis], np.diag([-1.0, -1.0, 1.0, 1.0]), "Other" * 30)
        ),
    )
    yield "its run", panel.ui.runButton.click
    yield "back again", lambda: panel.ui.inputSelector.setCurrentNode(volume)
    yield "a long path", lambda: setattr(panel.ui.exportPathLineEdit, "currentPath", "/a/long/path" * 20)
    yield "long status", lambda: panel._progress.say("A sentence that is longer than the panel is wide. " * 3)


def test_whatever_happens_the_dock_keeps_its_width(language, volume, panel, small_vpi):
    widths = {"before": language.dock_width()}
    for name, act in acts(panel, volume, small_vpi):
        act()
        panel.updateGUI()
        widths[name] = language.dock_width()
    assert set(widths.values()) == {WIDTH}, widths


def test_with_every_warning_at_once_the_dock_keeps_its_width(docked, chosen, monkeypatch):
    from DAGANSpineLib.inference import Pipeline

    run = Pipeline.run

    def warn(pipeline, *arguments):
        result = run(pipeline, *arguments)
        result.warnings.extend([EVERY_WARNING] * 3)
        return result

    monkeypatch.setattr(Pipeline, "run", warn)
    chosen.ui.runButton.click()
    assert EVERY_WARNING.strip() in chosen.ui.warningsLabel.text
    assert docked.dock_width() == WIDTH


def test_reloading_and_loading_a_scene_keep_the_docks_width(docked, chosen, scene, reloadable, tmp_path):
    chosen.ui.runButton.click()
    path = str(tmp_path / "scene.mrb")
    assert scene.WriteToMRB(path, None)
    scene.Clear()
    assert docked.dock_width() == WIDTH
    assert scene.ReadFromMRB(path, True)
    assert docked.dock_width() == WIDTH
    reloadable(chosen)
    assert docked.dock_width() == WIDTH


def test_the_user_may_make_the_dock_wider_and_the_panel_follows(docked, panel):
    docked.set_dock_width(500)
    assert docked.dock_width() == 500
    assert panel.ui.runButton.width > 400
    docked.set_dock_width(WIDTH)
    assert docked.dock_width() == WIDTH


def cut_off(panel):
    """The names of the panel's visible widgets that are narrower or lower than what they show."""
    widgets = {name: widget for name, widget in vars(panel.ui).items() if hasattr(widget, "isVisible")}
    assert widgets.pop("sections").width <= panel.ui.sectionsArea.width
    return sorted(name for name, widget in widgets.items() if widget.isVisible() and is_cut_off(widget, panel))


def is_cut_off(widget, panel):
    kind, place = widget.className(), widget.parentWidget()
    if kind == "QTableWidget":
        return any(
            map(is_column_cut_off, *zip(*((widget, column) for column in range(widget.columnCount)), strict=True))
        )
    if kind == "QLabel" and not widget.pixmap.isNull():
        return widget.pixmap.width() > widget.width
    if kind in ("QLabel", "QPushButton", "QCheckBox", "ctkSliderWidget"):
        needed = widget.minimumSizeHint()
        height = widget.heightForWidth(widget.width) if widget.hasHeightForWidth() else needed.height()
        if (widget.width, widget.height) < (needed.width(), height) or widget.height < height:
            return True
    return not QWidget.rect(place).contains(QWidget.geometry(widget))


def is_column_cut_off(table, column):
    """Whether a word of this column, or a line of a wrapped text, finds no room."""
    width = table.columnWidth(column)
    cells = [table.item(row, column) for row in range(table.rowCount)]
    longest = max((word for cell in cells for word in cell.text().split()), key=len)
    room = width - 6 - (16 if column == 0 and not cells[0].icon().isNull() else 0)
    heights = [table.rowHeight(row) >= table.sizeHintForRow(row) for row in range(table.rowCount)]
    header = table.horizontalHeader().sectionSizeHint(column) <= width
    return not (header and all(heights) and table.fontMetrics().horizontalAdvance(longest) <= room)


@pytest.fixture(scope="module")
def simulated():
    return simulate_volume(simulate_subject(5, spacing_mm=0.4, missing=0.0), (1.2, 1.2, 1.0))


@pytest.fixture(scope="module")
def projector(simulated):
    return Projector.of(simulated.voxels, simulated.index_to_lps)


@pytest.fixture
def projected(panel, simulated, projector, monkeypatch):
    """The panel with a volume chosen, and its preview shown; the skin has been found once for all."""
    monkeypatch.setattr(Projector, "of", lambda *_: projector)
    matrix = np.diag([-1.0, -1.0, 1.0, 1.0]) @ simulated.index_to_lps[:, [2, 1, 0, 3]]
    panel.ui.inputSelector.setCurrentNode(slicer.util.addVolumeFromArray(simulated.voxels, matrix, "Sweep"))
    panel._projection.refresh()
    return panel


@pytest.mark.parametrize("width", [WIDTH, 500])
def test_nothing_is_cut_off(language, chosen, width):
    language.set_dock_width(width)
    chosen.ui.advancedCollapsibleButton.collapsed = False
    chosen.ui.runButton.click()
    chosen.ui.showRemovedCheckBox.click()
    chosen._progress.say("A long status. " * 20)
    assert language.dock_width() == width
    assert chosen.ui.segmentsTable.visible and chosen.ui.deviceFoundLabel.isVisible()
    assert cut_off(chosen) == []


@pytest.mark.parametrize("width", [WIDTH, 500])
def test_nothing_is_cut_off_of_training_and_comparison(language, chosen, slim_model, tmp_path, width):
    language.set_dock_width(width)
    folder = tmp_path / ("a_long_name_without_a_gap_" * 4)
    for name in ("training", "comparison"):
        getattr(chosen.ui, f"{name}CollapsibleButton").collapsed = False
    chosen.ui.runButton.click()
    chosen.ui.trainingPathLineEdit.currentPath = str(folder)
    chosen.ui.keepButton.click()
    chosen.ui.comparedPathLineEdit.currentPath = str(shutil.copy(slim_model, tmp_path / f"{folder.name}.pt"))
    chosen.ui.compareButton.click()
    assert language.dock_width() == width
    for name in ("keepNotesLabel", "keptLabel", "trainingCommandEdit", "comparisonTable", "comparisonLabel"):
        assert getattr(chosen.ui, name).isVisible(), name
    assert cut_off(chosen) == []


def test_long_names_and_paths_are_not_cut_off(docked, chosen, volume):
    from DAGANSpineLib.scene import results_of

    chosen.ui.runButton.click()
    for node in (volume, *results_of(volume)):
        node.SetName("A_name_without_a_gap_" * 6)
    chosen.updateGUI()
    chosen._progress.say("Exported to /a/long/path/without/any/space/in/it" * 2)
    docked.dock_width()
    assert cut_off(chosen) == []


def test_nothing_is_cut_off_of_a_volumes_projection(language, projected):
    assert language.dock_width() == WIDTH
    assert projected.ui.projectionPicture.isVisible() and projected.ui.projectionLabel.isVisible()
    assert cut_off(projected) == []


def top_of(panel, name):
    """How far below the top of the scroll area a widget is."""
    return getattr(panel.ui, name).mapTo(panel.ui.sectionsArea, QPoint(0, 0)).y()


def test_the_button_is_in_sight_whatever_is_scrolled(docked, projected):
    ui = projected.ui
    ui.advancedCollapsibleButton.collapsed = False
    docked.dock_width()
    bar, seen, tops = ui.sectionsArea.verticalScrollBar(), [], []
    for scrolled in np.linspace(0, bar.maximum(), 7).astype(int):
        bar.setValue(scrolled)
        docked.dock_width()
        seen.append(ui.runButton.visibleRegion().boundingRect().height() / ui.runButton.height)
        tops.append(top_of(projected, "runButton") - top_of(projected, "runPlace"))
    assert bar.maximum() > 200
    assert seen == [1.0] * 7
    assert tops[0] <= 0 <= tops[-1] and 0 in tops, "at its own place where that is in sight"


def test_the_order_is_the_clinicians(docked, projected):
    sections = "input", "projection", "results", "views", "export", "training", "comparison", "advanced"
    names = [f"{name}CollapsibleButton" for name in sections]
    docked.dock_width()
    tops = [top_of(projected, name) for name in [*names[:2], "runPlace", *names[2:]]]
    assert tops == sorted(set(tops))
    for name in ("training", "comparison", "advanced"):
        assert getattr(projected.ui, f"{name}CollapsibleButton").collapsed


def test_in_a_low_window_the_button_stays_above_the_fold(docked, projected):
    docked.window.resize(1200, 600)
    docked.dock_width()
    assert projected.ui.runButton.visibleRegion().boundingRect().height() == projected.ui.runButton.height
