"""One simulated subject: a spine, its VPI with and without the structured noise, and the experts' labels."""

from dataclasses import asdict, dataclass

import numpy as np

from .anatomy import LEVELS, Spine, grow_spine
from .back import SagittalProfile, Slab, bend_spine, skin_surface, spinous_tips
from .bones import lay_bones
from .echo import GreyCurve, make_echo
from .reading import FAINTEST_MUSCLE, read_labels
from .sweep import Sweep, plan_bursts, plan_sweep, scan
from .texture import smooth_line


@dataclass(frozen=True)
class Subject:
    """A simulated VPI, head up, and the back it was made of; all pictures share one shape, (rows, columns).

    `vpi`: uint8, as the scanner would give it, structured noise and all. `clean`: uint8, the same spine, echo and lit
    body without that noise. `labels`: uint8, 0 background, 1 rib, 2 thoracic, 3 lumbar. `known`: what is known of the
    subject, JSON-ready. `skin`: float32, how far back the skin stands, mm. `bone_depth`: float32, the depth map of the
    posterior bone surface, mm under the skin; the depth of the slab's floor where no bone stands in the slab.
    """

    vpi: np.ndarray
    clean: np.ndarray
    labels: np.ndarray
    known: dict
    skin: np.ndarray
    bone_depth: np.ndarray


@dataclass(frozen=True)
class _Field:
    """The field of view: mm per pixel; where each column and row lies in the spine's millimetres, and how far the probe
    reached to the `left` and `right` in each row; the `first` and the `last` row that it swept.
    """

    spacing: float
    x_mm: np.ndarray
    y_mm: np.ndarray
    left: np.ndarray
    right: np.ndarray
    first: int
    last: int

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.y_mm), len(self.x_mm)

    def pixel(self, y: float, x: float) -> list[float]:
        """[row, column] of a point in the spine's millimetres, to a hundredth of a pixel."""
        return [round(float((y - self.y_mm[0]) / self.spacing), 2), round(float((x - self.x_mm[0]) / self.spacing), 2)]


def _frame_spine(rng: np.random.Generator, spine: Spine, spacing: float, missing: float | None) -> _Field:
    """Lay the grid over the spine and the probe's path along it, without `missing` of its length at head or foot."""
    if missing is None:
        missing = float(rng.uniform(0.0, 0.2)) if rng.random() < 0.25 else 0.0
    length = spine.y[-1] + 25
    head, foot = (missing, 0.0) if rng.random() < 0.5 else (0.0, missing)
    start = rng.uniform(-25, 8) + head * length
    stop = spine.y[-1] + rng.uniform(15, 72) - foot * length
    above, below = int(rng.uniform(20, 130)), int(rng.uniform(8, 80))
    swept = int((stop - start) / spacing)
    rows = above + swept + below
    y_mm = start + (np.arange(rows) - above) * spacing

    # The probe wanders sideways, roughly with the spine.
    middle = rng.uniform(0.6, 1.0) * np.interp(y_mm, spine.line_y, spine.line_x) + rng.normal(0, 2)
    middle += rng.uniform(0.5, 2.5) * smooth_line(rng, rows, 90 / spacing)
    middle += rng.uniform(0.3, 1.3) * smooth_line(rng, rows, 20 / spacing)
    half = rng.uniform(33, 46)
    # The voxel grid is laid around everything that was reached, with some room.
    leftmost, rightmost = middle.min() - half - rng.uniform(6, 22), middle.max() + half + rng.uniform(6, 22)
    x_mm = np.arange(leftmost, rightmost, spacing)
    left = middle - half + rng.uniform(0, 1.5) * smooth_line(rng, rows, 60)
    right = middle + half + rng.uniform(0, 1.5) * smooth_line(rng, rows, 60)
    return _Field(spacing, x_mm, y_mm, left, right, above, above + swept)


def _lit_body(rng: np.random.Generator, field: _Field, sweep: Sweep) -> np.ndarray:
    """Pixels the sweep reached, (rows, columns) bool; a frame's own place is uncertain by a pixel or so."""
    rows = field.shape[0]
    shake = rng.uniform(0.03, 0.2) * rng.standard_normal(rows) + 0.12 * smooth_line(rng, rows, 5)
    body = (field.x_mm >= (field.left + shake)[:, None]) & (field.x_mm <= (field.right + shake)[:, None])
    # The first and the last frame bound the body above and below, inclined as they are.
    down = np.arange(rows)[:, None]
    body &= down >= np.rint(sweep.line(np.searchsorted(sweep.position, field.first)))
    body &= down <= np.rint(sweep.line(np.searchsorted(sweep.position, field.last - 1)))
    return body


