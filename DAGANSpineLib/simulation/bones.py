"""The bones as the slab meets them: a height map of the posterior bone surface, and the experts' labels of it.

Heights are in slab thicknesses above the slab's floor: 0 leaves the slab free, 1 or more shadows all of it (Cheung et
al., TMI 2015: the VPI is the mean over a slab under the skin, and nothing echoes below bone). Each bone is a dome that
falls off quadratically; its outline, r = 1, is where its shadow is half as deep as at its summit, which is where a
reader draws the line.
"""

from dataclasses import dataclass

import numpy as np

from .anatomy import LEVELS, Spine
from .texture import smooth_field, smooth_line, vary

BACKGROUND, RIB, THORACIC, LUMBAR = range(4)
# Below this height a bone darkens the muscle by less than the muscle's own blotches: nobody would draw it.
FAINTEST_LABEL = 0.2


@dataclass(frozen=True)
class Bones:
    """`height` (rows, columns) in slab thicknesses; `labels` (rows, columns) uint8; `visibility` per bone, by name."""

    height: np.ndarray
    labels: np.ndarray
    visibility: dict[str, float]


def dome(peak: np.ndarray | float, r_squared: np.ndarray) -> np.ndarray:
    """Height over r^2 of a dome of summit `peak` whose shadow is half as deep on the outline (r = 1)."""
    return peak - (peak - np.minimum(peak, 1.0) / 2) * r_squared


class _Canvas:
    """The pixel grid in millimetres, slightly warped so that no outline is a perfect ellipse."""

    def __init__(self, spine: Spine, x_mm: np.ndarray, y_mm: np.ndarray, rng: np.random.Generator) -> None:
        self.spine, self.rng = spine, rng
        self.shape = (len(y_mm), len(x_mm))
        self.spacing = float(y_mm[1] - y_mm[0])
        self.y_mm = y_mm
        grain = 6.0 / self.spacing
        coarse = 15.0 / self.spacing
        self.x = x_mm[None, :] + 0.7 * smooth_field(rng, self.shape, (grain, grain))
        self.y = y_mm[:, None] + 0.7 * smooth_field(rng, self.shape, (grain, grain))
        self.x += 0.8 * smooth_field(rng, self.shape, (coarse, coarse))
        self.y += 0.8 * smooth_field(rng, self.shape, (coarse, coarse))
        self.height = np.zeros(self.shape)
        self.labels = np.zeros(self.shape, np.uint8)
        self.visibility: dict[str, float] = {}

    def local(self, level: int, above: float, below: float) -> tuple[slice, np.ndarray, np.ndarray]:
        """Rows around a vertebra and, there, the coordinates across (u) and down (v) its own tilted frame, mm."""
        top, bottom = np.searchsorted(self.y_mm, self.spine.y[level] + np.array([-above, below]))
        rows = slice(int(top), int(bottom))
        angle = np.radians(self.spine.tilt_deg[level])
        dx, dy = self.x[rows] - self.spine.x[level], self.y[rows] - self.spine.y[level]
        return rows, dx * np.cos(angle) - dy * np.sin(angle), dx * np.sin(angle) + dy * np.cos(angle)

    def raise_to(self, rows: slice, height: np.ndarray) -> None:
        np.maximum(self.height[rows], height, out=self.height[rows])

    def label(self, rows: slice, inside: np.ndarray, value: int, name: str, peak: float) -> None:
        self.visibility[name] = round(float(max(peak, 0.0)), 3)
        if peak >= FAINTEST_LABEL:
            self.labels[rows][inside] = value


