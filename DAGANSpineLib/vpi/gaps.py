"""Gaps of the sweep: bands across the back that no frame crossed, so that what stands there was not seen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import SimpleITK as sitk

from .body import lit_body
from .reach import between_edges, overrun, width_of
from .runs import runs
from .scale import height_mm, is_a_backs
from .windows import opened_upright, sideways

BLACK = 8.0  # grey levels up to here may be compression noise where no frame was
HEIGHT = 9  # rows without anything, one upon another: dashes and the lines between frames are lower
BACK = 1700, 440  # lit rows or columns of a back in pixels of 0.2 mm: in larger ones fewer rows stand for `HEIGHT`,
LOWEST = 5  # down to so many
ACROSS = 0.5  # of the body's width that a gap takes at least: bones' shadows, however black, don't
STEEPEST, SLOPES = 0.2, 41  # rows per column, how many: real sweeps' frames cross a picture at up to 0.16
BEND = 5  # rows that a frame's line departs from straight
EVEN = 0.3  # of the body's width: so many columns of a gap end with it, above and below; dark sides and shadows don't
TALLEST = 0.5  # of the body's width: edges of the body are followed across gaps up to so high
BRIDGED_MM = 4.0  # of height: people draw bones across lower gaps, and across no higher ones
PIXEL_MM = 0.2  # of a usual VPI


def gaps_of(pixels: np.ndarray, body: np.ndarray | None = None) -> np.ndarray:
    """The gaps of the sweep, bool (rows, columns), of a picture, grey 0 to 255, and its lit body, bool, both of
    that size; it is looked for where none is given.

    A gap is black, `HEIGHT` rows or more high, slanted as frames are, and takes half of the body's width or more.
    Beyond the head's or the foot's end of the body there is none.
    """
    body = lit_body(pixels) if body is None else body
    found = np.zeros(body.shape, bool)
    rows = np.flatnonzero(body.any(1))
    if not rows.size:
        return found
    swept = slice(rows[0], rows[-1] + 1)
    inside = between_edges(body[swept], TALLEST)
    widths, height = inside.sum(1), height_in(*lines_of((pixels[swept] > BLACK) & body[swept]))
    for noise in (0.0, BLACK):  # where nothing is compressed, a gap shows between black bones and on a dark side
        seen = opened_upright((pixels[swept] > noise) & body[swept], height, goes_on=False)
        black = opened_upright((pixels[swept] <= noise) & inside & between_ends(seen), height, goes_on=False)
        for place, part in parts_of(black):
            found[swept][place] |= bands_in(part, np.median(widths[place[0]]), height)
    return found


def unseen_in(gaps: np.ndarray, body: np.ndarray, spacing: tuple[float, float] | None = None) -> np.ndarray:
    """Of the gaps of a lit body those that nobody draws bones across, all bool (rows, columns): more than `BRIDGED_MM`
    high.

    They are as much wider as bones may be drawn over the lit edge. `spacing`: mm between rows and columns; where it is
    unknown, or none of a back, the lit body tells how large pixels are.
    """
    if not gaps.any():
        return gaps
    known = spacing is not None and is_a_backs(height_mm(body, spacing[0]))
    most = BRIDGED_MM / spacing[0] if known else BRIDGED_MM / PIXEL_MM * min(1.0, share_of_back(*lines_of(body)))
    high = np.zeros(gaps.shape, bool)
    for place, part in parts_of(gaps):
        columns = part.sum(0)
        high[place] |= part & (np.median(columns[columns > 0]) > most)
    return sideways(high, overrun(width_of(body)))


def lines_of(lit: np.ndarray) -> tuple[int, int]:
    """How many rows and columns are lit, bool (rows, columns)."""
    return int(lit.any(1).sum()), int(lit.any(0).sum())


def height_in(rows: int, columns: int) -> int:
    """How many rows stand for `HEIGHT` in a picture of so many lit rows and columns: an odd number."""
    return int(np.clip(HEIGHT * share_of_back(rows, columns), LOWEST, HEIGHT) - 1) // 2 * 2 + 1


def share_of_back(rows: int, columns: int) -> float:
    """How large pixels of 0.2 mm are beside those of a picture of so many lit rows and columns."""
    return max(rows / BACK[0], columns / BACK[1])


def between_ends(seen: np.ndarray) -> np.ndarray:
    """What has something seen above it and below it, bool (rows, columns)."""
    return np.logical_or.accumulate(seen) & np.logical_or.accumulate(seen[::-1])[::-1]


def parts_of(mask: np.ndarray) -> Iterator[tuple[tuple[slice, slice], np.ndarray]]:
    """The parts of a mask (rows, columns), diagonal neighbours together: where each is, and its own pixels there."""
    image = sitk.ConnectedComponent(sitk.GetImageFromArray(mask.astype(np.uint8)), True)
    shapes = sitk.LabelShapeStatisticsImageFilter()
    shapes.Execute(image)
    numbers = sitk.GetArrayFromImage(image)
    for label in shapes.GetLabels():
        left, top, across, down = shapes.GetBoundingBox(label)
        place = slice(top, top + down), slice(left, left + across)
        yield place, numbers[place] == label


def bands_in(part: np.ndarray, width: float, height: int) -> np.ndarray:
    """Of one black part, bool (rows, columns), the bands that are gaps of a body so many columns wide, `height` rows
    high at least."""
    bands = np.zeros(part.shape, bool)
    if part.any(0).sum() < ACROSS * width:
        return bands
    row, column = np.nonzero(part)
    shifts = slanted(row, column, part.shape[1])
    level = np.arange(part.shape[0])[:, None] + shifts
    counts = np.bincount(level[part])
    for run in runs(counts >= ACROSS * width):
        first, last = run.start, run.stop - 1
        bend = min(BEND, (last - first) // 2)
        within = (level >= first + bend) & (level <= last - bend)
        beyond = (level == first - BEND) | (level == last + BEND)
        even = ~((within & ~part) | (beyond & part)).any(0)
        if last - first + 1 >= height and even.sum() >= EVEN * width:
            bands |= part & (level > first - BEND) & (level < last + BEND)
    return bands


def slanted(row: np.ndarray, column: np.ndarray, columns: int) -> np.ndarray:
    """By how many rows each of so many columns is to be lowered, (columns,), for the pixels at these rows and columns
    to lie as level as they can: as bands do where frames' lines lie level."""
    best, most = np.zeros(columns, int), -1.0
    for slope in np.linspace(-STEEPEST, STEEPEST, SLOPES):
        lowered = np.rint(slope * np.arange(columns)).astype(int)
        lowered -= lowered.min()
        levelled = float((np.bincount(row + lowered[column]).astype(float) ** 2).sum())
        if levelled > most:
            best, most = lowered, levelled
    return best
