"""A whole spine as it was read, and as somebody measures it by hand."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np

from ..texts import tr as _
from .curves import Curve, rounded_down
from .doubt import Doubt
from .level import Level, Point, tilt_of
from .measuring import curve_between
from .names import CERTAIN_NAMES, LUMBAR_LEVELS, THORACIC_LEVELS, name_of


@dataclass(frozen=True)
class Spine:
    """What the bones of a VPI say.

    `levels`: from head to foot, those of which a bone was found, or a line drawn by hand. `curves`: from head to foot,
    empty for a straight spine, None where the bones form no spine, or nothing is known. `plausibility`: how well the
    bones found fit one spine, 0 to 1. `facts`: sentences for the clinician: why there are no curves, which bones could
    not be found, which were left out. `midline`: (points, 2), row and column. `spacing`: mm between rows and between
    columns, (1, 1) where unknown. `variance`: covariance of the levels' tilts, square degrees, (levels, levels).
    `names_certainty`: that the names of the levels are right, 0 to 1. `doubt`: of the model that drew the bones, where
    its probabilities were known.
    """

    levels: tuple[Level, ...]
    curves: tuple[Curve, ...] | None
    plausibility: float
    facts: tuple[str, ...]
    midline: np.ndarray
    spacing: tuple[float, float]
    variance: np.ndarray = field(repr=False, default_factory=lambda: np.zeros((0, 0)))
    names_certainty: float = 1.0
    doubt: Doubt | None = field(repr=False, compare=False, default=None)

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know before trusting the curves: the facts, and which curves each makes uncertain."""
        sentences = []
        for fact in self.facts:
            doubts = (doubt_of(curve.upper, curve.lower) for curve in self.curves or () if fact in curve.doubts)
            sentences.append(" ".join([fact, *doubts]))
        return tuple(sentences)

    @property
    def names_are_certain(self) -> bool:
        """Whether the levels can be relied on to be called what they are."""
        return self.names_certainty >= CERTAIN_NAMES

    def with_line(self, name: str, left: Point, right: Point) -> Spine:
        """The same spine with the line at one end of its curves, of the level `name`, drawn by hand: `with_lines`."""
        return self.with_lines({name: (left, right)})

    def with_lines(self, lines: Mapping[str, tuple[Point, Point]]) -> Spine:
        """The same spine with lines at the ends of its curves drawn by hand, by the names of the levels that they were
        drawn at first: (row, column) of a line's ends, in any order.

        The curves that end there follow, however small they become; no other level takes its place. A line that was
        moved to another level is that one's, also where no bone of it was found; of the curves that end there, each
        has its own line. Raises KeyError where there is no level of a name.
        """
        former = {level.name: level for level in self.levels}
        drawn = {name: self.level_drawn(former[name], *ends) for name, ends in lines.items()}
        spine = self
        for level in drawn.values():
            spine = spine.with_level(level)
        if not self.curves:
            return spine
        return replace(spine, curves=tuple(self.drawn_curve(curve, former, drawn) for curve in self.curves))

    def level_drawn(self, former: Level, left: Point, right: Point) -> Level:
        """The level that a line from one to the other point lies at, with that line: the `former` one unless its middle
        is twice as near to another. A line that is only tilted stays where it was."""
        left, right = sorted((left, right), key=lambda point: point[1])
        middle = np.add(left, right) / 2

        def away(level: Level) -> float:
            return float(np.hypot(*(np.subtract(level.centre, middle) * self.spacing)))

        nearest = min((*self.levels, *self.levels_without_bones()), key=away)
        level = nearest if 2 * away(nearest) < away(former) else former
        return by_hand(level, left, right, self.spacing)

    def levels_without_bones(self) -> Iterator[Level]:
        """Those between the levels, from T1 to L5, of which nothing was found, and those beyond the last ones, evenly
        spaced."""
        numbered = [level for level in self.levels if level.number is not None]
        for number, (above, below) in enumerate(pairwise(numbered)):
            apart, first, last = below.number - above.number, above.number + 1, below.number
            reach = [*range(first, last)]
            if number == 0:
                reach += range(-THORACIC_LEVELS, above.number)
            if number == len(numbered) - 2:
                reach += range(below.number + 1, LUMBAR_LEVELS)
            for between in reach:
                share = (between - above.number) / apart
                left, right = (
                    tuple((np.array(one) + share * np.subtract(other, one)).tolist())
                    for one, other in ((above.left, below.left), (above.right, below.right))
                )
                name, tilt = name_of(between), tilt_of(left, right, self.spacing)
                yield Level(name, left, right, tilt, confidence=0.0, found=(False, False), number=between)

    def every_level(self, rows: float) -> list[Level]:
        """The levels from head to foot, and those of which nothing was found, as far as their lines lie within a
        picture of so many rows."""
        if None in {level.number for level in self.levels}:
            return [*self.levels]
        unseen = (level for level in self.levels_without_bones() if 0 <= min(level.rows) <= max(level.rows) < rows)
        return sorted((*self.levels, *unseen), key=lambda level: level.number)

    def with_level(self, level: Level) -> Spine:
        """The same spine with another level of that name, or with one that it lacked."""
        names = [each.name for each in self.levels]
        if level.name in names:
            place, after = names.index(level.name), names.index(level.name) + 1
            return replace(self, levels=(*self.levels[:place], level, *self.levels[after:]))
        place = sum(each.number < level.number for each in self.levels)
        variance = self.variance
        if variance.size:
            variance = np.insert(np.insert(variance, place, 0.0, axis=0), place, 0.0, axis=1)
        return replace(self, levels=(*self.levels[:place], level, *self.levels[place:]), variance=variance)

    def drawn_curve(self, curve: Curve, former: Mapping[str, Level], drawn: Mapping[str, Level]) -> Curve:
        """A curve between the lines that were `drawn` for its ends; as it was where neither was. Both ends are never at
        one level: a line that was drawn at the other end's stays its own level's."""
        if not {curve.upper, curve.lower} & drawn.keys():
            return curve
        upper, lower = (drawn.get(end, former[end]) for end in (curve.upper, curve.lower))
        if upper.name == lower.name:
            upper, lower = (
                by_hand(former[end], level.left, level.right, self.spacing) if end in drawn else level
                for end, level in ((curve.upper, upper), (curve.lower, lower))
            )
        return self.with_level(upper).with_level(lower).curve_by_hand(upper.name, lower.name)

    def curve_by_hand(self, *ends: str) -> Curve:
        """The curve between two levels, whatever lies between them."""
        upper, lower = (place for place, level in enumerate(self.levels) if level.name in ends)
        curve = curve_between(upper, lower, self.levels, self.midline, self.spacing)
        return replace(curve, confidence=None)

    def with_curve(self, upper: str, lower: str) -> Spine:
        """The same spine with one more curve, between two levels that somebody chose, from head to foot; a level
        without bones gets the line that the spine's course has there. Raises KeyError where there is no such level,
        ValueError where it has this curve, or where both are the same."""
        spine = self
        for level in self.levels_without_bones():
            if level.name in (upper, lower):
                spine = spine.with_level(level)
        names = [level.name for level in spine.levels]
        if {upper, lower} - {*names}:
            raise KeyError(upper, lower)
        if upper == lower or any({upper, lower} == {curve.upper, curve.lower} for curve in self.curves or ()):
            raise ValueError(f"{upper} – {lower}")
        every = [*(self.curves or ()), spine.curve_by_hand(upper, lower)]
        every.sort(key=lambda curve: (names.index(curve.upper), names.index(curve.lower)))
        return replace(spine, curves=tuple(every))

    def without_added(self, kept: Collection[str] = ()) -> Spine:
        """The same spine without the curves that somebody has added, but for those between levels of names to be
        `kept`, and without the levels that only such a curve had."""

        def stays(curve: Curve) -> bool:
            return not curve.by_hand or {curve.upper, curve.lower} <= {*kept}

        curves = self.curves and tuple(filter(stays, self.curves))
        named = {name for curve in curves or () for name in (curve.upper, curve.lower, curve.apex)}
        there = [place for place, level in enumerate(self.levels) if level.name in named or not level.without_bones]
        if len(there) == len(self.levels):
            return replace(self, curves=curves)
        variance = self.variance[np.ix_(there, there)] if self.variance.size else self.variance
        return replace(self, curves=curves, levels=tuple(self.levels[place] for place in there), variance=variance)

    def with_added(self, former: Spine | None) -> Spine:
        """The same spine with the curves that somebody has added to a `former` reading, where it has their ends, or the
        former one had no bones of them either."""
        spine, own = self, {level.name for level in self.levels}
        for curve in (former.curves or ()) if former and self.curves is not None else ():
            without_bones = {level.name for level in former.levels if level.without_bones}
            if curve.by_hand and {curve.upper, curve.lower} <= own | without_bones:
                with suppress(KeyError, ValueError):
                    spine = spine.with_curve(curve.upper, curve.lower)
        return spine

    def as_json(self) -> dict[str, Any]:
        """report.json's "curves", "levels", "names_confidence" and "plausibility"."""
        return {
            "curves": None if self.curves is None else [curve.as_json() for curve in self.curves],
            "levels": {level.name: level.as_json() for level in self.levels},
            "names_confidence": rounded_down(self.names_certainty),
            "plausibility": round(self.plausibility, 2),
        }


def by_hand(level: Level, left: Point, right: Point, spacing: tuple[float, float]) -> Level:
    """A level with this line, which somebody drew."""
    tilt = tilt_of(left, right, spacing)
    return replace(level, left=left, right=right, tilt_deg=tilt, confidence=1.0, by_hand=True)


def doubt_of(upper: str, lower: str) -> str:
    """What is said of a curve after a fact that makes it uncertain."""
    return _("The curve {upper} – {lower} is uncertain for that.").format(upper=upper, lower=lower)
