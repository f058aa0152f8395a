"""What comes together in one subject's picture: who is examined, by which scanner and at which depth, what happens to
the sweep, and how the picture is exported."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from .coupling import DarkSide, OffBack, slip_off, tip_over
from .display import BACKGROUND
from .gain import Leap, flashes, keep_clear, leaps, odd_gains
from .hurry import Hurried, hurry
from .layer import Layer, choose_layer
from .person import Person, meet
from .scanner import Scanner, switch_on
from .sweep import Sweep
from .tracking import Band, interleave, keep_apart, lose_frames, step_aside
from .worlds import SCANNERS, World

SHORTEST, WOVEN = 40, 150  # rows of a torn stretch, of one of interleaved frames
MOST_BANDS = 4


@dataclass(frozen=True)
class Circumstances:
    """`background`: grey around the picture, 0 where it is no screenshot; `marked`: whether somebody drew into it."""

    person: Person = field(default_factory=Person)
    scanner: Scanner = field(default_factory=Scanner)
    layer: Layer = field(default_factory=Layer)
    dark_side: DarkSide | None = None
    background: int = 0
    marked: bool = False

    def as_known(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "person": asdict(self.person),
            "scanner": asdict(self.scanner),
            "layer": self.layer.number,
            "dark side": self.dark_side and asdict(self.dark_side),
            "background": self.background,
        }


@dataclass(frozen=True)
class Events:
    """What happens to a sweep: each of `frames` to its frames, in this order; the probe is `off` the back; from some
    rows on the gain `leaps`."""

    frames: tuple[Any, ...] = ()
    off: OffBack | None = None
    leaps: tuple[Leap, ...] = ()

    @property
    def bands(self) -> list[Band]:
        return [event for event in self.frames if isinstance(event, Band)]

    def on(self, sweep: Sweep, rng: np.random.Generator) -> Sweep:
        for event in self.frames:
            sweep = event.on(sweep, rng)
        return sweep

    def as_known(self, sweep: Sweep) -> list[dict[str, Any]]:
        """JSON-ready: each by its kind and what is known of it, rows among that; of lines how they are inclined, down
        to the right, as the frames of the `sweep` are."""
        everything = [*self.frames, *([self.off] if self.off else []), *self.leaps]
        known = [{"kind": KIND_OF[type(event).__name__]} | asdict(event) for event in everything]
        for event, what in zip(everything, known, strict=True):
            if isinstance(event, Hurried):
                what["inclination_deg"] = sweep.inclination_deg(event.first, event.last)
        return known


KIND_OF = {
    "Hurried": "too fast a sweep", "Interleaved": "interleaved frames", "Band": "missing band",
    "Steps": "steps of the lit edge", "Flash": "saturated rows", "OddGain": "rows of other gain",
    "OffBack": "off the back", "Leap": "another gain from some row on",
}  # fmt: skip


def _dice(rng: np.random.Generator, world: World, scanner: str) -> Callable[[str], bool]:
    return lambda kind: bool(rng.random() < world.chance(kind, scanner))


def come_together(rng: np.random.Generator, world: World) -> Circumstances:
    """Who, by what, at which depth, exported how."""
    name = SCANNERS[int(rng.choice(len(SCANNERS), p=np.array(world.scanners) / 100))]
    happens = _dice(rng, world, name)
    screenshot = happens("screenshot")
    layer = choose_layer(rng) if happens("another layer") else Layer()
    return Circumstances(
        person=meet(rng, happens),
        scanner=switch_on(rng, name),
        layer=Layer(world.layer) if world.layer else layer,
        dark_side=tip_over(rng) if happens("one side darker") else None,
        background=int(rng.integers(*BACKGROUND, endpoint=True)) if screenshot else 0,
        marked=screenshot and happens("marks"),
    )


def happen(rng: np.random.Generator, world: World, scanner: str, first: int, last: int, spacing: float) -> Events:
    """What happens to a sweep from the `first` to the `last` row of `spacing` mm each."""
    happens = _dice(rng, world, scanner)
    off = slip_off(rng, first, last, spacing) if happens("off the back") else None
    frames: list[Any] = []
    if happens("too fast a sweep"):
        frames += [hurry(rng, *stretch) for stretch in _stretches(rng, world, first, last)]
    if happens("interleaved frames"):
        frames += [interleave(rng, *stretch) for stretch in _stretches(rng, world, first, last, WOVEN)]
    if happens("steps of the lit edge"):
        frames.append(step_aside(rng, *_stretch(rng, first, last, rng.uniform(0.2, 1.0)), spacing))
    rows: list[Any] = odd_gains(rng, first, last) if happens("rows of other gain") else []
    if happens("saturated rows"):
        rows += flashes(rng, first, last)
    bands: list[Band] = []
    if happens("missing bands"):
        most = 2 if world.occasions <= 1 else MOST_BANDS
        bands = [lose_frames(rng, first + 60, last - 60) for _ in range(int(rng.integers(1, most + 1)))]
        bands = keep_apart(bands, last - 60)
    # a frame that fills the rows about it would be a stretch of other gain, and in a band there is none
    taken = [(event.first, event.last) for event in frames if isinstance(event, Hurried) and event.filled]
    rows = keep_clear(rows, taken + [(band.first, band.last) for band in bands], first, last)
    frames += [*rows, *bands]
    return Events(
        frames=tuple(frames), off=off,
        leaps=tuple(leaps(rng, first, last)) if happens("another gain from some row on") else (),
    )  # fmt: skip


def _stretch(
    rng: np.random.Generator, first: int, last: int, share: float, shortest: int = SHORTEST
) -> tuple[int, int]:
    """The first and the last row of a stretch that takes this share of the sweep."""
    rows = int(max(share * (last - first), shortest))
    start = int(rng.uniform(first, max(last - rows, first + 1)))
    return start, min(start + rows, last)


def _stretches(
    rng: np.random.Generator, world: World, first: int, last: int, shortest: int = SHORTEST
) -> list[tuple[int, int]]:
    """One to three stretches, one behind the other, that together take as much of the sweep as this world tears."""
    count, share = int(rng.integers(1, 4)), rng.uniform(*world.torn)
    rows = int(min(max(share * (last - first) / count, shortest), (last - first) / count))
    starts = first + np.sort(rng.uniform(0, last - first - count * rows, count)) + rows * np.arange(count)
    return [(int(start), int(start) + rows) for start in starts]
