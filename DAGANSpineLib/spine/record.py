"""A spine as plain values, to be kept with a scene, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from .bone_maps import LUMBAR, THORACIC
from .curves import Curve
from .level import Level
from .names import name_levels, name_of
from .spine import Spine, doubt_of

NUMBERS = range(-30, 20)  # of levels, more than any spine has


def as_record(spine: Spine) -> dict[str, Any]:
    """All of a spine but for the model's doubt, ready for JSON, with nothing rounded."""
    return {
        "levels": [asdict(level) for level in spine.levels],
        "curves": None if spine.curves is None else [asdict(curve) for curve in spine.curves],
        "plausibility": spine.plausibility,
        "notes": list(spine.facts),
        "midline": np.asarray(spine.midline).tolist(),
        "spacing": list(spine.spacing),
        "variance": np.asarray(spine.variance).tolist(),
        "names_certainty": spine.names_certainty,
    }


def from_record(record: Mapping[str, Any]) -> Spine:
    """The inverse of `as_record`. Raises KeyError, TypeError or ValueError for what is no such record."""
    if "names_certainty" not in record:
        record = as_of_today(record)
    curves = record["curves"]
    return Spine(
        levels=tuple(level_of_record(each) for each in record["levels"]),
        curves=None if curves is None else tuple(curve_of_record(each) for each in curves),
        plausibility=float(record["plausibility"]),
        facts=tuple(record["notes"]),
        midline=np.array(record["midline"], dtype=float).reshape(-1, 2),
        spacing=(float(record["spacing"][0]), float(record["spacing"][1])),
        variance=np.array(record["variance"], dtype=float).reshape([len(record["levels"])] * 2),
        names_certainty=float(record["names_certainty"]),
    )


def level_of_record(record: Mapping[str, Any]) -> Level:
    """One level; JSON has lists for its tuples."""
    tuples = {name: tuple(record[name]) for name in ("left", "right", "found")}
    return Level(**{**record, **tuples})


def curve_of_record(record: Mapping[str, Any]) -> Curve:
    """One curve, likewise."""
    return Curve(**{**record, "doubts": tuple(record["doubts"])})


def as_of_today(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record of an earlier version, which kept neither the levels' numbers nor how certain their names are, and wrote
    a curve's doubts into the notes."""
    numbers = {name_of(number): number for number in NUMBERS}
    levels = [{**level, "number": numbers.get(level["name"])} for level in record["levels"]]
    notes, doubts = list(record["notes"]), []
    for curve in record["curves"] or ():
        said = " " + doubt_of(curve["upper"], curve["lower"])
        doubts.append([place for place, note in enumerate(notes) if said in note])
        notes = [note.replace(said, "") for note in notes]
    curves = record["curves"] and [
        {**curve, "doubts": [notes[place] for place in places]}
        for curve, places in zip(record["curves"], doubts, strict=True)
    ]
    certainty = certainty_of([level["number"] for level in levels])
    return {**record, "levels": levels, "notes": notes, "curves": curves, "names_certainty": certainty}


def certainty_of(numbers: Sequence[int | None]) -> float:
    """How certain names are, of the levels' numbers from head to foot; 0 where one isn't known."""
    if not numbers or None in numbers:
        return 0.0
    whole = range(numbers[0], numbers[-1] + 1)
    return name_levels(
        [(LUMBAR if number >= 0 else THORACIC) if number in numbers else None for number in whole]
    ).certainty
