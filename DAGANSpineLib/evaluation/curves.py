"""Curves as they are measured, against the truth of simulated subjects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..spine import ACCEPTED, CERTAIN, SMALLEST, Spine, turning_points
from .tables import shown, table

SIZES = (10, 15, 20, 30, 90)  # degrees: from each to the next
TORN = (0, 10, 20, 40, 101)  # % of the lit body that is torn, likewise: in the worlds about 10, 20 and 50
CLEAR = 15  # degrees: a curve that must not be missed, nor invented
SHARED = 0.5  # of the levels of either, which two curves have in common if they are the same one
LIMITS = 1.96  # standard deviations: 95 % of differences lie within (Bland & Altman, Lancet 1986)


def has_truth(known: Mapping[str, Any] | None) -> bool:
    """Whether the true curves of a subject are known."""
    return bool(known) and {"vertebra_tilt_deg", "vertebra_centres", "curves", "swept_rows"} <= known.keys()


def visible_levels(known: Mapping[str, Any]) -> list[str]:
    """The vertebrae, from head to foot, whose centres the sweep reached."""
    first, last = known["swept_rows"]
    return [name for name, (row, _column) in known["vertebra_centres"].items() if first <= row <= last]


def true_curves(known: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The curves that the subject was made with, and all that its vertebrae's tilts have (those, and what makes up for
    them above and below), as far as the sweep reached: ends, and degrees, positive where convex to the right; of the
    first, how many degrees the "whole" curve has, of which the sweep may have cut off a part."""
    levels, tilts = visible_levels(known), known["vertebra_tilt_deg"]

    def curve(upper: str, lower: str) -> dict[str, Any]:
        return {"upper": upper, "lower": lower, "degrees": tilts[upper] - tilts[lower]}

    made = []
    for given in known["curves"]:
        between = list(tilts)[list(tilts).index(given["upper"]) : list(tilts).index(given["lower"]) + 1]
        seen = [name for name in between if name in levels]
        if len(seen) > 1 and curve(seen[0], seen[-1])["degrees"] * given["cobb_deg"] > 0:
            made.append(curve(seen[0], seen[-1]) | {"whole": curve(between[0], between[-1])["degrees"]})
    turns = turning_points([tilts[name] for name in levels])
    return made, [curve(levels[upper], levels[lower]) for upper, lower in pairwise(turns)]


def score_curves(spine: Spine, known: Mapping[str, Any]) -> dict[str, Any]:
    """One subject's curves of `SMALLEST` degrees and more, each with what was measured of it, None where it was missed;
    what was measured and is no curve; how many levels were named rightly; ready for JSON."""
    made, every = true_curves(known)
    order = list(known["vertebra_tilt_deg"])
    measured = [
        {"upper": each.upper, "lower": each.lower, "spa": each.spa_deg, "confidence": each.confidence}
        | {"degrees": each.uca_deg if each.convex == "right" else -each.uca_deg}
        for each in spine.curves or ()
    ]
    rows, sought = [], [curve for curve in made if abs(curve["degrees"]) >= SMALLEST]
    own, any_true = counterparts(sought, measured, order), counterparts(every, measured, order)
    for curve, found in zip(sought, own, strict=True):
        row: dict[str, Any] = {"cobb": abs(curve["degrees"]), "whole": abs(curve["whole"]), "uca": None}
        if found:
            off = [place(found[end], order) - place(curve[end], order) for end in ("upper", "lower")]
            row |= {
                "uca": abs(found["degrees"]),
                "spa": found["spa"],
                "ends off": off,
                "confidence": found["confidence"],
            }
        rows.append(row)
    return {
        "curves": rows,
        "invented": [abs(each["degrees"]) for each in measured if each not in (*own, *any_true)],
        "straight": not every,
        "plausibility": spine.plausibility,
        "given": spine.curves is not None,
        "levels": {
            "right": levels_named_rightly(spine, known),
            "of": len(spine.levels),
            "certain": spine.names_are_certain,
        },
    }


def place(name: str, order: Sequence[str]) -> int:
    """A level's number from T1 downward; what has another name lies beyond the last one."""
    return order.index(name) if name in order else len(order) if "lumbar" in name else -1


