"""WaveCT: appearance is moved to that of clean pictures by wavelet corrected style transfer (Table 1; Liu et al.,
ISBI 2020), ahead of the segmenter.

The authors build on a VGG that is trained on photographs. A small Haar autoencoder takes its place, trained to give
patches of VPI back.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ..model import Model, WaveCTShape
from ..training import Batch, Method, PatchStage, Prepared, Preset, Setting, adam, restoring
from .budget import Budget

# an autoencoder bears more than adversaries do, and in few steps it has to give patches back
LEARNING_RATE = 1e-3


def preset(budget: Budget) -> Preset:
    """The autoencoder has the generator's widths, and a little more parameters than it."""
    stage = budget.restoration(WaveCTStage, learning_rate=LEARNING_RATE * budget.rate)
    return budget.preset(WaveCTShape(budget.widths), [stage, budget.segmentation])


class ReconstructionLearning(Method):
    """The autoencoder learns to give corrupted and clean patches back, and the clean ones of the training subjects
    are remembered as references. The last 512 are those that stay; by then the features hardly change any more."""

    def __init__(self, model: Model) -> None:
        self.segmenter, self.transfer = model.segmenter, model.generator
        self.networks = {"generator": model.generator, "autoencoder": model.generator.autoencoder}
        self.optimisers = {"autoencoder": adam(model.generator.autoencoder)}

    def step(self, batch: Batch) -> dict[str, Tensor]:
        observed = torch.cat([batch.corrupted, batch.clean])
        loss = F.mse_loss(self.networks["autoencoder"](observed), observed)
        self.descend(loss, "autoencoder")
        # of all processes, so that all restore alike
        self.transfer.remember(self.accelerator.gather(batch.clean))
        return {"total": loss.detach()}

    def restore(self, images: Tensor) -> Tensor:
        return self.transfer(images)

    def segment(self, images: Tensor) -> Tensor:
        return self.segmenter(images)


@dataclass(frozen=True)
class WaveCTStage(PatchStage):
    """The Haar autoencoder on patches."""

    def prepare(self, setting: Setting) -> Prepared:
        return restoring(self, setting, ReconstructionLearning(setting.model))
