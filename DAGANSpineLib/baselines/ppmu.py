"""PPMU: a U-Net whose skips carry pyramid pooling (Table 1; Shahin et al., ISBI 2019)."""

from __future__ import annotations

from ..model import PyramidPoolingUNetShape, UntouchedShape
from ..training import Preset
from .budget import Budget, smallest

NARROWEST = 16  # channels of the finest level: each of its four pooled branches has a quarter of them, and needs some


def preset(budget: Budget) -> Preset:
    """The authors' own, of 64 channels, where DA-GAN has its published size; else the slimmest whole PPMU that is at
    least as large as DA-GAN. Without restoration."""
    wider = [PyramidPoolingUNetShape(width) for width in range(NARROWEST, 64, 4)]
    shape = PyramidPoolingUNetShape() if budget.published_size else smallest(wider, budget.capacity)
    return budget.preset(UntouchedShape(), [budget.segmentation], shape)
