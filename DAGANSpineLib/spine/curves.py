"""Curves from levels and their lines: which there are, how large, to which side.

- Ultrasound curve angle (UCA): the angle between the lines of a curve's two end levels, those that are tilted most in
  opposite directions (Lee et al., J Orthop Translat 2021; automatically: Zhou et al., arXiv 2405.03141). A line runs,
  in the thoracic spine, through the centres of the shadows of the left and right transverse process; in the lumbar
  spine, through the centres of the left and right half of its lump.
- Spinous process angle (SPA): the angle between the tangents of the midline at the same two levels (Cheung et al.,
  IEEE TMI 2015). It is known to underestimate.
- Apex: the level between them that is farthest from the straight line through the two ends' centres.
- 10 degrees is the clinical threshold of a scoliosis, a change of 5 degrees a progression.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from math import erf, floor, sqrt
from typing import Any

import numpy as np

from ..texts import tr as _

SMALLEST = 10.0  # degrees: smaller ones are no curve
ACCEPTED = 5.0  # degrees: the accepted error, and a progression
CERTAIN = 0.7  # confidence from which a curve is called certain
DOUBTFUL = 0.6  # confidence at most of a curve some of whose bones could not be found
CONVEX = {True: "right", False: "left"}


@dataclass(frozen=True)
class Curve:
    """One coronal curve between two levels, by their names. `uca_deg`, `spa_deg`: >= 0, `spa_deg` negative where the
    midline bends the other way; `convex`: to the picture's "left" or "right". `confidence`: how probably the angle is
    true within `ACCEPTED` degrees, 0 to 1, None for one measured by hand. `doubts`: sentences that make it uncertain.
    """

    upper: str
    lower: str
    apex: str
    uca_deg: float
    spa_deg: float
    convex: str
    confidence: float | None
    doubts: tuple[str, ...] = ()

    @property
    def by_hand(self) -> bool:
        """Whether one of its lines was drawn by hand."""
        return self.confidence is None

    def doubted(self, *doubts: str) -> Curve:
        """The same, uncertain for these sentences, if there are any."""
        if self.confidence is None or not doubts:
            return self
        return replace(self, confidence=min(self.confidence, DOUBTFUL), doubts=(*self.doubts, *doubts))

    def as_json(self) -> dict[str, Any]:
        """What report.json says of it."""
        rounded = {"uca_deg": round(self.uca_deg, 1), "spa_deg": round(self.spa_deg, 1) + 0.0}  # no -0.0
        confidence = None if self.confidence is None else rounded_down(self.confidence)
        values = asdict(self) | rounded | {"confidence": confidence}
        return {name: value for name, value in values.items() if name != "doubts"}  # the report's warnings say them

    def __str__(self) -> str:
        """T6 – L1, apex T10, 24°, convex to the picture's right; SPA 19°; certain"""
        right = _("{upper} – {lower}, apex {apex}, {uca:.0f}°, convex to the picture's right; SPA {spa:.0f}°; {how}")
        left = _("{upper} – {lower}, apex {apex}, {uca:.0f}°, convex to the picture's left; SPA {spa:.0f}°; {how}")
        return (right if self.convex == "right" else left).format(
            upper=self.upper,
            lower=self.lower,
            apex=self.apex,
            uca=self.uca_deg,
            spa=round(self.spa_deg),  # no -0
            how=self.how_certain,
        )

    @property
    def how_certain(self) -> str:
        """The confidence in words."""
        return how_certain(self.confidence)


def rounded_down(confidence: float) -> float:
    """To two digits, so that nothing is called certain that is not."""
    return floor(100 * confidence) / 100


def how_certain(confidence: float | None) -> str:
    """A curve's confidence in words; None of one measured by hand."""
    if confidence is None:
        return _("measured by hand")
    return _("certain") if confidence >= CERTAIN else _("uncertain")


def turning_points(tilts: Sequence[float], smallest: float = SMALLEST) -> list[int]:
    """Where the tilt turns back, from head to foot, each at least `smallest` from the last; fewer than two: straight.

    The least turn is undone first, until all that are left are large enough: what lies between two of them is never
    larger than they are.
    """
    turns = np.flatnonzero(np.diff(np.sign(np.diff(tilts)))) + 1
    points = [0, *turns.tolist(), len(tilts) - 1]
    while len(points) > 1:
        legs = np.abs(np.diff([tilts[place] for place in points]))
        least = int(legs.argmin())
        if legs[least] >= smallest:
            break
        if least == 0:
            del points[0]
        elif least == len(legs) - 1:
            del points[-1]
        else:
            del points[least : least + 2]
    return points


def apex_of(centres: np.ndarray, upper: int, lower: int) -> int:
    """The level, of `centres` (levels, 2) in mm, between the ends that is farthest from the line through them."""
    chord = centres[lower] - centres[upper]
    away = centres[upper : lower + 1] - centres[upper]
    distance = np.abs(chord[0] * away[:, 1] - chord[1] * away[:, 0])
    return upper + int(distance.argmax())


def certainty(deviation_deg: float) -> float:
    """How probably an angle of this standard deviation is true within `ACCEPTED` degrees."""
    return erf(ACCEPTED / (sqrt(2) * deviation_deg)) if deviation_deg > 0 else 1.0
