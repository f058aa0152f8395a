"""DA-GAN's step as a first implementation of the paper would write it: the yardstick of training_speed.py.

The same networks, losses and windows as `DAGANSpineLib.training.dagan`, and the same result; a test compares them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from DAGANSpineLib.networks import SpatialAttention
from DAGANSpineLib.training.dagan import DAGAN
from DAGANSpineLib.training.losses import adversarial_loss, reconstruction_loss, segmentation_loss, within_grey
from DAGANSpineLib.training.windows import WindowBatch


class TextbookDAGAN(DAGAN):
    """Two updates in turn, each from scratch: the generator makes its imitations once for the discriminators and once
    more for itself, each network sees one kind of patch at a time, and in the generator's update the discriminators
    collect gradients that nobody uses. With both discriminators and the segmenter, as in the paper."""

    def step(self, batch: WindowBatch) -> dict[str, Tensor]:
        return {**self._update_discriminators(batch), **self._update_generator(batch)}

    def _update_discriminators(self, batch: WindowBatch) -> dict[str, Tensor]:
        repaired = batch.cut(within_grey(self.restore(batch.windows))).chunk(2)[0].detach()
        spoiled = within_grey(batch.clean + (batch.corrupted - repaired))
        loss = (
            adversarial_loss(self.networks["clean discriminator"](batch.clean), True)
            + adversarial_loss(self.networks["clean discriminator"](repaired), False)
            + adversarial_loss(self.networks["corrupted discriminator"](batch.corrupted), True)
            + adversarial_loss(self.networks["corrupted discriminator"](spoiled), False)
        )
        self.descend(loss, "discriminators")
        return {"discriminators": loss.detach()}

    def _update_generator(self, batch: WindowBatch) -> dict[str, Tensor]:
        restored = within_grey(self.restore(batch.windows))
        repaired, kept = batch.cut(restored).chunk(2)
        spoiled = within_grey(batch.clean + (batch.corrupted - repaired))
        adversarial = adversarial_loss(self.networks["clean discriminator"](repaired), True) + adversarial_loss(
            self.networks["corrupted discriminator"](spoiled), True
        )
        reconstruction, identity = (
            reconstruction_loss(repaired, batch.corrupted),
            reconstruction_loss(kept, batch.clean),
        )
        segmentation = segmentation_loss(self.segment(batch.seen(restored)), batch.labels)
        total = (
            adversarial
            + self.weight_segmentation * segmentation
            + self.weight_reconstruction * reconstruction
            + self.weight_identity * identity
        )
        self.descend(total, "generator")
        return {
            "total": total.detach(),
            "adversarial": adversarial.detach(),
            "reconstruction": reconstruction.detach(),
            "identity": identity.detach(),
            "segmentation": segmentation.detach(),
        }


class TextbookAttention(SpatialAttention):
    """Spatial attention as the paper's formula, its gradient left to autograd."""

    def forward(self, features: Tensor) -> Tensor:
        summary = torch.cat([features.mean(1, keepdim=True), features.amax(1, keepdim=True)], 1)
        return features + features * torch.sigmoid(self.compress(summary))


def with_textbook_attention(method: DAGAN) -> None:
    """Give a method's networks attention units of the textbook's kind, with the same weights."""
    for network in method.networks.values():
        for module in network.modules():
            if isinstance(module, SpatialAttention):
                module.__class__ = TextbookAttention


def with_textbook_adam(method: DAGAN) -> None:
    """Give a method Adam in torch's default form, over the same weights."""
    method.optimisers = {
        name: torch.optim.Adam(optimiser.param_groups[0]["params"]) for name, optimiser in method.optimisers.items()
    }
