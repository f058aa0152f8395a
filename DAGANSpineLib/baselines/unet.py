"""U-Net on pictures as they come (Table 1, "UNet"; Ronneberger et al., MICCAI 2015)."""

from __future__ import annotations

from ..model import UNetShape, UntouchedShape
from ..training import Preset
from .budget import Budget, smallest

NARROWEST = 8  # channels of the finest level


def segmenter(budget: Budget) -> UNetShape:
    """The authors' own, of 64 to 1024 channels, where DA-GAN has its published size; else the slimmest U-Net that is at
    least as large as DA-GAN."""
    if budget.published_size:
        return UNetShape()
    return smallest([UNetShape(width) for width in range(NARROWEST, 64)], budget.capacity)


def preset(budget: Budget) -> Preset:
    """The U-Net in the place of the panoptic FPN, without restoration."""
    return budget.preset(UntouchedShape(), [budget.segmentation], segmenter(budget))