def simulate_subject(
    seed: int,
    *,
    spacing_mm: float = 0.2,
    curves: int | None = None,
    cobb_deg: float | None = None,
    missing: float | None = None,
    bursts: int | None = None,
) -> Subject:
    """Simulate one subject, the same one for the same arguments.

    On every platform, but for the last bit of its exponentials: a pixel in many thousands may round to the next grey.

    `curves` (0 to 3), `cobb_deg` (of the largest curve, 0 to 60), `missing` (part of the spine's length outside the
    image, at its head or foot) and `bursts` (of structured noise) are drawn at random where None.
    Raises ValueError where they lie outside these ranges, or `missing` outside 0 to 0.5.
    """
    if missing is not None and not 0 <= missing <= 0.5:
        raise ValueError(f"Between 0 and 0.5 of the spine may be missing, not {missing}.")
    rng = np.random.Generator(np.random.PCG64(seed))
    spine = grow_spine(rng, curves, cobb_deg)
    field = _frame_spine(rng, spine, spacing_mm * float(rng.uniform(0.97, 1.03)), missing)
    planned = plan_bursts(rng, field.first + 40, field.last - 40, bursts)
    sweep = plan_sweep(rng, field.first, field.last, field.shape[1], planned)
    body = _lit_body(rng, field, sweep)
    bones = lay_bones(spine, field.x_mm, field.y_mm, rng)
    foot_row = float(np.interp(spine.y[16] + rng.uniform(-20, 40), field.y_mm, np.arange(field.shape[0])))
    off_midline = field.x_mm - np.interp(field.y_mm, spine.line_y, spine.line_x)[:, None]
    echo = make_echo(rng, bones.height, body, off_midline, field.spacing, foot_row)
    curve = GreyCurve(gain=float(np.exp(rng.uniform(-0.25, 0.4))), power=rng.uniform(1.1, 2.0))
    scanned = scan(rng, echo.intensity, sweep, spread=rng.uniform(0.06, 0.15) / curve.power)

    clean = np.where(body, np.clip(np.rint(curve(echo.intensity)), 1, 255), 0).astype(np.uint8)
    # Inside the body 0 means "not filled" and nothing else.
    filled = np.clip(np.rint(curve(scanned)), 1, 255)
    vpi = np.where(body & (scanned > 0), filled, 0).astype(np.uint8)
    muscle_grey = curve(echo.light)
    darkening = muscle_grey - curve(echo.light * echo.transmission)
    labels, readings = read_labels(bones, body & (muscle_grey >= FAINTEST_MUSCLE), darkening, field.spacing)

    third = np.random.Generator(np.random.PCG64([seed, 2]))  # the third dimension leaves the pictures as they are
    profile = bend_spine(third, spine)
    slab = Slab(depth_mm=round(third.uniform(9, 15), 2))
    bone_depth = slab.bone_depth(bones.height)
    tips = spinous_tips(spine, bones.height, field.x_mm, field.y_mm)
    bone_depth -= third.uniform(0.2, 0.4) * slab.depth_mm * tips
    return Subject(
        vpi=vpi, clean=clean, labels=labels, known=_known(seed, spine, profile, slab, field, sweep, readings),
        skin=skin_surface(third, spine, profile, field.x_mm, field.y_mm),
        bone_depth=bone_depth.astype(np.float32),
    )  # fmt: skip


def _known(
    seed: int, spine: Spine, profile: SagittalProfile, slab: Slab, field: _Field, sweep: Sweep, readings: dict
) -> dict:
    sampled = field.y_mm[::25]
    line = np.interp(sampled, spine.line_y, spine.line_x)
    return {
        "seed": int(seed),
        "spacing_mm": [field.spacing, field.spacing],
        "curve_type": spine.curve_type,
        "curves": [asdict(curve) for curve in spine.curves],
        "vertebra_centres": {level: field.pixel(*at) for level, *at in zip(LEVELS, spine.y, spine.x, strict=True)},
        "vertebra_tilt_deg": {level: round(float(t), 3) for level, t in zip(LEVELS, spine.tilt_deg, strict=True)},
        "axial_rotation_deg": {level: round(float(t), 3) for level, t in zip(LEVELS, spine.rotation_deg, strict=True)},
        "kyphosis_deg": round(profile.kyphosis_deg, 3),
        "lordosis_deg": round(profile.lordosis_deg, 3),
        "slab": asdict(slab),
        "centreline": [field.pixel(*at) for at in zip(sampled, line, strict=True)],
        "swept_rows": [field.first, field.last],
        "bursts": [asdict(burst) for burst in sweep.bursts],
        "bones": readings,
    }
