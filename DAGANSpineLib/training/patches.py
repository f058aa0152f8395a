"""Patch splitting (section 2.1): which patches are corrupted, which are clean, and batches of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import radians

import numpy as np
import torch
from monai.transforms import Compose, RandAffined, RandFlipd

from .. import metrics
from ..networks import shrink
from ..vpi import NETWORK_SIZE, lit_body, normalise
from .dataset import DatasetError, Sample
from .method import Batch

STRIDE = 8  # pixels between the patches that are measured
CANDIDATES = 64  # clean patches of which the one most alike to a corrupted one in its greys is taken
BLOCK = 8  # rows and columns over which greys are averaged before they are compared
PERCENTILES = (10, 30, 50, 70, 90)
KEYS = ("image", "labels")


@dataclass(frozen=True)
class Patched:
    """A picture to cut patches from: `image` and `labels` uint8 (rows, columns); `corrupted` and `clean`: the upper
    left corners (row, column) of such patches, int (n, 2)."""

    image: np.ndarray
    labels: np.ndarray
    corrupted: np.ndarray
    clean: np.ndarray


def split_native(sample: Sample, clean: float = metrics.CLEAN) -> Patched:
    """Equation 1 on the native grid, where the thresholds 4 and 2 fit; `clean` is β_p."""
    measured = metrics.patches(sample.image, lit_body(sample.image), STRIDE)
    corners = [np.argwhere(group) * STRIDE for group in (measured.corrupted, measured.up_to(clean))]
    return Patched(sample.image, sample.labels, *corners)


def split_resized(sample: Sample, clean: float = metrics.CLEAN, size: tuple[int, int] = NETWORK_SIZE) -> Patched:
    """Equation 1 on the native grid, patches on the picture resized to 256 x 1024.

    Resizing blurs the evidence away, so a patch of the resized picture is judged by the native patches under it:
    corrupted if any of them is, clean if all of them are.
    """
    measured = metrics.patches(sample.image, lit_body(sample.image), STRIDE)
    corners = np.stack(
        np.meshgrid(*(np.arange(0, extent - metrics.PATCH + 1, STRIDE) for extent in size), indexing="ij"), -1
    ).reshape(-1, 2)
    scale = np.array(sample.image.shape) / size
    last_index = np.array(measured.variation.shape) - 1
    first = np.ceil(corners * scale / STRIDE).astype(int)
    last = np.floor(((corners + metrics.PATCH) * scale - metrics.PATCH) / STRIDE).astype(int)
    first, last = np.minimum(first, last_index), np.clip(last, first, last_index)
    under = count_within(np.ones_like(measured.corrupted), first, last)
    corrupted = count_within(measured.corrupted, first, last) > 0
    pure = count_within(measured.up_to(clean), first, last) == under
    image = torch.from_numpy(sample.image).float()[None, None]
    rows, columns = ((np.arange(extent) + 0.5) * ratio for extent, ratio in zip(size, scale, strict=True))
    return Patched(
        image=shrink(image, size)[0, 0].round().clamp(0, 255).byte().numpy(),
        labels=sample.labels[rows.astype(int)[:, None], columns.astype(int)[None, :]],
        corrupted=corners[corrupted],
        clean=corners[pure],
    )


def count_within(marks: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """How many marks lie in each box, borders included: (rows, columns), int (n, 2), int (n, 2) -> (n,)."""
    total = np.pad(marks.astype(int).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    (top, left), (bottom, right) = first.T, last.T + 1
    return total[bottom, right] - total[top, right] - total[bottom, left] + total[top, left]


SPLITS = {"native": split_native, "resized": split_resized}


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


def greys(patches: np.ndarray) -> np.ndarray:
    """How the greys of patches are distributed: uint8 (n, 96, 96) -> (n, 5), the `PERCENTILES` of the means of their
    blocks. Blocks, and of these the filled pixels alone, so that the noise itself counts for little."""
    side = metrics.PATCH // BLOCK
    blocks = patches.reshape(-1, side, BLOCK, side, BLOCK)
    filled = np.count_nonzero(blocks, axis=(2, 4))
    means = blocks.sum(axis=(2, 4), dtype=np.int64) / np.maximum(filled, 1)
    return np.percentile(means.reshape(-1, side**2), PERCENTILES, axis=1).T


class PatchFeed:
    """Batches of corrupted and clean patches; the same (seed, step, process) always gives the same batch, so that a
    resumed training sees what an uninterrupted one would have seen.

    With `matched`, a corrupted patch is set against the clean one that is most alike in its greys, of `CANDIDATES`
    drawn at random. Structured noise scales with the echo, so that of all patches the dark ones, and those of deep
    shadow and saturated muscle, pass as clean: drawn at random alone, they teach that what is clean is like that.

    Raises DatasetError if no patch is corrupted, or none clean.
    """

    def __init__(self, patched: Sequence[Patched], batch: int, degrees: float, seed: int, matched: bool = True) -> None:
        """`batch`: patches a step, half of them corrupted; `degrees`: largest rotation."""
        self.patched, self.half, self.seed, self.matched = patched, batch // 2, seed, matched
        self.places = {kind: Places.of(patched, kind) for kind in ("corrupted", "clean")}
        for kind, places in self.places.items():
            if not len(places):
                raise DatasetError(f"No patch of the training images is {kind}: DA-GAN learns from both kinds.")
        rotate = RandAffined(
            KEYS, prob=1, rotate_range=radians(degrees), mode=("bilinear", "nearest"), padding_mode="reflection"
        )
        self.augment = Compose([RandFlipd(KEYS, prob=0.5, spatial_axis=1), *([rotate] if degrees else [])])

    def __call__(self, step: int, process: int = 0) -> Batch:
        random = np.random.default_rng([self.seed, step, process])
        self.augment.set_random_state(seed=int(random.integers(2**31)))
        corrupted, clean = (
            places[random.integers(len(places), size=size)]
            for places, size in zip(
                self.places.values(), (self.half, self.half * CANDIDATES if self.matched else self.half), strict=True
            )
        )
        if self.matched:
            clean = self._most_alike(corrupted, clean)
        return Batch(*self._varied(corrupted), *self._varied(clean))

    def _most_alike(self, corrupted: Places, candidates: Places) -> Places:
        """For each corrupted patch the one of its candidates whose greys differ least."""
        wanted = greys(self._cut(corrupted, "image"))[:, None]
        offered = greys(self._cut(candidates, "image")).reshape(len(corrupted), CANDIDATES, -1)
        best = np.abs(offered - wanted).sum(2).argmin(1)
        return candidates[np.arange(len(corrupted)) * CANDIDATES + best]

    def _cut(self, places: Places, kind: str) -> np.ndarray:
        """The patches of an `image` or its `labels`: uint8 (n, 96, 96)."""
        size = metrics.PATCH
        return np.stack(
            [
                getattr(self.patched[owner], kind)[row : row + size, column : column + size]
                for owner, (row, column) in zip(places.picture, places.corner, strict=True)
            ]
        )

    def _varied(self, places: Places) -> tuple[torch.Tensor, torch.Tensor]:
        images, labels = [], []
        for image, truth in zip(self._cut(places, "image"), self._cut(places, "labels"), strict=True):
            varied = self.augment({"image": image[None].astype(np.float32), "labels": truth[None].astype(np.float32)})
            images.append(torch.as_tensor(varied["image"]))
            labels.append(torch.as_tensor(varied["labels"])[0].long())
        return normalise(torch.stack(images)), torch.stack(labels)
