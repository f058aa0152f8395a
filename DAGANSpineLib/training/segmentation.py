"""The segmenter alone, on images that a trained generator has restored."""

from __future__ import annotations

from monai.losses import DiceCELoss
from torch import Tensor

from ..model import Model
from .losses import of_known
from .method import LabelledBatch, Method, adam


class Segmentation(Method):
    """Train the segmenter behind a generator that no longer changes.

    Whole spines instead of patches, since which level is the last thoracic one can only be told from its neighbours.
    Cross-entropy, with `dice` plus Dice without the background, so that small classes count.
    """

    def __init__(self, model: Model, dice: bool = True) -> None:
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

    def restore(self, images: Tensor) -> Tensor:
        return self.generator(images)

    def segment(self, images: Tensor) -> Tensor:
        return self.networks["segmenter"](images)
