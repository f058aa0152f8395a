"""RSNU: the U-Net with a total-variation loss on its class probabilities (Table 1; Huang et al., SMC 2020).

How much that loss weighs is tuned: a few weights are tried in short trainings side by side, and the held-out training
subjects choose among them. Test subjects are never looked at.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch
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
    Validation,
    adam,
)
from . import unet
from .budget import Budget

WEIGHTS = (0.01, 0.1, 1.0)  # that are tried
SHARE = 5  # the tuning takes a fifth of the training's steps
CHOSEN = "total variation weight"  # what a model's provenance calls the weight


def preset(budget: Budget) -> Preset:
    """The same U-Net as in `baselines.unet`, and the same training, behind the tuning."""
    training = RegularisedStage.around(budget.segmentation)
    shorter = {
        name: max(1, getattr(training, name) // SHARE)
        for name in ("epochs", "steps")
        if getattr(training, name) is not None
    }
    tuning = replace(TuningStage.around(budget.segmentation), **shorter)
    return budget.preset(UntouchedShape(), [tuning, training], unet.segmenter(budget))


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
        total, figures = regularised(self.loss, self.weight, self.segment(batch.images), batch.labels)
        self.descend(total, "segmenter")
        return {"total": total.detach(), **figures}


def regularised(loss: nn.Module, weight: float, logits: Tensor, labels: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """RSNU's loss and, by name, its parts: logits (N, C, H, W), labels (N, H, W)."""
    supervision, variation = loss(logits, labels[:, None]), total_variation(logits)
    figures = {"segmentation": supervision.detach(), "total variation": variation.detach()}
    return supervision + weight * variation, figures


class Tuning(Segmentation):
    """RSNU with each of the `weights`, on the same batches from the same beginning. After `steps` steps the one with
    the best Dice of the held-out subjects is written into the model's provenance; the model's own segmenter stays as
    it is."""

    def __init__(
        self, model: Model, loss: nn.Module, weights: Sequence[float], steps: int, validation: Validation
    ) -> None:
        super().__init__(model)
        self.model, self.loss, self.steps, self.validation = model, loss, steps, validation
        self.weights = {f"segmenter at {weight:g}": weight for weight in weights}
        self.networks |= {name: copy.deepcopy(model.segmenter) for name in self.weights}
        self.optimisers = {name: adam(self.networks[name]) for name in self.weights}
        self.done = 0

    def step(self, batch: LabelledBatch) -> dict[str, Tensor]:
        figures = {}
        for name, weight in self.weights.items():
            total, parts = regularised(self.loss, weight, self.networks[name](batch.images), batch.labels)
            self.descend(total, name)
            figures |= {f"{part} at {weight:g}": value for part, value in ({"total": total.detach()} | parts).items()}
        self.done += 1
        if self.done == self.steps:
            self._choose()
        totals = torch.stack([figures[f"total at {weight:g}"] for weight in self.weights.values()])
        return {"total": totals.mean()} | figures

    def _choose(self) -> None:
        dice = {weight: self._dice(name) for name, weight in self.weights.items()}
        self.model.provenance |= {
            CHOSEN: max(dice, key=dice.get),
            "tuned by Dice of held-out training subjects": ", ".join(
                f"{weight:g}: {score:.4f}" for weight, score in dice.items()
            ),
        }

    def _dice(self, name: str) -> float:
        """A candidate's score by the path that the clinician runs."""
        candidate = Model(self.model.generator_shape, self.model.segmenter_shape)
        candidate.generator.load_state_dict(self.model.generator.state_dict())
        candidate.segmenter.load_state_dict(self.accelerator.unwrap_model(self.networks[name]).state_dict())
        return self.validation.score(candidate, self.accelerator.device.type)["dice"]

    def state(self) -> dict[str, Any]:
        return super().state() | {"done": self.done}

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        self.done = state["done"]


@dataclass(frozen=True)
class RegularisedStage(Stage):
    """The segmentation that all systems share, by RSNU's loss with the weight that the tuning chose."""

    segmentation: SegmentationStage | PatchSegmentationStage = field(default_factory=SegmentationStage)

    @classmethod
    def around(cls, segmentation: SegmentationStage | PatchSegmentationStage) -> RegularisedStage:
        """Of the same batches, length and learning rates."""
        return cls(**{each.name: getattr(segmentation, each.name) for each in fields(Stage)}, segmentation=segmentation)

    @property
    def splits_patches(self) -> bool:
        return self.segmentation.splits_patches

    def prepare(self, setting: Setting) -> Prepared:
        prepared = self.segmentation.prepare(setting)
        return replace(prepared, method=RSNU(setting.model, prepared.method.loss, setting.model.provenance[CHOSEN]))


@dataclass(frozen=True)
class TuningStage(RegularisedStage):
    """Which of the `weights` suits the subjects."""

    weights: tuple[float, ...] = WEIGHTS

    def prepare(self, setting: Setting) -> Prepared:
        prepared = self.segmentation.prepare(setting)
        steps = self.steps_for(len(setting.subjects.learners))
        method = Tuning(setting.model, prepared.method.loss, self.weights, steps, prepared.validation)
        return replace(prepared, method=method, validation=None)
