"""The lit body: where the sweep reached."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from .background import DARK, EVEN, background_of, without_background
from .drawings import without_drawings, without_strokes
from .windows import opened_upright

SIDE = 0.2  # of the largest lit region: smaller ones are writing beside the sweep, not the other side of its midline
HALF_HEIGHTS = 12, 11, 7  # pixels, of the ellipse that closes gaps, by the distance from its middle column
LINE = 12  # pixels: what is no thicker, with nothing beside it, is a line that somebody drew
WIDE = 0.5  # of the largest lit region's width: as wide a region is more of the sweep, beyond a band without frames;
# two together where the midline parts it
LOW = 1 / 3  # of the lit rows: where black is higher, it is the midline, or the background of a picture in a window
FRAMED = 0.1  # of the border: where more of it is not quite black, the background isn't
SOLID = 33  # pixels: the faint noise of compression fills two blocks of 16 at most, down and across
LONG = 64  # pixels: what is shorter belongs to the ragged edge of the body; of 30 simulated bodies, 45 at most


def lit_body(pixels: np.ndarray) -> np.ndarray:
    """Where the sweep reached: (rows, columns) grey -> boolean mask, one stretch in each row.

    What differs from the background is lit, a band without frames too where that is not black, and a dark side of the
    back that is all but black where nothing beside the body is. Dashes within the body
    are black too, so lit pixels are closed across gaps of a few rows, and holes are filled; so is the midline, which
    may be black down to the foot and even part the body in two. What viewers draw (crosses, rulers, frames, arrows) and
    writing are none of it.
    """
    level = background_of(pixels)
    if level <= DARK:
        lit = with_faint(pixels > DARK, pixels > 0)
    else:
        lit = with_bands(without_background(pixels, level) > DARK, pixels <= DARK)
    body = np.zeros(lit.shape, bool)
    rows, columns = (np.flatnonzero(lit.any(axis)) for axis in (1, 0))
    if rows.size:
        part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        shown = np.where(lit[part] & (np.abs(pixels[part] - level) > EVEN), pixels[part], 0)
        body[part] = large_parts(without_lines(closed(without_strokes(lit[part], shown))))
        body[part] = without_drawings(stretches(body[part]), shown)
    return body


def with_faint(lit: np.ndarray, filled: np.ndarray) -> np.ndarray:
    """What is lit and what is filled however faintly, both bool (rows, columns), where that is more than noise: solid,
    in a picture whose border is black, and less than what is lit."""
    border = np.concatenate([filled[0], filled[-1], filled[:, 0], filled[:, -1]])
    if border.mean() > FRAMED:
        return lit
    solid = opened_upright(opened_upright(filled, SOLID, goes_on=False).T, SOLID, goes_on=False).T
    return lit | solid if (solid & ~lit).sum() < lit.sum() else lit


def with_bands(lit: np.ndarray, black: np.ndarray) -> np.ndarray:
    """What is lit and the low parts of what is black, both bool (rows, columns), but for those of a black background,
    which is high beside what is lit."""
    high = opened_upright(black, int(LOW * lit.any(1).sum()) | 1)
    parts = sitk.GetArrayFromImage(sitk.ConnectedComponent(sitk.GetImageFromArray(black.astype(np.uint8))))
    within = stretches(lit)
    beside, between = (np.bincount(parts[high & each], minlength=parts.max() + 1) for each in (~within, within))
    return lit | (black & ~high & (beside <= between)[parts])


def stretches(mask: np.ndarray) -> np.ndarray:
    """Each row of a mask from its first pixel to its last."""
    first, last = mask.argmax(1), mask.shape[1] - mask[:, ::-1].argmax(1)
    across = np.arange(mask.shape[1])
    return (across >= first[:, None]) & (across < last[:, None]) & mask.any(1)[:, None]


def closed(lit: np.ndarray) -> np.ndarray:
    """Closed by the ellipse: as ITK's binary closing, and several times as fast."""
    down, across = 2 * HALF_HEIGHTS[0], 2 * len(HALF_HEIGHTS)
    grown = spread(np.pad(lit, ((down, down), (across, across))))
    return ~spread(~grown)[down:-down, across:-across]