def _spinous_processes(canvas: _Canvas, wide_at_top: float) -> None:
    """The midline: one ridge along the whole spine, swollen and deepened level by level; never labelled."""
    spine, rng = canvas.spine, canvas.rng
    size = len(canvas.y_mm)
    lumbar = 1 / (1 + np.exp(-(canvas.y_mm - spine.y[12]) / 25))
    neck = 1 / (1 + np.exp((canvas.y_mm - spine.y[2]) / 20))
    half_width = spine.scale * (rng.uniform(3.3, 5.5) + rng.uniform(0.5, 4.5) * lumbar + wide_at_top * neck)
    half_width = half_width * np.exp(0.14 * smooth_line(rng, size, 14 / canvas.spacing))
    peak = rng.uniform(0.5, 0.9) + rng.uniform(0.1, 0.45) * lumbar + rng.uniform(0, 0.4) * neck
    peak = peak + rng.uniform(0.04, 0.12) * smooth_line(rng, size, 22 / canvas.spacing)
    # Turned vertebrae carry the tips of their spinous processes, some 30 mm behind their axis, to the side.
    aside = np.interp(canvas.y_mm, spine.y, -22 * spine.scale * np.sin(np.radians(spine.rotation_deg)))
    middle = np.interp(canvas.y_mm, spine.line_y, spine.line_x) + aside
    away = canvas.x - middle[:, None]
    canvas.raise_to(slice(0, size), dome(peak[:, None], (away / half_width[:, None]) ** 2))
    # The lumbar laminae lie deep between the levels, and dim what is over them.
    laminae = lumbar * rng.uniform(0.1, 0.5) * np.exp(0.3 * smooth_line(rng, size, 15 / canvas.spacing))
    canvas.raise_to(slice(0, size), dome(laminae[:, None], (away / (spine.scale * rng.uniform(10, 16))) ** 2))
    for level in range(len(LEVELS)):
        if rng.random() < (0.35 if 9 <= level <= 13 else 0.12):
            rows, u, v = canvas.local(level, 30, 30)
            radius = spine.scale * rng.uniform(5.0, 8.5)
            shift = np.interp(spine.y[level], canvas.y_mm, aside)
            r2 = ((u - shift) ** 2 + ((v - rng.uniform(-8, 6)) / rng.uniform(0.9, 1.5)) ** 2) / radius**2
            canvas.raise_to(rows, dome(rng.uniform(0.7, 1.15), r2))


def _thoracic_level(canvas: _Canvas, level: int, side: int, looks: dict) -> None:
    """One transverse process and its rib."""
    spine, rng = canvas.spine, canvas.rng
    name = f"{LEVELS[level]}{'left' if side < 0 else 'right'}"
    rows, u, v = canvas.local(level, 40, 40)
    u = u * side
    # Rotation lifts one side toward the skin and sinks the other out of the slab.
    lift = side * np.sin(np.radians(spine.rotation_deg[level])) * spine.half_span[level] / 25
    span = spine.half_span[level] * rng.normal(1, 0.05) + looks["span_offset"]
    a = spine.scale * looks["blob_width"] * vary(rng, 0.13)
    b = spine.scale * looks["blob_height"] * vary(rng, 0.13)
    drop = looks["blob_drop"] + rng.normal(0, 1.2)
    lean = rng.normal(0, 0.25) + (rng.normal(0.5, 0.3) if level == 11 else 0)
    du, dv = u - span, v - drop
    du, dv = du * np.cos(lean) - dv * np.sin(lean), du * np.sin(lean) + dv * np.cos(lean)
    blob = (du / a) ** 2 + (dv / b) ** 2
    peak = (looks["blob"] + lift + rng.normal(0, 0.13)) * (rng.uniform(0.3, 0.8) if rng.random() < 0.1 else 1)
    canvas.raise_to(rows, dome(max(peak, 0.0), blob))

    half = spine.scale * looks["rib_height"] / 2 * vary(rng, 0.15)
    outward = u - span
    fade = np.clip(outward / (14 * spine.scale), 0, 2)
    slope = looks["rib_slope"] + looks["rib_fan"] * (level - 5.5) + rng.normal(0, 0.07)
    middle = drop + looks["rib_start"] - slope * outward - rng.normal(0.0, 0.004) * outward**2
    inner = np.minimum(outward - rng.uniform(-0.2, 0.9) * a, 0.0)
    rib = ((v - middle) / (half * (1 + 0.12 * fade))) ** 2 + (inner / half) ** 2
    weight = {10: 0.85, 11: 0.45}.get(level, 1.0)
    shown = (looks["rib"] + 0.7 * lift + rng.normal(0, 0.15)) * weight
    shown *= rng.uniform(0.2, 0.7) if rng.random() < 0.1 else 1
    present = level < 11 or rng.random() < 0.6
    if present and shown > 0:
        canvas.raise_to(rows, dome(shown * (looks["rib_ramp"] + (1 - looks["rib_ramp"]) * fade), rib))
        canvas.label(rows, (rib < 1) & (outward > -a), RIB, f"{name} rib", shown)
    canvas.label(rows, blob < 1, THORACIC, name, peak)


