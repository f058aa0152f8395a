"""Where a model is good: in torn parts and the rest of the pictures, and by what is known of the subjects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ..metrics import PATCH, patches, window_means
from ..training import Sample

STRIDE = 8  # pixels, from patch to patch
AROUND, TORN = 25, 0.04  # pixels; where so much of a square of that size is torn, a part is
PLACES = ("torn", "rest")

Dice = dict[str, float | None]  # by class, and their average
Mean = Callable[[Iterable[float | None]], float | None]  # of those that exist


def torn_part(sample: Sample, body: np.ndarray) -> np.ndarray:
    """Which part of a picture is torn, bool (rows, columns): where torn pixels lie close, and what is between them.

    Where nobody knows them: all that a corrupted patch of the lit `body` covers.
    """
    if sample.torn is not None:
        return window_means(np.pad(sample.torn, AROUND // 2), AROUND, 1) >= TORN
    measured = patches(sample.image, body, STRIDE)
    torn = np.zeros(sample.image.shape, bool)
    for row, column in np.argwhere(measured.corrupted) * STRIDE:
        torn[row : row + PATCH, column : column + PATCH] = True
    return torn


def groups_of(known: dict[str, Any]) -> Iterator[str]:
    """The groups that a simulated subject belongs to, by what is known of it; none where nothing is."""
    for name in ("severity", "curve_type"):
        if name in known:
            yield f"{name.replace('_', ' ')}: {known[name]}"
    if "scanner" in known:
        yield f"scanner: {known['scanner']['name']}"
    if "layer" in known:
        yield f"layer: {('near the skin', 'usual', 'deep')[int(np.digitize(known['layer'], (4, 7)))]}"
    person = known.get("person", {})
    if person:
        yield f"person: {'child' if person['size'] < 1 else 'stout' if person['blur'] > 1 else 'average'}"
    if person.get("ribs", 1) < 1:
        yield "person: hardly visible ribs"
    if person.get("invisible", 0) > 0:
        yield "person: invisible bones"
    if known.get("dark side"):
        yield "one side darker"
    kinds = {event["kind"] for event in known.get("noise", ())} | ({"bursts"} if known.get("bursts") else set())
    yield from (f"noise: {kind}" for kind in sorted(kinds))
    if known.get("background"):
        yield "screenshot"
    if known.get("marks"):
        yield "marks"


def by_group(rows: list[dict[str, Any]], mean: Mean) -> dict[str, Any]:
    """Of each group its number of subjects and their mean Dice by class; groups in the order of their names."""
    found: dict[str, list[Dice]] = {}
    for row in rows:
        for group in row["groups"]:
            found.setdefault(group, []).append(row["segmentation"]["dice"])
    return {group: {"subjects": len(each), "dice": averaged(each, mean)} for group, each in sorted(found.items())}


def by_part(rows: list[dict[str, Any]], mean: Mean) -> dict[str, Any]:
    """Of torn parts and the rest the mean Dice by class, over the subjects that are torn somewhere."""
    torn = [row["parts"] for row in rows if row["parts"]["torn share"]]
    if not torn:
        return {}
    return {
        "subjects": len(torn),
        "torn share": mean(parts["torn share"] for parts in torn),
        "dice": {place: averaged([parts["dice"][place] for parts in torn], mean) for place in PLACES},
    }


def averaged(dice: list[Dice], mean: Mean) -> Dice:
    """The mean of each class, and of the subjects' averages, over the subjects."""
    return {name: mean(each[name] for each in dice) for name in dice[0]}
