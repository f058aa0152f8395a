"""Which bones belong together: a spine is a ladder of pairs, each at a plausible distance under the last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .bone_maps import LUMBAR, THORACIC
from .bones import LEFT, RIGHT, Bone, Tilts
from .lumps import parted_in_the_middle, told_halves
from .rungs import LONELY, SPAN_SCATTER, Rung, gentle

# Lengths are in half spans. What is usual, and how far it scatters:
PITCHES = np.geomspace(0.75, 1.75, 13)  # from one vertebra to the next, in the middle of the thoracic spine
SPACING_SCATTER = 0.13  # of a spacing, relative
TILT_SCATTER = 7.0  # degrees between a pair's line and the right angle to the midline,
FITTED_SCATTER = 4.5  # and between it and the line of a fit
TILT_CHANGE = 9.0  # degrees, of that tilt from one pair to the next
CENTRE_SCATTER = 0.17  # of a pair's middle about the midline
NEAREST = 0.45  # of a pitch: nearer bones of one side are not two levels
# Costs, in units of half a squared standard deviation:
BONE = 6.0  # to leave out a bone of the usual size
SKIPPED, SKIPPED_MORE = 3.5, 1.8  # a level of which nothing is found, and each that is skipped together with it
FARTHEST = 4  # levels from one that is found to the next


@dataclass(frozen=True)
class Ladder:
    """The rungs from head to foot, the bones that fit none of them, and `pitch`, mm in the middle thoracic spine.

    `explained`: how much of what all bones together could say for a spine is left after what speaks against it, 0 to 1.
    """

    rungs: list[Rung]
    outliers: list[Bone]
    pitch: float
    explained: float


@dataclass(frozen=True)
class _Rungs:
    """All possible rungs: indices of the left and right bones, -1 for none, and arrays of the same length."""

    left: np.ndarray
    right: np.ndarray
    along: np.ndarray
    low: np.ndarray  # (2, rungs): left and right bones' places
    cost: np.ndarray
    lumbar: np.ndarray
    tilt: np.ndarray  # degrees, nan where a bone is alone


def build_ladder(
    bones: Sequence[Bone], span: float, expected: Tilts, scatter: float = TILT_SCATTER, pitch: float | None = None
) -> Ladder:
    """The likeliest ladder of all, over a range of pitches unless one is given. `span`: the half span, mm; `expected`:
    the lines' tilts, give or take `scatter` degrees."""
    bones = sorted(bones, key=lambda bone: bone.along)
    rungs = possible_rungs(bones, span, expected, scatter)
    border = border_of(bones)
    pitches = PITCHES if pitch is None else [pitch / span]
    found = [(*cheapest(rungs, span * each, border), each) for each in pitches]
    cost, path, skipped, pitch = min(found, key=lambda each: each[0])
    chosen = [
        Rung(*(bones[index] if index >= 0 else None for index in (rungs.left[at], rungs.right[at])), skipped=gap)
        for at, gap in zip(path, skipped, strict=True)
    ]
    taken = {id(bone) for rung in chosen for bone in rung.bones}
    usual = usual_sizes(bones, span)
    most = BONE * sum(size_of(bone, usual) for bone in bones)
    outliers = [bone for bone in bones if id(bone) not in taken]
    rungs = [parted_in_the_middle(rung) for rung in told_halves(chosen, span)]
    return Ladder(rungs, outliers, float(span * pitch), max(-cost / most, 0.0))


def possible_rungs(bones: Sequence[Bone], span: float, expected: Tilts, scatter: float) -> _Rungs:
    """Every bone alone, and every pair that could be one vertebra's, sorted by place."""
    usual = usual_sizes(bones, span)
    found = []
    for index, bone in enumerate(bones):
        aside = (abs(bone.aside) / usual[bone.value][0] - 1) / (2 * SPAN_SCATTER)
        cost = gentle(aside) + LONELY - BONE * size_of(bone, usual)
        places = (index, -1) if bone.side == LEFT else (-1, index)
        found.append((*places, bone.along, cost, bone.value == LUMBAR, np.nan))
    for i, left in enumerate(bones):
        for j, right in enumerate(bones):
            if (left.side, right.side) == (LEFT, RIGHT) and left.value == right.value:
                width = right.aside - left.aside
                if abs(left.along - right.along) > width:
                    continue
                tilt = np.degrees(np.arctan2(left.y - right.y, right.x - left.x)) - float(
                    expected((left.y + right.y) / 2)
                )
                if abs(tilt) > 4 * TILT_SCATTER:
                    continue
                cost = gentle(tilt / scatter) + gentle(np.log(width / (2 * usual[left.value][0])) / SPAN_SCATTER)
                cost += gentle((left.aside + right.aside) / 2 / (CENTRE_SCATTER * span))
                cost -= BONE * (size_of(left, usual) + size_of(right, usual))
                found.append((i, j, (left.along + right.along) / 2, cost, left.value == LUMBAR, tilt))
    found.sort(key=lambda rung: rung[2])
    left, right, along, cost, lumbar, tilt = (np.array(column) for column in zip(*found, strict=True))
    places = np.array([bone.along for bone in bones] + [np.nan])
    low = np.stack([np.where(side >= 0, places[side], along) for side in (left, right)])
    return _Rungs(left, right, along, low, cost, lumbar, tilt)


