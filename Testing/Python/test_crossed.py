"""Intervals hold over subjects and trainings: chance alone is seldom called a difference, a real one is seen."""

import numpy as np
import pytest
from scipy import stats

from DAGANSpineLib.evaluation import crossed
from DAGANSpineLib.evaluation.crossed import crossed_difference, holm
from DAGANSpineLib.evaluation.paired import paired_difference

SUBJECTS = 29


def scores(random, seeds, level=70.0, training=1.0, subject=5.0, both=1.0, shared=None):
    """Of a system: its level, its trainings' own, the subjects' (shared by all systems), and what is left."""
    subjects = random.normal(0, subject, SUBJECTS) if shared is None else shared
    of_trainings = random.normal(0, training, (seeds, 1))
    return level + subjects + of_trainings + random.normal(0, both, (seeds, SUBJECTS))


@pytest.mark.parametrize(("seeds", "training"), [((5, 5), 1.0), ((5, 3), 1.0), ((3, 3), 0.2)])
def test_of_equal_systems_a_difference_is_seldom_shown(seeds, training, monkeypatch):
    """Resampling subjects alone calls half of them different, where trainings scatter by a point."""
    monkeypatch.setattr(crossed, "RESAMPLES", 1000)
    random, shown, naive = np.random.default_rng(0), 0, 0
    for _ in range(200):
        shared = random.normal(0, 5, SUBJECTS)
        ours, theirs = (scores(random, count, training=training, shared=shared) for count in seeds)
        shown += crossed_difference(ours, theirs).p < 0.05
        naive += paired_difference(ours[0], theirs[0]).sign != 0 if training == 1.0 else 0
    assert shown / 200 < 0.1
    assert training < 1.0 or naive / 200 > 0.4


def test_a_difference_beyond_the_scatter_of_trainings_is_shown_with_its_interval():
    random = np.random.default_rng(1)
    shared = random.normal(0, 5, SUBJECTS)
    ours, theirs = scores(random, 5, 70, 0.5, shared=shared), scores(random, 5, 73, 0.5, shared=shared)
    found = crossed_difference(ours, theirs)
    assert found.p < 0.01 and found.low < 3 < found.high and found.low > 0
    assert found.mean == pytest.approx(theirs.mean() - ours.mean())
    assert (found.subjects, found.seeds, found.larger + found.smaller) == (SUBJECTS, (5, 5), SUBJECTS)


def test_where_trainings_do_not_differ_the_interval_is_students_over_the_subjects():
    random = np.random.default_rng(2)
    differences = random.normal(0.5, 1, 12)
    ours = np.tile(random.normal(70, 5, 12), (4, 1))
    found = crossed_difference(ours, ours + differences)
    expected = stats.t.interval(0.95, 11, differences.mean(), stats.sem(differences))
    assert (found.low, found.high) == pytest.approx(expected, abs=0.12)
    assert found.p == pytest.approx(stats.ttest_1samp(differences, 0).pvalue, abs=0.05)


@pytest.mark.parametrize("seeds", [3, 5])
def test_what_is_far_beyond_all_scatter_is_shown_however_many_rivals_there_are(seeds):
    """The number of resamples is no bound for how sure one can be: two in ten thousand, by Student's t of few
    trainings and times fourteen, is more than chance."""
    random = np.random.default_rng(0)
    shared = random.normal(0, 5, SUBJECTS)
    reference = scores(random, seeds, 70, shared=shared)
    others = {number: scores(random, seeds, 40, shared=shared) for number in range(14)}
    found = crossed.read_differences(reference, others, "better", "worse")
    assert {each["reading"] for each in found.values()} == {"worse"}


def test_a_subject_that_a_training_can_t_score_is_left_out_and_few_can_t_tell():
    ours, theirs = np.full((3, 8), 70.0), np.full((3, 8), 71.0)
    theirs[1, 2] = np.nan
    assert crossed_difference(ours, theirs).subjects == 7
    assert crossed_difference(ours[:, :5], theirs[:, :5]).p is None
    assert crossed_difference(ours[:1], theirs[:1]).p is None
    assert crossed_difference(ours, np.full_like(theirs, np.nan)) is None


def test_equal_scores_are_no_difference():
    ours = np.random.default_rng(3).normal(70, 5, (3, 8))
    found = crossed_difference(ours, ours.copy())
    assert found.mean == 0 and found.p > 0.5 and (found.larger, found.smaller) == (0, 0)
    still = crossed_difference(np.full((3, 8), 70.0), np.full((3, 8), 70.0))
    assert still.p == 1 and still.low == still.high == 0


def test_holm_by_hand():
    corrected = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": None, "e": 0.9})
    # ordered 0.01, 0.03, 0.04, 0.9, times 4, 3, 2, 1, never falling
    assert corrected == pytest.approx({"a": 0.04, "c": 0.09, "b": 0.09, "e": 0.9, "d": None})
