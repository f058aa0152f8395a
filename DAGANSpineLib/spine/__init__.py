"""What the labels say of a spine: its levels, their lines, its curves, and how plausible all this is."""

from .curves import ACCEPTED, CERTAIN, SMALLEST, Curve, how_certain, turning_points
from .doubt import Doubt
from .level import Level
from .measuring import measure
from .names import CERTAIN_NAMES
from .reading import read
from .record import as_record, from_record
from .spine import Spine

__all__ = [
    "ACCEPTED",
    "CERTAIN",
    "CERTAIN_NAMES",
    "SMALLEST",
    "Curve",
    "Doubt",
    "Level",
    "Spine",
    "as_record",
    "from_record",
    "how_certain",
    "measure",
    "read",
    "turning_points",
]
