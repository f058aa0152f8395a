"""What takes the picture: a research scanner, a console, or a portable one.

They differ in their grey curve, in how black bone is, in how fine their pixels are, and in how much one frame differs
from the next.
"""

from dataclasses import dataclass

import numpy as np

from .worlds import CONSOLE, PORTABLE, RESEARCH

# A console smooths its frames together and draws them for a screen, this many columns for the whole picture, blurred
# (standard deviation in those columns).
CONSOLE_COLUMNS, CONSOLE_BLUR, CONSOLE_GAIN, CONSOLE_POWER = (150, 400), (0.4, 0.9), (0.7, 1.15), (0.75, 1.1)
CONSOLE_SPREAD = 0.35  # of a research scanner's difference between frames
CONSOLE_BURST = 0.3  # it has frames enough: in so few sweeps is there a burst of movement too fast for it
# A portable one has few grey levels between black and white: gain and steepness beside a research scanner's.
PORTABLE_GAIN, PORTABLE_POWER, PORTABLE_SPREAD = (1.15, 1.9), (1.0, 1.5), (0.8, 1.6)
# Its beam is wide and its slab thick: bones stand further in it, slab thicknesses, and are so many times as wide.
PORTABLE_RISE, PORTABLE_WIDENING = (0.1, 0.4), (1.0, 1.25)


@dataclass(frozen=True)
class Scanner:
    """`gain`, `power` and `spread` (of the frames' gain) beside a research scanner's; `rise` and `widening` of bones as
    in `bones.Showing`; `columns`: of the picture, None for those of the voxels; `blur`: in those columns. `bursts` of
    fast and jerky movement at most, None for any number.
    """

    name: str = RESEARCH
    gain: float = 1.0
    power: float = 1.0
    spread: float = 1.0
    rise: float = 0.0
    widening: float = 1.0
    columns: int | None = None
    blur: float = 0.0
    bursts: int | None = None


def switch_on(rng: np.random.Generator, name: str) -> Scanner:
    """One scanner of a kind."""
    if name == CONSOLE:
        return Scanner(
            name, gain=round(rng.uniform(*CONSOLE_GAIN), 3), power=round(rng.uniform(*CONSOLE_POWER), 3),
            spread=CONSOLE_SPREAD, columns=int(rng.integers(*CONSOLE_COLUMNS, endpoint=True)),
            blur=round(rng.uniform(*CONSOLE_BLUR), 2), bursts=int(rng.random() < CONSOLE_BURST),
        )  # fmt: skip
    if name == PORTABLE:
        return Scanner(
            name, gain=round(rng.uniform(*PORTABLE_GAIN), 3), power=round(rng.uniform(*PORTABLE_POWER), 3),
            spread=round(rng.uniform(*PORTABLE_SPREAD), 3), rise=round(rng.uniform(*PORTABLE_RISE), 3),
            widening=round(rng.uniform(*PORTABLE_WIDENING), 3),
        )  # fmt: skip
    return Scanner(name)
