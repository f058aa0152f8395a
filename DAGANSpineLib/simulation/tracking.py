"""Where the tracker loses the probe: interleaved frames, missing bands, steps of the lit edge.

A frame is put where the tracker believes it to be, `believed` rows further on and `aside` columns to the right of where
it was seen. When the tracker sees nothing, the frames are thrown away; when it finds the probe again, it may have lost
its origin.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .sweep import Sweep

# Frames and poses come by different clocks: of two or three neighbours one carries an older pose, some rows off. The
# beat of the two clocks makes the moiré.
INTERLEAVE_ROWS, INTERLEAVE_COLUMNS, INTERLEAVE_CYCLES, BEAT = (1.5, 6.0), (0.0, 2.5), (2, 3), (0.004, 0.05)
# A pose is read with so much noise beside that error. Rows that no frame is put in are filled from their neighbours.
POSE_NOISE, FILLED = (0.1, 0.45), 0.75
# The frames of one phase are of another gain, log intensity.
INTERLEAVE_GAIN = (0.1, 0.6)
# Over the middle columns a frame tilted out of its plane meets the spinous process or not: log gain, share of frames.
STREAK_GAIN, STREAK_SHARE, STREAK_WIDTH = (0.4, 1.2), (0.05, 0.2), (0.12, 0.3)
# No frame for so many rows, and after that so many mm to the side, and another gain (log).
BAND_ROWS, JUMP_MM, JUMP_GAIN = (10, 60), (1.0, 5.0), 0.35
# Between two bands the probe is seen for so many rows at least: two that adjoined would be one higher than any.
LIT_ROWS = 40
# The tracker's lateral error, held for so many rows and then another one, mm.
STEP_MM, STEP_ROWS = (0.2, 1.2), (8, 60)


@dataclass(frozen=True)
class Interleaved:
    """Frames of two or three `phases`, from the `first` to the `last` row, that are `rows` and `columns` off, and their
    poses' `noise`, in which the two clocks' `beat` (cycles a frame) shows."""

    first: int
    last: int
    rows: float
    columns: float
    phases: int
    beat: float
    noise: float
    filled: bool
    gain: float
    streak_gain: float
    streak_share: float
    streak_width: float

    def on(self, sweep: Sweep, rng: np.random.Generator) -> Sweep:
        inside = (sweep.position >= self.first) & (sweep.position < self.last)
        k = np.arange(len(sweep.position))
        phase = np.mod(k * (1 / self.phases + self.beat), 1.0)
        # a pose that is held until the next one comes: the error grows and jumps back
        error = ((phase - 0.5) * 2 + self.noise * rng.standard_normal(len(k))) * inside
        streak = self.streak_gain * rng.standard_normal(len(k)) * (rng.random(len(k)) < self.streak_share) * inside
        return sweep.with_more(
            believed=self.rows * error, aside=self.columns * error, gain=self.gain * np.sign(error), streak=streak,
            reach=1.0 * (inside & self.filled), streak_width=self.streak_width,
        )  # fmt: skip


@dataclass(frozen=True)
class Band:
    """No frame from the `first` to the `last` row; after it all lies `aside_mm` to the right, and the log gain is
    `gain` higher."""

    first: int
    last: int
    aside_mm: float
    gain: float

    def on(self, sweep: Sweep, rng: np.random.Generator) -> Sweep:
        return sweep.only(~sweep.gap(self.first, self.last - self.first, BAND_ROWS[0]))


@dataclass(frozen=True)
class Steps:
    """The tracker's lateral error of `columns` (standard deviation), held for about `rows` from the `first` to the
    `last` row."""

    first: int
    last: int
    columns: float
    rows: float

    def on(self, sweep: Sweep, rng: np.random.Generator) -> Sweep:
        position = sweep.position
        edges = np.cumsum(rng.exponential(self.rows, int(3 * (self.last - self.first) / self.rows) + 8)) + self.first
        held = self.columns * rng.standard_normal(len(edges) + 1)
        inside = (position >= self.first) & (position < self.last)
        return sweep.with_more(aside=held[np.searchsorted(edges, position)] * inside)


def interleave(rng: np.random.Generator, first: int, last: int) -> Interleaved:
    return Interleaved(
        first, last, rows=round(rng.uniform(*INTERLEAVE_ROWS), 2), columns=round(rng.uniform(*INTERLEAVE_COLUMNS), 2),
        phases=int(rng.choice(INTERLEAVE_CYCLES, p=[0.7, 0.3])), beat=round(rng.uniform(*BEAT), 4),
        noise=round(rng.uniform(*POSE_NOISE), 3), filled=bool(rng.random() < FILLED),
        gain=round(rng.uniform(*INTERLEAVE_GAIN), 3), streak_gain=round(rng.uniform(*STREAK_GAIN), 3),
        streak_share=round(rng.uniform(*STREAK_SHARE), 3), streak_width=round(rng.uniform(*STREAK_WIDTH), 3),
    )  # fmt: skip


def lose_frames(rng: np.random.Generator, first: int, last: int) -> Band:
    """A band somewhere between two rows; in every other one the tracker loses its origin, too."""
    rows = int(rng.integers(*BAND_ROWS, endpoint=True))
    start = int(rng.uniform(first, max(last - rows, first + 1)))
    lost = rng.random() < 0.6
    aside = rng.choice([-1, 1]) * rng.uniform(*JUMP_MM) if lost else 0.0
    gain = rng.normal(0, JUMP_GAIN) if lost else 0.0
    return Band(start, start + rows, round(float(aside), 2), round(float(gain), 3))


def keep_apart(bands: Sequence[Band], last: int) -> list[Band]:
    """The bands from head to foot, each moved on until lit rows lie between it and the one before; without those for
    which no room is left up to the `last` row."""
    kept: list[Band] = []
    for band in sorted(bands, key=lambda band: band.first):
        by = max(kept[-1].last + LIT_ROWS - band.first, 0) if kept else 0
        if band.last + by <= last:
            kept.append(replace(band, first=band.first + by, last=band.last + by))
    return kept


def step_aside(rng: np.random.Generator, first: int, last: int, spacing: float) -> Steps:
    return Steps(first, last, round(rng.uniform(*STEP_MM) / spacing, 2), round(rng.uniform(*STEP_ROWS), 1))
