"""The stages of a training: what each learns from, how, and what it is judged by."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

import numpy as np
from torch import Tensor
from tqdm import tqdm

from ..metrics import CLEAN, CORRUPTED
from ..model import Model
from .dagan import DAGAN
from .dataset import Record, load
from .feed import Feed
from .losses import WEIGHT_RECONSTRUCTION, WEIGHT_SEGMENTATION
from .method import Method
from .patches import Patched, PatchFeed, split
from .segmentation import Segmentation
from .spines import SpineFeed, at_network_size
from .subjects import Subjects, evenly
from .validation import DICE, RESTORATION, Validation
from .windows import SeenFeed, WindowFeed

# of a subject, that an epoch shows: the authors' later public code has a pool of 11 112 of 80 subjects
CLEAN_PATCHES = 11112 / 80
# What noise is left and how much of what was clean changed say nothing of whether gaps are filled in the right grey,
# which adversaries teach: a twentieth of the noise, or half a grey level, doesn't speak against what was learnt.
ALLOWANCE = 0.05


class Setting(Protocol):
    """What a stage finds when it begins: the model as the stages before have left it, and the subjects."""

    model: Model
    subjects: Subjects
    seed: int
    quiet: bool  # no progress bars

    def share(self, batch: int) -> int:
        """How much of a batch is this process's."""

    def former(self, network: str) -> dict[str, Tensor] | None:
        """The weights with which a network came from another model; None if it began from nothing."""

    def restored(self) -> list[np.ndarray]:
        """The learners' pictures as the model restores them now, uint8 (rows, columns) at native size."""


@dataclass(frozen=True)
class Prepared:
    """A stage about to begin. `feed`: of what the method learns from; `validation`: None where there is nothing to
    judge."""

    feed: Feed
    method: Method
    validation: Validation | None


