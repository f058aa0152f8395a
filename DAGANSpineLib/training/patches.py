"""Patch splitting (section 2.1): which patches are corrupted, which are clean, and batches of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import radians

import numpy as np
import torch
from monai.transforms import Compose, RandAffined, RandFlipd

from .. import metrics
from ..networks.resize import shrink
from ..vpi import NETWORK_SIZE, lit_body, normalise
from .dataset import DatasetError, Sample
from .method import Batch

STRIDE = 8  # pixels between the patches that are measured
ALIKE = 10.0  # grey levels within which a clean patch counts as bright as a corrupted one
KEYS = ("image", "labels")


@dataclass(frozen=True)
class Patched:
    """A picture to cut patches from: `image` and `labels` uint8 (rows, columns); `corrupted` and `clean`: the upper
    left corners (row, column) of such patches, int (n, 2)."""

    image: np.ndarray
    labels: np.ndarray
    corrupted: np.ndarray
    clean: np.ndarray


def split_native(sample: Sample) -> Patched:
    """Equation 1 on the native grid, where the thresholds 4 and 2 fit."""
    measured = metrics.patches(sample.image, lit_body(sample.image), STRIDE)
    corners = [np.argwhere(group) * STRIDE for group in (measured.corrupted, measured.clean)]
    return Patched(sample.image, sample.labels, *corners)


def split_resized(sample: Sample, size: tuple[int, int] = NETWORK_SIZE) -> Patched:
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
    clean = count_within(measured.clean, first, last) == under
    image = torch.from_numpy(sample.image).float()[None, None]
    rows, columns = ((np.arange(extent) + 0.5) * ratio for extent, ratio in zip(size, scale, strict=True))
    return Patched(
        image=shrink(image, size)[0, 0].round().clamp(0, 255).byte().numpy(),
        labels=sample.labels[rows.astype(int)[:, None], columns.astype(int)[None, :]],
        corrupted=corners[corrupted],
        clean=corners[clean],
    )


def count_within(marks: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """How many marks lie in each box, borders included: (rows, columns), int (n, 2), int (n, 2) -> (n,)."""
    total = np.pad(marks.astype(int).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    (top, left), (bottom, right) = first.T, last.T + 1
    return total[bottom, right] - total[top, right] - total[bottom, left] + total[top, left]


SPLITS = {"native": split_native, "resized": split_resized}


@dataclass(frozen=True)
class Places:
    """Where patches of one kind can be cut: `picture` (n,) its index, `corner` (n, 2) row and column, `grey` (n,) the
    mean of the pixels that the sweep filled. Ordered by `grey`."""

    picture: np.ndarray
    corner: np.ndarray
    grey: np.ndarray

    @classmethod
    def of(cls, patched: Sequence[Patched], kind: str) -> Places:
        """All places of the `corrupted` or the `clean` kind."""
        corners = [getattr(picture, kind) for picture in patched]
        greys = [
            filled_grey(picture.image)[tuple(at.T // STRIDE)] for picture, at in zip(patched, corners, strict=True)
        ]
        owner = np.repeat(np.arange(len(patched)), [len(at) for at in corners])
        grey = np.concatenate(greys)
        order = np.argsort(grey, kind="stable")
        return cls(owner[order], np.concatenate(corners)[order], grey[order])

    def __len__(self) -> int:
        return len(self.grey)

    def as_bright_as(self, grey: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """For each of the grey levels (n,) the index of a place drawn among those within `ALIKE` of it, or of the
        nearest one where there is none."""
        first, last = np.searchsorted(self.grey, grey - ALIKE), np.searchsorted(self.grey, grey + ALIKE, side="right")
        drawn = first + (random.random(len(grey)) * (last - first)).astype(int)
        below = np.clip(first - 1, 0, len(self) - 1)
        above = np.clip(first, 0, len(self) - 1)
        nearest = np.where(np.abs(self.grey[below] - grey) <= np.abs(self.grey[above] - grey), below, above)
        return np.where(last > first, drawn, nearest)


def filled_grey(image: np.ndarray) -> np.ndarray:
    """Mean grey of the filled pixels of each patch, every `STRIDE` pixels: (rows, columns) -> (down, across)."""
    filled = metrics.window_means(image > 0, metrics.PATCH, STRIDE)
    return metrics.window_means(image, metrics.PATCH, STRIDE) / np.maximum(filled, 1e-6)


class PatchFeed:
    """Batches of corrupted and clean patches; the same (seed, step, process) always gives the same batch, so that a
    resumed training sees what an uninterrupted one would have seen.

    The clean patches of a batch are as bright as its corrupted ones, if they are to be `matched`. Structured noise
    scales with the echo, so that of all patches the dark ones pass as clean: drawn at random, they teach that what is
    clean is dark.

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
        corrupted, clean = self.places["corrupted"], self.places["clean"]
        drawn = random.integers(len(corrupted), size=self.half)
        if self.matched:
            opposite = clean.as_bright_as(corrupted.grey[drawn], random)
        else:
            opposite = random.integers(len(clean), size=self.half)
        return Batch(*self._cut(corrupted, drawn), *self._cut(clean, opposite))

    def _cut(self, places: Places, drawn: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        images, labels = [], []
        for owner, (row, column) in zip(places.picture[drawn], places.corner[drawn], strict=True):
            picture = self.patched[owner]
            window = np.s_[row : row + metrics.PATCH, column : column + metrics.PATCH]
            cut = self.augment(
                {
                    "image": picture.image[window][None].astype(np.float32),
                    "labels": picture.labels[window][None].astype(np.float32),
                }
            )
            images.append(torch.as_tensor(cut["image"]))
            labels.append(torch.as_tensor(cut["labels"])[0].long())
        return normalise(torch.stack(images)), torch.stack(labels)
