"""Long work beside Slicer's window, which goes on meanwhile."""

import contextlib
import gc
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait

import qt
import slicer

from DAGANSpineLib.progress import Cancelled, unheard

PATIENCE = 0.02  # s to wait for news of the work before Slicer handles its events again
REPEAT = 0.5  # s after which the latest news are told again: time has gone by since
REST = 20  # ms that belong to Slicer alone between two times that it waits for an errand

_threads = 0  # at work


@contextlib.contextmanager
def onlyMainThreadCollects():
    """While a thread is at work, no garbage is collected in it.

    Python collects in whatever thread has just made enough objects, and what lies there of Qt's and VTK's, a panel that
    was closed for one, would end in that thread, which crashes Slicer sooner or later.
    """
    global _threads
    _threads += 1
    gc.disable()
    try:
        yield
    finally:
        _threads -= 1
        if not _threads:
            gc.enable()


def inBackground(work, progress=unheard, isCancelled=lambda: False):
    """Return what `work(report)` returns, done in a thread, while Slicer handles its events.

    work: may import and compute on arrays; MRML, VTK and Qt belong to the main thread. What it says by
    `report(fraction, message)` is passed on to `progress` in the main thread, and said again every half second.
    isCancelled: asked all the while in the main thread; once it is true, the next `report` stops the work.
    Raises Cancelled then, whatever the work came to; otherwise what the work raises.
    """
    news, stop = queue.SimpleQueue(), threading.Event()

    def report(fraction, message):
        if stop.is_set():
            raise Cancelled
        news.put((fraction, message))

    with onlyMainThreadCollects(), ThreadPoolExecutor(1, "DAGANSpine") as worker:
        future = worker.submit(work, report)
        latest, due, nextCollection = None, 0.0, time.monotonic() + REPEAT
        try:
            while not (future.done() and news.empty()):
                # while it waits here, and at no other time, Slicer's main thread gives the interpreter away
                with contextlib.suppress(queue.Empty):
                    latest, due = news.get(timeout=PATIENCE), 0.0
                if latest is not None and time.monotonic() >= due:
                    progress(*latest)
                    due = time.monotonic() + REPEAT
                if time.monotonic() >= nextCollection:
                    gc.collect(1)  # what is young
                    nextCollection = time.monotonic() + REPEAT
                slicer.app.processEvents()
                if isCancelled():
                    stop.set()
        finally:
            stop.set()
    if isCancelled():
        raise Cancelled
    return future.result()


class Errand:
    """Work in a thread that nobody waits for, while Slicer is idle.

    work: as in `inBackground`, without arguments. onDone: called in the main thread when it has ended, well or not.
    Slicer keeps the interpreter while it waits for events, so that no thread would get on: it is given away for 20 ms
    again and again. An errand owns nothing of Qt's, since whoever drops it last, or collects it, may be a thread.
    """

    def __init__(self, work, onDone):
        self._onDone, self._isTold, self._atEnd = onDone, False, contextlib.ExitStack()
        self._atEnd.enter_context(onlyMainThreadCollects())
        worker = ThreadPoolExecutor(1, "DAGANSpine")
        self._future = worker.submit(work)
        worker.shutdown(wait=False)
        qt.QTimer.singleShot(REST, self._giveWay)

    def _giveWay(self):
        if self._isTold:
            return
        wait([self._future], PATIENCE)
        if self._future.done():
            self.end()
            self._onDone()
        else:
            qt.QTimer.singleShot(REST, self._giveWay)

    @property
    def isDone(self):
        return self._future.done()

    def result(self):
        """What the work returned, or raises what it raised; waits for its end."""
        return self._future.result()

    def end(self):
        """Wait for the end; nothing is told any more."""
        self._isTold = True
        wait([self._future])
        self._atEnd.close()
