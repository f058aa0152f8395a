"""DA-GAN itself, under the conditions of its rivals."""

from __future__ import annotations

from dataclasses import replace

from ..training import AdversarialStage, Preset
from .budget import Budget

WEIGHT_IDENTITY = 0.1  # on native patches, as for the bundled model: with λ2, clean ones changed three times as much


def preset(budget: Budget, attention: bool = True, dual: bool = True) -> Preset:
    """DA-GAN; without `attention`, or without `dual` adversarial learning, one of its ablations."""
    alone = {} if budget.joint else {"weight_segmentation": 0.0, "weight_identity": WEIGHT_IDENTITY}
    restoration = budget.restoration(
        AdversarialStage,
        discriminator_widths=budget.discriminator_widths,
        attention=attention,
        dual=dual,
        **alone,
    )
    stages = [restoration] if budget.joint else [restoration, budget.segmentation]
    return budget.preset(replace(budget.generator, attention=attention), stages)
