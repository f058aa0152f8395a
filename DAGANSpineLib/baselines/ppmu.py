"""PPMU: a U-Net whose skips carry pyramid pooling (Table 1; Shahin et al., ISBI 2019)."""

from __future__ import annotations

from itertools import count

from ..model import PyramidPoolingUNetShape, UntouchedShape
from ..training import Preset
from . import unet
from .budget import Budget, smallest


def preset(budget: Budget) -> Preset:
    """The slimmest PPMU with at least as many parameters as DA-GAN, without restoration."""
    wider = (PyramidPoolingUNetShape(width) for width in count(unet.NARROWEST))
    return budget.preset(UntouchedShape(), [budget.segmentation], smallest(wider, budget.capacity))
