"""How high what goes wrong with a sweep is in the finished picture: measured in its columns, on many sweeps."""

from itertools import pairwise

import numpy as np
import pytest

from DAGANSpineLib.simulation import World
from DAGANSpineLib.simulation.circumstances import Events, happen
from DAGANSpineLib.simulation.hurry import HIGHEST, Hurried
from DAGANSpineLib.simulation.sweep import Sweep, plan_sweep, scan
from DAGANSpineLib.simulation.tracking import BAND_ROWS, LIT_ROWS, Band

SHAPE, FIRST, LAST, SWEEPS = (560, 400), 60, 500, 16
TOO_FAST, BANDS, FLASHES, ODD = "too fast a sweep", "missing bands", "saturated rows", "rows of other gain"


def swept(seed: int, *kinds: str, occasions: float = 0) -> tuple[Events, Sweep, np.ndarray]:
    """What happens, to which sweep, and what it leaves of an even picture of 1."""
    rng = np.random.Generator(np.random.PCG64(seed))
    world = World("of a test", occasions=occasions, torn=(0.2, 0.3), sure=kinds)
    events = happen(rng, world, "research", FIRST, LAST, 0.2)
    sweep = plan_sweep(rng, FIRST, LAST, SHAPE[1], ())
    return events, sweep, scan(rng, np.ones(SHAPE), events.on(sweep, rng), spread=0.0)


def heights(mask: np.ndarray) -> np.ndarray:
    """How high the stretches of True are in every tenth column of (rows, columns)."""
    edges = np.diff(np.pad(mask[:, ::10], ((1, 1), (0, 0))).astype(int), axis=0).T
    return np.nonzero(edges == -1)[1] - np.nonzero(edges == 1)[1]


def measured(what, *kinds: str) -> np.ndarray:
    """The heights of `what` there is in the pictures of many sweeps to which these kinds happen."""
    return np.concatenate([heights(what(swept(seed, *kinds)[2])) for seed in range(SWEEPS)])


@pytest.mark.parametrize("beside", [(), ("interleaved frames",), (TOO_FAST,), (BANDS,)])
def test_saturated_rows_are_one_to_three_high_whatever_they_lie_in(beside):
    found = measured(lambda picture: picture[:, :100] > 2.7, FLASHES, *beside)  # streaks lie in the middle
    assert len(found) > 300 and set(found) == {1, 2, 3}


@pytest.mark.parametrize("beside", [(), (FLASHES,), (BANDS,)])
def test_rows_of_other_gain_are_one_to_six_high(beside):
    """A frame's gain is its own before it is averaged with others in a row, so all of it counts."""
    found = measured(lambda picture: (picture > 0) & (np.abs(picture - 1) > 1e-6), ODD, *beside)
    assert len(found) > 1000 and set(found) == set(range(1, 7))


@pytest.mark.parametrize("filled", [True, False])
def test_lines_of_a_too_fast_sweep_are_one_to_three_high_at_the_edges_too(filled):
    found = []
    for seed in range(SWEEPS):
        events, _, picture = swept(seed, TOO_FAST)
        if events.frames[0].filled == filled:
            found.append(heights(picture[FIRST + 30 : LAST - 30] == 0))
    assert len(found) > 4 and set(np.concatenate(found)) == set(range(1, HIGHEST + 1))


@pytest.mark.parametrize("beside", [(), ("interleaved frames",), (FLASHES, ODD)])
def test_missing_bands_keep_their_range_in_every_column(beside):
    found = measured(lambda picture: picture[FIRST + 30 : LAST - 30] == 0, BANDS, *beside)
    bands = found[found > 7]  # beside holes that interleaved frames leave
    assert bands.min() >= BAND_ROWS[0] and 50 < bands.max() <= BAND_ROWS[1]


def test_between_two_bands_there_is_a_lit_stretch_and_no_gain_is_said_of_a_row_that_isnt_there():
    several = 0
    for seed in range(100):
        events = swept(seed, BANDS, FLASHES, ODD, TOO_FAST)[0] if seed < 20 else happen(
            np.random.Generator(np.random.PCG64(seed)), World("of a test", occasions=3, sure=(BANDS, FLASHES)),
            "portable", FIRST, 1400, 0.2,
        )  # fmt: skip
        several += len(events.bands) > 1
        assert all(other.first - one.last >= LIT_ROWS for one, other in pairwise(events.bands))
        gains = [event for event in events.frames if type(event).__name__ in ("Flash", "OddGain")]
        taken = [event for event in events.frames if isinstance(event, Band) or getattr(event, "filled", False)]
        taken = [event for event in taken if isinstance(event, Band | Hurried)]
        assert gains and not any(one.first < other.last and other.first < one.last for one in gains for other in taken)
    assert several > 30


def test_it_is_known_how_lines_are_inclined_and_where_a_gain_ends():
    events, sweep, picture = swept(3, TOO_FAST, "another gain from some row on")
    known = events.as_known(sweep)
    hurried = next(event for event in known if event["kind"] == TOO_FAST)
    rows = slice(hurried["first"] + 12, hurried["last"] - 12)
    left, right = (np.flatnonzero(picture[rows, column] == 0) for column in (150, 250))
    falls = 100 * np.tan(np.radians(hurried["inclination_deg"]))
    shifted = [np.isin(left + by, right).mean() for by in range(-16, 17)]
    assert shifted[round(falls) + 16] > 0.6
    leaps = [event for event in known if event["kind"] == "another gain from some row on"]
    assert leaps and all(event["first"] < event["last"] == LAST for event in leaps)
