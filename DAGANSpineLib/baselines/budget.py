"""What all systems of a comparison share: how large their networks are, how long they learn, and from what.

This is the one place for it. A system's own file says only what its paper prescribes otherwise.

How large: rivals have at least as many parameters as DA-GAN and at least as many multiply-adds, both, in networks that
are whole: where those that are matched exactly would have branches of a channel or two, the slimmest sound one stands.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import TypeVar

import torch
from torch.utils.flop_counter import FlopCounterMode

from ..model import GeneratorShape, PanopticFPNShape, RestorerShape, SegmenterShape, Shape
from ..training import PatchSegmentationStage, PatchStage, Preset, SegmentationStage, Stage
from ..vpi import NETWORK_SIZE

Sized = TypeVar("Sized", bound=Shape)
Learner = TypeVar("Learner", bound=PatchStage)


@dataclass(frozen=True)
class Budget:
    """Settings that are the same for all systems, as plain values.

    `joint`: systems that are made for it learn restoration and segmentation end to end, on patches, as in the paper;
    otherwise restoration is learnt first, and then all learn `segmentation`, on what they have restored.
    The fields from `batch` on are those of every stage that learns restoration; see `PatchStage`. `rate` and `weight`
    are what a search has chosen for a system: by how much its learning rate, and the one weight that its losses have,
    are larger than its authors'; see `tuning`.
    """

    name: str
    widths: tuple[int, ...]  # of the generator
    discriminator_widths: tuple[int, ...]
    segmenter: PanopticFPNShape
    segmentation: SegmentationStage | PatchSegmentationStage
    joint: bool
    batch: int = 16
    epochs: int | None = None
    steps: int | None = None
    learning_rate: float = 1e-4
    final_learning_rate: float = 1e-6
    matched: bool = True
    clean: float = 2.0
    corrupted: float = 4.0
    degrees: float = 10.0
    checkpoint_minutes: float = 5.0
    validate_every: int = 500  # steps
    log_every: int = 10  # steps
    unshuffled: bool = False  # the generator; see `networks.Generator`
    rate: float = 1.0
    weight: float = 1.0

    @property
    def generator(self) -> GeneratorShape:
        """DA-GAN's, whose U-Net the denoisers that need one take too."""
        return GeneratorShape(self.widths, unshuffled=self.unshuffled)

    @property
    def published_size(self) -> bool:
        """Whether DA-GAN's generator is the paper's: then its rivals have their authors' own sizes, too."""
        return self.generator == GeneratorShape()

    @property
    def capacity(self) -> Size:
        """DA-GAN's, generator and segmenter: every system has at least as much (section 3.3)."""
        return size_of(self.generator) + size_of(self.segmenter)

    def hastened(self, learning_rate: float) -> float:
        """A learning rate that a system's authors prescribe for the paper's schedule: higher here by as much as this
        budget's is than the paper's, since otherwise it would stand still in the few steps that there are; and by what
        the search has chosen."""
        return learning_rate * (self.learning_rate / PAPER.learning_rate) * self.rate

    def weighed(self, weight: float) -> float:
        """A weight that a system's authors prescribe, times what the search has chosen."""
        return weight * self.weight

    def restoration(self, kind: type[Learner], **own: object) -> Learner:
        """A stage of this kind on the patches, and for the steps, that all systems share; `own`: what is the system's
        own in it, its learning rate among it where that isn't DA-GAN's."""
        shared = {field.name: getattr(self, field.name) for field in fields(PatchStage)}
        return kind(**shared | {"learning_rate": self.hastened(PAPER.learning_rate)} | own)

    def preset(
        self, restorer: RestorerShape, stages: Iterable[Stage], segmenter: SegmenterShape | None = None
    ) -> Preset:
        """A training of these networks; without `segmenter`, with the one that all denoisers share."""
        return Preset(
            restorer,
            segmenter or self.segmenter,
            tuple(stages),
            checkpoint_minutes=self.checkpoint_minutes,
            validate_every=self.validate_every,
            log_every=self.log_every,
        )


@dataclass(frozen=True)
class Size:
    """How large a network is: how many numbers it learns, and its multiply-adds for a picture of 256 x 1024."""

    parameters: int
    multiply_adds: int

    def __add__(self, other: Size) -> Size:
        return Size(self.parameters + other.parameters, self.multiply_adds + other.multiply_adds)

    def holds(self, other: Size) -> bool:
        """Whether it is as large by both measures, or larger."""
        return self.parameters >= other.parameters and self.multiply_adds >= other.multiply_adds


@cache
def parameters(shape: Shape) -> int:
    """How many numbers a network of this shape learns."""
    with torch.device("meta"):
        return sum(weights.numel() for weights in shape.build().parameters())


@cache
def size_of(shape: Shape) -> Size:
    """Of a network of this shape; nothing is computed for it."""
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        shape.build().eval()(torch.empty(1, 1, *NETWORK_SIZE))
    return Size(parameters(shape), counter.get_total_flops() // 2)


def smallest(shapes: Sequence[Sized], capacity: Size) -> Sized:
    """The first of ever larger shapes that is at least as large as that. Raises IndexError if none is."""
    return shapes[bisect_left(shapes, True, key=lambda shape: size_of(shape).holds(capacity))]


# sections 3.1 and 3.2 of the paper; for a graphics card, or a cluster
PAPER = Budget(
    name="paper",
    widths=(64, 128, 256),
    discriminator_widths=(64, 128, 256),
    segmenter=PanopticFPNShape(),
    segmentation=PatchSegmentationStage(epochs=100),
    joint=True,
    epochs=100,
    validate_every=2500,
)
# some hours on two processor cores; restoration as the bundled model learns it
LAPTOP = Budget(
    name="laptop",
    widths=(16, 32, 64),
    discriminator_widths=(16, 32, 64),
    segmenter=PanopticFPNShape(depth=18, width=16, pyramid=32, head=32),
    segmentation=SegmentationStage(steps=400),  # the vanilla FPN's Dice is 0.71 then, on held-out training subjects
    joint=False,
    steps=300,
    learning_rate=2.5e-4,  # of networks a quarter as wide as the paper's, and soon done
    clean=1.5,
    validate_every=300,  # once restoration is learnt: no measure chooses between restorers' checkpoints, which might be
    # nearer to what one system learns by than to what another does
    unshuffled=True,  # as the bundled model's
)
# four times as long: is what the laptop's shows of two systems owed to its few steps?
LONG = replace(
    LAPTOP,
    name="long",
    steps=4 * LAPTOP.steps,
    segmentation=replace(LAPTOP.segmentation, steps=4 * LAPTOP.segmentation.steps),
    validate_every=4 * LAPTOP.validate_every,
)
# a minute a system: for tests, and to see that a data set can be used
SMOKE = Budget(
    name="smoke",
    widths=(8, 16, 32),
    discriminator_widths=(8, 16, 32),
    # not slimmer: with 8 channels in channels_last, torch 2.13 on a CPU corrupts memory in the gradient of a strided
    # 1 x 1 convolution
    segmenter=PanopticFPNShape(depth=18, width=16, pyramid=16, head=16),
    segmentation=SegmentationStage(batch=2, steps=6),
    joint=False,
    batch=4,
    steps=6,
    learning_rate=1e-3,
    checkpoint_minutes=0.0,
    validate_every=6,
    log_every=2,
)
BUDGETS = {budget.name: budget for budget in (PAPER, LONG, LAPTOP, SMOKE)}
