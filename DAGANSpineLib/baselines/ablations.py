"""DA-GAN against itself: what spatial attention and dual adversarial learning add (Table 1)."""

from __future__ import annotations

from ..training import Preset
from . import dagan
from .budget import Budget


def without_attention(budget: Budget) -> Preset:
    """Every spatial attention unit of generator and discriminators is an identity (section 2.2)."""
    return dagan.preset(budget, attention=False)


def without_dual(budget: Budget) -> Preset:
    """No discriminator of corrupted patches, and no clean patches that are made corrupted (section 2.3)."""
    return dagan.preset(budget, dual=False)
