"""Gain that leaps: saturated rows, rows of other gain, another gain from some row on.

The time-gain control is set along the depth of one frame; when the scanner adjusts it, or the operator does, a frame or
all that follow are brighter or darker as a whole. A pulse of another device's in the room, or the probe's cable,
saturates a frame from one side to the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .sweep import Sweep

# Saturated: how many rows at a time, how often in a sweep, and how much is added to muscle's 1.
FLASH_ROWS, FLASHES, FLASH = (1, 3), (1, 8), (1.5, 6.0)
# Of other gain: log intensity (standard deviation), rows, how often.
ODD_GAIN, ODD_ROWS, ODD = (0.2, 0.7), (1, 6), (3, 39)
# Rows that stay between two of them.
BESIDE = 4
# From some row on: log intensity (standard deviation), how often.
LEAP, LEAPS = 0.35, (1, 2)


@dataclass(frozen=True)
class Flash:
    """Frames from the `first` row up to the `last` to which `added` is added."""

    first: int
    last: int
    added: float

    def on(self, sweep: Sweep, rng: np.random.Generator) -> Sweep:
        return sweep.with_more(flash=self.added * sweep.stretch(self.first, self.last - self.first))


@dataclass(frozen=True)
class OddGain:
    """Frames from the `first` row up to the `last` whose log gain is `gain` higher."""

    first: int
    last: int
    gain: float

    def on(self, sweep: Sweep, rng: np.random.Generator) -> Sweep:
        return sweep.with_more(gain=self.gain * sweep.stretch(self.first, self.last - self.first))


@dataclass(frozen=True)
class Leap:
    """From the row `first` on, to the `last` of the sweep, the log gain is `gain` higher, in the clean picture as well:
    nothing is torn by it."""

    first: int
    last: int
    gain: float


def flashes(rng: np.random.Generator, first: int, last: int) -> list[Flash]:
    found = []
    for _ in range(int(rng.integers(*FLASHES, endpoint=True))):
        start, rows = int(rng.uniform(first, last)), int(rng.integers(*FLASH_ROWS, endpoint=True))
        found.append(Flash(start, start + rows, round(rng.uniform(*FLASH), 2)))
    return found


def odd_gains(rng: np.random.Generator, first: int, last: int) -> list[OddGain]:
    spread, found = rng.uniform(*ODD_GAIN), []
    for _ in range(int(rng.integers(*ODD, endpoint=True))):
        start, rows = int(rng.uniform(first, last)), int(rng.integers(*ODD_ROWS, endpoint=True))
        found.append(OddGain(start, start + rows, round(float(spread * rng.standard_normal()), 3)))
    return found


def keep_clear(events: Sequence[Any], taken: Sequence[tuple[int, int]], first: int, last: int) -> list[Any]:
    """Saturated rows and rows of other gain beside each other and beside the stretches `taken`, all between two rows:
    those that aren't there yet are moved, or left out where there is no room."""
    free = np.ones(last - first, bool)
    before = max(FLASH_ROWS[1], ODD_ROWS[1]) + BESIDE

    def take(start: int, stop: int) -> None:
        free[max(start - first - before, 0) : max(stop - first + BESIDE, 0)] = False

    for start, stop in taken:
        take(start - BESIDE, stop + BESIDE)
    kept = []
    for event in events:
        places = np.flatnonzero(free)
        if len(places) == 0:
            break
        at = event.first - first
        start = first + (at if free[at] else int(places[at * len(places) // len(free)]))
        kept.append(replace(event, first=start, last=start + event.last - event.first))
        take(kept[-1].first, kept[-1].last)
    return kept


def leaps(rng: np.random.Generator, first: int, last: int) -> list[Leap]:
    return [
        Leap(int(rng.uniform(first, last)), last, round(float(rng.normal(0, LEAP)), 3))
        for _ in range(int(rng.integers(*LEAPS, endpoint=True)))
    ]
