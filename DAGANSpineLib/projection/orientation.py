"""How a volume is looked at: where its head and its skin lie, whichever way its array is stored.

Patient coordinates are LPS, in mm: left, posterior, superior. Numpy only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from ..errors import UserError
from ..texts import tr as _

# unit vectors toward the patient's right, left, front, back, foot and head
SIDES = {"R": (-1, 0, 0), "L": (1, 0, 0), "A": (0, -1, 0), "P": (0, 1, 0), "I": (0, 0, -1), "S": (0, 0, 1)}
TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])  # from LPS, or back
# LPS directions of rows, columns and depth of a picture of a patient who stands upright and is seen from behind
UPRIGHT = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]])
LONG = 1.5  # times the other two: an axis of this length is a spine's, whatever the geometry says
TIE = 0.01  # what a shorter depth counts against geometry that says nothing of it


@dataclass(frozen=True)
class View:
    """Which axes of an array run down a picture, across it and away from who looks, and which of them run backwards.

    `axes`: of rows, columns and depth; each with its `reverse`.
    """

    axes: tuple[int, int, int]
    reverse: tuple[bool, bool, bool]

    def of(self, voxels: np.ndarray) -> np.ndarray:
        """An array of three axes as (rows, columns, depth), without copying."""
        seen = voxels.transpose(self.axes)
        return seen[tuple(slice(None, None, -1 if back else 1) for back in self.reverse)]

    def spacing(self, index_to_lps: np.ndarray) -> tuple[float, float, float]:
        """mm between rows, columns and depths; `index_to_lps`: (4, 4), from the array's own indices to LPS."""
        sizes = np.linalg.norm(index_to_lps[:3, :3], axis=0)
        return tuple(float(sizes[axis]) for axis in self.axes)

    def to_lps(self, index_to_lps: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
        """(4, 4), from (row, column, depth, 1) to LPS; `index_to_lps`: the same from the array's own indices, and
        `shape`, the array's own."""
        to_index = np.zeros((4, 4))
        to_index[3, 3] = 1
        for position, (axis, back) in enumerate(zip(self.axes, self.reverse, strict=True)):
            to_index[axis, position] = -1 if back else 1
            to_index[axis, 3] = shape[axis] - 1 if back else 0
        return index_to_lps @ to_index

    def from_the_other_side(self) -> View:
        """The same with the head up, seen from the opposite side: what was on the left is on the right."""
        rows, columns, depth = self.reverse
        return View(self.axes, (rows, not columns, not depth))


def find_view(
    index_to_lps: np.ndarray, shape: tuple[int, int, int], head: str | None = None, skin: str | None = None
) -> View:
    """The upright view at a back, as who stands before the skin sees it.

    `index_to_lps`: (4, 4), from the array's indices to LPS. `head`, `skin`: the sides where they lie, letters of
    `SIDES`, and the array's axes nearest to these are taken. None: the head is superior, the skin posterior; but the
    head lies along the array's longest axis where that is by far the longest, for trackers' coordinates need not be the
    patient's. Raises UserError if head and skin are asked for along one axis.
    """
    if head and skin and np.dot(SIDES[head], SIDES[skin]):
        sentence = _("The head at {head} and the skin at {skin} lie on one line: choose another side for one of them.")
        raise UserError(sentence.format(head=head, skin=skin))
    edges = index_to_lps[:3, :3] * shape
    lengths = np.linalg.norm(edges, axis=0)
    directions = (edges / lengths).T
    longest = int(lengths.argmax())
    clear = head is None and is_long(lengths, longest)
    toward_head, toward_skin = np.array(SIDES[head or "S"]), np.array(SIDES[skin or "P"])

    def agreement(up: int, back: int) -> float:
        climbs = 9 if clear and up == longest else abs(directions[up] @ toward_head)
        return climbs + abs(directions[back] @ toward_skin) - TIE * lengths[back] / lengths.sum()

    up, back = max(permutations(range(3), 2), key=lambda axes: agreement(*axes))
    return view_along(directions, up, back, directions[back] @ toward_skin > 0, toward_head)


def view_along(directions: np.ndarray, up: int, back: int, deep_is_back: bool, toward_head: np.ndarray) -> View:
    """The view along an axis, backwards if `deep_is_back`, with another one upright, its end that is nearest to the
    head at the top. `directions`: (3, 3), of the axes, LPS."""
    down_is_back = directions[up] @ toward_head > 0
    down = directions[up] * (-1 if down_is_back else 1)
    deep = directions[back] * (-1 if deep_is_back else 1)
    across = 3 - up - back
    # looking along `deep` with the head up, the picture's right is this, in any right-handed coordinates
    right = np.cross(deep, -down)
    return View((up, across, back), (bool(down_is_back), bool(directions[across] @ right < 0), bool(deep_is_back)))


def other_views(index_to_lps: np.ndarray, shape: tuple[int, int, int], than: View) -> Iterator[View]:
    """The views along the two axes that a view doesn't look along, from both ends: upright is what is long, or
    otherwise what climbs most."""
    edges = index_to_lps[:3, :3] * shape
    lengths = np.linalg.norm(edges, axis=0)
    directions = (edges / lengths).T
    for back in than.axes[:2]:
        upright = max(
            set(range(3)) - {back}, key=lambda axis: (is_long(lengths, axis), abs(directions[axis, 2]), lengths[axis])
        )
        if is_long(lengths, back):
            continue
        for deep_is_back in (False, True):
            yield view_along(directions, upright, back, deep_is_back, np.array(SIDES["S"]))


def is_long(lengths: np.ndarray, axis: int) -> bool:
    """Whether an axis is by far the longest of three, as a spine's is."""
    return bool(lengths[axis] >= LONG * np.delete(lengths, axis).max())


def lying(view: View, index_to_lps: np.ndarray) -> View:
    """The same with what was across upright."""
    edges = index_to_lps[:3, :3]
    directions = (edges / np.linalg.norm(edges, axis=0)).T
    return view_along(directions, view.axes[1], view.axes[2], view.reverse[2], np.array(SIDES["S"]))


def side_of(direction: np.ndarray) -> str:
    """The letter of the side that an LPS direction points to most."""
    return max(SIDES, key=lambda side: float(np.dot(SIDES[side], direction)))
