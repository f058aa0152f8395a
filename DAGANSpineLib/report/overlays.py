"""What was found and what was changed, drawn over a VPI."""

import math
from collections.abc import Callable

import numpy as np

from ..segments import SEGMENTS
from ..vpi import gaps_of

OPACITY = 0.3  # of a segment's area; its outline is opaque
OUTLINE = 2  # pixels
DARKENED, BRIGHTENED = (0.85, 0.15, 0.10), (0.10, 0.45, 0.95)  # red, green, blue: 0 to 1
FILLED = (1.0, 0.80, 0.10)  # the same, of what was not seen and is filled in
FULL_CHANGE = 32  # grey levels from which a change is drawn opaque
STRIP = 256  # rows that are drawn at once
STEPS = 16  # shades of each colour, where a change is drawn by labels
UNCHANGED, DARKER, BRIGHTER, UNSEEN = range(4)


def shades() -> tuple[tuple[int, int, tuple[float, float, float, float]], ...]:
    """For each label of `changes`: the kind of change, its grey levels, its red, green, blue and opacity, 0 to 1."""
    found = [(UNCHANGED, 0, (0.0, 0.0, 0.0, 0.0))]
    for kind, colour in ((DARKER, DARKENED), (BRIGHTER, BRIGHTENED)):
        found += [(kind, FULL_CHANGE * step // STEPS, (*colour, step / STEPS)) for step in range(1, STEPS + 1)]
    return (*found, (UNSEEN, 0, (*FILLED, 1.0)))


SHADES = shades()


def overlay(pixels: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Grey (rows, columns) and labels 0 to 3 -> uint8 (rows, columns, 3), red ribs, green thoracic, blue lumbar."""
    colours = np.zeros((len(SEGMENTS) + 1, 3))
    for segment in SEGMENTS:
        colours[segment.label] = np.array(segment.colour) * 255
    outline = labels.astype(bool) & ~eroded(labels)

    def draw(pixels: np.ndarray, labels: np.ndarray, outline: np.ndarray) -> np.ndarray:
        picture = np.repeat(pixels[..., None], 3, -1).astype(float)
        drawn = labels > 0
        opacity = np.where(outline[drawn], 1.0, OPACITY)[:, None]
        picture[drawn] = picture[drawn] * (1 - opacity) + colours[labels[drawn]] * opacity
        return picture.round().clip(0, 255).astype(np.uint8)

    return by_strips(draw, pixels, labels, outline)


def by_strips(draw: Callable[..., np.ndarray], *pictures: np.ndarray) -> np.ndarray:
    """What `draw` makes of pictures (rows, columns), some rows at a time: of a large one, all at once would take
    gigabytes."""
    strips = range(0, len(pictures[0]), STRIP)
    return np.concatenate([draw(*(each[first : first + STRIP] for each in pictures)) for first in strips])


def eroded(labels: np.ndarray) -> np.ndarray:
    """The inside of each segment, without its outline; touching segments have an outline each."""
    rows, columns = labels.shape
    padded = np.pad(labels, OUTLINE, mode="edge")
    inside = labels > 0
    for down, across in np.ndindex(2 * OUTLINE + 1, 2 * OUTLINE + 1):
        if math.hypot(down - OUTLINE, across - OUTLINE) < OUTLINE + 0.5:  # a disc
            inside &= padded[down : down + rows, across : across + columns] == labels
    return inside


def residual(pixels: np.ndarray, restored: np.ndarray, gaps: np.ndarray | None = None) -> np.ndarray:
    """What restoration did, drawn over the picture: red where it darkened, blue where it brightened, the more the
    stronger; amber the gaps of the sweep that it filled in. Both grey (rows, columns) -> uint8 (rows, columns, 3).
    `gaps`: as `vpi.gaps_of` finds them, looked for where none are given."""
    change, unseen = strongest_around(pixels, restored), gaps_of(pixels) if gaps is None else gaps

    def draw(pixels: np.ndarray, change: np.ndarray, unseen: np.ndarray) -> np.ndarray:
        opacity = np.where(unseen, 1, np.minimum(np.abs(change) / FULL_CHANGE, 1))[..., None]
        colour = np.where((change > 0)[..., None], BRIGHTENED, DARKENED)
        colour = np.where(unseen[..., None], FILLED, colour) * np.float32(255)
        return (pixels[..., None] * (1 - opacity) + colour * opacity).round().clip(0, 255).astype(np.uint8)

    return by_strips(draw, pixels, change, unseen)


def changes(pixels: np.ndarray, restored: np.ndarray) -> np.ndarray:
    """What restoration did, as labels with the meanings of `SHADES`. Both grey (rows, columns) -> uint8, the same."""
    change = strongest_around(pixels, restored)
    steps = np.minimum(np.round(np.abs(change) * STEPS / FULL_CHANGE), STEPS)
    shades = np.where((change > 0) & (steps > 0), steps + STEPS, steps)
    return np.where(gaps_of(pixels), len(SHADES) - 1, shades).astype(np.uint8)


def strongest_around(pixels: np.ndarray, restored: np.ndarray) -> np.ndarray:
    """The strongest change within a pixel of each: two pictures (rows, columns) -> float32, the same.

    A view shows one row of three of a high picture: which of the dashes, one row high, would be seen, would be chance.
    """
    strongest = np.empty(pixels.shape, np.float32)
    for first in range(0, len(pixels), STRIP):
        rows = slice(max(first - 1, 0), first + STRIP + 1)
        change = restored[rows].astype(np.float32) - pixels[rows]
        up, down = around(change, np.maximum), around(change, np.minimum)
        strip = strongest[first : first + STRIP]
        strip[:] = np.where(up > -down, up, down)[first - rows.start :][: len(strip)]
    return strongest


def around(values: np.ndarray, of: np.ufunc) -> np.ndarray:
    """The extreme of each pixel and its eight neighbours: (rows, columns) -> the same."""
    padded = np.pad(values, 1, mode="edge")
    upright = of(of(padded[:-2], padded[1:-1]), padded[2:])
    return of(of(upright[:, :-2], upright[:, 1:-1]), upright[:, 2:])
