"""How deep under the skin the slab lies: the vendor's program stores nine layers of the same back.

Near the skin the slab meets few bones, and those by their tips alone: they are faint and narrow. Deep down bone fills
it: what stands in it is wide and black, and merges with the midline; less of the beam comes back, so all is darker.
"""

from dataclasses import dataclass

import numpy as np

LAYERS, USUAL = 9, 5
# From one layer to the next bones reach so much further into the slab, slab thicknesses,
STEP = 0.11
# and are so much wider where they do, for each slab thickness (their flanks lean outward);
WIDENING = 0.55
# the slab lies so much deeper under the skin, mm, and so much less comes back, log intensity.
APART_MM = 1.0
ATTENUATION = 0.07


@dataclass(frozen=True)
class Layer:
    """One of the nine: 1 lies next to the skin, 9 deepest."""

    number: int = USUAL

    @property
    def rise(self) -> float:
        """How much further than usual bones reach into the slab, slab thicknesses."""
        return STEP * (self.number - USUAL)

    @property
    def widening(self) -> float:
        """How many times as wide as usual bones are in it."""
        return 1 + WIDENING * self.rise

    @property
    def deeper_mm(self) -> float:
        """How much deeper than usual the slab lies under the skin, mm."""
        return APART_MM * (self.number - USUAL)

    @property
    def log_gain(self) -> float:
        return -ATTENUATION * (self.number - USUAL)


def choose_layer(rng: np.random.Generator) -> Layer:
    """Any of the nine, those next to the usual one more often."""
    return Layer(int(np.clip(round(rng.normal(USUAL, 2.2)), 1, LAYERS)))
