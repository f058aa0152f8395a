"""How the sweep spoils the image: the frames of a freehand sweep, and what they leave of an echo.

Frame k crosses the grid on the line y = y_k + s_k x: pixel (x, y) is filled where some frame has
round(y_k + s_k x) = y, with the mean of the frames that fall in it, and is 0 elsewhere. Where the probe moves by less
than a row per frame nothing is left out; where it moves faster, the unfilled staircases break into dashes. Frames
differ in gain and in where the tracker believes them to be: that is the banding.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from .texture import cubic_upsample, smooth_line

# Of a frame's line: 9 degrees, the steepest seen on a real VPI.
LARGEST_SLOPE = 0.16


@dataclass(frozen=True)
class Burst:
    """A stretch of fast and jerky movement, from the `first` to the `last` row.

    At its peak the probe moves `speed` rows per frame, and steps differ by `jitter` of that (standard deviation); its
    frames differ from each other by `strain` more than usual.
    """

    first: int
    last: int
    speed: float
    jitter: float
    strain: float

    def swell(self, rows: np.ndarray, margin: float = 0.0) -> np.ndarray:
        """At each of `rows`: 0 outside the burst and its `margin` (relative to its length), 1 in its middle."""
        length = self.last - self.first
        t = (rows - self.first + margin * length) / (length * (1 + 2 * margin))
        return np.sin(np.pi * np.clip(t, 0, 1)) ** 2


# What may be wrong with a frame, 0 where nothing is: how many rows further on and columns further right it is put than
# it was seen; its log gain, over all columns and over the middle ones (streak); what is added to its intensity (flash);
# within how many rows it fills holes (reach).
ERRORS = ("believed", "aside", "gain", "streak", "flash", "reach")


@dataclass(frozen=True)
class Sweep:
    """The frames of one sweep, in pixels: `position` y_k at the middle column and `slope` s_k, both (frames,).

    `bend` (columns,): how far every frame's line departs from straight, since the slab follows the back. `strain`
    (frames,): how much more than usual a frame differs from its neighbours; it rises in the bursts. `errors`: some of
    ERRORS, each (frames,). `streak_width`: of the columns, how many are the middle ones.
    """

    position: np.ndarray
    slope: np.ndarray
    strain: np.ndarray
    bend: np.ndarray
    bursts: tuple[Burst, ...]
    errors: dict[str, np.ndarray] = field(default_factory=dict)
    streak_width: float = 0.2

    def line(self, frame: int | slice) -> np.ndarray:
        """Rows that a frame crosses, (columns,), or a slice of frames, (frames, columns)."""
        across = np.arange(len(self.bend)) - len(self.bend) / 2
        return self.position[frame, None] + self.slope[frame, None] * across + self.bend

    def line_at(self, row: float) -> np.ndarray:
        """Rows of the line that a frame at this row would cross, (columns,)."""
        across = np.arange(len(self.bend)) - len(self.bend) / 2
        return row + float(np.interp(row, self.position, self.slope)) * across + self.bend

    def tilted(self, slope: np.ndarray | float) -> np.ndarray | float:
        """By how many rows frames whose slopes differ by so much lie nearer to, or farther from, each other at the
        picture's edge than in its middle."""
        return np.abs(slope) * len(self.bend) / 2

    def inclination_deg(self, first: int, last: int) -> float:
        """Of the frames from the `first` to the `last` row on average, down to the right."""
        slope = self.slope[(self.position >= first) & (self.position < last)].mean()
        return round(float(np.degrees(np.arctan(slope))), 2)

    def between(self, row: float, other: float) -> float:
        """How many rows lie between the lines of two rows where they are farthest from each other."""
        slopes = np.interp((row, other), self.position, self.slope)
        return abs(other - row) + float(self.tilted(slopes[1] - slopes[0]))

    def stretch(self, first: int, rows: int) -> np.ndarray:
        """The frames from the row `first` on, one at least, that fill no more than so many rows of any column, bool
        (frames,)."""
        start = min(int(np.searchsorted(self.position, first)), len(self.position) - 1)
        each = 1 + 2 * self.error("reach")
        ahead = self.position - self.position[start] + self.tilted(self.slope - self.slope[start]) + each[start]
        # where they are put elsewhere than they were seen, each may fill rows of its own
        count = np.cumsum(each) - each[:start].sum()
        high = np.where(self.error("believed") != 0, count, ahead)
        high[start] = 0
        return (np.arange(len(high)) >= start) & (np.maximum.accumulate(np.where(count > 0, high, 0)) <= rows)

    def gap(self, first: int, rows: int, least: int) -> np.ndarray:
        """The frames without which from the row `first` on so many rows stay black, or few fewer, but `least` in every
        column, bool (frames,). Frames count where they are put, and with the holes that they fill."""
        before = max(int(np.searchsorted(self.position, first)) - 1, 0)
        reach = self.error("reach")
        edges = np.array([-1, 0, 1])[:, None] * len(self.bend) / 2  # and the middle: (3, frames) from here on
        put = self.position + self.error("believed") + self.slope * edges
        lowest = (put + reach)[:, : before + 1].max(1, keepdims=True)
        black = np.minimum.accumulate((put - reach)[:, ::-1], axis=1)[:, ::-1] - lowest - 1
        last = np.flatnonzero(black.max(0) <= rows).max(initial=before)
        narrow = np.flatnonzero(black.min(0) < least).max(initial=before)
        frame = np.arange(len(self.position))
        return (frame > before) & (frame < max(last, narrow + 1))

    def error(self, name: str) -> np.ndarray:
        """One of ERRORS, (frames,)."""
        return self.errors.get(name, np.zeros(len(self.position)))

    def with_more(self, streak_width: float | None = None, **errors: np.ndarray) -> "Sweep":
        """The same frames with more of some errors, (frames,) each."""
        more = {name: self.error(name) + error for name, error in errors.items()}
        return replace(self, errors=self.errors | more, streak_width=streak_width or self.streak_width)

    def only(self, kept: np.ndarray) -> "Sweep":
        """The frames that are `kept`, bool (frames,)."""
        each = {name: getattr(self, name)[kept] for name in ("position", "slope", "strain")}
        return replace(self, **each, errors={name: error[kept] for name, error in self.errors.items()})

    def with_frames(self, kept: np.ndarray, at: np.ndarray, **errors: np.ndarray | float) -> "Sweep":
        """The frames that are `kept`, bool (frames,), and others at these rows that are like them but for `errors`."""
        rest = self.only(kept)
        order = np.argsort(np.concatenate([rest.position, at]), kind="stable")
        new = {name: np.interp(at, self.position, getattr(self, name)) for name in ("slope", "strain")}
        each = {name: np.concatenate([getattr(rest, name), values])[order] for name, values in new.items()}
        every = {
            name: np.concatenate([rest.error(name), np.broadcast_to(errors.get(name, 0.0), at.shape)])[order]
            for name in {*self.errors, *errors}
        }
        return replace(self, position=np.concatenate([rest.position, at])[order], **each, errors=every)


