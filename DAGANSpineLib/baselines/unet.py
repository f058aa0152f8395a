"""U-Net on pictures as they come (Table 1, "UNet"; Ronneberger et al., MICCAI 2015)."""

from __future__ import annotations

from itertools import count

from ..model import GeneratorShape, UNetShape, UntouchedShape
from ..training import Preset
from .budget import Budget, smallest

NARROWEST = 8  # channels of the finest level


def segmenter(budget: Budget) -> UNetShape:
    """The authors' own, of 64 to 1024 channels, where DA-GAN has its published size; else the slimmest U-Net with at
    least as many parameters as DA-GAN."""
    if budget.widths == GeneratorShape.widths:
        return UNetShape()
    return smallest((UNetShape(width) for width in count(NARROWEST)), budget.capacity)


def preset(budget: Budget) -> Preset:
    """The U-Net in the place of the panoptic FPN, without restoration."""
    return budget.preset(UntouchedShape(), [budget.segmentation], segmenter(budget))
