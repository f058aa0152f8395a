"""A level's bones, and what is usual of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .bones import Bone

SPAN_SCATTER = 0.15  # of a pair's width, relative
LONELY = 2.5  # what a level costs whose other bone is not found, in units of half a squared standard deviation


@dataclass(frozen=True)
class Rung:
    """A level's bones, None where one was not found; `skipped`: levels without any between the last rung and it."""

    left: Bone | None
    right: Bone | None
    skipped: int = 0

    @property
    def bones(self) -> list[Bone]:
        return [bone for bone in (self.left, self.right) if bone is not None]

    @property
    def value(self) -> int:
        return self.bones[0].value


def gentle(deviation):
    """Cost of a deviation, in standard deviations: half its square, but linear beyond two (Huber)."""
    away = np.abs(deviation)
    return np.where(away <= 2, away**2 / 2, 2 * away - 2)
