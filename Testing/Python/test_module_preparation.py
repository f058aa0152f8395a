"""Torch and the model are there before the first click, and nobody waits for them."""

import sys
import threading
import time

import numpy as np
import pytest

slicer = pytest.importorskip("slicer")
pytest.importorskip("torch")
pytest.importorskip("PySide6")

from clinician import results, said  # noqa: E402

from DAGANSpineLib.errors import UserError  # noqa: E402

LONG = 10  # s after which something has gone wrong


@pytest.fixture
def loads(monkeypatch):
    """Which models were loaded, for which device, in which thread; `hold` keeps them from being there until it is set,
    `began` says that one is waited for."""
    from DAGANSpineLib.inference import Pipeline

    class Loads(list):
        began, hold = threading.Event(), threading.Event()

    loads, load = Loads(), Pipeline.load
    loads.hold.set()

    def watched(model=None, device="auto"):
        loads.append((model, device, threading.current_thread() is threading.main_thread()))
        loads.began.set()
        assert loads.hold.wait(LONG)
        return load(model, device)

    monkeypatch.setattr(Pipeline, "load", watched)
    return loads


def look(until, seconds=LONG):
    """The user looks at the panel; whether it has come to that."""
    end = time.monotonic() + seconds
    while not until() and time.monotonic() < end:
        slicer.app.processEvents()
    return until()


def is_prepared(panel):
    return panel.logic._pipelineKey is not None and panel.logic._preparation.isDone


def test_choosing_an_image_loads_the_model_in_a_thread_and_the_click_finds_it(chosen, loads, slim_model):
    assert look(lambda: is_prepared(chosen))
    assert loads == [(slim_model, "auto", False)]
    chosen.ui.runButton.click()
    assert None not in results()
    assert len(loads) == 1


def test_what_computes_is_known_before_the_first_click(chosen):
    assert chosen.ui.deviceFoundLabel.text == "The first run finds out what there is."
    assert look(lambda: chosen.ui.deviceFoundLabel.text != "The first run finds out what there is.")
    assert chosen.ui.deviceFoundLabel.text.startswith("Processor, ")


def test_without_an_image_nothing_is_loaded(panel, loads):
    look(lambda: loads, 0.6)
    assert not loads


def test_without_torch_nothing_is_loaded_and_nothing_asked(chosen, loads, monkeypatch):
    from DAGANSpinePanel import logic

    asked = []
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(logic, "importTorch", lambda: asked.append("import"))
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda *_, **__: asked.append(1))
    look(lambda: loads or asked, 0.6)
    assert not loads and not asked


def test_another_module_open_loads_nothing(chosen, loads, host):
    host.leave("DAGANSpine")
    look(lambda: loads, 0.6)
    assert not loads


def test_the_window_goes_on_meanwhile(chosen, loads):
    import qt

    loads.hold.clear()
    assert look(loads.began.is_set)
    ticks, timer = [], qt.QTimer()
    timer.timeout.connect(lambda: ticks.append(time.monotonic()))
    timer.start(10)
    look(lambda: False, 0.6)
    timer.stop()
    loads.hold.set()
    assert len(ticks) > 10 and np.diff(ticks).max() < 0.5


def test_a_thread_gets_on_though_slicer_keeps_the_interpreter_between_events(host):
    """What Slicer's own loop, unlike the host's, leaves to other threads is the time of the timer's slot."""
    from DAGANSpinePanel.background import Errand

    begun, steps, ended = threading.Event(), [], []

    def work():
        assert begun.wait(LONG)
        for _ in range(3):
            time.sleep(0.001)
            steps.append(1)

    errand = Errand(work, lambda: ended.append(len(steps)))
    interval = sys.getswitchinterval()
    sys.setswitchinterval(LONG)  # the thread runs only while the main thread waits
    try:
        begun.set()
        for _ in range(20):
            errand._giveWay()
    finally:
        sys.setswitchinterval(interval)
    assert ended[0] == 3 and errand.isDone


def test_a_click_meanwhile_waits_for_the_model_and_loads_no_second_one(chosen, loads):
    loads.hold.clear()
    assert look(loads.began.is_set)
    threading.Timer(0.3, loads.hold.set).start()
    chosen.ui.runButton.click()
    assert chosen.ui.statusLabel.text.startswith("Done")
    assert len(loads) == 1


def test_cancelling_that_click_is_answered_before_the_model_is_there(chosen, loads):
    import qt

    loads.hold.clear()
    assert look(loads.began.is_set)
    qt.QTimer.singleShot(100, chosen.ui.runButton.click)
    begin = time.monotonic()
    chosen.ui.runButton.click()
    assert chosen.ui.statusLabel.text.startswith("Cancelled") and time.monotonic() - begin < LONG / 2
    loads.hold.set()
    chosen.ui.runButton.click()
    assert chosen.ui.statusLabel.text.startswith("Done")
    assert len(loads) == 1


def test_another_choice_is_loaded_in_the_place_of_the_first(chosen, loads, slim_model, tmp_path):
    other = tmp_path / "other.pt"
    other.write_bytes(slim_model.read_bytes())
    loads.hold.clear()
    assert look(loads.began.is_set)
    chosen.ui.modelPathLineEdit.currentPath = str(other)
    loads.hold.set()
    assert look(lambda: len(loads) == 2 and is_prepared(chosen))
    chosen.ui.runButton.click()
    assert None not in results()
    assert [model for model, *_ in loads] == [slim_model, other]


def test_a_broken_torch_is_told_by_the_click_in_the_words_of_its_first_import(chosen, monkeypatch):
    """A second import of what has failed halfway raises something else."""
    from DAGANSpinePanel import logic

    tried = []

    def fail():
        tried.append(1)
        raise UserError(f"Broken, {len(tried)}.")

    monkeypatch.setattr(logic, "importTorch", fail)
    assert look(lambda: tried)
    look(lambda: False, 0.6)
    assert said(chosen) == "" and len(tried) == 1
    chosen.ui.runButton.click()
    assert said(chosen) == "Broken, 1."


def test_trouble_with_the_device_is_told_by_the_click_alone(chosen, loads):
    from DAGANSpineLib.inference import devices

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(devices, "present", lambda kind: False)
        chosen.ui.deviceComboBox.currentIndex = 2
        assert look(lambda: loads) and not look(lambda: said(chosen), 0.5)
        chosen.ui.runButton.click()
    assert said(chosen).startswith("There is no CUDA device")


@pytest.mark.parametrize("way", ["quit", "reload"])
def test_quitting_and_reloading_wait_for_the_thread_and_leave_none(chosen, loads, host, way, reloadable, monkeypatch):
    from DAGANSpinePanel import background

    def working():
        return [thread for thread in threading.enumerate() if thread.name.startswith("DAGANSpine")]

    cleanup, seen = type(chosen).cleanup, []
    monkeypatch.setattr(type(chosen), "cleanup", lambda panel: (seen.append(working()), cleanup(panel)))
    end = background.Errand.end
    monkeypatch.setattr(background.Errand, "end", lambda errand: (loads.hold.set(), end(errand)))
    loads.hold.clear()
    assert look(loads.began.is_set)
    if way == "quit":
        host.unload("DAGANSpine")
    else:
        reloadable(chosen)
        assert seen == [[]]  # it would import parts that are being replaced
    assert not working()
