"""The segmenter alone, on images that a trained generator has restored."""

from __future__ import annotations

from collections.abc import Mapping

from monai.losses import DiceCELoss
from torch import Tensor

from ..model import Model
from .losses import of_known
from .method import LabelledBatch, Method, adam


class Segmentation(Method):
    """Train the segmenter behind a generator that no longer changes.

    Whole spines instead of patches, since which level is the last thoracic one can only be told from its neighbours.
    Cross-entropy, with `dice` plus Dice without the background, so that small classes count.

    `remembered`: weights that the segmenter began from and is used as a mean with, in which they have the `share`:
    between what a network knew and what it has learnt since lie networks that know nearly all of both (Wortsman et
    al., CVPR 2022, section 3).
    """

    def __init__(
        self, model: Model, dice: bool = True, remembered: Mapping[str, Tensor] | None = None, share: float = 0.5
    ) -> None:
        self.remembered, self.share = remembered, share
        self.generator = model.generator
        self.networks = {"segmenter": model.segmenter}
        self.optimisers = {"segmenter": adam(model.segmenter)}
        self.loss = DiceCELoss(
            include_background=False, to_onehot_y=True, softmax=True, batch=True, lambda_dice=float(dice)
        )

    def step(self, batch: LabelledBatch) -> dict[str, Tensor]:
        logits, labels = of_known(self.segment(batch.images), batch.labels)
        loss = self.loss(logits, labels[:, None])
        self.descend(loss, "segmenter")
        return {"total": loss.detach()}

    def in_use(self) -> dict[str, dict[str, Tensor]]:
        if self.remembered is None:
            return super().in_use()
        learnt = self.accelerator.unwrap_model(self.networks["segmenter"]).state_dict()
        return {
            "segmenter": {
                name: value.lerp(self.remembered[name].to(value), self.share) if value.is_floating_point() else value
                for name, value in learnt.items()
            }
        }

    def restore(self, images: Tensor) -> Tensor:
        return self.generator(images)

    def segment(self, images: Tensor) -> Tensor:
        return self.networks["segmenter"](images)
