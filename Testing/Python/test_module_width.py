"""The panel in Slicer's dock: it takes no room from the views, whatever it has to say."""

import numpy as np
import pytest

slicer = pytest.importorskip("slicer")
pytest.importorskip("PySide6")

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
    from DAGANSpineLib.pipeline import Pipeline

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
