"""A spine: where each vertebra stands, how it is tilted and turned, and how large it is.

Millimetres, degrees; x to the image's right, y toward the feet. The sizes are rounded adult means after Panjabi et al.
(Spine 1991, 1992: thoracic and lumbar vertebrae, quantitative three-dimensional anatomy); the scatter around them is
wider than any one population's, because what is simulated has to contain the real.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .texture import smooth_line

THORACIC = tuple(f"T{i}" for i in range(1, 13))
LUMBAR = tuple(f"L{i}" for i in range(1, 6))
LEVELS = THORACIC + LUMBAR

# From one vertebra's centre to the next one's (T1-T2, ..., L5-S1): body and disc, mm.
PITCH = np.array([21, 21.5, 22, 22.5, 23, 23.5, 24, 25, 26, 27, 28, 28.5, 30.5, 31.5, 32, 32, 30.0])
# From the midline to the middle of the transverse process (thoracic) or to the wing's tip (lumbar), mm.
HALF_SPAN = np.array([26, 24.5, 23.5, 23, 23, 23, 23, 23, 22.5, 22, 21.5, 21, 25, 26.5, 27.5, 27.5, 27.0])
# The line through the vertebrae's centres bends by so much of what they are tilted by, for wedged bodies and discs give
# way to the side as well; that is one reason why angles of the midline underestimate Cobb's (Zheng et al., Scoliosis
# 2016: by about an eighth). From that it departs by some degrees, over two or three vertebrae alike.
LINE_SHARE = (0.8, 1.0)
LINE_DEVIATION_DEG, LINE_DEVIATION_MM = 2.0, 60.0


@dataclass(frozen=True)
class Curve:
    """One coronal curve between its two end vertebrae; `cobb_deg` > 0 is convex to the image's right."""

    upper: str
    lower: str
    apex: str
    cobb_deg: float


@dataclass(frozen=True)
class Spine:
    """Seventeen vertebrae, T1 to L5, on a centreline.

    `y`, `x`, `tilt_deg`, `rotation_deg` and `half_span` have one entry per level of `LEVELS` (mm and degrees; T1 is at
    y = 0). A positive tilt leans the way down to the right; a positive rotation turns the spinous process to the left.
    `line_y`, `line_x`: the line through their centres, every half millimetre and beyond both ends. Its slope follows
    the tilt, but is not the tilt (`loosened`).
    """

    y: np.ndarray
    x: np.ndarray
    tilt_deg: np.ndarray
    rotation_deg: np.ndarray
    half_span: np.ndarray
    scale: float
    curves: tuple[Curve, ...]
    line_y: np.ndarray
    line_x: np.ndarray

    @property
    def curve_type(self) -> str:
        """Straight (no curve of 10 degrees, the clinical threshold), single, double or triple."""
        return ("straight", "single", "double", "triple")[sum(abs(c.cobb_deg) >= 10 for c in self.curves)]


def _end_vertebrae(rng: np.random.Generator, curves: int) -> np.ndarray:
    """Indices of the curves' end vertebrae, at least four levels apart, from T1 or lower to L5 or higher."""
    room = len(LEVELS) - 1 - 4 * curves
    cuts = np.sort(rng.integers(0, room + 1, curves + 1))
    return cuts + 4 * np.arange(curves + 1)


def _end_tilts(rng: np.random.Generator, curves: int, largest_cobb: float) -> np.ndarray:
    """Tilts of the end vertebrae, alternating in sign; neighbours differ by the curve's Cobb angle."""
    tilts = rng.uniform(0.35, 1.0, curves + 1)
    tilts *= largest_cobb / (tilts[1:] + tilts[:-1]).max()
    return tilts * np.where(np.arange(curves + 1) % 2 == 0, 1, -1) * rng.choice([-1, 1])


def tilt_along(line_y: np.ndarray, end_y: np.ndarray, end_tilt: np.ndarray, extent: float) -> np.ndarray:
    """Tilt along the line: half cosines from end vertebra to end vertebra, so that these are the most tilted ones."""
    knots_y = np.concatenate([[end_y[0] - extent], end_y, [end_y[-1] + extent]])
    knots_tilt = np.concatenate([[0.2 * end_tilt[0]], end_tilt, [0.2 * end_tilt[-1]]])
    y = np.clip(line_y, knots_y[0], knots_y[-1])
    right = np.clip(np.searchsorted(knots_y, y, side="right"), 1, len(knots_y) - 1)
    t = (y - knots_y[right - 1]) / (knots_y[right] - knots_y[right - 1])
    return knots_tilt[right - 1] + (knots_tilt[right] - knots_tilt[right - 1]) * (1 - np.cos(np.pi * t)) / 2


