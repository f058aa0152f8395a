"""A spine as plain values, to be kept with a scene, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from .curves import Curve
from .level import Level
from .spine import Spine


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
    curves = record["curves"]
    return Spine(
        levels=tuple(level_of_record(each) for each in record["levels"]),
        curves=None if curves is None else tuple(curve_of_record(each) for each in curves),
        plausibility=float(record["plausibility"]),
        facts=tuple(record["notes"]),
        midline=np.array(record["midline"], dtype=float).reshape(-1, 2),
        spacing=(float(record["spacing"][0]), float(record["spacing"][1])),
        variance=np.array(record["variance"], dtype=float).reshape([len(record["levels"])] * 2),
        names_certainty=float(record.get("names_certainty", 1.0)),  # earlier versions kept none
    )


def level_of_record(record: Mapping[str, Any]) -> Level:
    """One level; JSON has lists for its tuples."""
    tuples = {name: tuple(record[name]) for name in ("left", "right", "found")}
    return Level(**{**record, **tuples})


def curve_of_record(record: Mapping[str, Any]) -> Curve:
    """One curve, likewise; earlier versions kept no doubts."""
    return Curve(**{**record, "doubts": tuple(record.get("doubts", ()))})
