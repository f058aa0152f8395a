"""What is true of a simulated volume's projection, and how near to it a picture comes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from DAGANSpineLib.metrics import window_means
from DAGANSpineLib.projection import Projector, Slab
from DAGANSpineLib.simulation import Subject, Volume

TURNED = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, 0.96, -0.28], [0, 0.28, 0.96]])


def fallen(subject: Subject, picture: np.ndarray, volume: Volume) -> np.ndarray:
    """A picture of the subject with each pixel in the cell of the volume that it falls in, averaged."""
    shape = volume.vpi.shape
    down, across = (
        np.minimum(((np.arange(size) + 0.5) * pixel / step).astype(int), cells - 1)
        for size, pixel, step, cells in zip(
            picture.shape, subject.known["spacing_mm"], volume.spacing[:2], shape, strict=True
        )
    )
    cell = (down[:, None] * shape[1] + across).ravel()
    lit = picture.ravel() > 0
    count = np.bincount(cell[lit], minlength=volume.vpi.size)
    total = np.bincount(cell[lit], weights=picture.ravel()[lit], minlength=volume.vpi.size)
    return (total / np.maximum(count, 1)).reshape(shape)


def similarity(one: np.ndarray, two: np.ndarray, body: np.ndarray, size: int = 7) -> float:
    """Mean structural similarity (Wang et al. 2004) of grey pictures over the windows whose centre is in the body."""
    means = [window_means(values, size, 1) for values in (one, two, one * one, two * two, one * two)]
    variances = means[2] - means[0] ** 2, means[3] - means[1] ** 2
    covariance = means[4] - means[0] * means[1]
    small, large = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    index = (2 * means[0] * means[1] + small) * (2 * covariance + large)
    index /= (means[0] ** 2 + means[1] ** 2 + small) * (sum(variances) + large)
    half = size // 2
    return float(index[body[half:-half, half:-half]].mean())


def found_at(
    template: np.ndarray, picture: np.ndarray, row: float, column: float, reach: int, around: int
) -> tuple[float, float]:
    """Where a bone of `template` at (row, column) lies in `picture`: the least squared difference, to a fraction."""
    r, c = round(row) - around, round(column) - around
    size, shifts = 2 * around + 1, range(-reach, reach + 1)
    patch = template[r : r + size, c : c + size]
    cost = np.array(
        [[((picture[r + i : r + i + size, c + j : c + j + size] - patch) ** 2).sum() for j in shifts] for i in shifts]
    )
    i, j = np.unravel_index(cost[1:-1, 1:-1].argmin(), (2 * reach - 1,) * 2)
    fine = [
        (low - high) / (2 * (low + high - 2 * cost[i + 1, j + 1]))
        for low, high in ((cost[i, j + 1], cost[i + 2, j + 1]), (cost[i + 1, j], cost[i + 1, j + 2]))
    ]
    return row + i + 1 - reach + fine[0], column + j + 1 - reach + fine[1]


def bones_of(subject: Subject, volume: Volume) -> Iterator[tuple[str, float, float]]:
    """Drawn bones that lie clear of the lit edge: name, and row and column in the volume's projection."""
    step = np.array(subject.known["spacing_mm"]) / volume.spacing[:2]
    for name, bone in subject.known["bones"].items():
        if not bone["drawn"]:
            continue
        row, column = (np.array(bone["centre"]) + 0.5) * step - 0.5
        r, c = round(row), round(column)
        around = volume.vpi[max(r - 13, 0) : r + 14, max(c - 13, 0) : c + 14]
        if around.shape == (27, 27) and (around > 0).all():
            yield name, row, column


def bone_depth(subject: Subject, name: str) -> float:
    row, column = (round(at) for at in subject.known["bones"][name]["centre"])
    return float(subject.bone_depth[row, column])


@dataclass(frozen=True)
class Stored:
    """A simulated volume, as it is stored in another order of axes: voxels, and (4, 4) from their indices to LPS."""

    volume: Volume
    voxels: np.ndarray
    to_lps: np.ndarray

    @classmethod
    def of(cls, volume: Volume, order: tuple[int, int, int] = (0, 1, 2), reverse: tuple[int, ...] = ()) -> Stored:
        voxels, to_lps = volume.voxels.transpose(order), volume.index_to_lps[:, [*order, 3]].copy()
        for axis in reverse:
            to_lps[:3, 3] += to_lps[:3, axis] * (voxels.shape[axis] - 1)
            to_lps[:3, axis] *= -1
        return cls(volume, np.ascontiguousarray(np.flip(voxels, reverse)), to_lps)

    def image(self) -> sitk.Image:
        image = sitk.GetImageFromArray(self.voxels)
        sizes = np.linalg.norm(self.to_lps[:3, 2::-1], axis=0)
        image.SetSpacing(sizes.tolist())
        image.SetOrigin(self.to_lps[:3, 3].tolist())
        image.SetDirection((self.to_lps[:3, 2::-1] / sizes).ravel().tolist())
        return image

    def projector(self, **sides) -> Projector:
        return Projector.of(self.voxels, self.to_lps, **sides)


def slab_of(volume: Volume, **changes) -> Slab:
    return Slab(**{"depth_mm": volume.slab.depth_mm, "thickness_mm": volume.slab.thickness_mm, **changes})
