"""From labels to a whole spine: bones, levels, lines, curves, and how plausible all this is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import atan2, degrees
from typing import Any

import numpy as np

from .bone_maps import BoneMaps, map_bones
from .bones import Tilts, find_bones, half_span, overlooked, share_across, straighten
from .curves import CONVEX, SMALLEST, Curve, apex_of, certainty, turning_points
from .doubt import Doubt
from .fit import Lines, fit_lines
from .ladder import FITTED_SCATTER, TILT_SCATTER, Ladder, build_ladder
from .midline import Midline, find_midline
from .names import Names, name_levels
from .plausibility import (
    BELIEVED,
    LEAST,
    MOST_ACROSS,
    gaps,
    left_out,
    no_processes,
    no_spine,
    no_vertebra,
    plausibility_of,
    reason_against,
)

Point = tuple[float, float]  # row, column
LOWEST = 0.25  # of the swept back's width: no spine is seen in a picture that is lower
LOST = 0.06  # of the swept back's width: a midline farther from a level's middle has lost the spine


@dataclass(frozen=True)
class Level:
    """A vertebra and its line, from `left` to `right` in the picture, both (row, column).

    `tilt_deg`: positive where the right end is the higher one, as where the way down leans to the right. `confidence`:
    that the line and its name are right, 0 to 1. `found`: whether the left and the right bone were found and fit.
    """

    name: str
    left: Point
    right: Point
    tilt_deg: float
    confidence: float
    found: tuple[bool, bool] = (True, True)
    by_hand: bool = False

    @property
    def centre(self) -> Point:
        return (self.left[0] + self.right[0]) / 2, (self.left[1] + self.right[1]) / 2

    def as_json(self) -> dict[str, Any]:
        """What report.json says of it."""
        points = {"left": self.left, "right": self.right}
        rounded = {side: [round(place, 1) + 0.0 for place in point] for side, point in points.items()}  # no -0.0
        by_hand = {"by_hand": True} if self.by_hand else {}
        return {
            **rounded,
            "tilt_deg": round(self.tilt_deg, 1) + 0.0,
            "confidence": round(self.confidence, 2),
            **by_hand,
        }


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


def read(
    labels: np.ndarray,
    body: np.ndarray | None = None,
    probabilities: np.ndarray | None = None,
    spacing: float | tuple[float, float] | None = None,
) -> Spine:
    """Read the spine off labels (rows, columns), 0 background, 1 rib, 2 thoracic, 3 lumbar, head at the top.

    `body`: where the sweep reached, bool (rows, columns), else judged from the labels. `probabilities`: (4, rows,
    columns), which say how much to believe each pixel. `spacing`: mm between rows and between columns, or one number
    for both; None, and lengths that no pixel can have, take pixels for square. Raises ValueError for other than two.
    """
    size = pixel_sides(spacing)
    maps = map_bones(labels, body, probabilities, size)
    if maps is None:
        return nothing(size, no_vertebra())
    return replace(read_maps(maps, size), doubt=Doubt.of(maps))


def read_maps(maps: BoneMaps, size: tuple[float, float]) -> Spine:
    """Read the spine off maps of the bones; `size`: of a pixel, mm."""
    if np.ptp(maps.y) < LOWEST * maps.width:
        return nothing(size, no_spine())
    midline = find_midline(maps)
    ladder, lines = None, None
    for scatter in (TILT_SCATTER, FITTED_SCATTER):
        # twice: with the middle and the tilts that the first fit found, no pair goes across two levels
        expected = expected_tilts(midline, lines)
        back = straighten(maps, midline, expected)
        span = half_span(back, maps.width)
        bones = find_bones(back, span)
        if not bones:
            return nothing(size, no_vertebra())
        ladder = build_ladder(bones, span, expected, scatter)
        lines = fit_lines(ladder.rungs, ladder.pitch)
        midline = midline_through(lines, midline, maps.width)
    if share_across(back, span) > MOST_ACROSS:
        return nothing(size, no_processes())
    ladder = replace(ladder, outliers=[*ladder.outliers, *overlooked(maps, midline, bones, span)])
    return spine_of(ladder, lines, midline, size, maps.certainty)


def pixel_sides(spacing: float | tuple[float, float] | None) -> tuple[float, float]:
    """mm between rows and between columns, (1, 1) where unknown; see `read`."""
    lengths = [1.0, 1.0] if spacing is None else np.atleast_1d(np.asarray(spacing, float)).tolist()
    if len(lengths) not in (1, 2):
        raise ValueError(f"spacing is mm between rows and mm between columns, or one number for both, not {spacing}.")
    return (lengths[0], lengths[-1]) if all(0 < length < np.inf for length in lengths) else (1.0, 1.0)


def expected_tilts(midline: Midline, lines: Lines | None) -> Tilts:
    """Those of the lines found before, or at right angles to the midline."""
    if lines is None:
        return lambda y: np.degrees(np.arctan(midline.slope(y)))
    order = np.argsort(lines.y)
    places, tilts = lines.y[order], np.degrees(np.arctan(lines.slope[order]))
    return lambda y: np.interp(y, places, tilts)


def midline_through(lines: Lines, former: Midline, width: float) -> Midline:
    """The line through the middles of all levels. Beyond them it goes on as the former one did, or, where that one had
    lost them, as they are tilted. `width`: of the swept back, mm."""
    order = np.argsort(lines.y)
    y, x, slope = lines.y[order], lines.x[order], lines.slope[order]
    fine = np.union1d(former.y, y)
    offset = x[[0, -1]] - former.at(y[[0, -1]])
    path = np.interp(fine, y, x)
    for end, beyond in ((0, fine < y[0]), (-1, fine > y[-1])):
        away = np.clip(fine[beyond] - y[end], -0.6 * width, 0.6 * width)
        kept = abs(offset[end]) < LOST * width
        path[beyond] = former.at(fine[beyond]) + offset[end] if kept else x[end] + away * slope[end]
    return Midline(fine, path)


def nothing(spacing: tuple[float, float], reason: str) -> Spine:
    """What is said where there are no levels."""
    return Spine((), None, 0.0, (reason,), np.zeros((0, 2)), spacing)


def spine_of(ladder: Ladder, lines: Lines, midline: Midline, spacing: tuple[float, float], certainty: float) -> Spine:
    """Put together what was found, in pixels. `certainty`: mean probability of the bones."""
    names = name_levels([None if rung is None else rung.value for rung in lines.rungs])
    seen = [place for place, rung in enumerate(lines.rungs) if rung is not None]
    levels = tuple(level_of(lines, place, names, spacing) for place in seen)
    path = np.stack([midline.y / spacing[0], midline.x / spacing[1]], axis=1)
    slope = lines.slope[seen]
    to_degrees = np.degrees(1 / (1 + slope**2))  # d(arctan) / d(slope)
    variance = lines.covariance[np.ix_(seen, seen)] * to_degrees[:, None] * to_degrees
    plausibility = plausibility_of(ladder, lines, certainty)
    reason = reason_against(ladder, lines, plausibility)
    if reason:
        return Spine(levels, None, min(plausibility, LEAST), (reason,), path, spacing, variance)
    curves = measure(levels, path, spacing, variance, plausibility)
    missing = gaps(lines, names.names)
    curves = [curve.doubted() if any(gap.touches(curve) for gap in missing) else curve for curve in curves]
    notes = (*names.notes, *(gap.said(curves) for gap in missing), *left_out(ladder, lines, names.names))
    return Spine(levels, tuple(curves), plausibility, notes, path, spacing, variance)


def level_of(lines: Lines, place: int, names: Names, spacing: tuple[float, float]) -> Level:
    """One level, its line through the fitted middle, as wide as its bones are apart."""
    y, x, span, slope = (float(values[place]) for values in (lines.y, lines.x, lines.span, lines.slope))
    trust = lines.trust[place]
    return Level(
        name=names.names[place],
        left=((y + span * slope) / spacing[0], (x - span) / spacing[1]),
        right=((y - span * slope) / spacing[0], (x + span) / spacing[1]),
        tilt_deg=degrees(atan2(slope, 1.0)),
        confidence=float(trust.mean() * names.certainty),
        found=(bool(trust[0] >= BELIEVED), bool(trust[1] >= BELIEVED)),
    )


def tilt_of(left: Point, right: Point, spacing: tuple[float, float]) -> float:
    """Tilt of a line in degrees, positive where its right end is the higher one."""
    return degrees(atan2((left[0] - right[0]) * spacing[0], (right[1] - left[1]) * spacing[1]))


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
