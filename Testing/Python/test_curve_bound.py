"""What lines tell of curves: scatters are learnt as they are, and the best estimate is better than single lines."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_spine import LEVELS, S_SHAPED, DrawnSpine

from DAGANSpineLib.training.dataset import Sample
from Testing.Benchmarks.curve_bound import Scatter, Truth, best_tilts, halves, learn

SCATTER = Scatter(lines=(2.5, 4.0), middles=(1.0, 1.7), ends=15.0)


def simulated(seed: int, noise: float = 1.0) -> Truth:
    """A double curve whose lines and middles scatter as `SCATTER`, times `noise`; its midline follows the tilt."""
    random, y = np.random.default_rng(seed), 25.0 * np.arange(17)
    bare = Truth(list(LEVELS), y, y, y[[2, 9, 15]], y, y, y)
    turns = np.array([*random.normal(0, SCATTER.ends, 3), 0.0])
    fine = np.arange(0.0, 401.0)
    midline = np.cumsum(np.tan(np.radians(0.9 * bare.basis(fine) @ turns)))[::25]
    tilt = bare.basis(y) @ turns
    line, middle = (
        true + noise * random.normal(0, np.where(bare.thoracic, *scatter))
        for true, scatter in ((tilt, SCATTER.lines), (midline, SCATTER.middles))
    )
    return Truth(bare.names, y, tilt, bare.ends, midline, line, middle)


def test_scatters_are_learnt_as_they_are_whatever_few_lines_are_far_off():
    truths = [simulated(seed) for seed in range(60)]
    for truth in truths[:6]:
        truth.line[3], truth.line[14] = 80.0, np.nan
    found = learn(truths)
    assert found.lines == pytest.approx(SCATTER.lines, rel=0.12)
    assert found.middles == pytest.approx(SCATTER.middles, rel=0.12)
    assert found.ends == pytest.approx(SCATTER.ends, rel=0.15)


def test_bones_without_scatter_give_the_tilts_themselves():
    truth = simulated(0, noise=0.0)
    assert best_tilts(truth, SCATTER, middles=True) == pytest.approx(truth.tilt, abs=1.0)


def test_all_lines_tell_more_than_one_and_the_middles_more_than_they():
    truths = [simulated(seed) for seed in range(40)]

    def error(tilts: list[np.ndarray]) -> float:
        return float(
            np.mean([np.abs(each - truth.tilt)[[2, 9, 15]] for each, truth in zip(tilts, truths, strict=True)])
        )

    alone = error([truth.line for truth in truths])
    lines, both = (error([best_tilts(truth, SCATTER, middles) for truth in truths]) for middles in (False, True))
    assert both < lines < 0.7 * alone


def test_halves_of_a_lump_lie_on_its_tilt():
    drawn = DrawnSpine(S_SHAPED)
    centres = dict(zip(LEVELS, drawn.centres(), strict=True))
    known = {"spacing_mm": [0.4, 0.4], "vertebra_tilt_deg": dict(zip(LEVELS, drawn.tilts.tolist(), strict=True))}
    sample = Sample("drawn", drawn.labels(), drawn.labels(), known=known)
    for name in LEVELS[12:]:
        left, right = halves(sample, name, centres)
        tilt = np.degrees(np.arctan2(left[0] - right[0], right[1] - left[1]))
        assert tilt == pytest.approx(known["vertebra_tilt_deg"][name], abs=0.3)
