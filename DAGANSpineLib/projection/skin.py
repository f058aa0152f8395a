"""The skin of the back in a voxel volume: where each column of voxels begins, and the smooth surface through that.

Columns are looked at from behind: arrays are (rows, columns, depth), depth growing from the air into the body. Numpy
and SimpleITK only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..errors import ImageError
from ..texts import tr as _

APART_MM = 1.2  # between the columns that are looked at: the skin is far smoother than that
RUN_MM = 1.2  # of tissue make a beginning; shorter ones are noise in the air
KNOTS_MM = 10.0  # between the surface's knots: the furrow over the spine is some 25 mm wide
MOST_SPANS = 60, 30  # between knots, down and across, which bounds the work whatever the voxel size says
STIFFNESS = 0.005  # weight of the coefficients' second differences against that of the columns about one knot
CUT = 1.5  # times the grey of tissue: two thirds of a run have to be as bright as tissue
FINEST_MM = 0.2  # a scatter of the beginnings that is taken as it is
NEAR_MM = 2.0  # columns that begin so near to the surface agree with it
FEWEST = 50  # columns that make a back
ROUNDS, SETTLED_MM = 12, 0.01  # at most so many rounds, until the surface moves by no more
CHUNK = 32  # rows at a time, so that the work stays small beside the volume


@dataclass(frozen=True)
class Beginnings:
    """Where some columns of a volume begin: `mm` from the centre of the first voxel in depth, float32 (rows, columns),
    NaN where there is nothing, at `down` (rows) and `across` (columns), mm; and `grey`, the columns themselves, (rows,
    columns, depth), 0 where unfilled."""

    mm: np.ndarray
    down: np.ndarray
    across: np.ndarray
    grey: np.ndarray

    @classmethod
    def of(cls, voxels: np.ndarray, spacing: tuple[float, float, float]) -> Beginnings:
        """Of grey voxels (rows, columns, depth); `spacing`: mm between rows, columns, depths. Raises ImageError
        if nothing begins anywhere."""
        steps = [max(1, round(APART_MM / size)) for size in spacing[:2]]
        grey = voxels[steps[0] // 2 :: steps[0], steps[1] // 2 :: steps[1]]
        found = beginnings(grey, tissue_from(grey), max(2, round(RUN_MM / spacing[2])))
        if np.isfinite(found).sum() < FEWEST:
            raise ImageError(_("No skin was found in this volume: hardly any of its columns hold something bright."))
        at = [
            (np.arange(count) * step + step // 2) * size
            for count, step, size in zip(grey.shape[:2], steps, spacing[:2], strict=True)
        ]
        return cls(found * np.float32(spacing[2]), *at, grey)

    @property
    def roughness_mm(self) -> float:
        """How far a column begins from the line through its neighbours' beginnings, the median.

        Columns that begin at the volume's face are left out: they were cut off there, and the cut is smooth.
        """
        within = np.where(self.mm > 0, self.mm, np.nan)
        bends = np.concatenate([np.diff(within, 2, axis=axis).ravel() for axis in (0, 1)])
        return float(np.nanmedian(np.abs(bends))) if np.isfinite(bends).any() else np.inf


def find_skin(begin: Beginnings) -> tuple[Surface, float]:
    """The smooth surface through the beginnings of columns, and which share of these begin at it.

    Noise in the air, gaps and missing columns don't dent it.
    """
    surface = Surface.through(begin.mm, begin.down, begin.across)
    away = np.abs(begin.mm - surface.at(begin.down, begin.across))
    return surface, float((away[np.isfinite(away)] < NEAR_MM).mean())


def tissue_from(voxels: np.ndarray) -> float:
    """The grey from which on a run of voxels is tissue: a quarter of the way from the mean of what is dark to that of
    what is bright, told apart by Otsu's threshold (1979). Unfilled voxels, 0, are neither."""
    some = voxels[:: max(1, voxels.shape[0] // 64)]
    filled = some[some > 0].astype(np.float32)
    if filled.size == 0:
        raise ImageError(_("This volume is empty: hardly any of its voxels are filled."))
    otsu = sitk.OtsuThresholdImageFilter()
    otsu.Execute(sitk.GetImageFromArray(filled[None]))
    bright = filled > otsu.GetThreshold()
    if bright.all() or not bright.any():
        return float(filled.mean()) / 2
    dark = float(filled[~bright].mean())
    return dark + (float(filled[bright].mean()) - dark) / 4


def beginnings(voxels: np.ndarray, tissue: float, run: int) -> np.ndarray:
    """Where each column's first `run` voxels of mean grey `tissue` begin: float32 (rows, columns), in voxels.

    It is where the grey first comes to half of the run's brightest, between two voxels; NaN where there is no run.
    """
    found = np.full(voxels.shape[:2], np.nan, np.float32)
    for first in range(0, len(voxels), CHUNK):
        grey = voxels[first : first + CHUNK].astype(np.float32)
        # air before the first voxel, and the last one's grey behind it: a run may lie at either end
        grey = np.concatenate([np.zeros_like(grey[..., :1]), grey, np.repeat(grey[..., -1:], 2 * run, 2)], axis=2)
        # cut off at the top, or a single bright speck would make a run
        total = np.minimum(grey, CUT * tissue).cumsum(2, dtype=np.float64)
        bright = total[..., run:] - total[..., :-run] >= run * tissue  # of the voxels after each
        row, column = np.nonzero(bright.any(2))
        start = bright[row, column].argmax(1)
        ahead = grey[row[:, None], column[:, None], start[:, None] + np.arange(2 * run + 1)]
        half = ahead.max(1) / 2
        rise = (ahead[:, 1:] >= half[:, None]).argmax(1)
        here = np.arange(len(row))
        low, high = ahead[here, rise], ahead[here, rise + 1]
        part = np.clip((half - low) / np.maximum(high - low, 1e-6), 0, 1)
        found[first + row, column] = start + rise - 1 + part
    return found


@dataclass(frozen=True)
class Surface:
    """A cubic spline surface, penalised (P-splines: Eilers & Marx, Statistical Science 1996): `knots` are the spans'
    sizes and numbers by direction, `coefficients` (down, across)."""

    knots: tuple[tuple[float, int], tuple[float, int]]
    coefficients: np.ndarray

    @classmethod
    def through(cls, values: np.ndarray, down: np.ndarray, across: np.ndarray) -> Surface:
        """The surface through `values` (rows, columns), NaN where unknown, at `down` (rows) and `across` (columns), mm.

        What lies far from the surface counts little, in the end nothing (Geman-McClure weights).
        """
        known = np.isfinite(values)
        values = np.where(known, values, 0)
        knots = tuple(spans_over(at[-1], most) for at, most in zip((down, across), MOST_SPANS, strict=True))
        bases = [spline_basis(at, *spans) for at, spans in zip((down, across), knots, strict=True)]
        # products of two bases, so that the normal equations are two matrix products (Currie et al., JRSS B 2006)
        squares = [(basis[:, :, None] * basis[:, None, :]).reshape(len(basis), -1) for basis in bases]
        counts = [basis.shape[1] for basis in bases]
        penalty = bending(*counts) * STIFFNESS * max(known.sum() / np.prod(counts), 1)
        weights, fitted = known.astype(float), np.median(values[known])
        for _round in range(ROUNDS):
            away = np.abs(values - fitted)
            scale = max(1.5 * np.median(away[known]), FINEST_MM)
            weights = known / (1 + (away / (2 * scale)) ** 2) ** 2
            matrix = (squares[0].T @ weights @ squares[1]).reshape(counts[0], counts[0], counts[1], counts[1])
            matrix = matrix.transpose(0, 2, 1, 3).reshape(penalty.shape) + penalty
            sums = bases[0].T @ (weights * values) @ bases[1]
            surface = cls(knots, np.linalg.solve(matrix, sums.ravel()).reshape(counts))
            former, fitted = fitted, surface.at(down, across)
            if np.abs(fitted - former).max() < SETTLED_MM:
                break
        return surface

    def at(self, down: np.ndarray, across: np.ndarray) -> np.ndarray:
        """The surface at these places, mm: float32 (down, across)."""
        bases = [spline_basis(at, *spans) for at, spans in zip((down, across), self.knots, strict=True)]
        return (bases[0] @ self.coefficients @ bases[1].T).astype(np.float32)

    def over(self, shape: tuple[int, int], spacing: tuple[float, float]) -> np.ndarray:
        """The surface at each pixel of a picture (rows, columns), mm: float32 of that shape."""
        return self.at(*(np.arange(count) * size for count, size in zip(shape, spacing, strict=True)))


def spans_over(length: float, most: int) -> tuple[float, int]:
    """Size and number of the spans between knots over a length, mm."""
    count = int(np.clip(round(length / KNOTS_MM), 1, most))
    return max(length, 1e-3) / count, count


def spline_basis(at: np.ndarray, size: float, count: int) -> np.ndarray:
    """Uniform cubic B-splines over `count` spans of `size` from 0 on, at these places: (places, count + 3).

    Beyond either end they go on as in the last span.
    """
    span = np.clip(np.floor(at / size), 0, count - 1).astype(int)
    t = at / size - span
    pieces = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    basis = np.zeros((len(at), count + 3))
    for shift, piece in enumerate(pieces):
        basis[np.arange(len(at)), span + shift] = piece / 6
    return basis


def bending(down: int, across: int) -> np.ndarray:
    """The penalty of a surface's second differences, pure and mixed, and a touch to make it definite."""
    firsts = [np.diff(np.eye(count), axis=0) for count in (down, across)]
    seconds = [np.diff(np.eye(count), 2, axis=0) for count in (down, across)]
    pure = [np.kron(seconds[0].T @ seconds[0], np.eye(across)), np.kron(np.eye(down), seconds[1].T @ seconds[1])]
    mixed = np.kron(firsts[0].T @ firsts[0], firsts[1].T @ firsts[1])
    return sum(pure) + 2 * mixed + 1e-9 * np.eye(down * across)