def plan_bursts(rng: np.random.Generator, first: int, last: int, count: int | None = None) -> tuple[Burst, ...]:
    """Zero to five bursts between two rows, of very varied length and strength, in order."""
    count = int(rng.choice(6, p=[0.07, 0.23, 0.28, 0.22, 0.13, 0.07])) if count is None else count
    bursts = []
    for _ in range(count):
        length = int(np.exp(rng.uniform(np.log(14), np.log(260))))
        start = int(rng.uniform(first, last - length))
        # Mostly a jerk or a tremble; sometimes an even, too fast glide.
        even = rng.random() < 0.3
        speed = rng.uniform(0.95, 1.2) if even else rng.uniform(0.75, 1.05)
        jitter = rng.uniform(0.03, 0.15) if even else rng.uniform(0.2, 0.55)
        strain = rng.uniform(0.3, 2.5)
        bursts.append(Burst(start, start + length, round(speed, 3), round(jitter, 3), round(strain, 3)))
    return tuple(sorted(bursts, key=lambda burst: burst.first))


def _positions(rng: np.random.Generator, rows: np.ndarray, speed: np.ndarray, jitter: np.ndarray) -> np.ndarray:
    """Frame by frame from the first to the last of `rows`, at steps of the local `speed` and its relative `jitter`."""
    frames = int(1.5 * np.sum(1 / speed)) + 10
    noise = rng.standard_normal(frames)
    position = np.empty(frames)
    here = float(rows[0])
    for k in range(frames):
        position[k] = here
        i = min(max(int(here - rows[0]), 0), len(rows) - 1)
        here += speed[i] * max(1 + jitter[i] * noise[k], 0.05)
    return position[position <= rows[-1]]


def plan_sweep(rng: np.random.Generator, first: int, last: int, columns: int, bursts: tuple[Burst, ...]) -> Sweep:
    """Frames that cover the rows from `first` to `last`, with the operator's speed, its bursts and its jitter."""
    room = 40 + int(LARGEST_SLOPE * columns)
    rows = np.arange(first - room, last + room + 1)
    speed = np.minimum(rng.uniform(0.55, 0.85) * np.exp(0.10 * smooth_line(rng, len(rows), 150)), 0.82)
    jitter = np.full(len(rows), rng.uniform(0.03, 0.06))
    strain = np.exp(0.3 * smooth_line(rng, len(rows), 120))
    for burst in bursts:
        speed += burst.swell(rows) * (burst.speed - speed)
        jitter += burst.swell(rows) * burst.jitter
        strain += burst.swell(rows, margin=0.4) * burst.strain
    position = _positions(rng, rows, speed, jitter)
    frames = len(position)
    slope = rng.choice([-1, 1], p=[0.35, 0.65]) * rng.uniform(0.01, 0.11) * np.ones(frames)
    slope += rng.uniform(0.01, 0.035) * smooth_line(rng, frames, rng.uniform(100, 400))
    slope += rng.uniform(0, 0.001) * smooth_line(rng, frames, 8)
    bend = rng.uniform(0.3, 2.0) * smooth_line(rng, columns, rng.uniform(80, 250))
    return Sweep(
        position=position,
        slope=np.clip(slope, -LARGEST_SLOPE, LARGEST_SLOPE),
        strain=np.interp(position, rows, strain),
        bend=bend,
        bursts=bursts,
    )


