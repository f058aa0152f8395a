"""What the benchmark of cut sweeps counts: curves that lose degrees, and whether that is said."""

from __future__ import annotations

from collections import Counter

import numpy as np
from drawn_spine import S_SHAPED, DrawnSpine
from test_spoilt_bones import sample_of

from Testing.Benchmarks.cut_sweeps import WHOLE, readings_of


def test_of_cut_curves_it_is_counted_whether_that_is_said():
    found = dict(readings_of(sample_of(DrawnSpine(S_SHAPED))))
    assert found[WHOLE]["cut"] == found[WHOLE]["called cut"] == 0 and found[WHOLE]["curves"] == 2
    assert found["cut above T4"]["cut"] == 0
    above = found["cut above T8"]
    assert (above["cut"], above["measured"], above["said"], above["called cut"]) == (1, 1, 1, 1)


def test_a_straight_spine_loses_nothing_wherever_it_is_cut():
    total = sum((counts for _how, counts in readings_of(sample_of(DrawnSpine(np.zeros(17))))), Counter())
    assert not total
