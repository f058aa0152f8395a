"""From the lines of levels to curves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from .curves import CONVEX, SMALLEST, Curve, apex_of, certainty, turning_points
from .level import Level


def measure(
    levels: Sequence[Level],
    midline: np.ndarray,
    spacing: tuple[float, float] = (1.0, 1.0),
    variance: np.ndarray | None = None,
    plausibility: float = 1.0,
    smallest: float = SMALLEST,
) -> list[Curve]:
    """The curves of levels from head to foot, whoever drew their lines, of `smallest` degrees and more.

    `midline`: (points, 2), row and column, for the SPA; `variance`: covariance of the tilts, square degrees, and
    `plausibility` of the spine, for the curves' confidence.
    """
    tilts = [level.tilt_deg for level in levels]
    return [
        curve_between(upper, lower, levels, midline, spacing, variance, plausibility)
        for upper, lower in pairwise(turning_points(tilts, smallest))
    ]


def curve_between(
    upper: int,
    lower: int,
    levels: Sequence[Level],
    midline: np.ndarray,
    spacing: tuple[float, float],
    variance: np.ndarray | None = None,
    plausibility: float = 1.0,
) -> Curve:
    """The curve between two levels, by their places; the rest as for `measure`."""
    centres = np.array([level.centre for level in levels]) * spacing
    y, x = (midline * spacing).T
    tangents = np.degrees(np.arctan(np.interp(centres[[upper, lower], 0], y, np.gradient(x, y))))
    angle = levels[upper].tilt_deg - levels[lower].tilt_deg
    confidence = None
    if not (levels[upper].by_hand or levels[lower].by_hand) and variance is not None:
        both = variance[np.ix_([upper, lower], [upper, lower])]
        confidence = plausibility * certainty(float(np.sqrt(both[0, 0] + both[1, 1] - 2 * both[0, 1])))
    return Curve(
        upper=levels[upper].name,
        lower=levels[lower].name,
        apex=levels[apex_of(centres, upper, lower)].name,
        uca_deg=abs(angle),
        spa_deg=float(np.sign(angle) * (tangents[0] - tangents[1])),
        convex=CONVEX[angle > 0],
        confidence=confidence,
    )