def counterparts(
    curves: Sequence[Mapping[str, Any]], others: Sequence[dict[str, Any]], order: Sequence[str]
) -> list[dict[str, Any] | None]:
    """For each curve which of `others` is the same: bends to the same side over at least `SHARED` of the levels of
    either; None if none does. No two have the same one, and together they share as much as they can."""
    if not curves or not others:
        return [None] * len(curves)
    shared = np.array([[alike(curve, other, order) for other in others] for curve in curves])
    found: list[dict[str, Any] | None] = [None] * len(curves)
    for curve, other in zip(*linear_sum_assignment(shared, maximize=True), strict=True):
        found[curve] = others[other] if shared[curve, other] > 0 else None
    return found


def alike(curve: Mapping[str, Any], other: Mapping[str, Any], order: Sequence[str]) -> float:
    """Of the levels of two curves, the share that they have in common: of the longer one, 0 where that is less than
    `SHARED`, or where they bend to different sides."""
    (a, b), (c, d) = ((place(each["upper"], order), place(each["lower"], order)) for each in (curve, other))
    share = (min(b, d) - max(a, c)) / max(b - a, d - c, 1)
    return share if share >= SHARED and curve["degrees"] * other["degrees"] > 0 else 0.0


def levels_named_rightly(spine: Spine, known: Mapping[str, Any]) -> int:
    """How many levels have the name of the vertebra that lies nearest."""
    names = list(known["vertebra_centres"])
    rows = np.array([known["vertebra_centres"][name][0] for name in names])
    nearest = [names[int(np.abs(rows - level.centre[0]).argmin())] for level in spine.levels]
    return sum(level.name == name for level, name in zip(spine.levels, nearest, strict=True))


def summarise_curves(scores: Sequence[Mapping[str, Any]], shares: Sequence[float]) -> dict[str, Any]:
    """All subjects together. `scores`: what `score_curves` gives; `shares`: of each lit body, how much is torn, 0 to 1
    (`breakdown.torn_part`)."""
    torn = [(curve, 100 * part) for score, part in zip(scores, shares, strict=True) for curve in score["curves"]]
    curves = [curve for curve, _part in torn]
    ends = [abs(off) for curve in curves for off in curve.get("ends off", ())]
    invented = [degrees for score in scores for degrees in score["invented"]]
    straight = [score for score in scores if score["straight"]]
    clear = [curve for curve in curves if curve["cobb"] >= CLEAR]
    levels = [score["levels"] for score in scores]
    found = [curve for curve in curves if curve["uca"] is not None]
    cut = [curve for curve in found if curve["whole"] - curve["cobb"] > ACCEPTED]
    return {
        "all": agreement(curves),
        "by confidence": {
            "certain": agreement([curve for curve in found if curve["confidence"] >= CERTAIN]),
            "uncertain": agreement([curve for curve in found if curve["confidence"] < CERTAIN]),
        },
        "cut by the sweep": {"curves": len(cut), "uncertain": sum(each["confidence"] < CERTAIN for each in cut)},
        "by size": {f"{low} to {high}": agreement(within(curves, low, high)) for low, high in pairwise(SIZES)},
        "by torn share": {
            named(low, high): agreement([curve for curve, part in torn if low <= part < high])
            for low, high in pairwise(TORN)
        },
        "invented by size": {
            f"{low} to {high}": sum(low <= degrees < high for degrees in invented) for low, high in pairwise(SIZES)
        },
        "clear curves found": share(curve["uca"] is not None for curve in clear),
        "straight spines": len(straight),
        "straight spines without a clear curve": share(
            all(degrees < CLEAR for degrees in score["invented"]) for score in straight
        ),
        "ends within one level": share(off <= 1 for off in ends),
        "levels named rightly": named_rightly(levels),
        "levels named rightly where names are certain": named_rightly(each for each in levels if each["certain"]),
        "spines whose names are uncertain": sum(not level["certain"] for level in levels),
        "spines given no curves": sum(not score["given"] for score in scores),
    }


def named_rightly(levels: Iterable[Mapping[str, int]]) -> float | None:
    """Share of the levels of all spines together, 0 to 1."""
    return share(number < level["right"] for level in levels for number in range(level["of"]))


def named(low: int, high: int) -> str:
    """A range of per cent."""
    return f"{low} to {high}" if high < TORN[-1] else f"{low} and more"


def within(curves: Iterable[dict[str, Any]], low: float, high: float) -> list[dict[str, Any]]:
    return [curve for curve in curves if low <= curve["cobb"] < high]