def loosened(rng: np.random.Generator, line_y: np.ndarray, tilt: np.ndarray) -> np.ndarray:
    """Slopes, degrees, of the line through the centres of vertebrae that are tilted by `tilt`, along `line_y`, mm."""
    deviation = LINE_DEVIATION_DEG * smooth_line(rng, len(line_y), LINE_DEVIATION_MM / float(line_y[1] - line_y[0]))
    return rng.uniform(*LINE_SHARE) * tilt + deviation


def grow_spine(
    rng: np.random.Generator, curves: int | None = None, cobb_deg: float | None = None, tied: bool = False
) -> Spine:
    """A spine with 0 to 3 coronal `curves`, the largest of `cobb_deg` (0 to 60); both drawn at random where None.

    `tied`: the centreline's slope is the vertebrae's tilt, as in the first simulation.
    """
    drawn_curves = int(rng.choice(4, p=[0.2, 0.35, 0.3, 0.15]))
    drawn_cobb = float(rng.triangular(10, 18, 60)) if (curves is None and drawn_curves) or curves else 0.0
    curves = drawn_curves if curves is None else curves
    cobb_deg = drawn_cobb if cobb_deg is None else cobb_deg
    if not 0 <= curves <= 3 or not 0 <= cobb_deg <= 60:
        raise ValueError(f"A spine has 0 to 3 curves of 0 to 60 degrees, not {curves} of {cobb_deg}.")

    scale = float(rng.uniform(0.82, 1.1))
    levels = len(LEVELS)
    # Region by region and level by level: the real spines differ in proportion, not in size alone.
    region = np.where(np.arange(levels) < 12, rng.uniform(0.95, 1.2), rng.uniform(0.88, 1.05))
    pitch = PITCH * scale * region * rng.normal(1, 0.04, levels).clip(0.9, 1.1)
    y = np.concatenate([[0.0], np.cumsum(pitch)[:-1]])
    half_span = HALF_SPAN * scale * rng.uniform(0.88, 1.1) * rng.normal(1, 0.03, levels).clip(0.92, 1.08)

    line_y = np.arange(-120.0, y[-1] + 120.0, 0.5)
    ends = _end_vertebrae(rng, max(curves, 1))
    tilts = _end_tilts(rng, max(curves, 1), cobb_deg if curves else float(rng.uniform(0, 6)))
    lean = float(rng.normal(0, 1.2))
    tilt_at = tilt_along(line_y, y[ends], tilts, 60.0) + lean
    # The vertebrae turn into the convexity, most at the apex: about a third of the Cobb angle (Stokes, Spine 1989).
    bend = -np.gradient(tilt_at, line_y) * 60
    rotation = np.interp(y, line_y, bend) * rng.uniform(0.15, 0.5) + rng.normal(0, 1.5, levels)
    apexes = [int(np.argmin(np.abs(y - (y[a] + y[b]) / 2))) for a, b in pairwise(ends)]
    cobbs = tilts[:-1] - tilts[1:]
    found = tuple(
        Curve(LEVELS[a], LEVELS[b], LEVELS[apex], float(cobb))
        for (a, b), apex, cobb in zip(pairwise(ends), apexes, cobbs, strict=True)
    )
    slope = tilt_at if tied else loosened(rng.spawn(1)[0], line_y, tilt_at)  # draws of its own: all others stay
    line_x = np.cumsum(np.tan(np.radians(slope))) * 0.5
    line_x -= np.interp(y[8], line_y, line_x)
    tilt = np.interp(y, line_y, tilt_at)
    return Spine(
        y=y, x=np.interp(y, line_y, line_x), tilt_deg=tilt, rotation_deg=rotation.clip(-25, 25), half_span=half_span,
        scale=scale, curves=found, line_y=line_y, line_x=line_x,
    )  # fmt: skip
