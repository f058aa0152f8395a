"""How an upright picture lies in the array that stores it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CLIMBS = 0.7  # of a direction's unit vector: the cosine of 45 degrees


@dataclass(frozen=True)
class Plane:
    """How the upright picture lies in its stored array: transposed first, then upside down."""

    transposed: bool = False
    flipped: bool = False

    def upright(self, stored: np.ndarray) -> np.ndarray:
        """(a, b, ...) as stored -> (rows, columns, ...) with the head at the top."""
        picture = np.swapaxes(stored, 0, 1) if self.transposed else stored
        return picture[::-1] if self.flipped else picture

    def stored(self, picture: np.ndarray) -> np.ndarray:
        """The inverse of `upright`."""
        picture = picture[::-1] if self.flipped else picture
        return np.swapaxes(picture, 0, 1) if self.transposed else picture

    @classmethod
    def of(cls, first_axis: np.ndarray, second_axis: np.ndarray) -> Plane:
        """The plane of a stored array whose axes point along these patient directions (third component: superior).

        Images without orientation (PNG, JPEG) lie in an axial plane, where neither axis climbs: they are taken as
        they are.
        """
        climbs = first_axis[2], second_axis[2]
        transposed = abs(climbs[1]) > abs(climbs[0]) and abs(climbs[1]) > 0.5
        return cls(bool(transposed), bool(climbs[int(transposed)] > 0.5))


def side_of_patients_right(right: np.ndarray, top: np.ndarray) -> str | None:
    """The side of a picture, "left" or "right", where the patient's right is; None unless the geometry says so: a
    picture without one lies in an axial plane, and no spine does. `right`, `top`: where the picture has them, unit
    vectors, RAS."""
    if top[2] < CLIMBS or abs(right[0]) < CLIMBS:
        return None
    return "right" if right[0] > 0 else "left"
