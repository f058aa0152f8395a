"""NTGAN (Zhao, Lun and Lam, BMVC 2020; reference 4 of the paper), which isn't in Table 1.

From its abstract, and the network and the noise model that its authors made public: one network carries the noise of a
picture over to a wanted level, and restores where that is zero; it learns from spoilt pictures alone, by what it takes
for clean itself (pseudo supervision) and against a discriminator; the degradation is known beforehand, Gaussian with a
standard deviation of σ_s times the grey plus σ_c. The rest is assumed, and marked as such.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..model import Model
from ..networks import PatchDiscriminator
from ..training import Batch, Method, PatchStage, Prepared, Preset, Setting, adam, frozen, restoring
from ..vpi import DEVIATION, denormalise
from .budget import Budget
from .cyclegan import least_squares

LARGEST = 25 / 255  # of σ_s and of σ_c, in units of the full grey range
WEIGHT_ADVERSARIAL = 0.02  # assumed, as the next
BLOCK = 8  # rows and columns over which noise averages out
DISCRIMINATOR = "observed discriminator"


class NTGAN(Method):
    """The generator restores; with noise that the noise branch has shaped added to it, a restored picture must look
    like an observed one, and the generator must find it again beneath that noise.

    Assumed: that the generator is DA-GAN's, which has spatial attention as NTGAN's has; that the noise is shaped apart
    from the picture; the least-squares PatchGAN; that the noise has a mean of zero, so that what is restored has the
    observed picture's means over blocks.
    """

    averaged = ("generator",)

    def __init__(
        self, model: Model, discriminator_width: int = 64, weight_adversarial: float = WEIGHT_ADVERSARIAL
    ) -> None:
        self.segmenter, self.weight_adversarial = model.segmenter, weight_adversarial
        self.networks = {
            "generator": model.generator,
            "noise branch": noise_branch(discriminator_width),
            DISCRIMINATOR: PatchDiscriminator(discriminator_width),
        }
        self.optimisers = {
            "generator": adam(self.networks["generator"], self.networks["noise branch"]),
            "discriminator": adam(self.networks[DISCRIMINATOR]),
        }

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """First the generator with the noise branch, then the discriminator."""
        observed = torch.cat([batch.corrupted, batch.clean])
        restored = self.restore(observed)
        noise = gaussian_noise(restored.detach())
        transferred = restored + noise + self.networks["noise branch"](noise)
        found_again = self.restore(transferred.detach())
        with frozen(self.networks[DISCRIMINATOR]):
            judge = self.accelerator.unwrap_model(self.networks[DISCRIMINATOR])
            adversarial = least_squares(judge(transferred), real=True)
            pseudo = F.mse_loss(found_again, restored.detach())
            content = F.mse_loss(F.avg_pool2d(restored, BLOCK), F.avg_pool2d(observed, BLOCK))
            total = pseudo + content + self.weight_adversarial * adversarial
            self.descend(total, "generator")
        return {
            "total": total.detach(),
            "adversarial": adversarial.detach(),
            "pseudo supervision": pseudo.detach(),
            "content": content.detach(),
            **self._discriminator_step(observed, transferred.detach()),
        }

    def _discriminator_step(self, observed: Tensor, transferred: Tensor) -> dict[str, Tensor]:
        """Teach the discriminator what observed pictures look like."""
        real, imitated = self.networks[DISCRIMINATOR](torch.cat([observed, transferred])).chunk(2)
        loss = (least_squares(real, True) + least_squares(imitated, False)) / 2
        self.descend(loss, "discriminator")
        right = torch.cat([real > 0.5, imitated <= 0.5])
        return {"discriminators": loss.detach(), f"{DISCRIMINATOR} accuracy": right.float().mean()}

    def restore(self, images: Tensor) -> Tensor:
        """The noise level wanted is zero, of which the noise branch makes zero."""
        return self.networks["generator"](images)

    def segment(self, images: Tensor) -> Tensor:
        return self.segmenter(images)


def noise_branch(width: int) -> nn.Sequential:
    """Shapes noise, (N, 1, H, W) -> the same; without biases, so that of no noise comes none."""
    return nn.Sequential(
        nn.Conv2d(1, width, 5, padding=2, bias=False),
        nn.PReLU(width),
        nn.Conv2d(width, width, 5, padding=2, bias=False),
        nn.PReLU(width),
        nn.Conv2d(width, 1, 5, padding=2, bias=False),
    )


def gaussian_noise(images: Tensor) -> Tensor:
    """Noise of a level drawn for each picture: normalised (N, 1, H, W) -> the same shape and unit."""
    signal, constant = LARGEST * torch.rand(2, len(images), 1, 1, 1, device=images.device)
    deviation = signal * (denormalise(images) / 255).clamp(0, 1) + constant
    return deviation * torch.randn_like(images) * (255 / DEVIATION)


@dataclass(frozen=True)
class NTGANStage(PatchStage):
    """NTGAN on patches; that half of them are clean, it isn't told."""

    discriminator_width: int = 64
    weight_adversarial: float = WEIGHT_ADVERSARIAL

    def prepare(self, setting: Setting) -> Prepared:
        return restoring(self, setting, NTGAN(setting.model, self.discriminator_width, self.weight_adversarial))


def preset(budget: Budget) -> Preset:
    """NTGAN at DA-GAN's learning rate, then the segmenter."""
    stage = budget.restoration(
        NTGANStage,
        discriminator_width=budget.discriminator_widths[0],
        weight_adversarial=budget.weighed(WEIGHT_ADVERSARIAL),
    )
    return budget.preset(budget.generator, [stage, budget.segmentation])
