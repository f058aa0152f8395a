"""Several pictures at a time: while one is read or written, others are computed, each on its share of the cores."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TypeVar

import SimpleITK as sitk
import torch

from ..progress import Cancelled, Progress
from ..vpi import STREAMS

HANDS = 4  # pictures at a time, each of which takes some 400 MB; further cores join them
PIXELS = 16_000_000  # of all pictures in work, unless one alone has more: these take less than 1 GB
PATIENCE = 0.1  # s after which a waiting thread looks whether the run is stopped

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


@dataclass(frozen=True)
class Crew:
    """`hands` work on a picture each, with so many `threads` of torch and ITK."""

    hands: int
    threads: int

    @classmethod
    def of(cls, pictures: int) -> Crew:
        """As suits this computer's cores, or what OMP_NUM_THREADS leaves of them."""
        cores = torch.get_num_threads()
        hands = max(min(HANDS, cores, pictures), 1)
        return cls(hands, cores // hands)

    def do(
        self,
        work: Callable[[Item], Outcome],
        items: Sequence[Item],
        note: Callable[[Item, Outcome], None],
        stop: Callable[[], None],
    ) -> None:
        """Work on all items, and note what comes of each, in the thread that asks, as they are done.

        What `work` or `note` raises, or Ctrl-C, goes on to who asks once all hands are at rest: `stop` asks them to be,
        and what they finish all the same is noted. A single hand is the thread that asks.
        """
        if self.hands == 1:
            for item in items:
                note(item, work(item))
            return
        with (
            self.sharing(),
            ThreadPoolExecutor(self.hands, "DAGANSpine", torch.set_num_threads, (self.threads,)) as pool,
        ):
            waiting = {pool.submit(work, item): item for item in items}
            try:
                while waiting:
                    # a wait without end can't be interrupted on Windows
                    done, _ = wait(waiting, PATIENCE, FIRST_COMPLETED)
                    for future in done:
                        note(waiting.pop(future), future.result())
            except BaseException:
                stop()
                pool.shutdown(cancel_futures=True)
                for future, item in waiting.items():
                    if not future.cancelled() and future.exception() is None:
                        note(item, future.result())
                raise

    @contextlib.contextmanager
    def sharing(self) -> Iterator[None]:
        """ITK's filters take no more than a hand's share meanwhile."""
        before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(self.threads)
        try:
            yield
        finally:
            sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


class Told:
    """The progress of many pictures as one run's, told by one thread at a time.

    `progress`: hears of it. `names`: the pictures', by their keys. What `progress` raises stops the others, too.
    """

    def __init__(self, progress: Progress, names: dict[Item, str]) -> None:
        self._progress, self._names = progress, names
        self._number = {key: index + 1 for index, key in enumerate(names)}
        self._fractions: dict[Item, float] = {}
        self._done = self._failed = 0
        self._latest = 0.0
        self.stopped: BaseException | None = None  # by what

    def hear(self, key: Item, fraction: float, message: str) -> None:
        """One picture has come so far. Raises Cancelled if the run has been stopped."""
        with STREAMS:
            if self.stopped:
                raise Cancelled
            self._fractions[key] = fraction
            done = (self._done + sum(self._fractions.values())) / (len(self._names) - self._failed)
            self._latest = max(self._latest, done)
            try:
                where = f"{self._number[key]} of {len(self._names)}, {self._names[key]}"
                self._progress(self._latest, f"{where}: {message}")
            except BaseException as error:
                self.stopped = error
                raise

    def end(self, key: Item, failed: bool) -> None:
        """A picture is done, or failed: at once, as a rule, which says nothing of how long the others take."""
        with STREAMS:
            self._fractions.pop(key, None)
            self._failed += failed
            self._done += not failed

    def stop(self) -> None:
        self.stopped = self.stopped or Cancelled()


class Room:
    """Lets large pictures wait until the others are done, since all at once would take more memory than there is."""

    def __init__(self, pixels: int = PIXELS) -> None:
        self._pixels, self._taken, self._change = pixels, 0, threading.Condition()

    @contextlib.contextmanager
    def of(self, pixels: int, waiting: Callable[[], None]) -> Iterator[None]:
        """Room for a picture of so many pixels; `waiting` is called all the while, and may raise."""

        def is_there() -> bool:
            return not self._taken or self._taken + pixels <= self._pixels

        with self._change:
            while not self._change.wait_for(is_there, PATIENCE):
                waiting()
            self._taken += pixels
        try:
            yield
        finally:
            with self._change:
                self._taken -= pixels
                self._change.notify_all()
