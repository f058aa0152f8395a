"""A vertebra, and the line through its bones."""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, degrees
from typing import Any

Point = tuple[float, float]  # row, column


@dataclass(frozen=True)
class Level:
    """A vertebra and its line, from `left` to `right` in the picture, both (row, column).

    `tilt_deg`: positive where the right end is the higher one, as where the way down leans to the right. `confidence`:
    that the line and its name are right, 0 to 1. `found`: whether the left and the right bone were found and fit.
    `number`: 0 is L1, -1 is T12; None where an earlier version did not keep it.
    """

    name: str
    left: Point
    right: Point
    tilt_deg: float
    confidence: float
    found: tuple[bool, bool] = (True, True)
    by_hand: bool = False
    number: int | None = None

    @property
    def centre(self) -> Point:
        return (self.left[0] + self.right[0]) / 2, (self.left[1] + self.right[1]) / 2

    @property
    def rows(self) -> tuple[float, float]:
        """Of its line's ends."""
        return self.left[0], self.right[0]

    @property
    def without_bones(self) -> bool:
        """Whether it only lies where the spine's course says, since nothing of it was found."""
        return self.confidence == 0 and not any(self.found)

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


def tilt_of(left: Point, right: Point, spacing: tuple[float, float]) -> float:
    """Tilt of a line in degrees, positive where its right end is the higher one."""
    return degrees(atan2((left[0] - right[0]) * spacing[0], (right[1] - left[1]) * spacing[1]))
