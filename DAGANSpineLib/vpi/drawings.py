"""Arrows, lines and figures that viewers draw in grey or white, where they touch the lit body or come close to it."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from .background import DARK, NEAR
from .runs import runs
from .windows import opened_upright

STOUT = 80  # pixels: no arrow or figure is taller beside the body, or wider above and below it
PART = 5  # nor taller or wider than the body's height or width divided by this
STROKE = 8  # pixels: what juts out no farther is the body's ragged edge
BRIGHT, ONE_GREY = 60.0, 0.6  # what is drawn is seen well, and mostly of one grey, as no ultrasound is
THIN, EDGED = 0.3, 0.9  # of thin strokes so much is of that grey, the rest, up to so much, their blurred edges
TALL = 2  # times as high as it juts out is an arrow's head at most
FEW = 40  # pixels: too little of a thing to tell what it is
FINE, FILLED, EVENLY = 20, 0.1, 0.6  # pixels; shares: a fine stroke has so little within it, and is so evenly bright
LOW = 7  # rows: dashes, and the lines between frames, are lower
WIDTHS, HEIGHTS = 10, 30  # of the lit part's width: no stroke or its knob is both as wide and as high
FLAT, WHITE = 3, 250.0  # times as wide as high; grey levels: what is both may be a frame of a bright sweep


def without_drawings(body: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """A lit body, bool (rows, columns), one stretch in each row, without what juts out of it and is of one bright grey.

    `pixels`: (rows, columns), grey 0 to 255, 0 for the background.
    """
    if not body.any():
        return body
    body = without_drawings_right(body, pixels)
    body = without_drawings_right(body[:, ::-1], pixels[:, ::-1])[:, ::-1]
    body = without_drawings_above(body, pixels)
    return without_drawings_above(body[::-1], pixels[::-1])[::-1]


def without_strokes(lit: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Lit pixels, bool (rows, columns), without the strokes beside what is wide and high at once.

    `pixels`: (rows, columns), grey 0 to 255, 0 for the background.
    """
    wide, high = lit.shape[1] // WIDTHS | 1, max(lit.shape[1] // HEIGHTS, LOW) | 1
    thick = opened_upright(~opened_upright(~lit, LOW).T, wide, goes_on=False).T
    outside = lit & ~opened_upright(thick, high, goes_on=False)
    parts = sitk.ConnectedComponent(sitk.GetImageFromArray(outside.astype(np.uint8)), True)
    shapes = sitk.LabelShapeStatisticsImageFilter()
    shapes.Execute(parts)
    part_of, strokes = sitk.GetArrayFromImage(parts), np.zeros(shapes.GetNumberOfLabels() + 1, bool)
    for label in shapes.GetLabels():
        if shapes.GetNumberOfPixels(label) >= FINE:
            left, top, across, down = shapes.GetBoundingBox(label)
            part = np.s_[top : top + down, left : left + across]
            strokes[label] = is_stroke(pixels[part], (part_of[part] == label) & (pixels[part] > DARK))
    return lit & ~strokes[part_of]


def without_drawings_right(body: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Without what juts out to the right far enough for its height."""
    from scipy.ndimage import grey_opening  # takes a moment to load

    rows = np.flatnonzero(body.any(1))
    edge = np.interp(np.arange(len(body)), rows, body.shape[1] - body[rows, ::-1].argmax(1)).astype(int)
    tall = max(min(STOUT, len(rows) // PART), 1)
    ordinary = grey_opening(np.pad(edge, tall, "edge"), tall)[tall:-tall]
    body = body.copy()
    for run in runs(edge - ordinary > STROKE):
        beyond = np.arange(body.shape[1]) >= ordinary[run, None]
        far_enough = TALL * (edge - ordinary)[run].max() >= run.stop - run.start
        if far_enough and of_one_grey(pixels[run], body[run] & beyond):
            body[run] &= ~beyond
    return body


def without_drawings_above(body: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Without what stands upright and narrow on the body's uppermost row."""
    widths = body.sum(1)
    narrow = (widths > 0) & (widths <= min(STOUT, widths.max() // PART))
    above = slice(first := int((widths > 0).argmax()), first + int((~narrow[first:]).argmax()))
    if above.stop - above.start < widths[above].max(initial=0) or not of_one_grey(pixels[above], body[above]):
        return body
    body = body.copy()
    body[above] = False
    return body


def of_one_grey(pixels: np.ndarray, mask: np.ndarray) -> bool:
    """Whether the lit pixels in a mask, both (rows, columns), are mostly of one bright grey, or the edges of that."""
    lit = mask & (pixels > DARK)
    greys = pixels[lit]
    if greys.size < FEW:
        return False
    level = np.bincount(np.rint(greys).astype(np.intp).clip(0, 255)).argmax()
    drawn = lit & (np.abs(pixels - level) <= NEAR)
    share = drawn.sum() / greys.size
    if level < BRIGHT or share < THIN:
        return False
    around = squares(drawn, 3).any((2, 3))
    return bool(share >= ONE_GREY or (lit & around).sum() >= EDGED * greys.size)


def is_stroke(pixels: np.ndarray, mask: np.ndarray) -> bool:
    """Whether what a mask holds, both (rows, columns) and no larger, is drawn, and no frame of a ragged edge."""
    down, across = mask.shape
    if not mask.any():
        return False
    if across > FLAT * down:
        return bool(np.median(pixels[mask]) < WHITE) and of_one_grey(pixels, mask)
    return of_one_grey(pixels, mask) or (min(down, across) >= LOW and is_fine(pixels, mask))


def is_fine(pixels: np.ndarray, mask: np.ndarray) -> bool:
    """Whether what a mask holds, both (rows, columns), is a stroke of a pixel or two: nowhere thick, and about each
    pixel as bright as elsewhere, however little of the one right there it covers."""
    if mask.sum() < FINE or squares(mask, 4).all((2, 3)).sum() > FILLED * mask.sum():
        return False
    dull, bright = np.percentile(squares(np.where(mask, pixels, 0), 3).max((2, 3))[mask], (10, 95))
    return bool(bright >= BRIGHT and dull >= EVENLY * bright)


def squares(picture: np.ndarray, size: int) -> np.ndarray:
    """The squares about each pixel of a picture (rows, columns): (rows, columns, size, size)."""
    return np.lib.stride_tricks.sliding_window_view(np.pad(picture, ((size - 1) // 2, size // 2)), (size, size))