@dataclass(frozen=True)
class Stage(ABC):
    """Part of a training, as plain values. Either `steps` or `epochs` says how long it is."""

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

    @property
    def restores(self) -> bool:
        """Whether the generator learns."""
        return False

    @property
    def allowance(self) -> float:
        """By how much the held-out subjects' measure may fall behind that of the model that a training begins from."""
        return ALLOWANCE if self.restores else 0.0

    def without_labels(self) -> Stage | None:
        """What is left of the stage where nobody has labels; None for nothing."""
        return None

    def without_noise(self) -> Stage | None:
        """What is left of the stage where no patch is corrupted, or none clean; None for nothing."""
        return None if self.splits_patches else self

    def steps_for(self, subjects: int) -> int:
        """How many steps the stage takes with so many subjects to learn from."""
        if self.steps is not None:
            return self.steps
        return self.epochs * math.ceil(CLEAN_PATCHES * subjects / (self.batch // 2))

    def described(self) -> dict[str, Any]:
        """The stage's kind and values, as plain data."""
        return {"kind": type(self).__name__, **asdict(self)}


@dataclass(frozen=True)
class PatchStage(Stage):
    """A stage that learns from native patches, or from windows around them; half a batch is corrupted, half clean."""

    matched: bool = True  # clean patches of the same greys as the corrupted ones
    clean: float = CLEAN  # β_p of equation 1
    corrupted: float = CORRUPTED  # β_n
    degrees: float = 10.0  # by which the segmenter sees its patch turned, where it learns from patches

    @property
    def splits_patches(self) -> bool:
        return True

    @property
    def needs_labels(self) -> bool:
        """Whether the labelled subjects must show corrupted and clean patches both by themselves."""
        return True

    @property
    def restores(self) -> bool:
        return True

    def without_labels(self) -> Stage | None:
        return self


@dataclass(frozen=True)
class AdversarialStage(PatchStage):
    """DA-GAN, on windows end to end with the segmenter, or on patches without it."""

    discriminator_widths: tuple[int, ...] = (64, 128, 256)
    attention: bool = True
    dual: bool = True
    weight_segmentation: float = WEIGHT_SEGMENTATION
    weight_reconstruction: float = WEIGHT_RECONSTRUCTION
    weight_identity: float | None = None  # of equation 3 on clean patches; None: as on corrupted ones
    identity_blur: float = 0.0  # rows; σ of the vertical Gaussian behind which clean patches have to stay as they are
    warm_up: int = 0  # steps in which the discriminators alone learn, where the generator has learnt before
    weight_transplanted: float = 0.0  # of equation 3 on clean patches with another's thin noise in them
    filled_alone: bool = False  # whether equation 3 leaves out the unfilled pixels of corrupted patches

    @property
    def needs_labels(self) -> bool:
        return bool(self.weight_segmentation)

    def without_labels(self) -> Stage:
        """Restoration alone."""
        return replace(self, weight_segmentation=0.0)

    def prepare(self, setting: Setting) -> Prepared:
        method = DAGAN(
            setting.model,
            self.discriminator_widths,
            self.attention,
            self.dual,
            self.weight_segmentation,
            self.weight_reconstruction,
            self.weight_identity,
            self.identity_blur,
            self.warm_up,
            self.weight_transplanted,
            self.filled_alone,
        )
        return restoring(self, setting, method, joint=self.needs_labels)


def restoring(stage: PatchStage, setting: Setting, method: Method, joint: bool = False) -> Prepared:
    """A stage that learns restoration, judged by it; `joint`: and segmentation too, end to end."""
    if joint:
        return Prepared(window_feed(stage, setting), method, Validation(setting.subjects.held_out, RESTORATION, DICE))
    judges = [*setting.subjects.held_out, *setting.subjects.held_out_unlabelled]
    return Prepared(patch_feed(stage, setting), method, Validation(judges, RESTORATION))


def patched(stage: PatchStage, setting: Setting, records: Sequence[Record]) -> list[Patched]:
    """Subjects' pictures, with where their patches are."""
    records = tqdm(records, desc="Splitting patches", leave=False, disable=setting.quiet)
    return [split(load(record), stage.clean, stage.corrupted) for record in records]


def patch_feed(stage: PatchStage, setting: Setting) -> PatchFeed:
    """Corrupted and clean patches of the learners, labelled or not, for restoration alone."""
    places = evenly([patched(stage, setting, records) for records in setting.subjects.pictures])
    return PatchFeed(places, setting.share(stage.batch), setting.seed, stage.matched)


def window_feed(
    stage: PatchStage,
    setting: Setting,
    kind: type[WindowFeed] = WindowFeed,
    pictures: Sequence[np.ndarray] | None = None,
) -> WindowFeed:
    """Windows around corrupted and clean patches of the learners, for whatever learns to segment from patches.
    `pictures`: see `WindowFeed`."""
    places, batch = patched(stage, setting, setting.subjects.learners), setting.share(stage.batch)
    often = setting.subjects.draws
    places, pictures = [places[index] for index in often], pictures and [pictures[index] for index in often]
    return kind(places, batch, setting.seed, stage.matched, stage.degrees, pictures)


@dataclass(frozen=True)
class SegmentationStage(Stage):
    """The segmenter on whole restored spines, behind a generator that no longer changes."""

    batch: int = 4
    steps: int | None = 1500
    learning_rate: float = 1e-3
    dice: bool = True  # Dice loss beside the cross-entropy
    varied: bool = True  # augmentation
    rows: int | None = None  # height of the crops that are learnt from; None: whole spines
    remembered: float = 0.0  # share, of the weights in use, of those of a model that the training begins from

    def prepare(self, setting: Setting) -> Prepared:
        spines = [
            at_network_size(image, load(record).labels)
            for image, record in zip(setting.restored(), setting.subjects.learners, strict=True)
        ]
        often = [spines[index] for index in setting.subjects.draws]
        feed = SpineFeed(often, setting.share(self.batch), setting.seed, self.varied, self.rows)
        former = setting.former("segmenter") if self.remembered else None
        method = Segmentation(setting.model, self.dice, former, self.remembered)
        return Prepared(feed, method, Validation(setting.subjects.held_out, DICE))


@dataclass(frozen=True)
class PatchSegmentationStage(PatchStage):
    """The segmenter on patches of restored pictures, behind a generator that no longer changes: the paper's schedule
    for whatever isn't learnt end to end with the segmenter. It sees the same places, resized alike."""

    @property
    def restores(self) -> bool:
        return False

    def without_labels(self) -> None:
        return None

    def prepare(self, setting: Setting) -> Prepared:
        feed = window_feed(self, setting, SeenFeed, setting.restored())
        method = Segmentation(setting.model, dice=False)
        return Prepared(feed, method, Validation(setting.subjects.held_out, DICE))
