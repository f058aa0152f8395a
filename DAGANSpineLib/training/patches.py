"""Patch splitting (section 2.1): which patches are corrupted, which are clean, and batches of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from .. import metrics
from ..vpi import lit_body, normalise
from .dataset import DatasetError, Sample
from .feed import Feed, Tensors
from .method import Batch

STRIDE = 8  # pixels between the patches that are measured: whole blocks
DOUBTFUL = 1.05  # so near to a threshold a patch is measured anew by itself: its own border counts a little otherwise
CANDIDATES = 64  # clean patches of which the one most alike to a corrupted one in its greys is taken
BLOCK = 8  # rows and columns whose middle greys are compared
PERCENTILES = np.array([10, 30, 50, 70, 90])


@dataclass(frozen=True)
class Patched:
    """A picture to cut patches from: `image` and `labels` (None without), uint8 (rows, columns); `corrupted` and
    `clean`: the upper left corners (row, column) of such patches, int (n, 2)."""

    image: np.ndarray
    labels: np.ndarray | None
    corrupted: np.ndarray
    clean: np.ndarray


def split(sample: Sample, clean: float = metrics.CLEAN, corrupted: float = metrics.CORRUPTED) -> Patched:
    """Equation 1 on the native grid, where the thresholds 4 and 2 fit: resizing blurs away what they measure. `clean`
    is β_p, `corrupted` β_n."""
    measured = metrics.patches(sample.image, lit_body(sample.image), STRIDE)
    torn, pure = measured.from_on(corrupted), measured.up_to(clean)
    for row, column in np.argwhere(torn & (measured.variation < DOUBTFUL * corrupted)):
        torn[row, column] = variation_alone(sample.image, row, column) >= corrupted
    for row, column in np.argwhere(pure & (measured.variation * DOUBTFUL > clean)):
        pure[row, column] = variation_alone(sample.image, row, column) <= clean
    return Patched(sample.image, sample.labels, np.argwhere(torn) * STRIDE, np.argwhere(pure) * STRIDE)


def variation_alone(image: np.ndarray, row: int, column: int) -> float:
    """g of a patch as it is fed, without what lies around it: of the one at this place on the grid of strides."""
    top, left = row * STRIDE, column * STRIDE
    return float(metrics.vertical_edges(image[top : top + metrics.PATCH, left : left + metrics.PATCH]).mean())


@dataclass(frozen=True)
class Places:
    """Where patches of one kind can be cut: `picture` (n,) its index, `corner` (n, 2) row and column."""

    picture: np.ndarray
    corner: np.ndarray

    @classmethod
    def of(cls, patched: Sequence[Patched], kind: str) -> Places:
        """All places of the `corrupted` or the `clean` kind."""
        corners = [getattr(picture, kind) for picture in patched]
        return cls(np.repeat(np.arange(len(patched)), [len(at) for at in corners]), np.concatenate(corners))

    def __len__(self) -> int:
        return len(self.picture)

    def __getitem__(self, index: np.ndarray) -> Places:
        return Places(self.picture[index], self.corner[index])

    def __add__(self, other: Places) -> Places:
        return Places(np.concatenate([self.picture, other.picture]), np.concatenate([self.corner, other.corner]))


def block_medians(pictures: np.ndarray) -> np.ndarray:
    """The middle grey of each block: uint8 (..., rows, columns) -> float (..., rows / 8, columns / 8). Of the filled
    pixels alone, and not their mean, so that the noise itself counts for little, be it black or white."""
    rows, columns = (extent // BLOCK for extent in pictures.shape[-2:])
    whole = pictures[..., : rows * BLOCK, : columns * BLOCK]
    blocks = whole.reshape(*pictures.shape[:-2], rows, BLOCK, columns, BLOCK).swapaxes(-3, -2)
    ordered = np.sort(blocks.reshape(*blocks.shape[:-2], -1))  # what isn't filled comes first
    middle = ordered.shape[-1] - 1 - np.count_nonzero(ordered, axis=-1, keepdims=True) // 2
    return np.take_along_axis(ordered, middle, axis=-1)[..., 0].astype(np.float32)


def greys(medians: np.ndarray) -> np.ndarray:
    """How the greys of patches are distributed: block medians (n, 12, 12) -> (n, 5), their `PERCENTILES`."""
    ordered = np.sort(medians.reshape(len(medians), -1))  # ten times as fast as numpy's percentiles
    places = PERCENTILES / 100 * (ordered.shape[1] - 1)
    below = places.astype(int)
    return ordered[:, below] + (places - below) * (ordered[:, below + 1] - ordered[:, below])


class Blocks:
    """The block medians of pictures, uint8 (rows, columns) each, measured once for all patches of them."""

    def __init__(self, pictures: Sequence[np.ndarray]) -> None:
        medians = [block_medians(picture) for picture in pictures]
        self.medians = np.concatenate([each.ravel() for each in medians])
        self.columns = np.array([each.shape[1] for each in medians])
        self.begin = np.cumsum([0, *(each.size for each in medians[:-1])])

    def of(self, places: Places) -> np.ndarray:
        """Those of patches on the grid of blocks, (n, 12, 12)."""
        reach = np.arange(metrics.PATCH // BLOCK)
        rows, columns = (places.corner[:, axis, None] // BLOCK + reach for axis in (0, 1))
        below = self.begin[places.picture, None] + rows * self.columns[places.picture, None]
        return self.medians[below[:, :, None] + columns[:, None, :]]


@dataclass(frozen=True)
class DrawnPatches(Tensors):
    """`patches`: uint8 (2, N, 96, 96), corrupted ones and the clean ones that they are set against."""

    patches: torch.Tensor


class PatchFeed(Feed):
    """Batches of corrupted and clean patches.

    Patches are mirrored at random, which leaves equation 1 as it is, and never turned, which would not: interpolation
    blurs dashes of one pixel, and a large angle stands them on end.

    With `matched`, a corrupted patch is set against the clean one that is most alike in its greys, of `CANDIDATES`
    drawn at random. Structured noise scales with the echo, so that of all patches the dark ones, and those of deep
    shadow and saturated muscle, pass as clean: drawn at random alone, they teach that what is clean is like that.

    Raises DatasetError if no patch is corrupted, or none clean.
    """

    def __init__(self, patched: Sequence[Patched], batch: int, seed: int, matched: bool = True) -> None:
        """`batch`: patches a step, half of them corrupted."""
        self.patched, self.half, self.seed, self.matched = patched, batch // 2, seed, matched
        self.places = {kind: Places.of(patched, kind) for kind in ("corrupted", "clean")}
        for kind, places in self.places.items():
            if not len(places):
                raise DatasetError(f"No patch of the training images is {kind}: DA-GAN learns from both kinds.")
        self.blocks = Blocks([picture.image for picture in patched]) if matched else None

    def draw(self, step: int, process: int = 0) -> DrawnPatches:
        random = np.random.default_rng([self.seed, step, process])
        places = self._places(random)
        cut = self._cut(places)
        mirrored = random.random(len(cut)) < 0.5
        cut[mirrored] = cut[mirrored, :, ::-1]
        return DrawnPatches(torch.from_numpy(cut).unflatten(0, (2, -1)))

    def finish(self, drawn: DrawnPatches) -> Batch:
        corrupted, clean = normalise(drawn.patches[:, :, None].float())
        return Batch(corrupted, clean)

    def _places(self, random: np.random.Generator) -> Places:
        """Where the step's patches are cut: first the corrupted ones, then as many clean ones."""
        corrupted, clean = (
            places[random.integers(len(places), size=size)]
            for places, size in zip(
                self.places.values(), (self.half, self.half * CANDIDATES if self.matched else self.half), strict=True
            )
        )
        return corrupted + (self._most_alike(corrupted, clean) if self.matched else clean)

    def _most_alike(self, corrupted: Places, candidates: Places) -> Places:
        """For each corrupted patch the one of its candidates whose greys differ least."""
        wanted = greys(self.blocks.of(corrupted))[:, None]
        offered = greys(self.blocks.of(candidates)).reshape(len(corrupted), CANDIDATES, -1)
        best = np.abs(offered - wanted).sum(2).argmin(1)
        return candidates[np.arange(len(corrupted)) * CANDIDATES + best]

    def _cut(self, places: Places) -> np.ndarray:
        """The patches, uint8 (n, 96, 96)."""
        size = metrics.PATCH
        return np.stack(
            [
                self.patched[owner].image[row : row + size, column : column + size]
                for owner, (row, column) in zip(places.picture, places.corner, strict=True)
            ]
        )
