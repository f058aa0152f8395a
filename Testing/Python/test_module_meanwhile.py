"""What users do while a run is in progress, early and late in it, and what may go wrong in it."""

import gc
import threading

import numpy as np
import pytest

slicer = pytest.importorskip("slicer")
vtk = pytest.importorskip("vtk")
torch = pytest.importorskip("torch")
pytest.importorskip("PySide6")

from clinician import during_the_run, nodes, results  # noqa: E402

pytestmark = pytest.mark.usefixtures("small_tiles")

AS_PNG = np.diag([-1.0, -1.0, 1.0, 1.0])
STAGES = pytest.mark.parametrize("stage", ["Loading the model", "Restoring, tile 2", "Segmenting", "Done"])


@STAGES
def test_a_second_click_cancels_and_the_scene_is_as_before(chosen, stage, caplog):
    before = nodes()
    done = during_the_run(chosen, chosen.ui.runButton.click, stage)
    chosen.ui.runButton.click()
    assert done
    assert chosen.ui.statusLabel.text.startswith("Cancelled")
    assert nodes() == before
    assert not caplog.records
    chosen.ui.runButton.click()
    assert chosen.ui.statusLabel.text.startswith("Done")


@STAGES
def test_many_clicks_are_no_more_than_one(chosen, stage):
    before = nodes()

    def click_often():
        for _ in range(5):
            chosen.ui.runButton.click()
            slicer.app.processEvents()

    assert during_the_run(chosen, click_often, stage) == []
    chosen.ui.runButton.click()
    assert chosen.ui.statusLabel.text.startswith("Cancelled")
    assert nodes() == before


@STAGES
def test_closing_the_scene_leaves_it_empty(chosen, scene, stage, caplog):
    done = during_the_run(chosen, scene.Clear, stage)
    chosen.ui.runButton.click()
    assert done
    assert results() == (None, None)
    assert chosen.ui.statusLabel.text.startswith("Cancelled")
    assert not caplog.records


@STAGES
def test_deleting_the_input_leaves_nothing_of_it(chosen, volume, scene, stage, caplog):
    before = nodes() - {volume.GetID(), volume.GetDisplayNodeID()}
    done = during_the_run(chosen, lambda: scene.RemoveNode(volume), stage)
    chosen.ui.runButton.click()
    assert done
    assert nodes() == before
    assert chosen.ui.statusLabel.text.startswith("Cancelled")
    assert not caplog.records


@STAGES
def test_leaving_the_module_finishes_the_run_and_keeps_the_layout(chosen, host, stage):
    layout = slicer.app.layoutManager().layout
    during_the_run(chosen, lambda: host.leave("DAGANSpine"), stage)
    chosen.ui.runButton.click()
    assert None not in results()
    assert slicer.app.layoutManager().layout == layout


@STAGES
@pytest.mark.parametrize("way", ["window", "module"])
def test_quitting_stops_the_run_and_touches_nothing_any_more(chosen, host, stage, way, caplog):
    before = nodes()
    leave = {"window": host.close_windows, "module": lambda: host.unload("DAGANSpine")}[way]
    run = chosen.onRunButton  # the button itself goes in mid-click
    done = during_the_run(chosen, leave, stage)
    run()
    assert done
    assert nodes() == before
    assert not caplog.records


@STAGES
def test_reloading_stops_the_run_and_the_new_panel_runs(chosen, stage, caplog, reloadable):
    before = nodes()
    run = chosen.onRunButton
    done = during_the_run(chosen, lambda: reloadable(chosen), stage)
    run()
    assert done
    assert nodes() == before
    assert not caplog.records
    slicer.modules.DAGANSpineWidget.ui.runButton.click()
    assert None not in results()


@STAGES
def test_importing_another_scene_lets_the_run_go_on(chosen, volume, scene, stage, tmp_path):
    other = slicer.vtkMRMLScene()
    other.AddNewNodeByClass("vtkMRMLTextNode", "Imported")
    other.SetURL(str(tmp_path / "other.mrml"))
    assert other.Commit()

    def load():
        scene.SetURL(str(tmp_path / "other.mrml"))
        assert scene.Import()

    during_the_run(chosen, load, stage)
    chosen.ui.runButton.click()
    assert None not in results()
    assert chosen.ui.inputSelector.currentNode() is volume
    assert chosen.ui.statusLabel.text.startswith("Done")


def test_choosing_another_image_meanwhile_is_not_possible(chosen, small_vpi):
    slicer.util.addVolumeFromArray(small_vpi[np.newaxis], AS_PNG, "Other")
    seen = []
    during_the_run(chosen, lambda: seen.append(chosen.ui.inputSelector.enabled))
    chosen.ui.runButton.click()
    assert seen == [False]
    assert chosen.ui.inputSelector.enabled


def test_a_change_of_the_input_meanwhile_does_not_reach_the_result(chosen, volume):
    from clinician import expected_result

    expected = expected_result(volume).restored
    pixels = slicer.util.arrayFromVolume(volume)

    def paint():
        pixels[:] = pixels[:, ::-1].copy()
        slicer.util.arrayFromVolumeModified(volume)

    during_the_run(chosen, paint, "Loading the model")
    chosen.ui.runButton.click()
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(results()[0])[0], expected)


