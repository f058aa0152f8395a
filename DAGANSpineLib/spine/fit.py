"""One smooth spine through the ladder's bones: where each level stands and how far its line is tilted.

Weighted least squares, iterated: a bone that contradicts its neighbours loses weight (Student's t; Lange et al., J Am
Stat Assoc 1989). What is weighed up are the places of the bones, that levels follow each other at even distances, that
the tilt takes a plausible course (`course`), and that a line crosses the midline at about a right angle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .bone_maps import LUMBAR, THORACIC
from .bones import LEFT, RIGHT, Bone
from .course import likeliest_course
from .rungs import Rung

# Standard deviations; lengths in pitches (from one vertebra to the next, some 24 mm), tilts in radians.
PLACE = {THORACIC: 0.058, LUMBAR: 0.04}  # of a bone, up and down
ASIDE = {THORACIC: 0.06, LUMBAR: 0.08}  # of a bone, sideways
# Times as much, where the end of the sweep cuts a bone off: what is left of it has its middle elsewhere, by up to half
# of its own half height, which is two to three times larger in a lump.
CUT = {THORACIC: 1.5, LUMBAR: 5.0}
EVEN = 0.1  # of a spacing from the next one
SPAN, FREE_SPAN = 0.05, 0.3  # of the half span from that of the next level, and from what it was guessed to be
JUMP = 0.02  # of the midline, sideways, where it does not go straight on
DEVIATION, ALIKE = np.radians(2.0), 1.8  # of the midline's slope from the lines' tilt, over so many levels alike
LINE_SHARE = 0.9  # of a vertebra's tilt, the midline's slope
FREEDOM = 10.0  # of Student's t
COURSE = np.radians(12.0)  # of the tilts along a spine
# How a spine's midline may deviate instead, and the standard deviation of the logarithm.
DEVIATIONS, USUAL = tuple(np.radians([2.0, 4.0, 8.0])), 0.7
SIDES = {LEFT: 0, RIGHT: 1}
ROUNDS = 6
Y, X, SLOPE, HALF, DRIFT = range(5)  # the unknowns of a level: place, slope, half span, the midline's own deviation


@dataclass(frozen=True)
class Lines:
    """The levels from head to foot, skipped ones among them, arrays of one length.

    `y`, `x`, `span`: centre and half width of a line in the picture's mm (half the distance of its ends across the
    picture); `slope`: by how much its right end is higher than its left one, relative to their distance, the tangent
    of the tilt; `covariance`: of the slopes, (levels, levels). `trust`: (levels, 2), how well the left and the right
    bone fit, 0 to 1, 0 where there is none. `rungs`: the bones, None for a skipped level.
    """

    y: np.ndarray
    x: np.ndarray
    span: np.ndarray
    slope: np.ndarray
    covariance: np.ndarray
    trust: np.ndarray
    rungs: list[Rung | None]


@dataclass(frozen=True)
class _Equation:
    """The sum of factors times unknowns, by (level, unknown), is `target`, give or take `scatter`. A `robust` one may
    be wrong altogether."""

    factors: dict[tuple[int, int], float]
    target: float
    scatter: float
    robust: bool = False


def fit_lines(rungs: Sequence[Rung], pitch: float) -> Lines:
    """Fit all levels at once. `pitch`: mm."""
    levels: list[Rung | None] = []
    for rung in rungs:
        levels += [None] * rung.skipped + [rung]
    state = first_guess(levels, pitch)
    unknowns = np.arange(state.size).reshape(state.shape)
    slopes, others = unknowns[:, SLOPE], np.delete(unknowns, SLOPE, axis=1).ravel()
    weights, deviation = 1.0, DEVIATION
    for turn in range(ROUNDS):
        matrix, target, scatter, robust = system(equations(levels, state, pitch), unknowns)
        precision = weights / scatter**2
        normal, right = (matrix.T * precision) @ matrix, (matrix.T * precision) @ target
        if turn:
            deviation = likeliest_deviation(normal, right, unknowns)
        normal[np.ix_(unknowns[:, DRIFT], unknowns[:, DRIFT])] += np.linalg.inv(alike(len(levels))) / deviation**2
        # what the equations say of the slopes alone; then of the others, now that the slopes are known
        within = np.linalg.solve(normal[np.ix_(others, others)], np.c_[normal[np.ix_(others, slopes)], right[others]])
        seen = np.c_[normal[np.ix_(slopes, slopes)], right[slopes]] - normal[np.ix_(slopes, others)] @ within
        course = likeliest_course(seen[:, :-1], seen[:, -1])
        solution = np.empty(state.size)
        solution[slopes] = course.slope
        solution[others] = within[:, -1] - within[:, :-1] @ course.slope
        state = solution.reshape(state.shape)
        off = (matrix @ solution - target) * np.sqrt(precision / weights)
        weights = np.where(robust, (FREEDOM + 1) / (FREEDOM + off**2), 1.0)
    y, x, slope, span, _drift = state.T
    trust = trust_of(levels, weights)
    return Lines(y * pitch, x * pitch, span * pitch, slope, course.covariance, trust, levels)


def alike(levels: int, reach: float = ALIKE) -> np.ndarray:
    """Correlation (levels, levels) of what neighbours share over so many levels."""
    apart = np.subtract.outer(np.arange(levels), np.arange(levels))
    return np.exp(-0.5 * (apart / reach) ** 2) + 1e-4 * np.eye(levels)


def likeliest_deviation(normal: np.ndarray, right: np.ndarray, unknowns: np.ndarray) -> float:
    """How much this spine's midline deviates from its lines: what makes all equations together likeliest (empirical
    Bayes), and is not too unusual.

    A smooth course of any kind stands in for the one that isn't found yet.
    """
    levels = len(unknowns)
    slopes, drift = (np.ix_(unknowns[:, kind], unknowns[:, kind]) for kind in (SLOPE, DRIFT))
    smooth, steady = np.linalg.inv(COURSE**2 * alike(levels, 2.0)), np.linalg.inv(alike(levels))
    found = {}
    for deviation in DEVIATIONS:
        supposed = normal.copy()
        supposed[slopes] += smooth
        supposed[drift] += steady / deviation**2
        evidence = right @ np.linalg.solve(supposed, right) - np.linalg.slogdet(supposed)[1]
        unusual = (np.log(deviation / DEVIATION) / USUAL) ** 2
        found[deviation] = evidence - 2 * levels * np.log(deviation) - unusual
    return max(found, key=found.__getitem__)


def system(
    equations: Iterator[_Equation], unknowns: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Matrix (equations, unknowns), targets, scatters, and which are robust."""
    rows = list(equations)
    matrix = np.zeros((len(rows), unknowns.size))
    for row, equation in enumerate(rows):
        for place, factor in equation.factors.items():
            matrix[row, unknowns[place]] = factor
    target, scatter, robust = (np.array([getattr(e, name) for e in rows]) for name in ("target", "scatter", "robust"))
    return matrix, target, scatter, robust


