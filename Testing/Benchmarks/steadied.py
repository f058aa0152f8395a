"""DA-GAN with steadier discriminators, as longer.py compares it.

Two ways of the literature: spectral normalisation of every layer (Miyato et al., ICLR 2018), and R1, a discriminator's
squared gradient at real patches (Mescheder et al., ICML 2018), weighted as Karras et al. (NeurIPS 2020) advise for
the size of the patches and of the batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from textbook import TextbookAttention
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from DAGANSpineLib.networks import SpatialAttention
from DAGANSpineLib.training import Prepared
from DAGANSpineLib.training.dagan import DAGAN
from DAGANSpineLib.training.method import adam
from DAGANSpineLib.training.stages import AdversarialStage, Setting

PENALTY = 1e-4  # half of Karras's γ, by the pixels of a patch and the patches of a batch: 2e-4 · pixels / patches
WAYS = ("spectral", "r1")


class Penalised(nn.Module):
    """A discriminator that adds its R1 to the loss of its verdicts' backward pass. (N, 1, H, W) -> logits (N,)."""

    def __init__(self, discriminator: nn.Module) -> None:
        super().__init__()
        self.discriminator = discriminator
        self.penalty: Tensor | None = None

    def forward(self, patches: Tensor) -> Tensor:
        if not (torch.is_grad_enabled() and self.training and any(p.requires_grad for p in self.parameters())):
            return self.discriminator(patches)
        real = patches.chunk(2)[0].detach().requires_grad_()
        logits = self.discriminator(torch.cat([real, patches.chunk(2)[1]]))
        (slope,) = torch.autograd.grad(logits.chunk(2)[0].float().sum(), real, create_graph=True)
        self.penalty = slope.float().square().flatten(1).sum(1).mean() * PENALTY * real[0].numel() / len(real)
        return logits


class PenalisedDAGAN(DAGAN):
    """DA-GAN whose discriminators descend R1 too."""

    def descend(self, loss: Tensor, optimiser: str) -> None:
        if optimiser == "discriminators":
            loss = loss + sum(network.penalty for network in self._discriminators())
        super().descend(loss, optimiser)


@dataclass(frozen=True)
class SteadiedStage(AdversarialStage):
    """The adversarial stage with discriminators steadied in one of the `WAYS`."""

    way: str = "spectral"

    def prepare(self, setting: Setting) -> Prepared:
        prepared = super().prepare(setting)
        method = prepared.method
        for name in [name for name in method.networks if name.endswith("discriminator")]:
            method.networks[name] = steadied(method.networks[name], self.way)
        if self.way == "r1":
            method.__class__ = PenalisedDAGAN
        method.optimisers["discriminators"] = adam(*method._discriminators())
        return prepared


def steadied(discriminator: nn.Module, way: str) -> nn.Module:
    """The discriminator, steadied in one of the `WAYS`."""
    if way == "spectral":
        for layer in list(discriminator.modules()):
            if isinstance(layer, nn.Linear) or (isinstance(layer, nn.Conv2d) and layer.kernel_size != (1, 1)):
                spectral_norm(layer)  # not the attention's 1 x 1: its map is squashed already, and its weight unpacked
        return discriminator
    for module in discriminator.modules():
        if isinstance(module, SpatialAttention):
            module.__class__ = TextbookAttention  # the written-out gradient can't be derived once more
    return Penalised(discriminator)
