"""CycleGAN (Zhu et al., ICCV 2017), with the segmenter on what it has restored, as in SynSeg-Net (Huo et al., ISBI
2018; reference 7 of the paper): Table 1, "Cycle"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..model import Model, ResidualGeneratorShape
from ..networks import PatchDiscriminator
from ..training import (
    Batch,
    Method,
    PatchStage,
    Prepared,
    Preset,
    Setting,
    WindowBatch,
    adam,
    frozen,
    restoring,
    segmentation_loss,
    within_grey,
)
from ..vpi import DEVIATION
from .budget import Budget, size_of, smallest

WEIGHT_CYCLE = 10.0
WEIGHT_IDENTITY = 0.5  # of the cycle's, as in the authors' public code
WEIGHT_SEGMENTATION = 1.0  # SynSeg-Net adds it as it is
POOL = 50  # pictures
FIRST_BETA = 0.5  # of Adam


class ImagePool:
    """Restored pictures of earlier steps, so that a discriminator doesn't forget what it could already tell
    (Shrivastava et al., CVPR 2017)."""

    def __init__(self, size: int = POOL) -> None:
        self.size = size
        self.images: list[Tensor] = []

    def exchange(self, images: Tensor) -> Tensor:
        """The same number of pictures (N, 1, H, W): each is kept while there is room; after that, it is exchanged for
        an older one with a probability of one half."""
        returned = []
        for image in images.detach().clone():
            if len(self.images) < self.size:
                self.images.append(image)
            elif torch.rand(()) < 0.5:
                index = int(torch.randint(self.size, ()))
                image, self.images[index] = self.images[index], image
            returned.append(image)
        return torch.stack(returned)


class CycleGAN(Method):
    """A generator cleans what is corrupted, another spoils what is clean; each undoes the other, and each has a
    discriminator to convince.

    `weight_identity`: how much, of the cycle's weight, pictures count that are in the wanted domain already and that
    generators should leave alone. `weight_segmentation=0` leaves the segmenter out; otherwise it learns from windows
    of both kinds after the first generator, resized as it will see them.
    """

    def __init__(
        self,
        model: Model,
        discriminator_width: int = 64,
        weight_identity: float = WEIGHT_IDENTITY,
        weight_segmentation: float = WEIGHT_SEGMENTATION,
        weight_cycle: float = WEIGHT_CYCLE,
    ) -> None:
        self.weight_cycle, self.weight_identity = weight_cycle, weight_identity
        self.weight_segmentation = weight_segmentation
        self.networks = {
            "generator": model.generator,
            "spoiler": model.generator_shape.build(),
            "segmenter": model.segmenter,
            "clean discriminator": PatchDiscriminator(discriminator_width),
            "corrupted discriminator": PatchDiscriminator(discriminator_width),
        }
        generators = [model.generator, self.networks["spoiler"]]
        self.optimisers = {
            "generators": adam(*generators, *([model.segmenter] if weight_segmentation else []), first_beta=FIRST_BETA),
            "discriminators": adam(*self._discriminators(), first_beta=FIRST_BETA),
        }
        self.averaged = ("generator", "segmenter") if weight_segmentation else ("generator",)
        self.pools = {"clean discriminator": ImagePool(), "corrupted discriminator": ImagePool()}

    def _discriminators(self) -> list[nn.Module]:
        return [network for name, network in self.networks.items() if name.endswith("discriminator")]

    def step(self, batch: Batch | WindowBatch) -> dict[str, Tensor]:
        """First both generators, then both discriminators, as in the authors' public code."""
        imitations, figures = self._generator_step(batch)
        return figures | self._discriminator_step(batch, imitations)

    def _generator_step(self, batch: Batch | WindowBatch) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Teach both generators, and the segmenter; their imitations, by the discriminator that judged them."""
        corrupted, clean = batch.corrupted, batch.clean
        if self.weight_identity or self.weight_segmentation:
            restored = self.restore(batch.windows)
            cleaned, kept = batch.cut(restored).chunk(2)
        else:
            cleaned = self.restore(corrupted)
        spoiled = self.spoil(clean)
        imitations = {"clean discriminator": cleaned, "corrupted discriminator": spoiled}
        with frozen(*self._discriminators()):
            adversarial = sum(least_squares(self._judge(name, image), True) for name, image in imitations.items())
            cycle = difference(self.spoil(cleaned), corrupted) + difference(self.restore(spoiled), clean)
            total = adversarial + self.weight_cycle * cycle
            figures = {"adversarial": adversarial.detach(), "cycle": cycle.detach()}
            if self.weight_identity:
                identity = difference(kept, clean) + difference(self.spoil(corrupted), corrupted)
                total = total + self.weight_cycle * self.weight_identity * identity
                figures["identity"] = identity.detach()
            if self.weight_segmentation:
                segmentation = segmentation_loss(self.segment(batch.seen(restored)), batch.labels)
                total = total + self.weight_segmentation * segmentation
                figures["segmentation"] = segmentation.detach()
            self.descend(total, "generators")
        return imitations, {"total": total.detach(), **figures}

    def _judge(self, name: str, patches: Tensor) -> Tensor:
        """A discriminator's verdict in the generators' step: without the wrapper that gathers gradients over
        processes, since a frozen network has none to gather."""
        return self.accelerator.unwrap_model(self.networks[name])(patches)

    def _discriminator_step(self, batch: Batch | WindowBatch, imitations: dict[str, Tensor]) -> dict[str, Tensor]:
        """Teach each discriminator its own domain against imitations of this and of earlier steps."""
        domains = {"clean discriminator": batch.clean, "corrupted discriminator": batch.corrupted}
        loss, figures = 0, {}
        for name, real in domains.items():
            imitated = self.pools[name].exchange(imitations[name])
            real_scores, imitated_scores = self.networks[name](torch.cat([real, imitated])).chunk(2)
            # halved, so that discriminators learn more slowly than generators (section 4 of CycleGAN's paper)
            loss = loss + (least_squares(real_scores, True) + least_squares(imitated_scores, False)) / 2
            right = torch.cat([real_scores > 0.5, imitated_scores <= 0.5])
            figures[f"{name} accuracy"] = right.float().mean()
        self.descend(loss, "discriminators")
        return {"discriminators": loss.detach(), **figures}

    def restore(self, images: Tensor) -> Tensor:
        """Cut off at black and white, as `spoil` is: the authors' generators can't exceed them."""
        return within_grey(self.networks["generator"](images))

    def spoil(self, images: Tensor) -> Tensor:
        return within_grey(self.networks["spoiler"](images))

    def segment(self, images: Tensor) -> Tensor:
        return self.networks["segmenter"](images)

    def state(self) -> dict[str, Any]:
        """With the pools; where several processes train together, all go on with the main one's."""
        return super().state() | {"pools": {name: pool.images for name, pool in self.pools.items()}}

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        for name, pool in self.pools.items():
            pool.images = [image.to(self.accelerator.device) for image in state["pools"][name]]