def first_guess(levels: Sequence[Rung | None], pitch: float) -> np.ndarray:
    """(levels, 5): the unknowns of each level from its bones alone, in pitches; skipped levels lie evenly between."""
    every = [bone for rung in levels if rung for bone in rung.bones]
    spans = {
        value: float(np.median([abs(bone.aside) for bone in every if bone.value == value]))
        for value in {bone.value for bone in every}
    }
    known = [place for place, rung in enumerate(levels) if rung]
    guesses = []
    for rung in filter(None, levels):
        span = spans[rung.value]
        y = float(np.mean([bone.y for bone in rung.bones]))
        x = float(np.mean([bone.x - bone.side * span for bone in rung.bones]))
        guesses.append((y / pitch, x / pitch, 0.0, span / pitch, 0.0))
    columns = np.array(guesses).T
    return np.stack([np.interp(np.arange(len(levels)), known, column) for column in columns], axis=1)


def equations(levels: Sequence[Rung | None], state: np.ndarray, pitch: float) -> Iterator[_Equation]:
    """All that is known of the levels, linear around `state`: first where the bones lie up and down, left before right,
    then where they lie sideways."""
    y, x, _slope, span, _drift = state.T
    bones = [(level, bone) for level, rung in enumerate(levels) if rung for bone in rung.bones]
    for equation in (up_and_down, sideways):
        for level, bone in bones:
            yield equation(bone, level, x[level], pitch)
    for level in range(len(levels)):
        yield _Equation({(level, HALF): 1.0}, span[level], FREE_SPAN)
    for above, below in pairwise(range(len(levels))):
        if levels[above] and levels[below] and levels[above].value == levels[below].value:
            yield _Equation({(above, HALF): -1.0, (below, HALF): 1.0}, 0.0, SPAN)
        down = y[below] - y[above]
        line = {(above, X): -1.0, (below, X): 1.0, (above, DRIFT): -down}
        line |= {(level, SLOPE): -LINE_SHARE * down / 2 for level in (above, below)}
        yield _Equation(line, 0.0, JUMP, robust=True)
        if below + 1 < len(levels):
            yield _Equation({(above, Y): 1.0, (below, Y): -2.0, (below + 1, Y): 1.0}, 0.0, EVEN)


def up_and_down(bone: Bone, level: int, middle: float, pitch: float) -> _Equation:
    """A bone lies on its level's line. `middle`: the level's x, in pitches."""
    place = (CUT[bone.value] if bone.cut else 1.0) * PLACE[bone.value]
    return _Equation({(level, Y): 1.0, (level, SLOPE): middle - bone.x / pitch}, bone.y / pitch, place, robust=True)


def sideways(bone: Bone, level: int, middle: float, pitch: float) -> _Equation:
    """A bone lies half a span to the side of its level's middle."""
    place = (CUT[bone.value] if bone.cut else 1.0) * ASIDE[bone.value]
    return _Equation({(level, X): 1.0, (level, HALF): bone.side}, bone.x / pitch, place, robust=True)


def trust_of(levels: Sequence[Rung | None], weights: np.ndarray) -> np.ndarray:
    """(levels, 2): the lesser weight of each bone's two equations, 0 to 1."""
    places = [(level, SIDES[bone.side]) for level, rung in enumerate(levels) if rung for bone in rung.bones]
    trust = np.zeros((len(levels), 2))
    trust[tuple(zip(*places, strict=True))] = np.minimum(weights[: 2 * len(places)].reshape(2, -1).min(0), 1)
    return trust
