"""One simulated subject: a spine, its VPI with and without the structured noise, and the experts' labels."""

from dataclasses import asdict, dataclass, replace

import numpy as np

from ..vpi import BRIDGED_MM
from .anatomy import LEVELS, Spine, grow_spine
from .back import SagittalProfile, Slab, bend_spine, skin_surface, spinous_tips
from .blotches import find_blotches
from .bones import Bones, Showing, lay_bones
from .circumstances import Circumstances, Events, come_together, happen
from .echo import Echo, GreyCurve, Optics, blur, make_echo
from .export import Picture, finish
from .field import Field, frame_spine, lit_body, off_the_back
from .layer import Layer
from .moves import Jump
from .person import left_of_bones, missed_of
from .reading import EYE_MM, FAINTEST_MUSCLE, Sight, outlines, own_darkening, read_labels, read_shadows
from .sweep import Sweep, plan_bursts, plan_sweep, scan
from .torn import torn_pixels
from .worlds import World, world_of


@dataclass(frozen=True)
class Subject:
    """A simulated VPI, head up, and the back it was made of; all pictures share one shape, (rows, columns).

    `vpi`: uint8, as the scanner would give it, structured noise and all. `clean`: uint8, the same spine, echo and lit
    body without that noise. `labels`: uint8, 0 background, 1 rib, 2 thoracic, 3 lumbar. `torn`: bool, the pixels that
    the sweep spoiled. `body`: bool, those that it reached. `known`: what is known of the subject, JSON-ready. `skin`:
    float32, how far back the skin stands, mm. `bone_depth`: float32, the depth map of the posterior bone surface, mm
    under the skin; the depth of the slab's floor where no bone stands in the slab.
    """

    vpi: np.ndarray
    clean: np.ndarray
    labels: np.ndarray
    torn: np.ndarray
    body: np.ndarray
    known: dict
    skin: np.ndarray
    bone_depth: np.ndarray


def simulate_subject(
    seed: int,
    *,
    severity: str | World = "mild",
    spacing_mm: float = 0.2,
    curves: int | None = None,
    cobb_deg: float | None = None,
    missing: float | None = None,
    bursts: int | None = None,
) -> Subject:
    """Simulate one subject, the same one for the same arguments.

    On every platform, but for the last bit of its exponentials: a pixel in many thousands may round to the next grey.

    `severity`: one of `worlds.SEVERITIES`, or another world. `curves` (0 to 3), `cobb_deg` (of the largest curve, 0 to
    60), `missing` (part of the spine's length outside the image, at its head or foot) and `bursts` (of fast and jerky
    movement) are drawn at random where None.
    Raises ValueError where they lie outside these ranges, or `missing` outside 0 to 0.5.
    """
    if missing is not None and not 0 <= missing <= 0.5:
        raise ValueError(f"Between 0 and 0.5 of the spine may be missing, not {missing}.")
    world = severity if isinstance(severity, World) else world_of(severity)
    rng = np.random.Generator(np.random.PCG64(seed))
    fate = np.random.Generator(np.random.PCG64([seed, 4]))  # leaves the first world's draws as they were
    what = come_together(fate, world)

    spine = what.person.grown(grow_spine(rng, curves, cobb_deg, world.tied))
    field = frame_spine(rng, spine, spacing_mm * float(rng.uniform(0.97, 1.03)), missing)
    events = happen(fate, world, what.scanner.name, field.first, field.last, field.spacing)
    planned = plan_bursts(rng, field.first + 40, field.last - 40, bursts)
    if bursts is None:
        planned = planned[: what.scanner.bursts]
    sweep = plan_sweep(rng, field.first, field.last, field.shape[1], planned)
    body = lit_body(rng, off_the_back(field, events.off), sweep)
    showing = _showing(fate, what, world)
    bones = lay_bones(spine, field.x_mm, field.y_mm, rng, showing)
    foot_row = float(np.interp(spine.y[16] + rng.uniform(-20, 40), field.y_mm, np.arange(field.shape[0])))
    off_midline = field.x_mm - np.interp(field.y_mm, spine.line_y, spine.line_x)[:, None]
    optics = _optics(fate, what, events, sweep, off_midline)
    echo = make_echo(rng, bones.height, body, off_midline, field.spacing, foot_row, optics)
    echo = _without_back(fate, echo, events, sweep)
    gain, power = float(np.exp(rng.uniform(-0.25, 0.4))), rng.uniform(1.1, 2.0)
    curve = GreyCurve(gain * what.scanner.gain, power * what.scanner.power)
    spread = rng.uniform(0.06, 0.15) / curve.power * what.scanner.spread
    spoilt = events.on(sweep, fate)
    scanned = scan(rng, echo.intensity, spoilt, spread, body)

    clean = np.where(body, np.clip(np.rint(curve(echo.intensity)), 1, 255), 0).astype(np.uint8)
    # Inside the body 0 means "not filled" and nothing else.
    filled = np.clip(np.rint(curve(scanned)), 1, 255)
    vpi = np.where((body | bool(spoilt.errors)) & (scanned > 0), filled, 0).astype(np.uint8)
    back, seen = _on_the_back(events, sweep, body), ~_unseen(events, sweep, field)
    size = what.person.size
    labels, readings = _read(bones, back, seen, echo, curve, field.spacing, size, former=world.half_depth)

    profile, slab, skin, bone_depth = _third_dimension(seed, spine, bones, field, what.layer)
    known = _known(seed, spine, profile, slab, field, sweep, readings)
    known |= {"severity": world.name, **what.as_known(), "noise": events.as_known(sweep)}
    if world.occasions:
        known["missed"] = missed_of(what.person, showing.left)
    pictures = Picture(vpi, clean, labels, torn_pixels(vpi, clean), body, skin, bone_depth)
    return Subject(**finish(fate, pictures, known, what, _jumps(events, sweep, field.spacing)))


