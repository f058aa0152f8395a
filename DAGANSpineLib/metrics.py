"""How corrupted a VPI is (DA-GAN, equation 1), what a restoration changes where nothing was corrupted, and how well
labels agree with an expert's (table 1)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from .segments import CLASSES

PATCH = 96  # rows and columns of a patch (section 3.1)
CORRUPTED = 4.0  # β_n: from this vertical variation on a patch is corrupted
CLEAN = 2.0  # β_p: up to this vertical variation a patch is clean
LIT = 0.8  # share of a patch that has to lie within the lit body: black margins would pass as clean
SMOOTHING = (1, 4, 6, 4, 1)  # across: the edge detector of the authors' later public code, a 5 x 5 Sobel
DERIVATIVE = (-1, -2, 0, 2, 1)  # down
LEVELLING = 3.0  # pixels: the vertical Gaussian that takes away the row banding before content is compared


def vertical_edges(pixels: np.ndarray) -> np.ndarray:
    """|h(x)| of equation 1: (rows, columns) grey 0 to 255 -> float32 of the same shape.

    A 5 x 5 vertical Sobel, not normalised, on the picture scaled to 0 to 1, with reflected borders.
    """
    rows, columns = pixels.shape
    padded = np.pad(np.asarray(pixels, np.float32) / 255, 2, mode="reflect")
    smooth = sum(weight * padded[:, shift : shift + columns] for shift, weight in enumerate(SMOOTHING))
    del padded  # of the largest pictures, each of these takes 200 MB
    return np.abs(sum(weight * smooth[shift : shift + rows] for shift, weight in enumerate(DERIVATIVE)))


def window_means(values: np.ndarray, size: int, stride: int) -> np.ndarray:
    """Mean of each size x size window, every `stride` pixels: (rows, columns) -> (windows down, windows across)."""
    block = math.gcd(size, stride)  # windows begin and end between blocks of so many pixels
    down, across = (extent // block for extent in values.shape)
    blocks = values[: down * block, : across * block].reshape(down, block, across, block)
    total = np.zeros((down + 1, across + 1))
    total[1:, 1:] = blocks.sum(3, np.float64).sum(1).cumsum(0).cumsum(1)
    rows = np.arange(0, values.shape[0] - size + 1, stride)[:, None] // block
    columns = np.arange(0, values.shape[1] - size + 1, stride)[None, :] // block
    last_row, last_column = rows + size // block, columns + size // block
    sums = total[last_row, last_column] - total[rows, last_column] - total[last_row, columns] + total[rows, columns]
    return sums / size**2


@dataclass(frozen=True)
class Patches:
    """The patches of a VPI: `variation` is g of equation 1 and `lit` the share within the lit body, both
    (patches down, patches across) at `stride` pixels."""

    variation: np.ndarray
    lit: np.ndarray
    stride: int

    @property
    def corrupted(self) -> np.ndarray:
        """f = 0 in equation 1: g >= 4."""
        return self.from_on(CORRUPTED)

    @property
    def clean(self) -> np.ndarray:
        """f = 1 in equation 1: g <= 2."""
        return self.up_to(CLEAN)

    def up_to(self, variation: float) -> np.ndarray:
        """Those in the lit body whose g is at most `variation`."""
        return (self.variation <= variation) & (self.lit >= LIT)

    def from_on(self, variation: float) -> np.ndarray:
        """Those in the lit body whose g is at least `variation`."""
        return (self.variation >= variation) & (self.lit >= LIT)

    @property
    def largest(self) -> float | None:
        """The largest g of the patches within the lit body; None if there are none."""
        inside = self.variation[self.lit >= LIT]
        return float(inside.max()) if inside.size else None


def patches(pixels: np.ndarray, body: np.ndarray, stride: int = 32, size: int = PATCH) -> Patches:
    """Measure the patches of a VPI at its native resolution.

    `pixels`: (rows, columns) grey 0 to 255; `body`: its lit body. A picture smaller than a patch has none.
    """
    return Patches(
        variation=window_means(vertical_edges(pixels), size, stride),
        lit=window_means(body, size, stride),
        stride=stride,
    )


def change_of_clean(restored: np.ndarray, pixels: np.ndarray, before: Patches) -> float | None:
    """How far a restoration changes what was clean: the mean absolute difference in grey levels over the clean patches
    `before` it, after one and the same levelling of both pictures (rows, columns), grey 0 to 255.

    None if no patch was clean.
    """
    change = np.abs(levelled(restored) - levelled(pixels))
    corners = np.argwhere(before.clean) * before.stride
    kept = [change[row : row + PATCH, column : column + PATCH].mean() for row, column in corners]
    return float(np.mean(kept)) if kept else None


def levelled(pixels: np.ndarray) -> np.ndarray:
    """A vertical Gaussian blur: the fine row banding goes, the content stays. (rows, columns) -> float32, the same."""
    image = sitk.GetImageFromArray(pixels.astype(np.float32))
    return sitk.GetArrayFromImage(sitk.RecursiveGaussian(image, LEVELLING, direction=1))


@dataclass(frozen=True)
class Agreement:
    """How labels agree with the truth, one entry per bone class (rib, thoracic, lumbar), counted in pixels.

    Counts of several images can be added, which gives the pooled scores.
    """

    both: np.ndarray
    predicted: np.ndarray
    truth: np.ndarray

    @classmethod
    def of(cls, predicted: np.ndarray, truth: np.ndarray) -> Agreement:
        """Count two label pictures (rows, columns), values 0 to 3."""
        size = len(CLASSES)
        pairs = np.bincount((predicted.astype(int) * size + truth).ravel(), minlength=size**2).reshape(size, size)
        return cls(np.diag(pairs)[1:], pairs.sum(1)[1:], pairs.sum(0)[1:])

    def __add__(self, other: Agreement) -> Agreement:
        return Agreement(self.both + other.both, self.predicted + other.predicted, self.truth + other.truth)

    def scores(self) -> dict[str, np.ndarray]:
        """Dice, Jaccard and pixel accuracy (recall) by class, 0 to 1, as in table 1.

        NaN for a class that neither picture has; an accuracy also where the truth lacks the class.
        """
        either = self.predicted + self.truth - self.both
        with np.errstate(invalid="ignore"):
            return {
                "dice": 2 * self.both / (self.predicted + self.truth),
                "jaccard": self.both / either,
                "accuracy": self.both / self.truth,
            }
