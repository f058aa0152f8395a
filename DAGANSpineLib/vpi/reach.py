"""How far bones may be drawn: the lit body, and what a rib blackens or crosses of its edge."""

from __future__ import annotations

import numpy as np

BITE = 0.25  # of the body's width: what is notched no higher than this is a rib as black as the background, or two
OVERRUN = 1 / 80  # of the body's width, about a millimetre: how far over the lit edge an outline is drawn


def within_reach(body: np.ndarray) -> np.ndarray:
    """Where bones may be drawn: a lit body, boolean (rows, columns), one stretch in each row -> the same, with the
    notches filled that black ribs cut into its edges, and a little wider. Rows without body stay so."""
    lit = np.flatnonzero(body.any(1))
    if not lit.size:
        return body.copy()
    columns = body.shape[1]
    first = np.where(body.any(1), body.argmax(1), columns)
    last = np.where(body.any(1), columns - 1 - body[:, ::-1].argmax(1), -1)
    width = np.median((last - first + 1)[lit])
    height = 2 * round(BITE * width / 2) + 1
    over = overrun(width)
    left = closed_upward(first, height) - over
    right = columns - 1 - closed_upward(columns - 1 - last, height) + over
    across = np.arange(columns)
    reached = (across >= left[:, None]) & (across <= right[:, None])
    return reached & body.any(1)[:, None]


def overrun(width: float) -> int:
    """How many columns bones may be drawn over the lit edge of a body so many columns wide."""
    return max(1, round(OVERRUN * width))


def closed_upward(edge: np.ndarray, height: int) -> np.ndarray:
    """An edge's distance from the border, (rows,), without rises of fewer rows than an odd `height`."""
    lowered = windows(edge, height).min(1)
    return np.minimum(edge, windows(lowered, height).max(1))


def windows(values: np.ndarray, height: int) -> np.ndarray:
    """What lies around each value: (n,) -> (n, height)."""
    return np.lib.stride_tricks.sliding_window_view(np.pad(values, height // 2, mode="edge"), height)
