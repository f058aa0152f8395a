"""A steadily too fast sweep: so few frames a second for the probe's speed that the hole filling leaves lines.

Each frame lies many rows behind the last one. The program fills the rows around it, up to its reach; between the reach
of one frame and that of the next some rows stay black, over the whole width, inclined as the frames are. Or the
recorder can't keep up, and leaves out some frames at regular intervals.
"""

from dataclasses import dataclass

import numpy as np

from .sweep import Sweep
from .texture import smooth_line

# From one line to the next, rows (a portable scanner's 15 frames a second at 2 to 3 cm a second), and how much that
# varies; how high a line is; each frame's error to the side, columns.
PERIOD, PERIOD_JITTER, GAP, SIDE = (4.0, 12.0), (0.02, 0.2), (1.0, 2.8), (0.3, 3.5)
HIGHEST = 3  # rows of a line
# Where frames that lie nearly a row apart are left out on both sides of a line, up to a row more than that gets lost on
# each: so far away at most, rows, and a line is no higher than HIGHEST.
WITHOUT = 1.03


@dataclass(frozen=True)
class Hurried:
    """Lines `gap` rows high every `period` rows (their relative `jitter`), from the `first` to the `last` row; the
    frames are off to the `side` (columns, standard deviation). `filled`: by the program's hole filling from one frame
    each; otherwise frames are as dense as ever, and some left out.
    """

    first: int
    last: int
    period: float
    gap: float
    jitter: float
    side: float
    filled: bool

    def on(self, sweep: Sweep, rng: np.random.Generator) -> Sweep:
        if not self.filled:
            without = min(self.gap / 2 + 0.25, WITHOUT)
            lines = self._lines(rng, sweep, self.first, 2 * without + 2, PERIOD[1])
            nearest = np.abs(sweep.position[:, None] - lines).min(1)
            return sweep.only(_near_enough(sweep, nearest > without))
        reach = max(int((self.period - self.gap - 1) / 2), 1)
        # from the last of the dense frames to the first of the sparse ones, and after them: a row less, for their tilt
        edge = reach + HIGHEST - 1
        most = min(2 * reach + 1 + HIGHEST, PERIOD[1])
        frames = self._lines(rng, sweep, self.first + edge, 2 * reach + 2, most)
        outside = (sweep.position < self.first) | (sweep.position > frames[-1] + edge)
        return sweep.with_frames(outside, frames, reach=reach, aside=self.side * rng.standard_normal(len(frames)))

    def _lines(self, rng: np.random.Generator, sweep: Sweep, start: float, least: float, most: float) -> np.ndarray:
        """Rows from `start` to the `last` at steps of about a `period`, which are never below `least`, nor above `most`
        in any column: the probe goes too fast steadily, and what it leaves out is one line, never a band."""
        steps = int((self.last - self.first) / least) + 1
        drift = np.exp(0.25 * smooth_line(rng, steps, 30))
        step = np.clip(self.period * drift * (1 + self.jitter * rng.standard_normal(steps)), least, most)
        lines = [start]
        for each in step:
            for _ in range(3):  # a shorter step has another tilt
                each = min(each, each + most - sweep.between(lines[-1], lines[-1] + each))
            if lines[-1] + each >= self.last:
                break
            lines.append(lines[-1] + each)
        return np.array(lines)


def _near_enough(sweep: Sweep, kept: np.ndarray) -> np.ndarray:
    """The frames that are `kept`, bool (frames,), and those without which a line would be too high in some column."""
    kept = kept.copy()
    for _ in range(3):
        frames = np.flatnonzero(kept)
        between = np.diff(sweep.position[frames]) + sweep.tilted(np.diff(sweep.slope[frames]))
        kept[frames[:-1][between > HIGHEST + 1] + 1] = True
    return kept


def hurry(rng: np.random.Generator, first: int, last: int) -> Hurried:
    return Hurried(
        first, last, period=round(rng.uniform(*PERIOD), 2), gap=round(rng.uniform(*GAP), 2),
        jitter=round(rng.uniform(*PERIOD_JITTER), 3), side=round(rng.uniform(*SIDE), 2),
        filled=bool(rng.random() < 0.6),
    )  # fmt: skip
