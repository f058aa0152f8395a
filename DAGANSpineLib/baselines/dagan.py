"""DA-GAN itself, under the conditions of its rivals."""

from __future__ import annotations

from dataclasses import replace

from ..training import RESTORATION_ALONE, AdversarialStage, Preset
from .budget import Budget


def preset(budget: Budget, attention: bool = True, dual: bool = True) -> Preset:
    """DA-GAN; without `attention`, or without `dual` adversarial learning, one of its ablations."""
    alone = {} if budget.joint else RESTORATION_ALONE
    restoration = budget.restoration(
        AdversarialStage,
        discriminator_widths=budget.discriminator_widths,
        attention=attention,
        dual=dual,
        **alone,
    )
    stages = [restoration] if budget.joint else [restoration, budget.segmentation]
    return budget.preset(replace(budget.generator, attention=attention), stages)
