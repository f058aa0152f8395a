"""Whole restored spines at 256 x 1024, augmented, for the segmenter."""

from __future__ import annotations

from collections.abc import Sequence
from math import radians
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from monai.transforms import (
    Compose,
    RandAdjustContrastd,
    RandAffined,
    RandFlipd,
    RandGaussianNoised,
    RandGaussianSmoothd,
    RandScaleIntensityd,
    RandSpatialCropd,
    Transform,
)

from ..files import whole_file
from ..inference import Pipeline
from ..networks import shrink
from ..progress import Progress
from ..vpi import NETWORK_SIZE, lit_body, normalise
from .dataset import Record, load
from .feed import Feed
from .method import LabelledBatch

KEYS = ("image", "labels")


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
                sitk.WriteImage(sitk.GetImageFromArray(picture), str(partial))
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


def augmentation() -> list[Transform]:
    """What differs from clinic to clinic and from child to child: side, posture, how much of the spine was swept,
    gain, grey curve, sharpness, noise."""
    return [
        RandFlipd(KEYS, prob=0.5, spatial_axis=1),
        RandAffined(
            KEYS,
            prob=0.9,
            rotate_range=radians(5),
            scale_range=((-0.3, 0.3), (-0.2, 0.2)),
            translate_range=(150, 20),
            mode=("bilinear", "nearest"),
            padding_mode="zeros",
        ),
        RandAdjustContrastd("image", prob=0.7, gamma=(0.5, 2.0)),
        RandScaleIntensityd("image", prob=0.7, factors=0.4),
        RandGaussianSmoothd("image", prob=0.3, sigma_x=(0.3, 1.5), sigma_y=(0.3, 1.5)),
        RandGaussianNoised("image", prob=0.3, std=8.0),
    ]


class SpineFeed(Feed):
    """Batches of whole spines; the same (seed, step, process) always gives the same batch."""

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
        self.spines, self.batch, self.seed = spines, batch, seed
        crop = [RandSpatialCropd(KEYS, (rows, -1), random_size=False)] if rows else []
        self.augment = Compose([*(augmentation() if varied else ()), *crop])

    def draw(self, step: int, process: int = 0) -> LabelledBatch:
        random = np.random.default_rng([self.seed, step, process])
        self.augment.set_random_state(seed=int(random.integers(2**31)))
        images, labels = [], []
        for index in random.integers(len(self.spines), size=self.batch):
            image, truth = self.spines[index]
            varied = self.augment({"image": image[None].astype(np.float32), "labels": truth[None].astype(np.float32)})
            images.append(torch.as_tensor(varied["image"]).clamp(0, 255))
            labels.append(torch.as_tensor(varied["labels"])[0].long())
        return LabelledBatch(normalise(torch.stack(images)), torch.stack(labels))
