"""Missing and invented bones turn no curve, in spines of many shapes and by many draws."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from drawn_spine import LEVELS, DrawnSpine
from scipy import ndimage
from scipy.interpolate import PchipInterpolator

from Testing.Benchmarks.spoilt_bones import GONE, INVENTED, readings_of, row_of, spoilt

ENDS = (0, 4, 10, 15, 16)  # levels between which the tilt runs
DRAWS = 3


def sample_of(drawn: DrawnSpine) -> SimpleNamespace:
    """A drawn spine as a data set's sample, with the curves that its ends make."""
    labels, rows = drawn.labels(), drawn.centres()[:, 0] / drawn.spacing[0]
    tilts = dict(zip(LEVELS, map(float, drawn.tilts), strict=True))
    ends = [LEVELS[end] for end in ENDS[1:4]]
    known = {
        "spacing_mm": list(drawn.spacing),
        "vertebra_tilt_deg": tilts,
        "vertebra_centres": {name: [float(row), 0.0] for name, row in zip(LEVELS, rows, strict=True)},
        "curves": [
            {"upper": upper, "lower": lower, "cobb_deg": tilts[upper] - tilts[lower]} for upper, lower in pairwise(ends)
        ],
        "swept_rows": [0, len(labels)],
    }
    return SimpleNamespace(labels=labels, image=np.full(labels.shape, 120, np.uint8), known=known)


@pytest.fixture(scope="module")
def scored():
    """By spine: the scores of its labels as they are, and spoilt."""
    turns = ((0, 14, -14, 6, 3), (-3, 6, -12, 12, 8), (2, -18, 16, -4, -2), (-8, -10, 12, -10, -8))
    spines = [DrawnSpine(PchipInterpolator(ENDS, each)(np.arange(17))) for each in turns]
    return [readings_of(sample_of(drawn), DRAWS, seed) for seed, drawn in enumerate(spines)]


def test_spoilt_labels_lack_a_fifth_of_the_bones_and_have_five_more():
    labels = DrawnSpine(np.zeros(17)).labels()
    body = np.ones(labels.shape, bool)
    body[:, :90] = False
    changed = spoilt(labels, body, np.random.default_rng(0))
    bones = [ndimage.label(labels == value)[0] for value in (2, 3)]
    each = [pieces == piece for pieces in bones for piece in range(1, pieces.max() + 1)]
    assert sum(not changed[bone].any() or (changed[bone] == 0).mean() > 0.9 for bone in each) == round(GONE * len(each))
    added = (changed > 0) & (labels == 0)
    assert 1 <= ndimage.label(added)[1] <= INVENTED and not added[:, :70].any()


def test_missing_and_invented_bones_cost_little_and_plausibility_falls(scored):
    plain, *draws = map(list, zip(*scored, strict=True))
    errors = [
        [abs(curve["uca"] - curve["cobb"]) for score in scores for curve in score["curves"] if curve["uca"] is not None]
        for scores in (plain, *draws)
    ]
    assert len(errors[0]) == 8 and sum(map(len, errors[1:])) >= 0.9 * 8 * DRAWS
    assert np.mean(np.concatenate(errors[1:])) - np.mean(errors[0]) < 1.5
    falls = [one["plausibility"] < 0.95 * as_is["plausibility"] for as_is, *rest in scored for one in rest]
    assert all(falls)
    assert row_of("spoilt", draws[0], plain)[-1] == "4 of 4"
