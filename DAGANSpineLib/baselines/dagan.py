"""DA-GAN itself, under the conditions of its rivals."""

from __future__ import annotations

from dataclasses import replace

from ..training import RESTORATION_ALONE, AdversarialStage, Preset
from .budget import Budget

SEARCHED = ("weight_reconstruction", "weight_identity")


def preset(budget: Budget, attention: bool = True, dual: bool = True) -> Preset:
    """DA-GAN; without `attention`, or without `dual` adversarial learning, one of its ablations.

    Its one weight is λ2, of equation 3; that on clean patches goes with it.
    """
    alone = {} if budget.joint else RESTORATION_ALONE
    usual = {name: getattr(AdversarialStage, name) for name in SEARCHED} | alone
    weights = {name: budget.weighed(usual[name]) for name in SEARCHED if usual[name] is not None}
    restoration = budget.restoration(
        AdversarialStage,
        discriminator_widths=budget.discriminator_widths,
        attention=attention,
        dual=dual,
        **alone | weights,
    )
    stages = [restoration] if budget.joint else [restoration, budget.segmentation]
    return budget.preset(replace(budget.generator, attention=attention), stages)