def _third_dimension(
    seed: int, spine: Spine, bones: Bones, field: Field, layer: Layer
) -> tuple[SagittalProfile, Slab, np.ndarray, np.ndarray]:
    """The back from the side, the slab, the skin and the depth of bone; its draws leave the pictures as they are."""
    rng = np.random.Generator(np.random.PCG64([seed, 2]))
    profile = bend_spine(rng, spine)
    slab = Slab(depth_mm=round(rng.uniform(9, 15) + layer.deeper_mm, 2))
    bone_depth = slab.bone_depth(bones.height)
    tips = spinous_tips(spine, bones.height, field.x_mm, field.y_mm)
    bone_depth -= rng.uniform(0.2, 0.4) * slab.depth_mm * tips
    return profile, slab, skin_surface(rng, spine, profile, field.x_mm, field.y_mm), bone_depth.astype(np.float32)


def _showing(fate: np.random.Generator, what: Circumstances, world: World) -> Showing:
    """How bones show by this scanner, at this depth, in this back."""
    rise = what.layer.rise + what.scanner.rise
    return Showing(
        rise=rise,
        widening=what.layer.widening * what.scanner.widening,
        left=left_of_bones(fate, what.person, rise),
        variety=fate if world.occasions else None,
    )


def _optics(
    fate: np.random.Generator, what: Circumstances, events: Events, sweep: Sweep, off_midline: np.ndarray
) -> Optics:
    """What person, scanner, layer and gain make of the echo."""
    log_gain: np.ndarray | float = what.layer.log_gain
    if what.dark_side:
        log_gain = log_gain + what.dark_side.log_gain(fate, off_midline)
    leaps = [(leap.first, leap.gain) for leap in events.leaps] + [(band.last, band.gain) for band in events.bands]
    for row, gain in leaps:
        log_gain = log_gain + gain * (np.arange(len(off_midline))[:, None] >= sweep.line_at(row))
    return Optics(what.person.blur, what.person.clutter, log_gain)


def _without_back(fate: np.random.Generator, echo: Echo, events: Events, sweep: Sweep) -> Echo:
    """The echo, with nothing but reverberation where the probe is off the back."""
    if events.off is None:
        return echo
    block = events.off.rows(sweep.line_at(events.off.edge), len(echo.light))
    empty = events.off.reverberation(fate, echo.light.shape)
    return replace(
        echo, intensity=np.where(block, empty, echo.intensity), muscle=np.where(block, empty, echo.muscle),
        light=np.where(block, 0, echo.light),
    )  # fmt: skip


def _on_the_back(events: Events, sweep: Sweep, body: np.ndarray) -> np.ndarray:
    """The lit pixels but for those where the probe is off the back, bool (rows, columns)."""
    return body & ~events.off.rows(sweep.line_at(events.off.edge), len(body)) if events.off else body


def _read(
    bones: Bones, back: np.ndarray, seen: np.ndarray, echo: Echo, curve: GreyCurve, spacing: float, size: float,
    former: bool,
) -> tuple[np.ndarray, dict]:  # fmt: skip
    """Labels and readings; the `former` readers drew at half depth, and went by muscle's average."""
    average = curve(echo.light)
    readable = back & seen & (average >= FAINTEST_MUSCLE)
    if former:
        return read_labels(bones, readable, average - curve(echo.light * echo.transmission), spacing)
    around = blur(echo.muscle, EYE_MM / spacing, EYE_MM / spacing)
    drawn_in = outlines(bones, back, readable, lambda free, at: curve(around[at] * free), echo.beam, spacing)
    darkening, beside = own_darkening(bones, around, echo.transmission, curve)
    blotches = find_blotches(bones, around, echo.light, curve, readable, spacing)
    return read_shadows(bones, readable, darkening, spacing, Sight(drawn_in, seen, back, beside, blotches, size))


def _unseen(events: Events, sweep: Sweep, field: Field) -> np.ndarray:
    """Missing bands so high that nobody draws across them, bool (rows, columns)."""
    down, unseen = np.arange(field.shape[0])[:, None], np.zeros(field.shape, bool)
    for band in events.bands:
        if (band.last - band.first) * field.spacing > BRIDGED_MM:
            unseen |= (down >= sweep.line_at(band.first)) & (down < sweep.line_at(band.last))
    return unseen


def _jumps(events: Events, sweep: Sweep, spacing: float) -> list[Jump]:
    """Where the picture goes on to the side."""
    return [
        Jump(sweep.line_at((band.first + band.last) / 2), round(band.aside_mm / spacing))
        for band in events.bands
        if band.aside_mm
    ]


def _known(
    seed: int, spine: Spine, profile: SagittalProfile, slab: Slab, field: Field, sweep: Sweep, readings: dict
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
