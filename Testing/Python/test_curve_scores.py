"""Measured curves against true ones: what counts as found, missed and invented, and the figures made of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from drawn_spine import LEVELS, S_SHAPED, DrawnSpine

from DAGANSpineLib.evaluation.curves import (
    agreement,
    counterparts,
    curves_as_markdown,
    score_curves,
    summarise_curves,
    true_curves,
)
from DAGANSpineLib.spine import read


def known_of(drawn: DrawnSpine, **changes) -> dict:
    """What a simulation would know of a drawn spine, whose curve is T5 to L2."""
    rows = drawn.centres()[:, 0] / drawn.spacing[0]
    tilts = dict(zip(LEVELS, map(float, drawn.tilts), strict=True))
    return {
        "spacing_mm": list(drawn.spacing),
        "vertebra_tilt_deg": tilts,
        "vertebra_centres": {name: [float(row), 0.0] for name, row in zip(LEVELS, rows, strict=True)},
        "curves": [{"upper": "T5", "lower": "L2", "cobb_deg": tilts["T5"] - tilts["L2"], "apex": "T9"}],
        "swept_rows": [0, float(rows[-1]) + 30],
    } | changes


@pytest.fixture(scope="module")
def scored():
    drawn = DrawnSpine(S_SHAPED)
    return score_curves(read(drawn.labels(), spacing=drawn.spacing), known_of(drawn))


def test_the_true_curve_is_found_and_nothing_is_invented(scored):
    (curve,) = scored["curves"]
    assert curve["cobb"] == pytest.approx(28) and curve["uca"] == pytest.approx(28, abs=2)
    assert max(map(abs, curve["ends off"])) <= 1
    assert scored["invented"] == [], "the curve above makes up for this one, and is a true one"
    assert scored["levels"] == {"right": 17, "of": 17, "certain": True}


def test_what_the_sweep_did_not_reach_is_no_truth():
    known = known_of(DrawnSpine(S_SHAPED))
    known["swept_rows"][1] = known["vertebra_centres"]["T9"][0] + 5
    (made,), every = true_curves(known)
    assert made["lower"] == "T9" and made["degrees"] < 16
    assert all(LEVELS.index(curve["lower"]) <= LEVELS.index("T9") for curve in every)


def test_a_curve_to_the_other_side_or_elsewhere_is_none_of_them():
    order = list(LEVELS)
    curve = {"upper": "T5", "lower": "T11", "degrees": 20.0}
    for other, same in (
        ({"upper": "T6", "lower": "T12", "degrees": 12.0}, True),
        ({"upper": "T6", "lower": "T12", "degrees": -12.0}, False),
        ({"upper": "T11", "lower": "L4", "degrees": 12.0}, False),
    ):
        assert counterparts([curve], [other], order) == [other if same else None]


def test_one_measured_curve_is_none_of_two_true_ones_and_a_sliver_is_none_at_all():
    order = list(LEVELS)
    upper, lower = {"upper": "T2", "lower": "T7", "degrees": 20.0}, {"upper": "T5", "lower": "T12", "degrees": 15.0}
    both = {"upper": "T4", "lower": "T10", "degrees": 18.0}
    assert counterparts([upper, lower], [both], order) == [None, both]
    assert counterparts([lower], [{"upper": "T11", "lower": "L4", "degrees": 12.0}], order) == [None], (
        "one level of five"
    )
    assert counterparts([lower], [{"upper": "T1", "lower": "L5", "degrees": 12.0}], order) == [None], "all of a spine"
    assert counterparts([], [both], order) == [] and counterparts([upper], [], order) == [None]


def test_a_curve_that_is_called_certain_or_cut_is_counted_as_such(scored):
    curve = scored["curves"][0]
    doubtful = {**scored, "curves": [{**curve, "confidence": 0.4, "whole": curve["cobb"] + 12}]}
    summary = summarise_curves([scored, scored, scored, doubtful], [0] * 4)
    assert [summary["by confidence"][how]["curves"] for how in ("certain", "uncertain")] == [3, 1]
    assert summary["cut by the sweep"] == {"curves": 1, "uncertain": 1}
    assert summary["levels named rightly where names are certain"] == 1


def test_of_a_curve_that_the_sweep_cuts_the_whole_is_known():
    known = known_of(DrawnSpine(S_SHAPED))
    known["swept_rows"][1] = known["vertebra_centres"]["T9"][0] + 5
    ((cut,), _every), ((whole,), _) = true_curves(known), true_curves(known_of(DrawnSpine(S_SHAPED)))
    assert cut["whole"] == whole["whole"] == whole["degrees"] == pytest.approx(28)


def test_a_straight_reading_of_a_curved_spine_misses_its_curve():
    straight = read(DrawnSpine(np.zeros(17)).labels(), spacing=(0.4, 0.4))
    score = score_curves(straight, known_of(DrawnSpine(S_SHAPED)))
    assert [curve["uca"] for curve in score["curves"]] == [None]
    summary = summarise_curves([score], [0])
    assert summary["all"]["missed"] == 1 and summary["clear curves found"] == 0


def test_a_curve_seen_in_a_straight_spine_is_invented():
    score = score_curves(
        read(DrawnSpine(S_SHAPED).labels(), spacing=(0.4, 0.4)), known_of(DrawnSpine(np.zeros(17)), curves=[])
    )
    summary = summarise_curves([score], [0])
    assert summary["invented by size"]["20 to 30"] == 1
    assert summary["straight spines without a clear curve"] == 0


def test_the_limits_of_agreement_are_bland_and_altmans():
    true = np.array([12.0, 20.0, 31.0, 45.0])
    off = np.array([1.0, -2.0, 0.5, -1.5])
    pairs = zip(true, off, strict=True)
    found = agreement([{"cobb": cobb, "uca": cobb + error, "spa": cobb - 4} for cobb, error in pairs])
    assert found["mean absolute error"] == pytest.approx(1.25) and found["bias"] == pytest.approx(-0.5)
    # a standard deviation of 1.4720, worked by hand
    assert (found["low"], found["high"]) == pytest.approx((-0.5 - 2.885, -0.5 + 2.885), abs=0.001)
    assert found["SPA bias"] == pytest.approx(-4) and found["within the accepted error"] == 1


def test_the_tables_hold_every_size_and_survive_json(scored):
    summary = summarise_curves([scored, scored], [0.05, 0.3])
    text = "\n".join(curves_as_markdown({"true labels": summary, "model's labels": summary}))
    assert text.count("10 to 15°") == 3 and text.count("torn, %: 0 to 10") == text.count("torn, %: 40 and more") == 2
    assert json.loads(json.dumps(summary)) == summary


def test_curves_are_told_apart_by_how_much_of_their_picture_is_torn(scored):
    found = summarise_curves([scored] * 6, [0.0, 0.0999, 0.1, 0.21, 0.51, 1.0])["by torn share"]
    assert {part: each["curves"] for part, each in found.items()} == {
        "0 to 10": 2,
        "10 to 20": 1,
        "20 to 40": 1,
        "40 and more": 2,
    }


def test_curves_that_are_all_alike_have_no_correlation(scored):
    summary = summarise_curves([scored] * 3, [0] * 3)
    assert summary["all"]["r"] is None and summary["all"]["low"] == summary["all"]["high"]
    json.dumps(summary, allow_nan=False)
    assert "nan" not in "\n".join(curves_as_markdown({"true labels": summary}))
