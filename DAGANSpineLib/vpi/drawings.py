"""Arrows and figures that viewers draw in grey or white, where they touch the lit body."""

from __future__ import annotations

import numpy as np

from .background import DARK, NEAR
from .runs import runs

STOUT = 80  # pixels: no arrow or figure is taller beside the body, or wider above and below it
PART = 5  # nor taller or wider than the body's height or width divided by this
STROKE = 8  # pixels: what juts out no farther is the body's ragged edge
BRIGHT, ONE_GREY = 60.0, 0.6  # what is drawn is seen well, and mostly of one grey, as no ultrasound is
THIN, EDGED = 0.3, 0.9  # of thin strokes so much is of that grey, the rest, up to so much, their blurred edges
TALL = 2  # times as high as it juts out is an arrow's head at most
FEW = 40  # pixels: too little of a thing to tell what it is


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
    around = np.lib.stride_tricks.sliding_window_view(np.pad(drawn, 1), (3, 3)).any((2, 3))
    return bool(share >= ONE_GREY or (lit & around).sum() >= EDGED * greys.size)
