"""A whole spine as it was read, and as somebody draws its lines by hand."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .curves import Curve
from .doubt import Doubt
from .level import Level, Point, tilt_of
from .measuring import curve_between


@dataclass(frozen=True)
class Spine:
    """What the bones of a VPI say.

    `levels`: from head to foot, those of which a bone was found. `curves`: from head to foot, empty for a straight
    spine, None where the bones form no spine, or nothing is known. `plausibility`: how well the bones found fit one
    spine, 0 to 1. `notes`: sentences for the clinician: why there are no curves, which are uncertain, which bones were
    left out. `midline`: (points, 2), row and column. `spacing`: mm between rows and between columns, (1, 1) where
    unknown. `variance`: covariance of the levels' tilts, square degrees, (levels, levels). `doubt`: of the model that
    drew the bones, where its probabilities were known.
    """

    levels: tuple[Level, ...]
    curves: tuple[Curve, ...] | None
    plausibility: float
    notes: tuple[str, ...]
    midline: np.ndarray
    spacing: tuple[float, float]
    variance: np.ndarray = field(repr=False, default_factory=lambda: np.zeros((0, 0)))
    doubt: Doubt | None = field(repr=False, compare=False, default=None)

    def with_line(self, name: str, left: Point, right: Point) -> Spine:
        """The same spine with the line at one end of its curves, of the level `name`, drawn by hand: (row, column) of
        the line's ends, in any order.

        The curves that end there follow, however small they become; no other level takes its place. A line that was
        moved to another level, which ends no curve, is that one's. Raises KeyError where there is no level `name`.
        """
        names = [level.name for level in self.levels]
        if name not in names:
            raise KeyError(name)
        left, right = sorted((left, right), key=lambda point: point[1])
        ends = {end for curve in self.curves or () for end in (curve.upper, curve.lower)} - {name}
        place = self.level_at(left, right, names.index(name), besides=ends)
        tilt = tilt_of(left, right, self.spacing)
        drawn = replace(self.levels[place], left=left, right=right, tilt_deg=tilt, confidence=1.0, by_hand=True)
        spine = replace(self, levels=(*self.levels[:place], drawn, *self.levels[place + 1 :]))
        return replace(
            spine, curves=self.curves and tuple(spine.drawn_curve(curve, name, drawn) for curve in self.curves)
        )

    def level_at(self, left: Point, right: Point, former: int, besides: Collection[str]) -> int:
        """The place of the level that a line lies at: the `former` one unless its middle is twice as near to another,
        none of those named `besides`. A line that is only tilted stays where it was."""
        middle = np.add(left, right) / 2
        away = np.array([np.hypot(*(np.subtract(level.centre, middle) * self.spacing)) for level in self.levels])
        away[[level.name in besides for level in self.levels]] = np.inf
        nearest = int(away.argmin())
        return nearest if 2 * away[nearest] < away[former] else former

    def drawn_curve(self, curve: Curve, name: str, drawn: Level) -> Curve:
        """A curve after the line of its end `name` was drawn at a level, anew if it ends there."""
        if name not in (curve.upper, curve.lower):
            return curve
        ends = {drawn.name if end == name else end for end in (curve.upper, curve.lower)}
        upper, lower = (place for place, level in enumerate(self.levels) if level.name in ends)
        return curve_between(upper, lower, self.levels, self.midline, self.spacing)

    def as_json(self) -> dict[str, Any]:
        """report.json's "curves", "levels" and "plausibility"."""
        return {
            "curves": None if self.curves is None else [curve.as_json() for curve in self.curves],
            "levels": {level.name: level.as_json() for level in self.levels},
            "plausibility": round(self.plausibility, 2),
        }
