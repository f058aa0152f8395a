"""The classical repair, which fills what the sweep left unfilled, before a segmenter."""

from __future__ import annotations

from ..model import ClassicalRepairShape
from ..training import Preset
from .budget import Budget
from .vanilla_fpn import widened


def preset(budget: Budget) -> Preset:
    """The vanilla FPN on repaired pictures: it has the parameters that DA-GAN spends on its generator."""
    return budget.preset(ClassicalRepairShape(), [budget.segmentation], widened(budget))