def _wings(canvas: _Canvas, level: int, looks: dict, y_shift: float = 0.0) -> tuple[slice, np.ndarray, float]:
    """Laminae, articular and transverse processes of a lumbar level: the bat. Returns rows, outline r^2, mean peak."""
    spine, rng = canvas.spine, canvas.rng
    rows, u, v = canvas.local(level, 45 - y_shift, 45 + y_shift)
    v = v - y_shift
    reach, right = np.abs(u), u > 0
    sides, peaks = [], []
    hump = spine.scale * looks["hump"] * rng.uniform(0.75, 1.3)
    waist = spine.scale * rng.uniform(8.0, 13.0)
    thick = spine.scale * looks["wing_thickness"] * vary(rng, 0.12)
    for side in (-1, 1):
        lift = side * np.sin(np.radians(spine.rotation_deg[level])) * spine.half_span[level] / 32
        wide = spine.half_span[level] * vary(rng, 0.07)
        droop = looks["droop"] + rng.normal(0, 0.07)
        # Peaked upward at the midline, thinner toward the tips.
        top = -thick / 2 - hump / (1 + (reach / waist) ** 2)
        bottom = thick / 2 - looks["notch"] * spine.scale / (1 + (reach / waist) ** 2)
        bottom = bottom - looks["flat_bottom"] * droop * reach
        slim = thick * rng.uniform(0.0, 0.2) * (reach / wide)
        middle, half = (top + bottom) / 2 + droop * reach, (bottom - top) / 2 - slim
        r2 = ((v - middle) / np.maximum(half, 1.0)) ** 2 + (reach / wide) ** 6
        peak = max(looks["wing"] + lift + rng.normal(0, 0.12), 0.05)
        peaks.append(peak)
        sides.append((r2, dome(peak * (1 + looks["wing_fade"] * (0.6 - np.minimum(reach / wide, 1.2))), r2)))
    canvas.raise_to(rows, np.where(right, sides[1][1], sides[0][1]))
    return rows, np.where(right, sides[1][0], sides[0][0]), float(np.mean(peaks))


def _lumbar_level(canvas: _Canvas, level: int, looks: dict) -> None:
    rows, outline, peak = _wings(canvas, level, looks)
    canvas.label(rows, outline < 1, LUMBAR, LEVELS[level], peak)


def _looks(rng: np.random.Generator) -> dict:
    """What this subject's bones look like; one draw for all levels."""
    return {
        "blob": rng.uniform(0.35, 0.8), "blob_width": rng.uniform(4.2, 6.6), "blob_height": rng.uniform(4.4, 6.8),
        "blob_drop": rng.uniform(-2, 3), "span_offset": rng.normal(0, 1.2),
        "rib": rng.uniform(0.45, 1.1), "rib_height": rng.uniform(7.5, 13.0), "rib_start": rng.uniform(-6.0, 1.0),
        "rib_slope": rng.normal(0.2, 0.17), "rib_fan": rng.normal(0, 0.025),
        "rib_ramp": rng.uniform(0.4, 1.0),
        "wing": rng.uniform(0.5, 1.0), "wing_thickness": rng.uniform(13, 20),
        "hump": rng.uniform(2, 9), "notch": rng.uniform(0, 3), "droop": rng.uniform(0.0, 0.26),
        "flat_bottom": rng.uniform(0.0, 0.9), "wing_fade": rng.uniform(0.0, 0.6),
    }  # fmt: skip


def lay_bones(spine: Spine, x_mm: np.ndarray, y_mm: np.ndarray, rng: np.random.Generator) -> Bones:
    """Height map and labels at the pixel centres `x_mm` (columns) and `y_mm` (rows), the spine's millimetres."""
    canvas = _Canvas(spine, x_mm, y_mm, rng)
    looks = _looks(rng)
    _spinous_processes(canvas, wide_at_top=rng.uniform(0, 7))
    if rng.random() < 0.75:
        # The sacrum: the last and widest shadow, which the experts leave unlabelled.
        faint = {**looks, "wing": looks["wing"] * rng.uniform(0.4, 0.9), "hump": looks["hump"] * 0.5}
        _wings(canvas, 16, faint, y_shift=float(spine.y[16] - spine.y[15]) * rng.uniform(0.85, 1.05))
    for level in range(12):
        for side in (-1, 1):
            _thoracic_level(canvas, level, side, looks)
    for level in range(12, 17):
        _lumbar_level(canvas, level, looks)
    return Bones(height=canvas.height, labels=canvas.labels, visibility=canvas.visibility)
