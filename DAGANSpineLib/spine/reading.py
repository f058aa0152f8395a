"""From labels to a whole spine: bones, levels, lines, curves, and how plausible all this is."""

from __future__ import annotations

from dataclasses import replace
from math import atan2, degrees

import numpy as np

from .bone_maps import BoneMaps, map_bones
from .bones import Tilts, find_bones, half_span, overlooked, share_across, straighten
from .doubt import Doubt
from .fit import Lines, fit_lines
from .ladder import FITTED_SCATTER, TILT_SCATTER, Ladder, build_ladder
from .level import Level
from .measuring import measure
from .midline import Midline, find_midline
from .names import Names, name_levels
from .parts import parts_unseen, where_it_goes_on
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
from .spine import Spine

LOWEST = 0.25  # of the swept back's width: no spine is seen in a picture that is lower
LOST = 0.06  # of the swept back's width: a midline farther from a level's middle has lost the spine


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
        return Spine(levels, None, min(plausibility, LEAST), (reason,), path, spacing, variance, names.certainty)
    missing = gaps(lines, names.names)
    measured = measure(levels, path, spacing, variance, plausibility)
    goes_on = dict(where_it_goes_on(levels, measured))
    curves = tuple(
        curve.doubted(
            *(str(gap) for gap in missing if gap.touches(curve)),
            *(sentence for sentence, cut in goes_on.items() if curve in cut),
        )
        for curve in measured
    )
    facts = (*names.notes, *map(str, missing), *goes_on, *parts_unseen(levels), *left_out(ladder, lines, names.names))
    return Spine(levels, curves, plausibility, facts, path, spacing, variance, names.certainty)


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
        number=names.numbers[place],
    )