def share(facts: Iterable[bool]) -> float | None:
    """How many of them are true, 0 to 1; None of none."""
    known = list(facts)
    return float(np.mean(known)) if known else None


def agreement(curves: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """Measured against true angles, degrees: mean absolute error, bias, the limits within which 95 % of the differences
    lie, correlation, how many lie within `ACCEPTED`; SPA's bias beside it. None where there are too few."""
    found = [curve for curve in curves if curve["uca"] is not None]
    angles = np.array([(curve["cobb"], curve["uca"], curve["spa"]) for curve in found]).reshape(-1, 3)
    off = angles[:, 1] - angles[:, 0]
    enough = len(found) > 2
    bias, spread = (float(off.mean()), float(off.std(ddof=1))) if enough else (None, None)
    return {
        "curves": len(curves),
        "missed": len(curves) - len(found),
        "mean absolute error": float(np.abs(off).mean()) if found else None,
        "bias": bias,
        "low": bias - LIMITS * spread if enough else None,
        "high": bias + LIMITS * spread if enough else None,
        "r": correlation(angles[:, 0], angles[:, 1]) if enough else None,
        "within the accepted error": share(np.abs(off) <= ACCEPTED),
        "SPA bias": float((angles[:, 2] - angles[:, 0]).mean()) if found else None,
    }


def correlation(true: np.ndarray, measured: np.ndarray) -> float | None:
    """Pearson's; None where either is the same throughout, which has none."""
    if min(np.ptp(true), np.ptp(measured)) == 0:
        return None
    return float(np.corrcoef(true, measured)[0, 1])


def curves_as_markdown(curves: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Tables for people, of what `summarise_curves` gives, by whose labels were read."""
    header = [
        "",
        "curves",
        "missed",
        "mean absolute error, °",
        "bias, °",
        "95 % limits, °",
        "r",
        f"within {ACCEPTED:.0f}°",
    ]
    rows = []
    for whose, summary in curves.items():
        rows.append([f"**{whose}**", *cells(summary["all"])])
        rows += [[f"called {how}", *cells(found)] for how, found in summary["by confidence"].items()]
        rows += [[f"{size}°", *cells(found)] for size, found in summary["by size"].items()]
        rows += [[f"torn, %: {part}", *cells(found)] for part, found in summary["by torn share"].items()]
    names = {
        "clear curves found": f"curves of {CLEAR}° and more found",
        "straight spines without a clear curve": f"straight spines without a curve of {CLEAR}° or more",
        "ends within one level": "ends of curves within one level of the truth",
        "levels named rightly": "levels named rightly",
        "levels named rightly where names are certain": "levels named rightly, where names are called certain",
    }
    others = [
        [
            words,
            *(shown(summary[name] if summary[name] is None else 100 * summary[name], 1) for summary in curves.values()),
        ]
        for name, words in names.items()
    ]
    invented = [
        [f"curves of {size}° invented", *(str(summary["invented by size"][size]) for summary in curves.values())]
        for size in next(iter(curves.values()))["invented by size"]
    ]
    counts = [
        [
            "spines whose names are called uncertain",
            *(str(each["spines whose names are uncertain"]) for each in curves.values()),
        ],
        [
            f"curves of which the end of the sweep cuts more than {ACCEPTED:.0f}°, and of these called uncertain",
            *("{curves}, {uncertain}".format(**each["cut by the sweep"]) for each in curves.values()),
        ],
    ]
    spa = [
        ["bias of the spinous process angle, °", *(shown(each["all"]["SPA bias"], 2, True) for each in curves.values())]
    ]
    return [
        "Curves (ultrasound curve angle) against the true Cobb angles, of the curves of 10° and more:",
        table(header, rows),
        table(
            ["", *(f"{whose}" for whose in curves)],
            [[f"{row[0]}, %", *row[1:]] for row in others] + invented + counts + spa,
        ),
    ]


def cells(found: Mapping[str, Any]) -> list[str]:
    limits = "–" if found["low"] is None else f"{found['low']:+.1f} to {found['high']:+.1f}"
    within_accepted = found["within the accepted error"]
    return [
        str(found["curves"]),
        str(found["missed"]),
        shown(found["mean absolute error"]),
        shown(found["bias"], 2, signed=True),
        limits,
        shown(found["r"], 3),
        "–" if within_accepted is None else f"{100 * within_accepted:.0f} %",
    ]
