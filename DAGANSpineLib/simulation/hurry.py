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
        steps = int(1.6 * (self.last - self.first) / self.period) + 4
        drift = np.exp(0.25 * smooth_line(rng, steps, 30))
        step = self.period * drift * np.maximum(1 + self.jitter * rng.standard_normal(steps), 0.35)
        lines = self.first + np.cumsum(np.maximum(step, 3.0))
        lines = lines[lines < self.last]
        if not self.filled:
            nearest = np.abs(sweep.position[:, None] - lines).min(1) if len(lines) else np.inf
            return sweep.only(nearest > (self.gap + 1) / 2)
        outside = (sweep.position < self.first) | (sweep.position > self.last)
        reach = max(round((self.period - self.gap - 1) / 2), 1)
        return sweep.with_frames(outside, lines, reach=reach, aside=self.side * rng.standard_normal(len(lines)))


def hurry(rng: np.random.Generator, first: int, last: int) -> Hurried:
    return Hurried(
        first, last, period=round(rng.uniform(*PERIOD), 2), gap=round(rng.uniform(*GAP), 2),
        jitter=round(rng.uniform(*PERIOD_JITTER), 3), side=round(rng.uniform(*SIDE), 2),
        filled=bool(rng.random() < 0.6),
    )  # fmt: skip
