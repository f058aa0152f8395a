"""RSNU: the U-Net with a total-variation loss on its class probabilities (Table 1; Huang et al., SMC 2020)."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

from torch import Tensor, nn

from ..model import Model, UntouchedShape
from ..training import (
    LabelledBatch,
    PatchSegmentationStage,
    Prepared,
    Preset,
    Segmentation,
    SegmentationStage,
    Setting,
    Stage,
)
from . import unet
from .budget import Budget

WEIGHT = 0.1  # of the total variation, where no search has chosen another


def preset(budget: Budget) -> Preset:
    """The same U-Net as in `baselines.unet`, and the same training, with the total variation in its loss."""
    training = RegularisedStage.around(budget.segmentation, budget.weighed(WEIGHT))
    return budget.preset(UntouchedShape(), [training], unet.segmenter(budget))


def total_variation(logits: Tensor) -> Tensor:
    """How much the class probabilities change from a pixel to the next, down and across, summed over the classes and
    averaged over the pixels: (N, C, H, W) -> scalar (Rudin et al., Physica D 1992, anisotropic)."""
    probabilities = logits.softmax(1)
    down, across = (probabilities.diff(dim=axis).abs().sum(1).mean() for axis in (2, 3))
    return down + across


class RSNU(Segmentation):
    """Segmentation with `weight` times the total variation added to its loss, so that specks and gaps as small as the
    noise don't pay."""

    def __init__(self, model: Model, loss: nn.Module, weight: float) -> None:
        super().__init__(model)
        self.loss, self.weight = loss, weight

    def step(self, batch: LabelledBatch) -> dict[str, Tensor]:
        logits = self.segment(batch.images)
        supervision, variation = self.loss(logits, batch.labels[:, None]), total_variation(logits)
        total = supervision + self.weight * variation
        self.descend(total, "segmenter")
        parts = {"total": total, "segmentation": supervision, "total variation": variation}
        return {name: value.detach() for name, value in parts.items()}


@dataclass(frozen=True)
class RegularisedStage(Stage):
    """The segmentation that all systems share, with `weight` times the total variation in its loss."""

    segmentation: SegmentationStage | PatchSegmentationStage = field(default_factory=SegmentationStage)
    weight: float = WEIGHT

    @classmethod
    def around(cls, segmentation: SegmentationStage | PatchSegmentationStage, weight: float) -> RegularisedStage:
        """Of the same batches, length and learning rates."""
        shared = {each.name: getattr(segmentation, each.name) for each in fields(Stage)}
        return cls(**shared, segmentation=segmentation, weight=weight)

    @property
    def splits_patches(self) -> bool:
        return self.segmentation.splits_patches

    @property
    def needs_labels(self) -> bool:
        """As the segmentation, where that learns from patches."""
        return True

    def prepare(self, setting: Setting) -> Prepared:
        prepared = self.segmentation.prepare(setting)
        return replace(prepared, method=RSNU(setting.model, prepared.method.loss, self.weight))
