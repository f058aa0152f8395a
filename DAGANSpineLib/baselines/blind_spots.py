"""Learning to restore from spoilt pictures alone: pixels are hidden, and predicted from those around them.

What is independent from pixel to pixel, as noise often is, can't be predicted, so that what is predicted is clean.
Structured noise is not independent.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..model import DirectGeneratorShape, Model
from ..training import Batch, Method, adam
from .budget import Budget

# patches (N, 1, H, W) -> the same with some pixels hidden, and which of them are to be predicted: boolean, same shape
Hide = Callable[[Tensor], tuple[Tensor, Tensor]]


class BlindSpotLearning(Method):
    """The generator predicts what `hide` has hidden, of corrupted and clean patches alike."""

    averaged = ("generator",)

    def __init__(self, model: Model, hide: Hide) -> None:
        self.hide, self.segmenter = hide, model.segmenter
        self.networks = {"generator": model.generator}
        self.optimisers = {"generator": adam(model.generator)}

    def step(self, batch: Batch) -> dict[str, Tensor]:
        observed = torch.cat([batch.corrupted, batch.clean])
        hidden, spots = self.hide(observed)
        loss = prediction_loss(self.restore(hidden), observed, spots)
        self.descend(loss, "generator")
        return {"total": loss.detach()}

    def restore(self, images: Tensor) -> Tensor:
        return self.networks["generator"](images)

    def segment(self, images: Tensor) -> Tensor:
        return self.segmenter(images)


def direct_generator(budget: Budget) -> DirectGeneratorShape:
    """DA-GAN's generator without attention, and without the shortcut, which would pass on what isn't hidden."""
    return DirectGeneratorShape(budget.widths, unshuffled=budget.unshuffled)


def prediction_loss(predicted: Tensor, observed: Tensor, spots: Tensor) -> Tensor:
    """Mean squared error over the spots alone: all (N, 1, H, W), `spots` boolean -> scalar."""
    return (predicted - observed)[spots].square().mean()
