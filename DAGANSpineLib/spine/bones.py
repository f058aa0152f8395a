"""Single bones: the shadows of transverse processes, and the halves of lumbar lumps, left and right of the midline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import find_objects, gaussian_filter, gaussian_filter1d, label, map_coordinates, maximum_filter

from .bone_maps import CLASSES, LUMBAR, THORACIC, BoneMaps
from .midline import Midline

LEFT, RIGHT = -1, 1
Tilts = Callable[[np.ndarray], np.ndarray]  # y in mm -> the tilts in degrees that lines there are expected to have
SMOOTH = 0.1  # of the swept back's width, some 8 mm
# In half spans (from the midline to the middle of the transverse processes, some 24 mm):
GRAIN = {THORACIC: (0.1, 0.1), LUMBAR: (0.13, 0.3)}  # how far a bone's pixels are gathered, down and across
APART = {THORACIC: (0.35, 0.35), LUMBAR: (0.5, 1.5)}  # nearer ones are one bone
WITHIN = {THORACIC: (0.5, 0.6), LUMBAR: (0.6, 1.5)}  # pixels farther from its summit are another bone's
SPECK = {THORACIC: 0.02, LUMBAR: 0.06}  # square half spans: smaller ones are none
MOST = 30  # bones of a class on a side: of more, which no spine has, the faintest are left out
SOME = 0.05  # of a cell, that is bone: less is none
AT, NEAR = 0.35, 1.5  # from the midline: where no transverse process is, and where all of them are
DIP = 0.88  # of the lower of two summits: where the bone between them is thinner than that, they are two bones


@dataclass(frozen=True)
class Bone:
    """One shadow. `y`, `x`: its centre in the picture's mm. `along`, `aside`: the same in the straightened back, mm
    down the midline and to the right of it. `weight`: how much there is of it, pixels' shares times square mm. `cut`:
    whether the sweep's end cuts it off. `moments`: its variances down and across and their covariance about the centre,
    in the picture's square mm."""

    value: int
    side: int
    y: float
    x: float
    along: float
    aside: float
    weight: float
    cut: bool = False
    moments: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class StraightBack:
    """The bone maps laid along the midline, so that every line across lies about level.

    `share`: (2, places, offsets), of thoracic and lumbar bone; `along` (places,) and `aside` (offsets,): mm; `y`, `x`:
    (places, offsets), where each lies in the picture, mm; `end`: whether the sweep ends there, at head or foot.
    """

    share: np.ndarray
    along: np.ndarray
    aside: np.ndarray
    y: np.ndarray
    x: np.ndarray
    end: np.ndarray


def straighten(maps: BoneMaps, midline: Midline, expected: Tilts) -> StraightBack:
    """Sample the maps along the midline and across it as lines are `expected` to run, at their own step."""
    step = float(np.mean(maps.step))
    y = np.arange(maps.y[0], maps.y[-1] + step, step / 2)
    # smooth over about a vertebra: what is finer would fan the bones out
    x = gaussian_filter1d(midline.at(y), SMOOTH * maps.width / (step / 2), mode="nearest")
    length = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(y), np.diff(x)))])
    along = np.arange(0.0, length[-1], step)
    middle_y, middle_x = np.interp(along, length, y), np.interp(along, length, x)
    angle = gaussian_filter1d(np.radians(expected(middle_y)), SMOOTH * maps.width / step, mode="nearest")
    aside = np.arange(-round(0.55 * maps.width / step), round(0.55 * maps.width / step) + 1) * step
    at_y = middle_y[:, None] - aside * np.sin(angle)[:, None]
    at_x = middle_x[:, None] + aside * np.cos(angle)[:, None]
    places = (at_y - maps.y[0]) / maps.step[0], (at_x - maps.x[0]) / maps.step[1]
    share = np.stack([map_coordinates(each, places, order=1, mode="constant") for each in maps.share])
    end = map_coordinates(maps.end.astype(np.float32), places, order=1, mode="constant") > 0.25
    return StraightBack(share, along, aside, at_y, at_x, end)


def half_span(back: StraightBack, width: float) -> float:
    """From the midline to the middle of the transverse processes, mm; from the lumps, where there are no others."""
    for value, part in ((THORACIC, 1.0), (LUMBAR, 0.5)):
        profile = back.share[CLASSES.index(value)].sum(0)
        profile = np.where(np.abs(back.aside) > 0.08 * width * part, profile, 0)
        if profile.sum() > 0:
            order = np.argsort(np.abs(back.aside))
            total = np.cumsum(profile[order])
            return float(np.abs(back.aside)[order][np.searchsorted(total, total[-1] / 2)]) / part
    return 0.3 * width


def share_across(back: StraightBack, span: float) -> float:
    """How much of the thoracic bone near the midline lies at it, 0 to 1. `span`: the half span, mm."""
    profile, away = back.share[CLASSES.index(THORACIC)].sum(0), np.abs(back.aside)
    near = profile[away < NEAR * span].sum()
    return float(profile[away < AT * span].sum() / near) if near > 0 else 0.0


