"""Lumbar lumps, which the midline parts into halves: parted anew at their own middle, or told to be halves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from .bone_maps import LUMBAR
from .bones import LEFT, RIGHT, Bone
from .rungs import LONELY, SPAN_SCATTER, Rung, gentle

LONG = 2.0  # times the variance down a lump, that across it: of rounder ones the axis says little
WHOLE = 0.5  # of a lump's larger half the smaller one: less, and a part of the lump is missing
USUAL = 0.5  # of the half span of transverse processes, that of a lump's halves
NARROW = 0.7, 0.65  # of that, and of the widest lump: a narrower one may be half of one
MOST_NARROW = 6  # of more, which no spine has, nothing is told
FEWEST = 3  # other pairs, that tell where the midline runs
BEND = 0.1  # standard deviation of how much a spine's slope changes from one level to the next


def told_halves(rungs: Sequence[Rung], span: float) -> list[Rung]:
    """The rungs, with lumps that are halves alone on their side. `span`: the half span, mm.

    Where one half of several lumps is missing, the midline runs through the middle of what is left, as even to its left
    and right as a whole lump. But those lumps are narrow, and the spine makes a step to the side there, and back.
    """
    widths = [half_width(rung) if rung.value == LUMBAR else 0.0 for rung in rungs]
    narrow = [
        place for place, wide in enumerate(widths) if 0 < wide < max(NARROW[0] * USUAL * span, NARROW[1] * max(widths))
    ]
    paired = [place for place, rung in enumerate(rungs) if len(rung.bones) == 2]
    if not 0 < len(narrow) <= MOST_NARROW or len(paired) < len(narrow) + FEWEST:
        return list(rungs)
    along, x = np.array([middle_of(rungs[place]) for place in paired]).T
    sides = np.zeros((3 ** len(narrow), len(rungs)))  # 0 where both halves are there
    sides[:, narrow] = list(product((0, LEFT, RIGHT), repeat=len(narrow)))
    middles = x - (2 * sides * widths)[:, paired]
    bends = np.diff(np.diff(middles) / np.diff(along))
    too_narrow = gentle(np.log(np.array([widths[place] for place in narrow]) / (USUAL * span)) / SPAN_SCATTER)
    each = np.where(sides[:, narrow] == 0, too_narrow, LONELY)
    likeliest = sides[int((gentle(bends / BEND).sum(1) + each.sum(1)).argmin())]
    return [half_of(rung, int(side)) if side else rung for rung, side in zip(rungs, likeliest, strict=True)]


def half_width(rung: Rung) -> float:
    """From a pair's middle to either bone's, mm; 0 for a bone that is alone."""
    return (rung.right.aside - rung.left.aside) / 2 if rung.left and rung.right else 0.0


def middle_of(rung: Rung) -> tuple[float, float]:
    """Where a pair's middle lies, mm: down the midline, and x in the picture."""
    return (rung.left.along + rung.right.along) / 2, (rung.left.x + rung.right.x) / 2


def half_of(rung: Rung, side: int) -> Rung:
    """A rung whose bones are both parts of one half of a lump, the one at this side."""
    left, right = rung.left, rung.right
    weights = left.weight, right.weight
    names = ("y", "x", "along")
    middle = {name: float(np.average([getattr(left, name), getattr(right, name)], weights=weights)) for name in names}
    cut = left.cut or right.cut
    half = replace(left, side=side, aside=2 * side * half_width(rung), weight=sum(weights), cut=cut, **middle)
    return Rung(*((half, None) if side == LEFT else (None, half)), skipped=rung.skipped)


def parted_in_the_middle(rung: Rung) -> Rung:
    """A lump's halves where they would lie, were it parted at its own middle and square to its own long axis, and not
    along the midline, whose errors they would confirm and whose slant would turn their line; others as they are."""
    left, right = rung.left, rung.right
    if not left or not right or rung.value != LUMBAR:
        return rung
    small, large = sorted((left.weight, right.weight))
    if small < WHOLE * large:
        return rung
    part = (right.weight - left.weight) / (right.weight + left.weight) / 2
    by = {name: part * (getattr(right, name) - getattr(left, name)) for name in ("y", "x", "along", "aside")}
    left, right = (replace(half, **{name: getattr(half, name) + by[name] for name in by}) for half in (left, right))
    middle, rise = (left.y + right.y) / 2, (right.x - left.x) / 2 * long_axis(rung.left, rung.right)
    return Rung(replace(left, y=middle + rise), replace(right, y=middle - rise), skipped=rung.skipped)


def long_axis(left: Bone, right: Bone) -> float:
    """By how much the right end of a lump's long axis is higher than its left one, relative to their distance; the line
    through the centres of its halves, where it is too round to have a long axis."""
    down, across = right.y - left.y, right.x - left.x
    each = left.weight / (left.weight + right.weight)
    between = each * (1 - each) * np.array([down**2, across**2, down * across])
    high, wide, both = each * np.array(left.moments) + (1 - each) * np.array(right.moments) + between
    if wide < LONG * high:
        return -down / across
    return float(-np.tan(np.arctan2(2 * both, wide - high) / 2))
