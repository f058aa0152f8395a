"""What the labels say of a spine: its levels, their lines, its curves, and how plausible all this is."""

from .curves import ACCEPTED, SMALLEST, Curve, turning_points
from .reading import Level, Spine, measure, read

__all__ = ["ACCEPTED", "SMALLEST", "Curve", "Level", "Spine", "measure", "read", "turning_points"]
