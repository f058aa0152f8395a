"""Vanilla FPN: DA-GAN's segmenter alone, on pictures as they come (Table 1, "Vanilla")."""

from __future__ import annotations

from dataclasses import replace

from ..model import PanopticFPNShape, UntouchedShape
from ..training import Preset
from .budget import Budget, smallest


def preset(budget: Budget) -> Preset:
    """The widened segmenter, and nothing before it."""
    return budget.preset(UntouchedShape(), [budget.segmentation], widened(budget))


def alone(budget: Budget) -> Preset:
    """DA-GAN's own segmenter, and nothing before it: what DA-GAN does better, its restoration has done."""
    return budget.preset(UntouchedShape(), [budget.segmentation])


def widened(budget: Budget) -> PanopticFPNShape:
    """The panoptic FPN, its backbone wider until it has at least the parameters and the multiply-adds of DA-GAN's
    generator and segmenter together (section 3.3: "we enlarge the kernel size and the network depth")."""
    narrowest = budget.segmenter.width
    return smallest(
        [replace(budget.segmenter, width=width) for width in range(narrowest, 8 * narrowest, 4)], budget.capacity
    )
