"""Where the middle of the back runs, from the bones on both its sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solveh_banded
from scipy.ndimage import gaussian_filter1d

from .bone_maps import LUMBAR, THORACIC, BoneMaps

# In widths of the swept back, of which a vertebra is about 0.3 high: how far bones are spread along the spine before
# left and right are compared (they needn't lie level with each other), and across it.
SPREAD = (0.2, 0.03)
REACH = {THORACIC: (0.17, 0.45), LUMBAR: (0.0, 0.35)}  # how far bones are from the midline: none mirrors itself
STEP = 0.04  # from one place of the path to the next
ABREAST = 0.35  # of the back's width: how far the bones' middle may lie from the swept back's, softly
AWAY = 0.05  # what it costs to lie as far from it
THROUGH = 2.0  # what a step through ribs or transverse processes costs: these lie beside the midline
SIDEWAYS = 0.04  # what a step sideways costs
FAINT = 0.05  # of the strongest symmetry: what is much fainter says little
STIFFNESS = 30.0  # of the path, against the evidence of one step


@dataclass(frozen=True)
class Midline:
    """The path `x` at `y`, both in the picture's mm, smooth."""

    y: np.ndarray
    x: np.ndarray

    def at(self, y: np.ndarray | float) -> np.ndarray:
        """x at y; beyond the ends it goes on straight up and down."""
        return np.interp(y, self.y, self.x)

    def slope(self, y: np.ndarray | float) -> np.ndarray:
        """dx/dy at y."""
        return np.interp(y, self.y, np.gradient(self.x, self.y))


def find_midline(maps: BoneMaps) -> Midline:
    """The line about which the thoracic and lumbar bones are most symmetric, never far from the swept back's middle."""
    step = max(1, round(STEP * maps.width / maps.step[0]))
    spread = [part * maps.width / size for part, size in zip(SPREAD, maps.step, strict=True)]
    symmetry = np.zeros(maps.of(LUMBAR)[::step].shape)
    for value, reach in REACH.items():
        nearest, farthest = (round(part * maps.width / maps.step[1]) for part in reach)
        symmetry += symmetry_of(spread_out(maps.of(value), spread, step), nearest, farthest)
    strongest = symmetry.max(1, keepdims=True)
    symmetry /= strongest + FAINT * strongest.max() + 1e-9  # lumbar lumps are large: they have no more say for that
    y = maps.y[::step]
    aside = (maps.x - maps.middle[::step, None]) / (ABREAST * maps.width)
    within = spread_out(maps.beside, spread, step)
    columns = likeliest_path(symmetry - AWAY * aside**2 - THROUGH * within, cost=SIDEWAYS)
    weight = symmetry[np.arange(len(y)), columns] + 0.02
    return Midline(y, smooth_path(maps.x[columns], weight, STIFFNESS))


def spread_out(bones: np.ndarray, spread: Sequence[float], step: int) -> np.ndarray:
    """Every so many rows of bones (rows, columns), spread down and across by these standard deviations."""
    down, across = spread
    return gaussian_filter1d(gaussian_filter1d(bones, down, axis=0)[::step], across, axis=1)


def symmetry_of(bones: np.ndarray, nearest: int, reach: int) -> np.ndarray:
    """How much bone (rows, columns) each pixel's row has on its left and, as far from it, on its right, from `nearest`
    to `reach` columns away: the same shape."""
    padded = np.pad(bones, ((0, 0), (reach, reach)))
    columns = bones.shape[1]
    found = np.zeros_like(bones)
    for away in range(max(nearest, 1), reach + 1):
        left = padded[:, reach - away : reach - away + columns]
        right = padded[:, reach + away : reach + away + columns]
        found += np.minimum(left, right)
    return found


def likeliest_path(score: np.ndarray, cost: float, reach: int = 4) -> np.ndarray:
    """The column in each row, so that the sum of `score` (rows, columns) is highest; each column sideways costs
    `cost`, at most `reach` of them from row to row (Viterbi)."""
    rows, columns = score.shape
    came = np.zeros((rows, columns), np.intp)
    best = score[0].copy()
    shifts = np.arange(-reach, reach + 1)
    for row in range(1, rows):
        padded = np.pad(best, reach, constant_values=-np.inf)
        offers = np.stack([padded[reach + s : reach + s + columns] - cost * abs(s) for s in shifts])
        choice = offers.argmax(0)
        came[row] = np.arange(columns) + shifts[choice]
        best = offers[choice, np.arange(columns)] + score[row]
    path = np.empty(rows, np.intp)
    path[-1] = best.argmax()
    for row in range(rows - 1, 0, -1):
        path[row - 1] = came[row, path[row]]
    return path


def smooth_path(values: np.ndarray, weights: np.ndarray, stiffness: float) -> np.ndarray:
    """Weighted least squares with a penalty on second differences (Whittaker 1923; Eilers, Anal Chem 2003)."""
    size = len(values)
    if size < 3:
        return values.astype(float)
    second = np.zeros((3, size))  # the upper bands of D'D, D the second differences
    for offset, products in enumerate(((1, 4, 1), (-2, -2), (1,))):
        for place, product in enumerate(products):
            second[2 - offset, offset + place : offset + place + size - 2] += product
    second *= stiffness
    second[2] += weights
    return solveh_banded(second, weights * values)