def usual_sizes(bones: Sequence[Bone], span: float) -> dict[int, tuple[float, float]]:
    """By class: distance from the midline, mm, and weight of its bones."""
    sizes = {}
    for value in (THORACIC, LUMBAR):
        own = [(abs(bone.aside), bone.weight) for bone in bones if bone.value == value]
        sizes[value] = tuple(np.median(own, axis=0)) if own else (span, 1.0)
    return sizes


def size_of(bone: Bone, usual: dict[int, tuple[float, float]]) -> float:
    """How much a bone counts, 0 to 1: by its size, among those of its class."""
    return min(bone.weight / (0.6 * usual[bone.value][1]), 1.0)


def border_of(bones: Sequence[Bone]) -> float:
    """The place, mm along, that best parts thoracic from lumbar bones; below everything where none is lumbar."""
    edges = [bone.along for bone in bones]
    edges = [edges[0] - 1, *((above + below) / 2 for above, below in pairwise(edges)), edges[-1] + 1]
    wrong = [sum(bone.weight**0.5 for bone in bones if (bone.value == LUMBAR) != (bone.along > at)) for at in edges]
    return float(edges[len(edges) - 1 - int(np.argmin(wrong[::-1]))])


def pitch_at(along: np.ndarray, pitch: float, border: float) -> np.ndarray:
    """What is usual there, mm: vertebrae grow toward the feet (rounded after Panjabi et al., Spine 1991, 1992)."""
    return pitch * np.clip(1.17 + 0.03 * (along - border) / pitch, 0.87, 1.27)


def cheapest(rungs: _Rungs, pitch: float, border: float) -> tuple[float, list[int], list[int]]:
    """The cheapest chain of rungs for a pitch: its cost, the rungs, and how many levels each skips (Viterbi)."""
    count = len(rungs.along)
    usual = pitch_at((rungs.along[:, None] + rungs.along) / 2, pitch, border)
    spacing = (rungs.along - rungs.along[:, None]) / usual  # [from, to], in pitches
    sides = (rungs.low[:, None, :] - rungs.low[:, :, None]) / usual
    possible = (spacing > NEAREST) & (sides > NEAREST).all(0) & ~(rungs.lumbar[:, None] & ~rungs.lumbar)
    levels = np.clip(np.rint(spacing), 1, None)
    possible &= levels <= FARTHEST
    scatter = SPACING_SCATTER / np.sqrt(levels)
    step = gentle(np.log(np.where(possible, spacing / levels, 1)) / scatter)
    step += np.where(levels > 1, SKIPPED + SKIPPED_MORE * (levels - 2), 0)
    tilt = np.nan_to_num(rungs.tilt)  # a bone that is alone stands for a level that is tilted as expected
    change = (tilt - tilt[:, None]) / TILT_CHANGE
    step = np.where(possible, step + gentle(change), np.inf)
    best, came = rungs.cost.copy(), np.full(count, -1)
    for to in range(1, count):
        offers = best[:to] + step[:to, to]
        cheapest_from = int(offers.argmin())
        if offers[cheapest_from] < 0:
            best[to] += offers[cheapest_from]
            came[to] = cheapest_from
    at = int(best.argmin())
    total, path, skipped = float(best[at]), [], []
    while at >= 0:
        path.append(at)
        before = came[at]
        skipped.append(int(levels[before, at]) - 1 if before >= 0 else 0)
        at = before
    return total, path[::-1], skipped[::-1]
