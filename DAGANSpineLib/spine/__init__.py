"""What the labels say of a spine: its levels, their lines, its curves, and how plausible all this is."""

from .curves import ACCEPTED, SMALLEST, Curve
from .reading import Level, Spine, measure, read

__all__ = ["ACCEPTED", "SMALLEST", "Curve", "Level", "Spine", "measure", "read"]
