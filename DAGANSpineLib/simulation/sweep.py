"""How the sweep spoils the image: the frames of a freehand sweep, and what they leave of an echo.

Frame k crosses the grid on the line y = y_k + s_k x: pixel (x, y) is filled where some frame has
round(y_k + s_k x) = y, with the mean of the frames that fall in it, and is 0 elsewhere. Where the probe moves by less than a
row per frame nothing is left out; where it moves faster, the unfilled staircases break into dashes. Frames differ in gain and in
where the tracker believes them to be: that is the banding.
"""

from dataclasses import dataclass

import numpy as np

from .texture import cubic_upsample, smooth_line


@dataclass(frozen=True)
class Burst:
    """A stretch of fast or jerky movement: `first` to `last` row, `speed` at its peak, in rows per frame."""

    first: int
    last: int
    speed: float


@dataclass(frozen=True)
class Sweep:
    """The frames of one sweep, in pixels: `position` y_k at column `middle` and `slope` s_k, both (frames,)."""

    position: np.ndarray
    slope: np.ndarray
    middle: float
    bursts: tuple[Burst, ...]


def plan_bursts(rng: np.random.Generator, first: int, last: int, count: int | None = None) -> tuple[Burst, ...]:
    """Zero to five bursts between two rows, of very varied length and strength, in order."""
    count = int(rng.choice(6, p=[0.10, 0.25, 0.27, 0.2, 0.12, 0.06])) if count is None else count
    bursts = []
    for _ in range(count):
        length = int(np.exp(rng.uniform(np.log(12), np.log(240))))
        start = int(rng.uniform(first, last - length))
        bursts.append(Burst(start, start + length, float(1.0 + rng.triangular(0.02, 0.1, 0.4))))
    return tuple(sorted(bursts, key=lambda burst: burst.first))


def plan_sweep(rng: np.random.Generator, first: int, last: int, middle: float, bursts: tuple[Burst, ...]) -> Sweep:
    """Frames from row `first` to row `last`, at steps that follow the operator's speed and its jitter."""
    rows = np.arange(first - 60, last + 61)
    speed = rng.uniform(0.6, 0.85) * np.exp(0.10 * smooth_line(rng, len(rows), 150))
    speed = np.minimum(speed, 0.88)
    jitter = np.full(len(rows), rng.uniform(0.04, 0.10))
    for burst in bursts:
        t = np.clip((rows - burst.first) / (burst.last - burst.first), 0, 1)
        swell = np.sin(np.pi * t) ** 2
        speed += swell * (burst.speed - speed)
        jitter += swell * rng.uniform(0.05, 0.25)
    frames = int(2.2 * len(rows) / speed.min())
    noise = rng.standard_normal(frames)
    position = np.empty(frames)
    here, used = float(rows[0]), 0
    while here < rows[-1] and used < frames:
        position[used] = here
        row = min(max(int(here) - first + 60, 0), len(rows) - 1)
        here += speed[row] * max(1 + jitter[row] * noise[used], 0.05)
        used += 1
    position = position[:used]
    tilt = rng.normal(0.04, 0.05) + rng.uniform(0.01, 0.04) * smooth_line(rng, used, rng.uniform(150, 500))
    slope = tilt + 0.004 * rng.uniform(0, 1) * smooth_line(rng, used, 8)
    return Sweep(position=position, slope=slope, middle=middle, bursts=bursts)


def frame_gain(rng: np.random.Generator, frames: int, columns: int, spread: float) -> np.ndarray:
    """Log gain of each frame along its line, (frames, columns): neighbouring frames alternate more than they agree.

    The scanner interleaves its transmissions, so that what is brighter in one frame is fainter in the next; along the
    line the difference decorrelates within some speckle grains.
    """
    grain = rng.uniform(4.0, 7.0)
    knots = rng.standard_normal((frames, max(4, round(columns / grain) + 3)))
    knots[1:] -= rng.uniform(0.2, 0.6) * knots[:-1]
    gain = cubic_upsample(knots, columns, 1) / 0.4794**0.5
    gain += rng.uniform(0.1, 0.5) * rng.standard_normal((frames, 1))
    return spread * gain


def scan(rng: np.random.Generator, intensity: np.ndarray, sweep: Sweep, spread: float) -> np.ndarray:
    """What the sweep leaves of `intensity`, (rows, columns): the mean of the frames in each pixel, 0 where none is."""
    rows, columns = intensity.shape
    across = np.arange(columns) - sweep.middle
    line = sweep.position[:, None] + sweep.slope[:, None] * across
    seen_at = line + rng.uniform(0.2, 0.6) * rng.standard_normal((len(line), 1))
    seen = intensity[np.clip(np.rint(seen_at), 0, rows - 1).astype(np.intp), np.arange(columns)]
    seen = seen * np.exp(frame_gain(rng, *line.shape, spread))
    landed = np.rint(line).astype(np.intp)
    inside = (landed >= 0) & (landed < rows)
    pixel = (landed * columns + np.arange(columns))[inside]
    total = np.bincount(pixel, weights=seen[inside], minlength=rows * columns)
    count = np.bincount(pixel, minlength=rows * columns)
    return (total / np.maximum(count, 1)).reshape(rows, columns)