def spread(mask: np.ndarray) -> np.ndarray:
    """Dilated by the ellipse, column by column."""
    result = spread_upright(mask, HALF_HEIGHTS[0])
    for shift, half in enumerate(HALF_HEIGHTS[1:], 1):
        taller = spread_upright(mask, half)
        result[:, shift:] |= taller[:, :-shift]
        result[:, :-shift] |= taller[:, shift:]
    return result


def spread_upright(mask: np.ndarray, half: int) -> np.ndarray:
    """Dilated by `half` pixels up and down, each step as wide as what is reached already allows."""
    reach = 0
    while reach < half:
        step = min(2 * reach + 1, half - reach)
        wider = mask.copy()
        wider[step:] |= mask[:-step]
        wider[:-step] |= mask[step:]
        mask, reach = wider, reach + step
    return mask


def without_lines(mask: np.ndarray) -> np.ndarray:
    """Without what is thin, long and alone, level, upright or oblique."""
    lines = np.zeros_like(mask)
    for towards in (mask, mask.T):
        if len(towards) > LINE:
            alone = towards.copy()
            alone[LINE + 1 :] &= ~towards[: -LINE - 1]
            alone[: -LINE - 1] &= ~towards[LINE + 1 :]
            lines |= long_parts(alone if towards is mask else alone.T)
    return mask & ~lines


def long_parts(mask: np.ndarray) -> np.ndarray:
    """The parts that extend over `LONG` pixels, down or across."""
    parts = sitk.ConnectedComponent(sitk.GetImageFromArray(mask.astype(np.uint8)), True)
    shapes = sitk.LabelShapeStatisticsImageFilter()
    shapes.Execute(parts)
    long = [label for label in shapes.GetLabels() if max(shapes.GetBoundingBox(label)[2:]) >= LONG]
    return np.isin(sitk.GetArrayFromImage(parts), long) if long else np.zeros_like(mask)


def large_parts(mask: np.ndarray) -> np.ndarray:
    """The largest part, those not much smaller, and those nearly as wide and no line of writing, their holes filled."""
    filled = sitk.BinaryFillhole(sitk.GetImageFromArray(np.pad(mask, 1).astype(np.uint8)))
    parts = sitk.ConnectedComponent(filled)
    shapes = sitk.LabelShapeStatisticsImageFilter()
    shapes.Execute(parts)
    largest = max(shapes.GetLabels(), key=shapes.GetNumberOfPixels, default=None)
    chosen = np.zeros(shapes.GetNumberOfLabels() + 1, bool)
    boxes = {label: shapes.GetBoundingBox(label) for label in shapes.GetLabels()}
    high = [label for label in boxes if boxes[label][3] >= LONG]
    for label in boxes:
        sweep = label in high and width_with(label, largest, boxes, high) >= WIDE * boxes[largest][2]
        chosen[label] = sweep or shapes.GetNumberOfPixels(label) >= SIDE * shapes.GetNumberOfPixels(largest)
    return chosen[sitk.GetArrayFromImage(parts)][1:-1, 1:-1]


def width_with(label: int, largest: int, boxes: dict[int, tuple[int, int, int, int]], high: list[int]) -> int:
    """How many columns a part takes, and with it the high ones beside it, if it lies above or below the largest part:
    black down its midline, the sweep goes on there in two. `boxes`: column, row, columns and rows of each part."""
    _left, top, across, down = boxes[label]

    def beside(other: int) -> bool:
        return boxes[other][1] < top + down and top < boxes[other][1] + boxes[other][3]

    if beside(largest):
        return across
    return sum(boxes[other][2] for other in high if beside(other))
