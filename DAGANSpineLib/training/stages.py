"""The stages of a training: what each learns from, how, and what it is judged by."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np
from tqdm import tqdm

from ..metrics import CLEAN, PATCH
from ..model import Model
from ..vpi import NETWORK_SIZE
from .dagan import DAGAN
from .dataset import Record, load
from .losses import WEIGHT_RECONSTRUCTION, WEIGHT_SEGMENTATION
from .method import Batch, LabelledBatch, Method
from .patches import SPLITS, PatchFeed
from .segmentation import Segmentation
from .spines import SpineFeed, at_network_size, shrunk
from .validation import Validation


class Setting(Protocol):
    """What a stage finds when it begins: the model as the stages before have left it, and the subjects."""

    model: Model
    learners: Sequence[Record]
    held_out: Sequence[Record]
    seed: int
    quiet: bool  # no progress bars

    def share(self, batch: int) -> int:
        """How much of a batch is this process's."""

    def restored(self) -> list[np.ndarray]:
        """The learners' pictures as the model restores them now, uint8 (rows, columns) at native size."""


@dataclass(frozen=True)
class Prepared:
    """A stage about to begin. `feed`: (step, process) -> batch; `validation`: None where there is nothing to judge."""

    feed: Callable[[int, int], Batch | LabelledBatch]
    method: Method
    validation: Validation | None


@dataclass(frozen=True)
class Stage(ABC):
    """Part of a training, as plain values. Either `steps` or `epochs` says how long it is; an epoch shows as many
    patches as cover the training images."""

    batch: int = 16
    epochs: int | None = None
    steps: int | None = None
    learning_rate: float = 1e-4
    final_learning_rate: float = 1e-6

    @abstractmethod
    def prepare(self, setting: Setting) -> Prepared:
        """Build what the stage needs. May take minutes, and shows its progress."""

    @property
    def splits_patches(self) -> bool:
        """Whether the training images must show corrupted and clean patches both."""
        return False

    def steps_for(self, subjects: int) -> int:
        """How many steps the stage takes with so many subjects to learn from."""
        if self.steps is not None:
            return self.steps
        patches = math.prod(math.ceil(extent / PATCH) for extent in NETWORK_SIZE) * subjects
        return self.epochs * math.ceil(patches / self.batch)

    def described(self) -> dict[str, Any]:
        """The stage's kind and values, as plain data."""
        return {"kind": type(self).__name__, **asdict(self)}


@dataclass(frozen=True)
class PatchStage(Stage):
    """A stage that learns from patches; half of a batch is corrupted, half clean."""

    grid: Literal["native", "resized"] = "resized"
    degrees: float = 10.0  # a quarter turn would destroy the streaks' direction
    matched: bool = True  # clean patches of the same greys as the corrupted ones
    clean: float = CLEAN  # β_p of equation 1

    @property
    def splits_patches(self) -> bool:
        return True


@dataclass(frozen=True)
class AdversarialStage(PatchStage):
    """DA-GAN on patches."""

    discriminator_widths: tuple[int, ...] = (64, 128, 256)
    attention: bool = True
    dual: bool = True
    weight_segmentation: float = WEIGHT_SEGMENTATION
    weight_reconstruction: float = WEIGHT_RECONSTRUCTION
    weight_identity: float | None = None  # of equation 3 on clean patches; None: as on corrupted ones

    def prepare(self, setting: Setting) -> Prepared:
        method = DAGAN(
            setting.model,
            self.discriminator_widths,
            self.attention,
            self.dual,
            self.weight_segmentation,
            self.weight_reconstruction,
            self.weight_identity,
        )
        validation = Validation(setting.held_out, generator_fixed=False) if self.weight_segmentation else None
        return Prepared(patch_feed(self, setting), method, validation)


def patch_feed(stage: PatchStage, setting: Setting, pictures: Sequence[np.ndarray] | None = None) -> PatchFeed:
    """Corrupted and clean patches of the learners, told apart by their original pictures.

    `pictures`: what the patches are cut from instead, uint8 (rows, columns) on the stage's grid.
    """
    records = tqdm(setting.learners, desc="Splitting patches", leave=False, disable=setting.quiet)
    patched = [SPLITS[stage.grid](load(record), stage.clean) for record in records]
    if pictures is not None:
        patched = [replace(each, image=picture) for each, picture in zip(patched, pictures, strict=True)]
    return PatchFeed(patched, setting.share(stage.batch), stage.degrees, setting.seed, stage.matched)


@dataclass(frozen=True)
class SegmentationStage(Stage):
    """The segmenter on whole restored spines, behind a generator that no longer changes."""

    batch: int = 4
    steps: int | None = 1500
    learning_rate: float = 1e-3
    dice: bool = True  # Dice loss beside the cross-entropy
    varied: bool = True  # augmentation
    rows: int | None = None  # height of the crops that are learnt from; None: whole spines

    def prepare(self, setting: Setting) -> Prepared:
        spines = [
            at_network_size(image, load(record).labels)
            for image, record in zip(setting.restored(), setting.learners, strict=True)
        ]
        feed = SpineFeed(spines, setting.share(self.batch), setting.seed, self.varied, self.rows)
        method = Segmentation(setting.model, self.dice)
        return Prepared(feed, method, Validation(setting.held_out, generator_fixed=True))


@dataclass(frozen=True)
class PatchSegmentationStage(PatchStage):
    """The segmenter on patches of restored pictures at 256 x 1024, behind a generator that no longer changes: the
    paper's schedule for whatever isn't learnt end to end with the segmenter."""

    def prepare(self, setting: Setting) -> Prepared:
        restored = [shrunk(image) for image in setting.restored()]
        feed = patch_feed(self, setting, restored)
        method = Segmentation(setting.model, dice=False)
        validation = Validation(setting.held_out, generator_fixed=True)
        return Prepared(lambda step, process: feed(step, process).labelled(), method, validation)
