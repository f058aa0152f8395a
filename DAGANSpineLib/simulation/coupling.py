"""Where the probe couples badly: off the back at head or foot, or pressed on with one side only."""

from dataclasses import dataclass

import numpy as np

from .texture import smooth_line

# Beyond the neck or over the gluteal cleft the probe hangs in air: for so many mm of the sweep nothing but its own
# reverberation, this much of muscle's intensity, and columns lit that the back's form had kept dark, or the reverse.
OFF_MM, OFF_ECHO, OFF_WIDER_MM = (6.0, 40.0), (0.10, 0.32), (-9.0, 7.0)
# Over a rib hump the probe rests on one side: the other side's log intensity, at 35 mm from the midline.
SIDE_LOSS, SIDE_REACH_MM = (0.4, 1.4), 35.0


@dataclass(frozen=True)
class OffBack:
    """From the row `first` to the `last` the probe is off the back, and sees `echo` beside muscle's 1; its frames are
    `wider_mm` wider on each side.
    """

    first: int
    last: int
    head: bool
    echo: float
    wider_mm: float

    def rows(self, line: np.ndarray, rows: int) -> np.ndarray:
        """The block, bool (rows, columns), which ends at a frame's `line` (columns,) as that is inclined."""
        down = np.arange(rows)[:, None]
        return down < line if self.head else down > line

    @property
    def edge(self) -> int:
        """The row in which it meets the back."""
        return self.last if self.head else self.first

    def reverberation(self, rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        """Its featureless echo, (rows, columns)."""
        along, across = smooth_line(rng, shape[0], 25), smooth_line(rng, shape[1], shape[1] / 5)
        return self.echo * np.exp(0.06 * along[:, None] + 0.12 * across)


@dataclass(frozen=True)
class DarkSide:
    """On one `side` (-1 left, 1 right) the log intensity falls by `loss` toward the lit edge."""

    side: int
    loss: float

    def log_gain(self, rng: np.random.Generator, off_midline: np.ndarray) -> np.ndarray:
        """(rows, columns) for the distances from the midline, mm."""
        held = np.clip(1 + 0.35 * smooth_line(rng, len(off_midline), len(off_midline) / 5), 0.3, 1.6)
        return -self.loss * held[:, None] * np.clip((self.side * off_midline + 6) / SIDE_REACH_MM, 0, 1.2)


def slip_off(rng: np.random.Generator, first: int, last: int, spacing: float) -> OffBack:
    """At the head or at the foot of a sweep from the `first` to the `last` row."""
    rows, head = int(rng.uniform(*OFF_MM) / spacing), bool(rng.random() < 0.5)
    start, stop = (first, first + rows) if head else (last - rows, last)
    return OffBack(start, stop, head, round(rng.uniform(*OFF_ECHO), 3), round(rng.uniform(*OFF_WIDER_MM), 1))


def tip_over(rng: np.random.Generator) -> DarkSide:
    return DarkSide(int(rng.choice([-1, 1])), round(rng.uniform(*SIDE_LOSS), 2))
