"""Muscle's own blotches, from which a bone's shadow has to stand out: experts compare a bone with what is about it."""

from dataclasses import dataclass

import numpy as np

from .bones import LUMBAR, RIB, THORACIC, Bones
from .echo import GreyCurve, blur

# Blotches as large as a bone are what it may be taken for: half of a process's radius, of a rib's and of a lump's half
# thickness, mm (standard deviation); what lies about it reaches so many times as far.
SCALE_MM, AROUND = {RIB: 2.5, THORACIC: 2.5, LUMBAR: 6.0}, 2.5
# Some regions are blotchier than others: how far such a region reaches, mm (standard deviation).
REGION_MM = 15.0
# Grey is sampled this far apart, mm: what is finer is gone from muscle as the eye sees it.
GRID_MM = 1.6


@dataclass(frozen=True)
class Blotches:
    """Of the muscle where each bone lies, grey levels, (bones,) each: how much `whiter` it is than the muscle about it,
    and the `spread` (standard deviation) of that all over the region.
    """

    whiter: np.ndarray
    spread: np.ndarray


def find_blotches(
    bones: Bones, muscle: np.ndarray, light: np.ndarray, curve: GreyCurve, lit: np.ndarray, spacing: float
) -> Blotches:
    """Where bones lie, as if there were none. All images are (rows, columns): `muscle` as the eye sees it, and the
    `light` that it would echo on average, linear; `lit`: where that is bright enough to see. `spacing`: mm per pixel.
    """
    step = max(1, round(GRID_MM / spacing))
    every, pixel = np.s_[::step, ::step], step * spacing
    seen, whose = lit[every].astype(float), np.where(lit[every], bones.owner[every], 0)
    grey, classes = curve(muscle[every]) - curve(light[every]), np.array(bones.classes)
    whiter, spread = np.zeros(len(classes)), np.zeros(len(classes))
    for value, scale in SCALE_MM.items():
        own = classes == value
        off = _mean(grey, seen, scale / pixel) - _mean(grey, seen, AROUND * scale / pixel)
        whiter[own] = bones.mean_over(whose, off)[own]
        local = np.sqrt(np.maximum(_mean(off**2, seen, REGION_MM / pixel), 0))
        spread[own] = bones.mean_over(whose, local)[own]
    return Blotches(whiter, spread)


def _mean(values: np.ndarray, seen: np.ndarray, sigma: float) -> np.ndarray:
    """The Gaussian mean of what is `seen` about each pixel, (rows, columns)."""
    return blur(values * seen, sigma, sigma) / np.maximum(blur(seen, sigma, sigma), 1e-3)
