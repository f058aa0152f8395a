"""Ctrl-C, and a cluster's SIGTERM: heard at once, heeded when a step is done, so that nothing learnt is lost."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType, TracebackType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
ECHO = 2.0  # seconds in which a signal is the same one again: launchers send on what the terminal has sent already


class Interrupt:
    """While it is entered, a first signal is noted in `heard`; a later one acts at once.

    Left, signals act as before, and `heed` lets a noted one do so belatedly. Python hears signals in its main thread
    alone: in another one, nothing is noted.
    """

    def __init__(self) -> None:
        self.heard: int | None = None
        self.since = 0.0

    def __enter__(self) -> Interrupt:
        ours = SIGNALS if threading.current_thread() is threading.main_thread() else ()
        self.former = {number: signal.signal(number, self._hear) for number in ours}
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number in self.former:
            self._restore(number)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.heard is None:
            self.heard, self.since = number, time.monotonic()
        elif time.monotonic() - self.since > ECHO:
            self._restore(number)
            signal.raise_signal(number)

    def _restore(self, number: int) -> None:
        """Let a signal do what it did before; what isn't known here is a handler of a program around Python."""
        signal.signal(number, self.former[number] or signal.SIG_DFL)

    def heed(self) -> None:
        """Let the noted signal do what it would have done: KeyboardInterrupt, or the end of the process."""
        if self.heard is not None:
            signal.raise_signal(self.heard)
