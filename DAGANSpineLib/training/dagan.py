"""DA-GAN: dual adversarial learning, end to end with the segmenter (section 2.3, figure 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..model import Model
from ..networks import Discriminator
from ..vpi import filled_pixels
from .losses import (
    WEIGHT_RECONSTRUCTION,
    WEIGHT_SEGMENTATION,
    adversarial_loss,
    down_blurred,
    of_known,
    reconstruction_loss,
    segmentation_loss,
    thin_noise,
    within_grey,
)
from .method import Batch, Method, adam, frozen
from .windows import WindowBatch


class DAGAN(Method):
    """The generator against two discriminators, and with the segmenter.

    D_cln tells clean patches from restored ones; D_crp tells corrupted patches from clean ones to which the
    generator's residual was added, so that one corrupted patch teaches its noise on many backgrounds. Both judge
    native patches; the segmenter sees windows around them, restored and then resized, as in use.

    `weight_reconstruction` weighs equation 3 on the corrupted patches of a batch, `weight_identity` on the clean ones,
    which restoration should leave alone; without it they weigh as much. With `identity_blur`, clean patches are
    compared behind a vertical Gaussian of so many rows: the banding that they still have may go. With `filled_alone`,
    equation 3 leaves out the unfilled pixels of corrupted patches: where half of a patch is black lines, it would hold
    restoration to their black, though nothing was observed there.
    `weight_segmentation=0` leaves the segmenter out, and patches do for windows. `attention=False` and `dual=False`
    are the ablations "without SA" and "without DAL" of Table 1.

    For a generator that has learnt before: for `warm_up` steps the discriminators learn alone, and
    `weight_transplanted` weighs equation 3 on clean patches with another's thin noise in them, which restoration should
    take out again. The observation, which equation 3 holds corrupted patches to otherwise, would soon have it leave
    alone what another scanner's noise is.
    """

    def __init__(
        self,
        model: Model,
        widths: Sequence[int] = (64, 128, 256),
        attention: bool = True,
        dual: bool = True,
        weight_segmentation: float = WEIGHT_SEGMENTATION,
        weight_reconstruction: float = WEIGHT_RECONSTRUCTION,
        weight_identity: float | None = None,
        identity_blur: float = 0.0,
        warm_up: int = 0,
        weight_transplanted: float = 0.0,
        filled_alone: bool = False,
    ) -> None:
        self.weight_segmentation, self.weight_reconstruction = weight_segmentation, weight_reconstruction
        self.weight_identity = weight_reconstruction if weight_identity is None else weight_identity
        self.identity_blur, self.weight_transplanted = identity_blur, weight_transplanted
        self.dual, self.filled_alone = dual, filled_alone
        self.warm_up, self.taken = warm_up, 0  # steps
        self.networks = {
            "generator": model.generator,
            "segmenter": model.segmenter,
            "clean discriminator": Discriminator(widths, attention),
        }
        if dual:
            self.networks["corrupted discriminator"] = Discriminator(widths, attention)
        learners = (model.generator, model.segmenter) if weight_segmentation else (model.generator,)
        self.averaged = ("generator", "segmenter") if weight_segmentation else ("generator",)
        self.optimisers = {
            "generator": adam(*learners),
            "discriminators": adam(*self._discriminators()),
        }

    def _discriminators(self) -> list:
        return [network for name, network in self.networks.items() if name.endswith("discriminator")]

    def _judge(self, name: str, patches: Tensor) -> Tensor:
        """A discriminator's verdict in the generator's step: without the wrapper that gathers gradients over
        processes, since a frozen network has none to gather."""
        return self.accelerator.unwrap_model(self.networks[name])(patches)

    def step(self, batch: Batch | WindowBatch) -> dict[str, Tensor]:
        """First the discriminators ascend equation 2, then generator and segmenter descend equation 5."""
        corrupted, clean = batch.corrupted, batch.clean
        learning, self.taken = self.taken >= self.warm_up, self.taken + 1
        with torch.set_grad_enabled(learning):
            restored = within_grey(self.restore(batch.windows))
            repaired, kept = batch.cut(restored).chunk(2)
            spoiled = within_grey(clean + (corrupted - repaired))  # ẑ = z + r: a clean patch with another's noise
        figures = self._discriminator_step(corrupted, clean, repaired.detach(), spoiled.detach())
        with frozen(*self._discriminators()), torch.set_grad_enabled(learning):
            adversarial = adversarial_loss(self._judge("clean discriminator", repaired), real=True)
            if self.dual:
                adversarial = adversarial + adversarial_loss(self._judge("corrupted discriminator", spoiled), real=True)
            filled = filled_pixels(corrupted) if self.filled_alone else None
            reconstruction = reconstruction_loss(repaired, corrupted, filled)
            identity = reconstruction_loss(*(down_blurred(images, self.identity_blur) for images in (kept, clean)))
            total = adversarial + self.weight_reconstruction * reconstruction + self.weight_identity * identity
            if self.weight_transplanted:
                healed = self.restore(torch.where(thin_noise(corrupted), corrupted, clean))
                transplanted = reconstruction_loss(healed, clean)
                total = total + self.weight_transplanted * transplanted
                figures["transplanted"] = transplanted.detach()
            if self.weight_segmentation:
                segmentation = segmentation_loss(*of_known(self.segment(batch.seen(restored)), batch.labels))
                total = total + self.weight_segmentation * segmentation
                figures["segmentation"] = segmentation.detach()
            if learning:
                self.descend(total, "generator")
        return {
            "total": total.detach(),
            "adversarial": adversarial.detach(),
            "reconstruction": reconstruction.detach(),
            "identity": identity.detach(),
            **figures,
        }

    def _discriminator_step(
        self, corrupted: Tensor, clean: Tensor, repaired: Tensor, spoiled: Tensor
    ) -> dict[str, Tensor]:
        """Teach each discriminator its own domain against the generator's imitation of it."""
        rivals = {"clean discriminator": (clean, repaired)}
        if self.dual:
            rivals["corrupted discriminator"] = (corrupted, spoiled)
        loss, figures = 0, {}
        for name, (real, imitated) in rivals.items():
            real_logits, imitated_logits = self.networks[name](torch.cat([real, imitated])).chunk(2)
            loss = loss + adversarial_loss(real_logits, True) + adversarial_loss(imitated_logits, False)
            right = torch.cat([real_logits > 0, imitated_logits <= 0])
            figures[f"{name} accuracy"] = right.float().mean()
        self.descend(loss, "discriminators")
        return {"discriminators": loss.detach(), **figures}

    def state(self) -> dict[str, Any]:
        return super().state() | {"taken": self.taken}

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        self.taken = int(state.get("taken", self.warm_up))  # earlier versions knew no warm-up

    def restore(self, images: Tensor) -> Tensor:
        return self.networks["generator"](images)

    def segment(self, images: Tensor) -> Tensor:
        return self.networks["segmenter"](images)
