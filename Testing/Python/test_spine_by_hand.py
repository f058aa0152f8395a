"""Lines drawn by hand and curves added: their angles are those of the lines, and they are named by where they lie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawn_spine import LEVELS, S_SHAPED, DrawnSpine, ends_of, largest

from DAGANSpineLib import spine

STEP = (0.4, 0.4)


@pytest.fixture(scope="module")
def drawn() -> DrawnSpine:
    return DrawnSpine(S_SHAPED)


@pytest.fixture(scope="module")
def found(drawn) -> spine.Spine:
    return spine.read(drawn.labels(), spacing=STEP)


def test_a_line_drawn_by_hand_is_measured_as_it_is(found):
    curve = largest(found)
    level = next(level for level in found.levels if level.name == curve.upper)
    (row, left), (_, right) = level.left, level.right
    drawn = found.with_line(level.name, (row + 60.0, left), (row, right))
    tilt = np.degrees(np.arctan2(60, right - left))
    lower = next(each.tilt_deg for each in drawn.levels if each.name == curve.lower)
    measured = next(each for each in drawn.curves if each.lower == curve.lower)
    assert measured.uca_deg == pytest.approx(tilt - lower)
    assert measured.by_hand and "by hand" in str(measured)
    assert drawn.as_json()["levels"][level.name]["by_hand"] is True
    assert largest(found) == curve, "the automatic one is still there"


def test_a_curve_drawn_by_hand_keeps_its_ends_however_small_it_becomes(found):
    curve = largest(found)
    names = [level.name for level in found.levels]
    upper, lower = (found.levels[names.index(end)] for end in (curve.upper, curve.lower))
    (row, left), (_, right) = upper.left, upper.right
    rise = np.tan(np.radians(lower.tilt_deg + 3.0)) * (right - left) / 2
    middle = (row + upper.right[0]) / 2
    drawn = found.with_line(upper.name, (middle - rise, right), (middle + rise, left))
    measured = next(each for each in drawn.curves if each.lower == curve.lower)
    assert (measured.upper, measured.uca_deg) == (curve.upper, pytest.approx(3.0))
    assert [each for each in drawn.curves if curve.upper not in (each.upper, each.lower)] == [
        each for each in found.curves if curve.upper not in (each.upper, each.lower)
    ]


def test_a_line_that_is_drawn_at_another_vertebra_is_that_ones(found):
    curve = largest(found)
    names = [level.name for level in found.levels]
    other = found.levels[names.index(curve.upper) + 1]
    drawn = found.with_line(curve.upper, other.left, other.right)
    measured = next(each for each in drawn.curves if each.lower == curve.lower)
    assert measured.upper == other.name and measured.by_hand
    assert [level.name for level in drawn.levels if level.by_hand] == [other.name]
    lower = found.levels[names.index(curve.lower)]
    onto = found.with_line(curve.upper, lower.left, lower.right)
    assert all(each.upper != each.lower for each in onto.curves)
    with pytest.raises(KeyError):
        found.with_line("T0", other.left, other.right)


@pytest.mark.parametrize(("gone", "curve_end"), [(6, "T5"), (1, "T5"), (0, "T5"), (16, "L2"), (14, "L2")])
def test_a_line_drawn_at_a_vertebra_without_bones_has_its_name(drawn, gone, curve_end):
    lacking = spine.read(replace(drawn, missing={(gone, -1), (gone, 1)}).labels(), spacing=STEP)
    end = largest(lacking).upper if curve_end == "T5" else largest(lacking).lower
    row, column = drawn.centres()[gone] / drawn.spacing
    by_hand = lacking.with_line(end, (row + 4, column - 60), (row - 4, column + 60))
    assert [level.name for level in by_hand.levels] == list(LEVELS)
    level = by_hand.levels[gone]
    assert level.by_hand and level.found == (False, False) and level.centre == pytest.approx((row, column))
    assert sum(LEVELS[gone] in (curve.upper, curve.lower) for curve in by_hand.curves) >= 1
    assert by_hand.variance.shape == (17, 17)
    tilted = lacking.with_line(end, *([row, column] for row, column in ends_of(lacking, end, 30)))
    assert [level.name for level in tilted.levels] == [level.name for level in lacking.levels], "only tilted"


def test_lines_drawn_at_each_others_vertebrae_have_the_names_of_where_they_lie(found):
    """Two curves may end there, each at its own line; in whatever order the lines are."""
    places = {level.name: (level.left, level.right) for level in found.levels}
    upper, lower = found.curves
    assert upper.lower == lower.upper
    for order in (1, -1):
        moves = [(upper.upper, places[upper.lower]), (lower.upper, places["T8"])][::order]
        drawn = found.with_lines(dict(moves))
        assert [(curve.upper, curve.lower) for curve in drawn.curves] == [(lower.upper, "T8"), ("T8", lower.lower)]
    added = found.with_curve("T8", lower.lower)
    drawn = added.with_line(lower.upper, *places["T8"])
    tilts = {level.name: level.tilt_deg for level in found.levels}
    assert all(curve.uca_deg == pytest.approx(abs(tilts["T8"] - tilts[lower.lower])) for curve in drawn.curves[1:])


def test_added_curves_are_carried_over_to_another_reading_that_has_their_ends(drawn, found):
    added = found.with_curve("T9", "L5").with_curve("T7", "L4")
    lacking = spine.read(replace(drawn, missing={(6, -1), (6, 1)}).labels(), spacing=STEP).with_added(added)
    assert [(curve.upper, curve.lower) for curve in lacking.curves if curve.by_hand] == [("T9", "L5")]
    assert found.with_added(None) == found.with_added(found) == found
    assert [curve.lower for curve in added.without_added(kept={"T7", "L4"}).curves if curve.by_hand] == ["L4"]


def test_a_curve_can_be_added_at_a_vertebra_without_bones_by_the_spines_course(drawn):
    lacking = spine.read(replace(drawn, missing={(8, -1), (8, 1), (16, -1), (16, 1)}).labels(), spacing=STEP)
    names = [level.name for level in lacking.levels]
    assert not {"T9", "L5"} & {*names}
    rows = drawn.labels().shape[0]
    assert [level.name for level in lacking.every_level(rows)] == list(LEVELS)
    assert [level.name for level in lacking.every_level(drawn.centres()[16, 0] / STEP[0] - 30)] == list(LEVELS[:-1])
    added = lacking.with_curve("T9", "L5").with_curve("T5", "L1")
    (curve,) = (curve for curve in added.curves if curve.upper == "T9")
    tilts = {level.name: level.tilt_deg for level in added.levels}
    assert curve.by_hand and curve.uca_deg == pytest.approx(abs(tilts["T9"] - tilts["L5"]))
    assert tilts["T9"] == pytest.approx(S_SHAPED[8], abs=2) and added.variance.shape == (17, 17)
    assert spine.from_record(spine.as_record(added)).levels == added.levels
    assert lacking.with_added(added).curves == added.curves
    assert [level.name for level in added.without_added().levels] == names
    kept = added.without_added(kept={"T5", "L1"})
    assert {end for each in kept.curves for end in (each.upper, each.lower, each.apex)} <= {
        level.name for level in kept.levels
    }


def test_what_made_a_curve_uncertain_is_not_said_of_it_when_it_is_measured_by_hand(drawn):
    spoilt = spine.read(replace(drawn, missing={(level, 1) for level in range(3, 7)}).labels(), spacing=STEP)
    before = [note for note in spoilt.notes if "is uncertain for that" in note]
    assert before
    for end in {end for curve in spoilt.curves for end in (curve.upper, curve.lower)}:
        spoilt = spoilt.with_line(end, *ends_of(spoilt, end, 10))
    assert not any("is uncertain" in note for note in spoilt.notes)
    assert "Between T4 and T7 the bones on the right could not be found." in spoilt.notes


def test_a_curve_can_be_added_between_any_two_levels_and_taken_back(found):
    added = found.with_curve("L5", "T9")
    (curve,) = (curve for curve in added.curves if curve.by_hand)
    tilts = {level.name: level.tilt_deg for level in found.levels}
    assert (curve.upper, curve.lower) == ("T9", "L5")
    assert curve.uca_deg == pytest.approx(abs(tilts["T9"] - tilts["L5"]))
    assert added.without_added() == found and len(added.curves) == len(found.curves) + 1
    assert [LEVELS.index(curve.upper) for curve in added.curves] == sorted(
        LEVELS.index(curve.upper) for curve in added.curves
    )
    moved = added.with_line("L5", *ends_of(added, "L5", 20))
    assert next(c for c in moved.curves if c.lower == "L5" and c.upper == "T9").uca_deg != pytest.approx(curve.uca_deg)
    with pytest.raises(KeyError):
        found.with_curve("T9", "T0")
    for ends in (("T9", "T9"), (found.curves[0].upper, found.curves[0].lower)):
        with pytest.raises(ValueError):
            found.with_curve(*ends)
