"""The bones as the slab meets them: a height map of the posterior bone surface, and which pixel is whose.

Heights are in slab thicknesses above the slab's floor: 0 leaves the slab free, 1 or more shadows all of it (Cheung et
al., TMI 2015: the VPI is the mean over a slab under the skin, and nothing echoes below bone). Each bone is a dome; at
r = 1 its shadow is half as deep as at the summit. Where a reader draws the line is `reading`'s matter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .anatomy import LEVELS, Spine
from .texture import smooth_field, smooth_line, vary

BACKGROUND, RIB, THORACIC, LUMBAR = range(4)
SACRUM = "S1"
PROCESSES = tuple(f"{level} {side}" for level in LEVELS[:12] for side in ("left", "right"))
RIBS = tuple(f"{process} rib" for process in PROCESSES)
LUMPS = (*LEVELS[12:], SACRUM)


@dataclass(frozen=True)
class Bones:
    """`height` (rows, columns) in slab thicknesses; `owner` (rows, columns) uint8: 0, or 1 + the index of the bone
    whose shadow is at least half as deep there as at its summit. `midline`: the height of what no bone that is named
    has part in: the ridge of spinous processes and the lumbar laminae (the crest is the sacrum's own).

    `names` and `classes` have one entry per bone: "T5 left", "T5 left rib", "L2", and its class. `shadows`: by class,
    its bones' own shadows.
    """

    height: np.ndarray
    owner: np.ndarray
    names: tuple[str, ...]
    classes: tuple[int, ...]
    shadows: dict[int, "Shadows"]
    midline: np.ndarray

    def pixels_in(self, owner: np.ndarray) -> np.ndarray:
        """How many pixels each bone has in an `owner` (rows, columns), (bones,)."""
        return np.bincount(owner.ravel(), minlength=len(self.names) + 1)[1:]

    def mean_over(self, owner: np.ndarray, values: np.ndarray) -> np.ndarray:
        """The mean of `values` over each bone in an `owner`, (rows, columns) both; 0 where it has none; (bones,)."""
        total = np.bincount(owner.ravel(), weights=values.ravel(), minlength=len(self.names) + 1)[1:]
        return total / np.maximum(self.pixels_in(owner), 1)


@dataclass(frozen=True)
class Shadows:
    """The shadows of the bones of one class, as if no other class cast any: (rows, columns) each.

    `share`: how deep the deepest one is beside its summit, as `share_of_summit`, float32; `summit`: how much of the
    slab that summit takes, 0 to 1, float32; `whose`: uint8, as `Bones.owner`.
    """

    share: np.ndarray
    summit: np.ndarray
    whose: np.ndarray

    @classmethod
    def none(cls, shape: tuple[int, int]) -> "Shadows":
        return cls(np.full(shape, -1, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.uint8))

    def add(self, rows: slice, share: np.ndarray, peak: np.ndarray | float, bone: int) -> None:
        """A bone's, some rows of (rows, columns), where it is the deepest so far."""
        deeper = share > self.share[rows]
        self.share[rows][deeper] = share[deeper]
        self.summit[rows][deeper] = np.broadcast_to(np.clip(peak, 0, 1), share.shape)[deeper]
        self.whose[rows][deeper] = bone


def dome(peak: np.ndarray | float, r_squared: np.ndarray, flatness: float = 1.5) -> np.ndarray:
    """Height over r^2 of a dome of summit `peak` whose shadow is half as deep on the outline (r = 1).

    `flatness`: 1 is a paraboloid; above it the summit is flatter and the flank steeper.
    """
    return peak - (peak - np.minimum(peak, 1.0) / 2) * r_squared**flatness


def share_of_summit(peak: np.ndarray | float, height: np.ndarray) -> np.ndarray:
    """How deep the shadow of a dome of summit `peak` is, as a share of its depth at the summit: 1 there, falling to 0
    where the dome leaves the slab, and on below 0, down to -1, beyond.
    """
    return np.maximum(np.minimum(height, 1) / np.clip(peak, 1e-3, 1), -1).astype(np.float32)


@dataclass(frozen=True)
class Showing:
    """How bones show in a picture: they `rise` so much further into its slab than usual, slab thicknesses, and are
    `widening` times as wide there; of a bone's height so much is `left` in this back, by its name, 1 where nothing is
    said. `variety` draws looks that reach further than the first simulation's; None: those.
    """

    rise: float = 0.0
    widening: float = 1.0
    left: Mapping[str, float] = field(default_factory=dict)
    variety: np.random.Generator | None = None


class _Canvas:
    """The pixel grid in millimetres, slightly warped so that no outline is a perfect ellipse."""

    def __init__(
        self, spine: Spine, x_mm: np.ndarray, y_mm: np.ndarray, rng: np.random.Generator, showing: Showing
    ) -> None:
        self.spine, self.rng, self.showing = spine, rng, showing
        self.spacing = float(y_mm[1] - y_mm[0])
        self.y_mm = y_mm
        shape = (len(y_mm), len(x_mm))
        self.x, self.y = np.tile(x_mm, (shape[0], 1)), np.tile(y_mm[:, None], (1, shape[1]))
        for grain_mm, strength_mm in ((5.0, 0.6), (14.0, 0.8)):
            grain = grain_mm / self.spacing
            self.x += strength_mm * smooth_field(rng, shape, (grain, grain))
            self.y += strength_mm * smooth_field(rng, shape, (grain, grain))
        self.height, self.midline = np.zeros(shape), np.zeros(shape)
        self.owner = np.zeros(shape, np.uint8)
        self.shadows = {value: Shadows.none(shape) for value in (RIB, THORACIC, LUMBAR)}
        self.names: list[str] = []
        self.classes: list[int] = []

    def local(self, level: int, above: float, below: float) -> tuple[slice, np.ndarray, np.ndarray]:
        """Rows around a vertebra and, there, the coordinates across (u) and down (v) its own tilted frame, mm."""
        top, bottom = np.searchsorted(self.y_mm, self.spine.y[level] + np.array([-above, below]))
        rows = slice(int(top), int(bottom))
        angle = np.radians(self.spine.tilt_deg[level])
        dx, dy = self.x[rows] - self.spine.x[level], self.y[rows] - self.spine.y[level]
        return rows, dx * np.cos(angle) - dy * np.sin(angle), dx * np.sin(angle) + dy * np.cos(angle)

    def raised(self, peak: np.ndarray | float, bone: str = "") -> np.ndarray | float:
        """A summit as this picture shows it, and what this back leaves of it."""
        return np.maximum(peak + self.showing.rise, 0) * self.showing.left.get(bone, 1.0)

    def widened(self, r_squared: np.ndarray) -> np.ndarray:
        """r^2 of a dome's outline as wide as this picture shows it."""
        return r_squared / self.showing.widening**2

    def raise_to(self, rows: slice, height: np.ndarray) -> None:
        np.maximum(self.height[rows], height, out=self.height[rows])

    def raise_midline(self, rows: slice, height: np.ndarray) -> None:
        """What is never labelled, and shadows what lies beside it all the same."""
        np.maximum(self.midline[rows], height, out=self.midline[rows])
        self.raise_to(rows, height)

    def claim(
        self,
        rows: slice,
        inside: np.ndarray,
        height: np.ndarray,
        peak: np.ndarray | float,
        value: int,
        name: str,
        where: np.ndarray | bool = True,
    ) -> None:
        """A bone of a class: a dome of `height` and summit `peak`, at least half as deep as that `inside`; it is named
        only `where`."""
        self.names.append(name)
        self.classes.append(value)
        self.owner[rows][inside & where] = len(self.names)
        share = np.where(where, share_of_summit(peak, height), -1)
        self.shadows[value].add(rows, share, peak, len(self.names))

    def lift(self, level: int, side: int) -> float:
        """How much axial rotation lifts one side's bones toward the skin, in slab thicknesses (the other sinks)."""
        return side * np.sin(np.radians(self.spine.rotation_deg[level])) * self.spine.half_span[level] / 32


def _spinous_processes(canvas: _Canvas, wide_at_top: float) -> None:
    """The midline: one ridge along the whole spine, swollen and deepened level by level; never labelled."""
    spine, rng = canvas.spine, canvas.rng
    size = len(canvas.y_mm)
    lumbar = 1 / (1 + np.exp(-(canvas.y_mm - spine.y[12]) / 25))
    neck = 1 / (1 + np.exp((canvas.y_mm - spine.y[2]) / 20))
    half_width = spine.scale * (rng.uniform(3.3, 5.5) + rng.uniform(0.5, 4.0) * lumbar + wide_at_top * neck)
    half_width = half_width * np.exp(0.14 * smooth_line(rng, size, 14 / canvas.spacing))
    peak = rng.uniform(0.45, 0.85) + rng.uniform(0.1, 0.45) * lumbar + rng.uniform(0, 0.4) * neck
    peak = peak + rng.uniform(0.04, 0.12) * smooth_line(rng, size, 22 / canvas.spacing)
    # Turned vertebrae carry the tips of their spinous processes, some 20 mm behind their axis, to the side.
    aside = np.interp(canvas.y_mm, spine.y, -20 * spine.scale * np.sin(np.radians(spine.rotation_deg)))
    away = canvas.x - (np.interp(canvas.y_mm, spine.line_y, spine.line_x) + aside)[:, None]
    ridge = canvas.widened((away / half_width[:, None]) ** 2)
    canvas.raise_midline(slice(0, size), dome(canvas.raised(peak)[:, None], ridge))
    # The lumbar laminae lie deep between the levels, and dim what is over them.
    laminae = lumbar * rng.uniform(0.1, 0.6) * np.exp(0.3 * smooth_line(rng, size, 15 / canvas.spacing))
    canvas.raise_midline(slice(0, size), dome(laminae[:, None], (away / (spine.scale * rng.uniform(10, 24))) ** 2))
    for level in range(len(LEVELS)):
        # A large spinous process is a black ball, most often where the thoracic spine ends.
        if rng.random() < {10: 0.4, 11: 0.5, 12: 0.35}.get(level, 0.12):
            rows, u, v = canvas.local(level, 30, 30)
            radius = spine.scale * rng.uniform(5.0, 9.5)
            shift = np.interp(spine.y[level], canvas.y_mm, aside)
            r2 = ((u - shift) ** 2 + ((v - rng.uniform(-8, 6)) / rng.uniform(0.9, 1.5)) ** 2) / radius**2
            canvas.raise_midline(rows, dome(canvas.raised(rng.uniform(0.7, 1.15)), canvas.widened(r2)))


def _half_hidden(rng: np.random.Generator, least: float, share: float = 0.1) -> float:
    """What is left of a bone's height: a `share` lie too deep or are missed by the beam, and keep 0.85 to `least`."""
    return rng.uniform(least, 0.85) if rng.random() < share else 1.0


def _thoracic_level(canvas: _Canvas, level: int, side: int, looks: dict) -> None:
    """One transverse process and its rib."""
    spine, rng = canvas.spine, canvas.rng
    name = f"{LEVELS[level]} {'left' if side < 0 else 'right'}"
    rows, u, v = canvas.local(level, 40, 40)
    outward = u * side - spine.half_span[level] * vary(rng, 0.05) - looks["span_offset"]
    down = v - looks["blob_drop"] - rng.normal(0, 1.2)
    a = spine.scale * looks["blob_width"] * vary(rng, 0.13)
    b = spine.scale * looks["blob_height"] * vary(rng, 0.13)
    lean = rng.normal(0, 0.25)
    if level >= 10:
        # The last processes are short and slant outward and down.
        a, b, lean = a * rng.uniform(1.0, 1.6), b * rng.uniform(0.65, 1.0), lean + rng.uniform(0.0, 0.35) * (level - 9)
    along = outward * np.cos(lean) + down * np.sin(lean)
    blob = canvas.widened((along / a) ** 2 + ((down * np.cos(lean) - outward * np.sin(lean)) / b) ** 2)
    lift = canvas.lift(level, side)
    peak = max((looks["blob"] + lift + rng.normal(0, 0.1)) * _half_hidden(rng, 0.25, 0.4 if level == 11 else 0.1), 0.0)
    peak = canvas.raised(peak, name)
    process = dome(peak, blob, looks["blob_flatness"])
    canvas.raise_to(rows, process)

    half = spine.scale * looks["rib_height"] / 2 * vary(rng, 0.15)
    fade = np.clip(outward / (14 * spine.scale), 0, 2)
    slope = looks["rib_slope"] + looks["rib_fan"] * (level - 5.5) + rng.normal(0, 0.07)
    middle = looks["rib_start"] + rng.normal(0, 1) - slope * outward - rng.normal(0.0, 0.004) * outward**2
    inner = np.minimum(outward - rng.uniform(-0.3, 0.9) * a, 0.0)
    rib = canvas.widened(((down - middle) / (half * (1 + 0.12 * fade))) ** 2 + (inner / half) ** 2)
    shown = (
        (looks["rib"] + 0.7 * lift + rng.normal(0, 0.12))
        * {10: 0.85, 11: 0.5}.get(level, 1.0)
        * _half_hidden(rng, 0.25)
    )
    floating = level == 11 and rng.random() < 0.5  # a twelfth rib too short to be met
    if shown > 0 and not floating:
        crest = canvas.raised(shown * (looks["rib_ramp"] + (1 - looks["rib_ramp"]) * fade), f"{name} rib")
        height = dome(crest, rib, looks["blob_flatness"])
        canvas.raise_to(rows, height)
        canvas.claim(rows, rib < 1, height, crest, RIB, f"{name} rib", where=outward > 0)
    canvas.claim(rows, blob < 1, process, peak, THORACIC, name)


def _wings(canvas: _Canvas, level: int, looks: dict, name: str, below: float = 0.0) -> None:
    """Laminae, articular and transverse processes of a lumbar level: the bat."""
    spine, rng = canvas.spine, canvas.rng
    rows, u, v = canvas.local(level, 45 - below, 45 + below)
    reach, right = np.abs(u), u > 0
    pitch = np.gradient(spine.y)[level]
    hump = min(spine.scale * looks["hump"] * rng.uniform(0.75, 1.3), 0.3 * pitch)
    thick = min(spine.scale * looks["wing_thickness"] * vary(rng, 0.1), 0.6 * pitch)
    waist = 1 / (1 + (reach / (spine.scale * rng.uniform(8.0, 13.0))) ** 2)
    peak = looks["wing"] * _half_hidden(rng, 0.5) + rng.normal(0, 0.06)
    outlines, peaks = [], []
    for side in (-1, 1):
        wide = spine.half_span[level] * vary(rng, 0.07)
        droop = looks["droop"] + rng.normal(0, 0.06)
        # Peaked upward at the midline, thinner toward the tips, flatter below than above.
        top = -thick / 2 - hump * waist + droop * reach
        bottom = thick / 2 - looks["notch"] * spine.scale * waist + droop * reach * (1 - looks["flat_bottom"])
        half = np.maximum((bottom - top) / 2 - thick * rng.uniform(0.0, 0.2) * reach / wide, 2.0)
        outlines.append(((v - below - (top + bottom) / 2) / half) ** 2 + (reach / wide) ** 6)
        peaks.append(max(peak + canvas.lift(level, side) + rng.normal(0, 0.07), 0.05))
    outline = np.where(right, outlines[1], outlines[0])
    # The two sides' heights pass into each other over the midline, and fall off toward the tips.
    across = 1 / (1 + np.exp(-u / 3.0))
    ridge = peaks[0] + (peaks[1] - peaks[0]) * across
    ridge = ridge * (1 + looks["wing_fade"] * (0.6 - np.minimum(reach / spine.half_span[level], 1.2)))
    ridge, outline = canvas.raised(ridge, name), canvas.widened(outline)
    height = dome(ridge, outline, looks["wing_flatness"])
    canvas.raise_to(rows, height)
    canvas.claim(rows, outline < 1, height, ridge, LUMBAR, name)


def _sacrum(canvas: _Canvas, looks: dict) -> None:
    """The last and widest shadow: the wings, which may look like one more lump, and the crest that goes on below."""
    spine, rng = canvas.spine, canvas.rng
    below = float(spine.y[16] - spine.y[15]) * rng.uniform(0.85, 1.1)
    faint = {
        **looks,
        "wing": looks["wing"] * rng.uniform(0.4, 1.0),
        "wing_thickness": rng.uniform(16, 26),
        "wing_flatness": rng.uniform(0.4, 0.9),
        "hump": 0.0,
        "droop": rng.uniform(-0.2, 0.1),
    }
    _wings(canvas, 16, faint, SACRUM, below)
    rows, u, v = canvas.local(16, 0, 110)
    half_width = spine.scale * rng.uniform(9, 20) * np.clip(1.5 - (v - below) / 60, 0.2, 1.5)
    r2 = (u / half_width) ** 2 + (np.minimum(v - below, 0) / 12) ** 2
    canvas.raise_to(rows, dome(canvas.raised(looks["wing"] * rng.uniform(0.3, 0.9)), canvas.widened(r2)))


def _looks(rng: np.random.Generator) -> dict:
    """What this subject's bones look like; one draw for all levels. Lengths in mm, heights in slab thicknesses."""
    return {
        "blob": rng.uniform(0.35, 0.8), "blob_width": rng.uniform(4.2, 6.6), "blob_height": rng.uniform(4.6, 7.0),
        "blob_drop": rng.uniform(-2, 3), "span_offset": rng.normal(0, 1.2),
        "rib": rng.uniform(0.45, 1.1), "rib_height": rng.uniform(7.5, 13.0), "rib_start": rng.uniform(-6.0, 1.0),
        "rib_slope": rng.normal(0.25, 0.17), "rib_fan": rng.normal(0, 0.025), "rib_ramp": rng.uniform(0.4, 1.0),
        "wing": rng.uniform(0.55, 1.05), "wing_thickness": rng.uniform(14, 22), "hump": rng.uniform(2, 11),
        "notch": rng.uniform(0, 3), "droop": rng.uniform(0.0, 0.26), "flat_bottom": rng.uniform(0.0, 0.8),
        "wing_fade": rng.uniform(0.0, 0.6), "wing_flatness": rng.uniform(0.6, 1.3),
        "blob_flatness": rng.uniform(0.8, 1.6),
    }  # fmt: skip


def _varied(rng: np.random.Generator) -> dict:
    """Looks that the first simulation lacks: small processes, ribs no higher than ribs are, steep flanks."""
    return {
        "blob_width": rng.uniform(3.2, 6.4), "blob_height": rng.uniform(3.8, 6.8),
        "rib_height": rng.uniform(6.5, 11.5), "rib": rng.uniform(0.45, 1.3), "rib_ramp": rng.uniform(0.4, 1.0),
        "blob_flatness": rng.uniform(0.9, 2.6), "wing_flatness": rng.uniform(0.7, 2.0),
    }  # fmt: skip


def lay_bones(
    spine: Spine, x_mm: np.ndarray, y_mm: np.ndarray, rng: np.random.Generator, showing: Showing | None = None
) -> Bones:
    """Height map and owners at the pixel centres `x_mm` (columns) and `y_mm` (rows), in the spine's millimetres."""
    showing = showing or Showing()
    canvas = _Canvas(spine, x_mm, y_mm, rng, showing)
    looks = _looks(rng) | ({} if showing.variety is None else _varied(showing.variety))
    _spinous_processes(canvas, wide_at_top=rng.uniform(0, 7))
    if rng.random() < 0.9:
        _sacrum(canvas, looks)
    for level in range(12):
        for side in (-1, 1):
            _thoracic_level(canvas, level, side, looks)
    for level in range(12, 17):
        _wings(canvas, level, looks, LEVELS[level])
    names, classes = tuple(canvas.names), tuple(canvas.classes)
    return Bones(canvas.height, canvas.owner, names, classes, canvas.shadows, canvas.midline)