def find_bones(back: StraightBack, span: float) -> list[Bone]:
    """All thoracic bones and lumbar halves, right or wrong; `span`: the half span, mm."""
    return [bone for value in CLASSES for side in (LEFT, RIGHT) for bone in bones_of_side(back, value, side, span)]


def bones_of_side(back: StraightBack, value: int, side: int, span: float) -> list[Bone]:
    columns = np.flatnonzero(back.aside * side > 0)
    step = back.along[1] - back.along[0]
    grain = [grain * span / step for grain in GRAIN[value]]
    first, share = where_bones_are(back.share[CLASSES.index(value)][:, columns], margin=round(4 * grain[0]) + 1)
    blurred = gaussian_filter(share, grain, mode="constant")
    summits = find_summits(blurred, [apart * span / step for apart in APART[value]])[:MOST]
    if not len(summits):
        return []
    rows, offsets = np.nonzero(share > SOME)
    away = np.stack([rows, offsets])[:, :, None] - summits.T[:, None]
    away = away / (np.array(WITHIN[value])[:, None, None] * span / step)
    distance = (away**2).sum(0)
    owner = np.where(distance.min(1) <= 1, distance.argmin(1), -1)
    bones = []
    for index in range(len(summits)):
        own = owner == index
        weights = share[rows[own], offsets[own]]
        weight = float(weights.sum() * step**2)
        if weight < SPECK[value] * span**2:
            continue
        at = first + rows[own], columns[offsets[own]]
        y, x = (float(np.average(where[at], weights=weights)) for where in (back.y, back.x))
        along, aside = np.average(back.along[at[0]], weights=weights), np.average(back.aside[at[1]], weights=weights)
        cut = float(weights[back.end[at]].sum()) > 0.06 * weights.sum()
        moments = moments_of(back.y[at] - y, back.x[at] - x, weights)
        bones.append(Bone(value, side, y, x, float(along), float(aside), weight, cut, moments))
    return bones


def where_bones_are(share: np.ndarray, margin: int) -> tuple[int, np.ndarray]:
    """The first of the rows that have bones, or so many rows beside them, and these rows: lumps lie in the lower third
    of a spine, and nothing need be looked for above."""
    rows = np.flatnonzero(share.any(1))
    if not rows.size:
        return 0, share[:0]
    first = max(rows[0] - margin, 0)
    return int(first), share[first : rows[-1] + margin + 1]


def overlooked(maps: BoneMaps, midline: Midline, bones: Sequence[Bone], span: float) -> list[Bone]:
    """What is labelled so far from the midline, or so faint among more, that none of these `bones` took it: a bone for
    each piece that lies with none of them. `span`: the half span, mm."""
    found = []
    for value in CLASSES:
        share = maps.of(value)
        pieces, _count = label(share > SOME)
        taken = np.array([(bone.y, bone.x) for bone in bones if bone.value == value]).reshape(-1, 2)
        for number, box in enumerate(find_objects(pieces), 1):
            weights = np.where(pieces[box] == number, share[box], 0.0)
            weight = float(weights.sum() * maps.step[0] * maps.step[1])
            rows, columns = maps.y[box[0]], maps.x[box[1]]
            y, x = np.average(rows, weights=weights.sum(1)), np.average(columns, weights=weights.sum(0))
            within = (taken >= (rows[0], columns[0])).all(1) & (taken <= (rows[-1], columns[-1])).all(1)
            near = (((taken - (y, x)) / (np.array(WITHIN[value]) * span)) ** 2).sum(1) <= 1
            if weight >= SPECK[value] * span**2 and not (within | near).any():
                aside = float(x - midline.at(y))
                found.append(Bone(value, RIGHT if aside > 0 else LEFT, float(y), float(x), float(y), aside, weight))
    return found


def moments_of(down: np.ndarray, across: np.ndarray, weights: np.ndarray) -> tuple[float, float, float]:
    """Variances down and across, and their covariance, of places about their middle."""
    pairs = (down, down), (across, across), (down, across)
    return tuple(float(np.average(one * other, weights=weights)) for one, other in pairs)


def find_summits(blurred: np.ndarray, apart: list[float]) -> np.ndarray:
    """(summits, 2): rows and columns of the maxima that no higher ground joins to another one."""
    size = [2 * int(extent) + 1 for extent in apart]
    highest = (blurred == maximum_filter(blurred, size, mode="constant")) & (blurred > 0.1)
    summits = np.argwhere(highest)
    summits = summits[np.argsort(-blurred[highest], kind="stable")][: 3 * MOST]
    kept: list[np.ndarray] = []
    for summit in summits:
        if not any(joined(blurred, summit, other, apart) for other in kept):
            kept.append(summit)
    return np.array(kept).reshape(-1, 2)


def joined(blurred: np.ndarray, low: np.ndarray, high: np.ndarray, apart: list[float]) -> bool:
    """Whether two summits, less than three times `apart` from each other, are one bone: no dip lies between them."""
    if (np.abs(low - high) > 3 * np.array(apart)).any():
        return False
    path = np.rint(np.linspace(low, high, 15)).astype(int)
    return bool(blurred[path[:, 0], path[:, 1]].min() >= DIP * blurred[tuple(low)])
