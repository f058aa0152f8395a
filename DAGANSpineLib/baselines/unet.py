"""U-Net on pictures as they come (Table 1, "UNet"; Ronneberger et al., MICCAI 2015)."""

from __future__ import annotations

from itertools import count

from ..model import UNetShape, UntouchedShape
from ..training import Preset
from .budget import Budget, smallest

NARROWEST = 8  # channels of the finest level


def segmenter(budget: Budget) -> UNetShape:
    """The slimmest U-Net with at least as many parameters as DA-GAN; in the paper's budget that is the authors' own,
    of 64 to 1024 channels."""
    return smallest((UNetShape(width) for width in count(NARROWEST)), budget.capacity)


def preset(budget: Budget) -> Preset:
    """The U-Net in the place of the panoptic FPN, without restoration."""
    return budget.preset(UntouchedShape(), [budget.segmentation], segmenter(budget))