def frame_gain(rng: np.random.Generator, frames: int, columns: int, spread: float) -> np.ndarray:
    """Log gain of each frame along its line, (frames, columns): neighbouring frames alternate more than they agree.

    The scanner interleaves its transmissions, so that what is brighter in one frame is fainter in the next; along the
    line the difference decorrelates within some speckle grains.
    """
    grain = np.exp(rng.uniform(np.log(2.5), np.log(8)))
    knots = rng.standard_normal((frames, max(4, round(columns / grain) + 3)))
    knots[1:] -= rng.uniform(0.2, 0.6) * knots[:-1]
    gain = cubic_upsample(knots, columns, 1) / 0.4794**0.5
    gain += rng.uniform(0.1, 0.5) * rng.standard_normal((frames, 1))
    gain += rng.uniform(0.0, 0.35) * rng.standard_normal((frames, columns))
    return spread * gain


def scan(
    rng: np.random.Generator, intensity: np.ndarray, sweep: Sweep, spread: float, body: np.ndarray | None = None
) -> np.ndarray:
    """What the sweep leaves of `intensity`, (rows, columns): the mean of the frames in each pixel, 0 where none is.

    `spread`: standard deviation of the frames' log gain. `body`: the pixels that the probe reached, bool; outside it
    frames that are put elsewhere than they were seen have nothing to show.
    """
    rows, columns = intensity.shape
    line = sweep.line(slice(None))
    frames = len(line)
    seen_at = line + (rng.uniform(0.2, 0.6) * sweep.strain * rng.standard_normal(frames))[:, None]
    from_row = np.clip(np.rint(seen_at), 0, rows - 1).astype(np.intp)
    from_column = np.arange(columns)
    if sweep.errors:
        aside = np.rint(sweep.error("aside")).astype(np.intp)
        from_column = np.clip(from_column - aside[:, None], 0, columns - 1)
    seen = intensity[from_row, from_column]
    seen = seen * np.exp(frame_gain(rng, frames, columns, spread) * sweep.strain[:, None])
    if not sweep.errors:
        return _averaged(np.rint(line).astype(np.intp), seen, intensity.shape)
    _spoil(seen, sweep)
    landed = np.rint(line + sweep.error("believed")[:, None]).astype(np.intp)
    if body is not None:
        landed[~body[from_row, from_column]] = -rows  # nowhere
    return _averaged(landed, seen, intensity.shape, sweep.error("reach"))


def _spoil(seen: np.ndarray, sweep: Sweep) -> None:
    """Apply gain, streaks and flashes to what the frames have seen, (frames, columns), in place."""
    middle = np.linspace(-1, 1, seen.shape[1]) / sweep.streak_width
    profile = np.exp(-(middle**4))
    spoilt = np.flatnonzero(np.any([sweep.error(name) != 0 for name in ("gain", "streak", "flash")], axis=0))
    log_gain = sweep.error("gain")[spoilt, None] + sweep.error("streak")[spoilt, None] * profile
    seen[spoilt] = seen[spoilt] * np.exp(log_gain) + sweep.error("flash")[spoilt, None]


def _averaged(
    landed: np.ndarray, seen: np.ndarray, shape: tuple[int, int], reach: np.ndarray | None = None
) -> np.ndarray:
    """The mean of what frames have `seen` in the rows where they `landed`, (frames, columns) each -> (rows, columns).

    `reach` (frames,): holes up to so many rows away are filled, by the nearest frames.
    """
    rows, columns = shape

    def summed(frames: np.ndarray | slice, away: int) -> tuple[np.ndarray, np.ndarray]:
        at, values = landed[frames] + away, seen[frames]
        inside = (at >= 0) & (at < rows)
        pixel = (at * columns + np.arange(columns))[inside]
        total = np.bincount(pixel, weights=values[inside], minlength=rows * columns)
        return total, np.bincount(pixel, minlength=rows * columns)

    total, count = summed(slice(None), 0)
    for away in range(1, 1 + (0 if reach is None else int(reach.max(initial=0)))):
        above, below = (summed(reach >= away, side * away) for side in (-1, 1))
        hole = count == 0
        total[hole], count[hole] = (above[0] + below[0])[hole], (above[1] + below[1])[hole]
    return (total / np.maximum(count, 1)).reshape(shape)
