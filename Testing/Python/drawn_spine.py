"""Spines drawn by hand, so to say: labels of vertebrae whose places and tilts are given, and nothing simulated."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
from scipy.interpolate import PchipInterpolator

from DAGANSpineLib.spine import Curve, Spine

LEVELS = (*(f"T{number}" for number in range(1, 13)), *(f"L{number}" for number in range(1, 6)))
PITCH, HALF_SPAN, LUMP = 26.0, 24.0, (26.0, 9.0)  # mm
RIB = (18.0, 8.0)  # mm, as long and as high as it is seen
BLOB = 5.5  # mm, radius
STEP = 0.5  # mm a pixel in Slicer's scene, where spines are coarser
CORONAL = np.array([[STEP, 0, 0, -40], [0, 0, STEP, 7], [0, -STEP, 0, 30], [0, 0, 0, 1]])  # there, seen from behind
S_SHAPED = PchipInterpolator((0, 4, 13, 16), (0, 14, -14, -6))(np.arange(17))  # a curve T5 - L2 of 28 degrees


@dataclass
class DrawnSpine:
    """`tilts`: degrees by level, T1 first; `slopes`: of the midline, which follows the tilts if None. `bones`: of which
    sides (-1, 1) each level has bones. `spacing`: mm a pixel, down and across."""

    tilts: np.ndarray
    slopes: np.ndarray | None = None
    spacing: tuple[float, float] = (0.4, 0.4)
    blob: float = BLOB
    lump: tuple[float, float] = LUMP
    missing: set[tuple[int, int]] = field(default_factory=set)  # (level, side)
    jumps: dict[int, float] = field(default_factory=dict)  # level -> mm to the side from there on

    def centres(self) -> np.ndarray:
        """(levels, 2): mm down and across."""
        slopes = self.tilts if self.slopes is None else self.slopes
        x = np.cumsum(np.tan(np.radians(slopes))) * PITCH
        x += np.cumsum([self.jumps.get(level, 0.0) for level in range(len(self.tilts))])
        return np.stack([30 + PITCH * np.arange(len(self.tilts)), x - x.mean() + 55 + np.ptp(x) / 2], axis=1)

    def labels(self, ribs: Collection[tuple[int, int]] = ()) -> np.ndarray:
        """uint8 (rows, columns), with thoracic blobs down to T12, some (level, side) with their `ribs`, and lumps
        below."""
        centres = self.centres()
        size = centres.max(0) + np.array([40, 60])
        rows, columns = (round(extent / step) for extent, step in zip(size, self.spacing, strict=True))
        y, x = np.arange(rows)[:, None] * self.spacing[0], np.arange(columns) * self.spacing[1]
        labels = np.zeros((rows, columns), np.uint8)
        for level, ((down, across), tilt) in enumerate(zip(centres, np.radians(self.tilts), strict=True)):
            near = slice(max(int((down - 25) / self.spacing[0]), 0), int((down + 25) / self.spacing[0]))
            u = (x - across) * np.cos(tilt) - (y[near] - down) * np.sin(tilt)
            v = (x - across) * np.sin(tilt) + (y[near] - down) * np.cos(tilt)
            for side in (-1, 1):
                if (level, side) in ribs:
                    outward = u * side - HALF_SPAN
                    labels[near][(outward > 0) & (outward < RIB[0]) & (np.abs(v) < RIB[1] / 2)] = 1
                if (level, side) in self.missing:
                    continue
                if level < 12:
                    labels[near][(u - side * HALF_SPAN) ** 2 + v**2 < self.blob**2] = 2
                else:
                    labels[near][((u / self.lump[0]) ** 2 + (v / self.lump[1]) ** 2 < 1) & (u * side >= 0)] = 3
        return labels


def invent(labels: np.ndarray, count: int, seed: int, radius: int = 13) -> np.ndarray:
    """Labels with that many blobs more, anywhere among the others."""
    random = np.random.default_rng(seed)
    rows, columns = np.nonzero(labels)
    y, x = np.ogrid[: labels.shape[0], : labels.shape[1]]
    invented = labels.copy()
    for value in random.integers(2, 4, count):
        row, column = random.integers(rows.min(), rows.max()), random.integers(columns.min(), columns.max())
        invented[(y - row) ** 2 + (x - column) ** 2 < radius**2] = value
    return invented


def labels_of(tilts: np.ndarray = S_SHAPED, **options: object) -> np.ndarray:
    """The labels of a spine for Slicer's scene; `options`: as of DrawnSpine."""
    return DrawnSpine(tilts, spacing=(STEP, STEP), **options).labels()


def largest(found: Spine) -> Curve:
    """The largest curve that was found."""
    return max(found.curves, key=lambda curve: curve.uca_deg)


def ends_of(found: Spine, name: str, rows: float) -> list[tuple[float, float]]:
    """The ends of a level's line, tilted by so many rows about its middle."""
    level = next(level for level in found.levels if level.name == name)
    return [(level.left[0] + rows, level.left[1]), (level.right[0] - rows, level.right[1])]
