"""How far bones may be drawn: the lit body, and what a rib blackens or crosses of its edge."""

from __future__ import annotations

import numpy as np

BITE = 0.25  # of the body's width: what is notched no higher than this is a rib as black as the background, or two
OVERRUN = 1 / 80  # of the body's width, about a millimetre: how far over the lit edge an outline is drawn


def within_reach(body: np.ndarray) -> np.ndarray:
    """Where bones may be drawn: a lit body, boolean (rows, columns), one stretch in each row -> the same, with the
    notches filled that black ribs cut into its edges, and a little wider. Rows without body stay so."""
    if not body.any():
        return body.copy()
    return between_edges(body, BITE, overrun(width_of(body))) & body.any(1)[:, None]


def between_edges(body: np.ndarray, notched: float, over: int = 0) -> np.ndarray:
    """What lies between the edges of a lit body, boolean (rows, columns), one stretch in some rows, across notches no
    higher than such a part of its width, and so many columns beyond."""
    columns, lit = body.shape[1], body.any(1)
    height = 2 * round(notched * width_of(body) / 2) + 1
    left, right = (
        closed_upward(np.where(lit, towards.argmax(1), columns), height) - over for towards in (body, body[:, ::-1])
    )
    across = np.arange(columns)
    return (across >= left[:, None]) & (across <= columns - 1 - right[:, None])


def width_of(body: np.ndarray) -> float:
    """How many columns a lit body, boolean (rows, columns), takes in the middle one of its rows."""
    return float(np.median(body.sum(1)[body.any(1)]))


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