def test_an_error_in_the_middle_is_told_and_the_next_run_works(chosen, monkeypatch, caplog):
    from DAGANSpineLib.inference import Pipeline

    def fail(*_):
        raise ZeroDivisionError("division by zero")

    before = nodes()
    with monkeypatch.context() as patch:
        patch.setattr(Pipeline, "segment", fail)
        chosen.ui.runButton.click()
    assert chosen.ui.statusLabel.text.startswith("Something went wrong: division by zero.")
    assert "ZeroDivisionError" in caplog.text
    assert nodes() == before
    chosen.ui.runButton.click()
    assert None not in results()


def test_a_computer_without_enough_memory_is_told_in_a_sentence(chosen, monkeypatch):
    from DAGANSpineLib.inference import Pipeline

    def fail(*_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 42 bytes.")

    before = nodes()
    with monkeypatch.context() as patch:
        patch.setattr(Pipeline, "segment", fail)
        chosen.ui.runButton.click()
    assert chosen.ui.statusLabel.text.startswith("This computer has too little free memory for this picture")
    assert nodes() == before
    assert chosen.ui.runButton.enabled


def test_an_error_while_the_results_are_published_leaves_the_scene_as_before(chosen, monkeypatch, caplog):
    before = nodes()

    def fail(*_):
        raise RuntimeError("no segment")

    with monkeypatch.context() as patch:
        patch.setattr(slicer.util, "updateSegmentBinaryLabelmapFromArray", fail)
        chosen.ui.runButton.click()
    assert chosen.ui.statusLabel.text.startswith("Something went wrong: no segment.")
    assert nodes() == before
    chosen.ui.runButton.click()
    assert None not in results()


def test_nothing_the_user_does_comes_between_computing_and_publishing(chosen, volume, scene, monkeypatch):
    """Publishing handles no events, so that a click waits until all nodes are there."""
    import qt

    from DAGANSpineLib import scene as library

    publish, seen = library.publish, []

    def watched(*arguments):
        qt.QTimer.singleShot(0, lambda: scene.RemoveNode(volume))
        made = publish(*arguments)
        seen.append(bool(scene.IsNodePresent(volume)))
        return made

    monkeypatch.setattr(library, "publish", watched)
    chosen.ui.runButton.click()
    slicer.app.processEvents()
    assert seen == [True]
    assert not scene.IsNodePresent(volume)


def test_work_beside_the_window_runs_in_a_thread_and_ends_with_it(host):
    import threading

    from DAGANSpinePanel.background import inBackground

    before, told = threading.active_count(), []

    def work(report):
        report(0.5, "Half")
        return threading.current_thread() is threading.main_thread()

    def progress(fraction, message):
        told.append((fraction, message, threading.current_thread() is threading.main_thread()))

    assert inBackground(work, progress) is False
    assert told == [(0.5, "Half", True)]
    assert threading.active_count() == before


def test_what_listens_to_the_work_may_fail_and_the_work_stops(host):
    import threading

    from DAGANSpinePanel.background import inBackground

    from DAGANSpineLib.progress import Cancelled

    stopped = threading.Event()

    def work(report):
        try:
            while True:
                report(0.5, "Half")
        except Cancelled:
            stopped.set()

    def progress(fraction, message):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        inBackground(work, progress)
    assert stopped.is_set()


def test_old_news_are_told_again_while_time_goes_by(host, monkeypatch):
    import threading

    from DAGANSpinePanel import background

    monkeypatch.setattr(background, "REPEAT", 0.05)
    told, enough = [], threading.Event()

    def work(report):
        report(None, "Installing")
        assert enough.wait(10)

    def progress(fraction, message):
        told.append(message)
        if len(told) == 3:
            enough.set()

    background.inBackground(work, progress)
    assert told[:3] == ["Installing"] * 3


@pytest.fixture
def collectors():
    """The threads in which garbage is collected, which Python does as often as it can."""
    threads, often = set(), gc.get_threshold()

    def collected(phase, _info):
        threads.add(threading.current_thread())

    gc.callbacks.append(collected)
    gc.set_threshold(20, 2, 2)
    yield threads
    gc.set_threshold(*often)
    gc.callbacks.remove(collected)


def test_a_closed_panels_parts_end_in_the_main_thread_though_others_work(chosen, collectors):
    during_the_run(chosen, collectors.clear, "Loading the model")
    chosen.ui.runButton.click()
    chosen.logic.prepare()
    chosen.logic.endPreparation()
    assert None not in results()
    assert collectors <= {threading.main_thread()}
    assert gc.isenabled()


def test_what_is_young_is_collected_during_a_long_run(chosen, collectors, monkeypatch):
    monkeypatch.setattr("DAGANSpinePanel.background.REPEAT", 0.0)
    during_the_run(chosen, collectors.clear, "Loading the model")
    chosen.ui.runButton.click()
    assert threading.main_thread() in collectors
