"""Vanilla FPN: DA-GAN's segmenter alone, on pictures as they come (Table 1, "Vanilla")."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from ..shapes import UntouchedShape
from ..training.presets import Preset
from .budget import Budget, smallest


def preset(budget: Budget) -> Preset:
    """The panoptic FPN, its backbone widened until it has at least as many parameters as DA-GAN's generator and
    segmenter together (section 3.3: "we enlarge the kernel size and the network depth")."""
    wider = (replace(budget.segmenter, width=width) for width in count(budget.segmenter.width, step=2))
    return budget.preset(UntouchedShape(), [budget.segmentation], smallest(wider, budget.capacity))
