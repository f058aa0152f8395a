"""What moves the pixels of a finished picture, and every point that is known of it: lost origins, coarser pixels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk

from .grid import pool


@dataclass(frozen=True)
class Jump:
    """Below a frame's `line` (columns,) everything lies `by` columns further right: the tracker has lost its origin."""

    line: np.ndarray
    by: int

    def picture(self, pixels: np.ndarray) -> np.ndarray:
        """(rows, columns) -> the same; what was outside the picture is 0."""
        columns, moved = pixels.shape[1], pixels.copy()
        first = int(np.clip(np.ceil(self.line.min()), 0, len(pixels)))
        there, here = (slice(max(by, 0), columns + min(by, 0)) for by in (self.by, -self.by))
        beside = np.zeros_like(pixels[first:])
        beside[:, there] = pixels[first:, here]
        np.copyto(moved[first:], beside, where=np.arange(first, len(pixels))[:, None] >= self.line)
        return moved

    def point(self, at: Sequence[float]) -> list[float]:
        """[row, column] -> the same."""
        row, column = at
        beyond = row >= self.line[int(np.clip(round(column), 0, len(self.line) - 1))]
        return [row, round(column + self.by, 2) if beyond else column]


@dataclass(frozen=True)
class Coarser:
    """Pixels `times` as large in both directions."""

    times: float

    def picture(self, pixels: np.ndarray) -> np.ndarray:
        """(rows, columns) -> fewer: means of float pictures, the majority of masks."""
        step = (self.times, self.times)
        means = pool(pixels, step) / pool(np.ones(pixels.shape), step)
        return means >= 0.5 if pixels.dtype == bool else means.astype(pixels.dtype)

    def labels(self, labels: np.ndarray) -> np.ndarray:
        """uint8 (rows, columns) -> fewer: the middle ones. Where two pieces of a class would touch by that, if only at
        a corner, a pixel of one stays background: each bone is a piece, and is counted as one."""
        rows, columns = (
            np.minimum(((np.arange(np.ceil(size / self.times - 1e-9)) + 0.5) * self.times).astype(int), size - 1)
            for size in labels.shape
        )
        return _parted(labels[np.ix_(rows, columns)], _pieces(labels)[np.ix_(rows, columns)])

    def point(self, at: Sequence[float]) -> list[float]:
        """[row, column] of pixel centres -> the same."""
        return [round((each + 0.5) / self.times - 0.5, 2) for each in at]


def _pieces(labels: np.ndarray) -> np.ndarray:
    """The pieces of all classes, numbered from 1 on, 0 for background; pixels that meet at a corner are connected."""
    pieces, count = np.zeros(labels.shape, np.uint32), 0
    for value in range(1, int(labels.max()) + 1):
        image = sitk.GetImageFromArray((labels == value).astype(np.uint8))
        found = sitk.GetArrayFromImage(sitk.ConnectedComponent(image, True))
        pieces[found > 0] = found[found > 0] + count
        count += int(found.max())
    return pieces


def _parted(labels: np.ndarray, pieces: np.ndarray) -> np.ndarray:
    """`labels` with background where a pixel would touch another of the `pieces` of its class."""
    parted = labels.copy()
    for ahead, behind in (
        (np.s_[1:], np.s_[:-1]),
        (np.s_[:, 1:], np.s_[:, :-1]),
        (np.s_[1:, 1:], np.s_[:-1, :-1]),
        (np.s_[1:, :-1], np.s_[:-1, 1:]),
    ):
        same = (parted[ahead] == parted[behind]) & (parted[ahead] > 0)
        parted[ahead][same & (pieces[ahead] != pieces[behind])] = 0
    return parted


def moved(known: Any, moves: Sequence[Jump | Coarser]) -> Any:
    """[row, column], or None, after some moves."""
    for move in moves:
        known = known and move.point(known)
    return known
