"""What moves the pixels of a finished picture, and every point that is known of it: lost origins, coarser pixels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .grid import pool


@dataclass(frozen=True)
class Jump:
    """Below a frame's `line` (columns,) everything lies `by` columns further right: the tracker has lost its origin."""

    line: np.ndarray
    by: int

    def picture(self, pixels: np.ndarray) -> np.ndarray:
        """(rows, columns) -> the same; what was outside the picture is 0."""
        columns = np.arange(pixels.shape[1])
        origin = columns - self.by
        moved = pixels[:, np.clip(origin, 0, len(columns) - 1)] * ((origin >= 0) & (origin < len(columns)))
        return np.where(np.arange(len(pixels))[:, None] >= self.line, moved, pixels).astype(pixels.dtype)

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
        """(rows, columns) -> fewer: means of float pictures, the majority of masks, of labels the middle one."""
        step = (self.times, self.times)
        if pixels.dtype == np.uint8:
            rows, columns = (
                np.minimum(((np.arange(np.ceil(size / self.times - 1e-9)) + 0.5) * self.times).astype(int), size - 1)
                for size in pixels.shape
            )
            return pixels[np.ix_(rows, columns)]
        means = pool(pixels, step) / pool(np.ones(pixels.shape), step)
        return means >= 0.5 if pixels.dtype == bool else means.astype(pixels.dtype)

    def point(self, at: Sequence[float]) -> list[float]:
        """[row, column] of pixel centres -> the same."""
        return [round((each + 0.5) / self.times - 0.5, 2) for each in at]


def moved(known: Any, moves: Sequence[Jump | Coarser]) -> Any:
    """[row, column], or None, after some moves."""
    for move in moves:
        known = known and move.point(known)
    return known