def least_squares(scores: Tensor, real: bool) -> Tensor:
    """Mean squared distance from 1, real, or 0, imitated (Mao et al., ICCV 2017): scores -> scalar."""
    return (scores - float(real)).square().mean()


def difference(one: Tensor, other: Tensor) -> Tensor:
    """Mean absolute difference, normalised (N, 1, H, W) -> scalar, in the authors' unit: black is -1, white 1."""
    return F.l1_loss(one, other) * (DEVIATION / 127.5)


@dataclass(frozen=True)
class CycleGANStage(PatchStage):
    """CycleGAN on patches, with the segmenter unless `weight_segmentation` is 0."""

    discriminator_width: int = 64
    weight_identity: float = WEIGHT_IDENTITY
    weight_segmentation: float = WEIGHT_SEGMENTATION
    weight_cycle: float = WEIGHT_CYCLE

    def prepare(self, setting: Setting) -> Prepared:
        weights = self.weight_identity, self.weight_segmentation, self.weight_cycle
        method = CycleGAN(setting.model, self.discriminator_width, *weights)
        return restoring(self, setting, method, joint=bool(self.weight_segmentation))


def preset(budget: Budget, weight_identity: float = WEIGHT_IDENTITY) -> Preset:
    """CycleGAN with Adam at 2e-4, as the authors, and asked to leave alone what is in the wanted domain already.

    Where DA-GAN's generator has its published widths, so has CycleGAN's; where it is slimmer, CycleGAN's is slimmed
    too, as long as it is at least as large. Its one weight is the cycle's.
    """
    restoration = budget.restoration(
        CycleGANStage,
        learning_rate=budget.hastened(2e-4),
        discriminator_width=budget.discriminator_widths[0],
        weight_cycle=budget.weighed(WEIGHT_CYCLE),
        weight_identity=weight_identity,
        weight_segmentation=WEIGHT_SEGMENTATION if budget.joint else 0.0,
    )
    stages = [restoration] if budget.joint else [restoration, budget.segmentation]
    return budget.preset(shape(budget), stages)


def without_identity(budget: Budget) -> Preset:
    """CycleGAN of adversaries and cycles alone, as its paper has it for most pictures."""
    return preset(budget, weight_identity=0.0)


def shape(budget: Budget) -> ResidualGeneratorShape:
    """How large the generators are."""
    if budget.published_size:
        return ResidualGeneratorShape()
    slim = [ResidualGeneratorShape(width) for width in range(4, 64, 2)]
    return smallest(slim, size_of(budget.generator))
