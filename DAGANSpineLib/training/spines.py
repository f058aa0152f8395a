"""Whole restored spines at 256 x 1024, augmented, for the segmenter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch

from ..files import whole_file
from ..inference import Pipeline
from ..networks import shrink
from ..progress import Progress
from ..vpi import NETWORK_SIZE, lit_body, normalise, write_image
from .augmentation import Variation, draw_variation, still
from .dataset import Record, load
from .feed import Feed, Tensors
from .method import LabelledBatch


def restored_spines(
    records: Sequence[Record], pipeline: Pipeline, folder: Path, progress: Progress
) -> list[np.ndarray]:
    """Restore each subject once, at native size, and keep the pictures in `folder`, so that a resumed training finds
    them there. Returns uint8 (rows, columns) at native size."""
    folder.mkdir(parents=True, exist_ok=True)
    restored = []
    for index, record in enumerate(records):
        progress(index / len(records), f"Restoring {record.subject}")
        path = folder / f"{record.subject}.png"
        if not path.is_file():
            pixels = load(record).image.astype(np.float32)
            picture = pipeline.restore(pixels, lit_body(pixels))
            with whole_file(path) as partial:
                write_image(sitk.GetImageFromArray(picture), partial)
        restored.append(sitk.GetArrayFromImage(sitk.ReadImage(str(path))))
    return restored


def at_network_size(image: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Native uint8 picture and labels -> both uint8 (1024, 256)."""
    rows, columns = (
        ((np.arange(extent) + 0.5) * native / extent).astype(int)
        for extent, native in zip(NETWORK_SIZE, labels.shape, strict=True)
    )
    return shrunk(image), labels[rows[:, None], columns[None, :]]


def shrunk(image: np.ndarray) -> np.ndarray:
    """Native uint8 picture -> uint8 (1024, 256)."""
    small = shrink(torch.from_numpy(image).float()[None, None], NETWORK_SIZE)[0, 0]
    return small.round().clamp(0, 255).byte().numpy()


@dataclass(frozen=True)
class DrawnSpines(Tensors):
    """What a batch of spines is made of: `images` (N, 1, 1024, 256) and `labels` (N, 1024, 256), uint8, and how each
    is varied."""

    images: torch.Tensor
    labels: torch.Tensor
    variation: Variation


class SpineFeed(Feed):
    """Batches of whole spines, or of crops of them."""

    def __init__(
        self,
        spines: Sequence[tuple[np.ndarray, np.ndarray]],
        batch: int,
        seed: int,
        varied: bool = True,
        rows: int | None = None,
    ) -> None:
        """`spines`: pictures and labels, uint8 (1024, 256); `varied`: augmented; `rows`: the height of crops drawn
        from them, None for whole spines."""
        self.spines, self.batch, self.seed, self.varied = spines, batch, seed, varied
        self.rows = rows or NETWORK_SIZE[0]

    def draw(self, step: int, process: int = 0) -> DrawnSpines:
        random = np.random.default_rng([self.seed, step, process])
        drawn = [self.spines[index] for index in random.integers(len(self.spines), size=self.batch)]
        images, labels = (torch.from_numpy(np.stack(pictures)) for pictures in zip(*drawn, strict=True))
        first = random.integers(NETWORK_SIZE[0] - self.rows + 1, size=self.batch)
        window = first, self.rows, NETWORK_SIZE
        return DrawnSpines(images[:, None], labels, draw_variation(random, *window) if self.varied else still(*window))

    def finish(self, drawn: DrawnSpines) -> LabelledBatch:
        images, labels = drawn.variation.apply(drawn.images.float(), drawn.labels, self.rows)
        return LabelledBatch(normalise(images), labels)
