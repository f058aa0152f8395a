"""From labels to curves: the angles are those of the lines, whatever is missing, melted, invented or moved."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from drawn_spine import LEVELS, S_SHAPED, DrawnSpine, ends_of, invent, largest
from scipy.interpolate import PchipInterpolator

from DAGANSpineLib import spine
from DAGANSpineLib.spine.course import likeliest_course
from DAGANSpineLib.spine.curves import turning_points
from DAGANSpineLib.spine.names import name_levels

THORACIC, LUMBAR = 2, 3
STEP = (0.4, 0.4)


@pytest.fixture(scope="module")
def drawn() -> DrawnSpine:
    return DrawnSpine(S_SHAPED)


@pytest.fixture(scope="module")
def labels(drawn) -> np.ndarray:
    return drawn.labels()


@pytest.fixture(scope="module")
def found(labels) -> spine.Spine:
    return spine.read(labels, spacing=STEP)


def test_the_curve_of_a_drawn_spine_is_found_where_it_was_drawn(found):
    curve = largest(found)
    assert curve.uca_deg == pytest.approx(28, abs=1.5)
    assert curve.convex == "right"
    assert abs(LEVELS.index(curve.upper) - LEVELS.index("T5")) <= 1
    assert abs(LEVELS.index(curve.lower) - LEVELS.index("L2")) <= 1
    assert abs(LEVELS.index(curve.apex) - LEVELS.index("T9")) <= 1


def test_every_level_is_named_and_its_line_lies_in_its_bones(drawn, labels, found):
    assert [level.name for level in found.levels] == list(LEVELS)
    centres = drawn.centres() / drawn.spacing
    for level, centre, tilt in zip(found.levels, centres, drawn.tilts, strict=True):
        assert level.centre == pytest.approx(centre, abs=4)
        assert level.tilt_deg == pytest.approx(tilt, abs=3)
        assert all(labels[round(row), round(column)] for row, column in (level.left, level.right))
        rise = (level.left[0] - level.right[0]) / (level.right[1] - level.left[1])
        assert np.degrees(np.arctan(rise)) == pytest.approx(level.tilt_deg), "the line is what its tilt says"


def test_a_straight_spine_has_no_curve():
    assert spine.read(DrawnSpine(np.full(17, 3.0)).labels(), spacing=STEP).curves == ()


def test_in_a_mirror_the_same_curves_are_convex_to_the_other_side(labels, found):
    mirrored = spine.read(labels[:, ::-1], spacing=STEP)
    other = {"left": "right", "right": "left"}
    for here, there in zip(found.curves, mirrored.curves, strict=True):
        assert there.uca_deg == pytest.approx(here.uca_deg, abs=0.5)
        assert (there.upper, there.lower, there.convex) == (here.upper, here.lower, other[here.convex])


@pytest.mark.parametrize("spacing", [(0.2, 0.2), (1.0, 1.0), (0.3, 0.6)])
def test_the_angles_are_the_patients_whatever_the_pixels(found, spacing):
    again = spine.read(DrawnSpine(S_SHAPED, spacing=spacing).labels(), spacing=spacing)
    assert largest(again).uca_deg == pytest.approx(largest(found).uca_deg, abs=1.0)


def test_unknown_pixels_are_taken_for_square(labels, found):
    assert largest(spine.read(labels)).uca_deg == pytest.approx(largest(found).uca_deg, abs=0.5)


def test_angles_do_not_depend_on_how_large_bones_are_drawn(found):
    for blob, lump in ((3.5, (22.0, 6.0)), (8.0, (30.0, 12.0))):
        assert largest(spine.read(DrawnSpine(S_SHAPED, blob=blob, lump=lump).labels(), spacing=STEP)).uca_deg == (
            pytest.approx(largest(found).uca_deg, abs=1.5)
        )


def test_neighbours_that_melt_together_are_still_told_apart(drawn, labels, found):
    molten = labels.copy()
    for level in range(16):
        for side in (-1, 1):
            # a bridge of 3 mm from each bone to the one below
            ends = drawn.centres()[[level, level + 1]] + [
                (0, side * (24 if at < 12 else 12)) for at in (level, level + 1)
            ]
            for row, column in np.linspace(*ends, 200) / drawn.spacing:
                patch = molten[round(row), round(column) - 4 : round(column) + 4]
                patch[patch == 0] = THORACIC if level < 11 else LUMBAR
    again = spine.read(molten, spacing=STEP)
    assert [level.name for level in again.levels] == list(LEVELS)
    assert largest(again).uca_deg == pytest.approx(largest(found).uca_deg, abs=3)


def test_a_fifth_missing_and_five_invented_turn_no_curve_and_cost_plausibility(drawn, found):
    sides = [(level, side) for level in range(17) for side in (-1, 1)]
    for seed in range(2):
        gone = np.random.default_rng(seed).permutation(len(sides))[:7]
        spoilt = invent(replace(drawn, missing={sides[at] for at in gone}).labels(), 5, seed)
        again = spine.read(spoilt, spacing=STEP)
        assert largest(again).uca_deg == pytest.approx(28, abs=4)
        assert again.plausibility < found.plausibility - 0.05


def test_a_pair_that_is_missing_counts_as_a_level(drawn):
    again = spine.read(replace(drawn, missing={(6, -1), (6, 1)}).labels(), spacing=STEP)
    assert [level.name for level in again.levels] == [level for level in LEVELS if level != "T7"]


def test_a_third_of_the_bones_missing_leaves_the_curve(drawn):
    sides = [(level, side) for level in range(17) for side in (-1, 1)]
    gone = np.random.default_rng(7).permutation(len(sides))[:11]
    again = spine.read(replace(drawn, missing={sides[at] for at in gone}).labels(), spacing=STEP)
    assert largest(again).uca_deg == pytest.approx(28, abs=5)


def test_of_bones_on_one_side_ribs_say_which():
    """Where the sweep misses the left ones, the midline doesn't go over to the other side of those on the right."""
    tilts = PchipInterpolator((0, 2, 9, 16), (20, 25, -15, -5))(np.arange(17))
    leaning = DrawnSpine(tilts, missing={(level, -1) for level in range(4)})
    ribs = {(level, side) for level in range(12) for side in (-1, 1)} - leaning.missing
    levels = spine.read(leaning.labels(ribs), spacing=STEP).levels
    assert [level.name for level in levels] == list(LEVELS)
    assert [level.tilt_deg for level in levels] == pytest.approx(tilts, abs=6)
    assert [level.found for level in levels[:5]] == [(False, True)] * 4 + [(True, True)]


def test_no_line_runs_from_the_last_bone_on_one_side_to_the_next_levels_on_the_other():
    """A midline that leans less than the vertebrae makes both look alike; the next level, with one bone left, tells."""
    tilts = PchipInterpolator((0, 2, 4, 9, 16), (20, 20, 16, 0, -20))(np.arange(17))
    levels = spine.read(DrawnSpine(tilts, slopes=tilts / 2, missing={(0, 1)}).labels(), spacing=STEP).levels
    assert [level.tilt_deg for level in levels] == pytest.approx(tilts, abs=5)


@pytest.mark.parametrize(("first", "last"), [("L1", "L4"), ("L1", "L5"), ("L2", "L4"), ("L3", "L5")])
@pytest.mark.parametrize("side", (-1, 1))
def test_halves_of_lumps_are_not_taken_for_whole_ones(side, first, last):
    """The midline would run through the middle of those that are left, and bend there and back."""
    places = range(LEVELS.index(first), LEVELS.index(last) + 1)
    words = {-1: "left", 1: "right"}
    for tilts, curves in ((np.zeros(17), []), (S_SHAPED, [13, 28])):
        halved = spine.read(DrawnSpine(tilts, missing={(level, side) for level in places}).labels(), spacing=STEP)
        found = [curve.uca_deg for curve in halved.curves if curve.uca_deg > 11]  # that of 8 degrees, L2 - L5, may be
        assert found == pytest.approx(curves, abs=2)
        said = f"Between {first} and {last} the bones on the {words[side]} could not be found."
        assert halved.notes[0].startswith(said)
        assert [level.found[side > 0] for level in halved.levels] == [level not in places for level in range(17)]


def test_small_lumps_are_whole_ones(found):
    small = spine.read(DrawnSpine(S_SHAPED, lump=(16.0, 7.0)).labels(), spacing=STEP)
    assert all(level.found == (True, True) for level in small.levels)
    assert largest(small).uca_deg == pytest.approx(largest(found).uca_deg, abs=1.5)


def test_a_picture_that_goes_on_to_the_side_after_a_gap_keeps_its_curve(drawn):
    jumped = replace(drawn, missing={(7, -1), (7, 1)}, jumps={8: 8.0}).labels()
    assert largest(spine.read(jumped, spacing=STEP)).uca_deg == pytest.approx(28, abs=3)


def test_lines_are_where_the_bones_are_not_where_the_midline_would_have_them():
    bent = DrawnSpine(S_SHAPED, slopes=np.zeros(17))
    assert largest(spine.read(bent.labels(), spacing=STEP)).uca_deg == pytest.approx(28, abs=4)
    level = DrawnSpine(np.zeros(17), slopes=5 * np.sin(np.arange(17)))
    assert spine.read(level.labels(), spacing=STEP).curves == ()


def test_a_lump_is_parted_square_to_itself_however_the_midline_leans():
    """Parted along a midline that leans by 12 degrees less, its halves would tell of a tilt that is too small."""
    slanted = DrawnSpine(np.full(17, 12.0), slopes=np.zeros(17))
    lumbar = [level.tilt_deg for level in spine.read(slanted.labels(), spacing=STEP).levels if level.name[0] == "L"]
    assert lumbar == pytest.approx([12.0] * 5, abs=0.8)


@pytest.mark.parametrize(("slant", "short"), ((0.3, 0.0), (0.7, 3.0)))
def test_what_the_end_of_the_sweep_leaves_of_a_lump_turns_no_curve(drawn, labels, found, slant, short):
    """However far from the end, in mm, its label stops `short`, as those of a model do."""
    row, column = (np.arange(size) * step for size, step in zip(labels.shape, STEP, strict=True))
    last, middle = drawn.centres()[-1]
    below = row[:, None] - last - slant * (column - middle)
    cut = spine.read(np.where(below < 0, labels, 0), below < short, spacing=STEP)
    assert cut.levels[-1].name == "L5"
    assert [(curve.upper, curve.lower) for curve in cut.curves] == [(c.upper, c.lower) for c in found.curves]
    assert cut.levels[-1].tilt_deg == pytest.approx(found.levels[-1].tilt_deg, abs=1.1)


def test_the_spinous_process_angle_is_that_of_the_midline():
    flat = DrawnSpine(S_SHAPED, slopes=0.6 * S_SHAPED)
    curve = largest(spine.read(flat.labels(), spacing=STEP))
    assert curve.spa_deg == pytest.approx(0.6 * 28, abs=4) and curve.spa_deg < curve.uca_deg


def test_a_sixth_lump_is_not_called_anything_in_silence():
    six = spine.read(DrawnSpine(np.zeros(18)).labels(), spacing=STEP)
    assert six.levels[-1].name == "6th lumbar (L6 or sacrum)"
    assert any("6th lumbar" in note for note in six.notes)
    usual = spine.read(DrawnSpine(np.zeros(17)).labels(), spacing=STEP)
    assert six.levels[0].confidence < usual.levels[0].confidence, "the names may be off by one"
    assert usual.names_are_certain and not six.names_are_certain


def test_what_could_not_be_found_and_what_is_not_believed_is_said(drawn):
    one_sided = spine.read(replace(drawn, missing={(level, 1) for level in range(3, 7)}).labels(), spacing=STEP)
    assert any("Between T4 and T7 the bones on the right" in note for note in one_sided.notes)
    labels = drawn.labels()
    row, column = (drawn.centres()[5] / drawn.spacing).round().astype(int)
    labels[row + 28 : row + 38, column - 8 : column + 10] = THORACIC
    assert any("Not believed" in note for note in spine.read(labels, spacing=STEP).notes)


def test_bones_that_lie_too_far_from_the_midline_to_be_read_are_named(drawn):
    """Of those on the left alone nothing says how far from them it runs."""
    alone = spine.read(replace(drawn, missing={(level, 1) for level in range(12)}).labels(), spacing=STEP)
    unread = LEVELS.index(alone.levels[0].name)
    assert unread > 0 and alone.notes[-1].startswith("Not believed,")
    assert f"thoracic left above {alone.levels[0].name} ({unread})" in alone.notes[-1]


def test_every_bone_is_read_or_named(drawn, labels):
    assert not spine.read(labels, spacing=STEP).notes
    far = np.pad(labels, ((0, 0), (0, 200)))
    far[460:480, -30:-10], far[-25:-5, -35:-5] = THORACIC, LUMBAR
    note = spine.read(far, spacing=STEP).notes[-1]
    assert "thoracic right at T7" in note and "lumbar right below L5" in note


@pytest.mark.parametrize(("first", "last"), [(3, 6), (4, 8), (5, 9), (3, 4)])
def test_a_curve_whose_bones_could_not_be_found_is_nowhere_called_certain(drawn, first, last):
    """Be it at one of its ends, or between them."""
    missing = {(level, 1) for level in range(first, last + 1)}
    spoilt = spine.read(replace(drawn, missing=missing).labels(), spacing=STEP)
    curve = largest(spoilt)
    assert f"The curve {curve.upper} – {curve.lower} is uncertain for that." in spoilt.notes[0]
    assert curve.how_certain == "uncertain"


def test_a_curve_that_ends_beside_a_gap_is_uncertain(drawn):
    spoilt = spine.read(replace(drawn, missing={(level, s) for level in (3, 4, 5) for s in (-1, 1)}).labels())
    curve = largest(spoilt)
    assert curve.upper == "T7" and curve.how_certain == "uncertain" and f"{curve.upper} –" in spoilt.notes[0]


def part_of(drawn: DrawnSpine, labels: np.ndarray, upper: str, lower: str) -> spine.Spine:
    """What is read of a sweep that reaches from one level to another only."""
    first, last = (drawn.centres()[LEVELS.index(name), 0] for name in (upper, lower))
    rows = slice(*(round(place / drawn.spacing[0]) for place in (first - 13, last + 13)))
    return spine.read(labels[rows], spacing=drawn.spacing)


@pytest.mark.parametrize(
    ("upper", "lower", "last"), [("T8", "L5", 0), ("T9", "L5", 0), ("T1", "T11", -1), ("T1", "T10", -1)]
)
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_curve_that_the_end_of_the_sweep_cuts_is_uncertain_and_may_be_larger(drawn, upper, lower, last, mirrored):
    tilts = -S_SHAPED if mirrored else S_SHAPED
    curved = replace(drawn, tilts=tilts, missing=lost_below(lower))
    cut = part_of(curved, curved.labels(), upper, lower)
    curve = largest(cut)
    assert curve.uca_deg < 25 and curve.how_certain == "uncertain"
    said = f"{cut.levels[last].name} is the {'lowest' if last else 'uppermost'} vertebra that was found"
    (note,) = (note for note in cut.notes if note.startswith(said))
    assert note.endswith(f"The curve {curve.upper} – {curve.lower} is uncertain for that.")


@pytest.mark.parametrize(("rate", "first"), [(3, "T6"), (4, "T5"), (4, "T6")])
def test_where_the_tilt_grows_evenly_up_to_the_end_that_is_said_be_there_a_curve_or_not(rate, first):
    """The fit takes the last tilts for smaller than they are, as if the spine turned there."""
    steep = DrawnSpine(np.interp(np.arange(17), (0, 1, 8, 16), (6.0, 7 * rate, 0, 0)))
    part = part_of(steep, steep.labels(), first, "L5")
    assert any("may go on above" in note for note in part.notes)
    assert not any(curve.how_certain == "certain" for curve in part.curves if curve.upper in (first, "T7", "T6"))


def lost_below(level: str) -> set[tuple[int, int]]:
    """All bones below a level: what would be left of the lumps that the picture's end cuts."""
    return {(below, side) for below in range(LEVELS.index(level) + 1, 17) for side in (-1, 1)}


@pytest.mark.parametrize(("upper", "lower"), [("T1", "L5"), ("T4", "L5"), ("T1", "L3")])
def test_a_curve_that_has_come_to_its_end_within_the_sweep_is_not_said_to_go_on(drawn, labels, upper, lower):
    cut = part_of(drawn, labels, upper, lower)
    assert largest(cut).uca_deg == pytest.approx(28, abs=2) and largest(cut).how_certain == "certain"
    assert not any("may go on" in note for note in cut.notes if f"{largest(cut).upper} – {largest(cut).lower}" in note)


def test_of_a_part_of_a_spine_the_levels_that_were_seen_are_said(found):
    straight = DrawnSpine(np.zeros(17))
    part = part_of(straight, straight.labels(), "T6", "L2")
    assert part.curves == () and any(note.startswith("Only T6 – L2 were found") for note in part.notes)
    assert not any(note.startswith("Only") for note in found.notes)


def test_a_bone_that_is_doubled_or_invented_leaves_a_spine_a_spine(drawn, labels, found):
    doubled = np.maximum(labels, np.roll(labels, 22, axis=0) * (np.arange(len(labels)) // 80 % 4 == 0)[:, None])
    for spoilt in (doubled, *(invent(labels, 7, seed) for seed in range(2))):
        assert largest(spine.read(spoilt, spacing=STEP)).uca_deg == pytest.approx(largest(found).uca_deg, abs=4)


@pytest.mark.parametrize("spacing", [0.4, np.float32(0.4), np.array(0.4), [0.4], [0.4, 0.4], np.array(STEP)])
def test_one_number_is_the_size_of_a_square_pixel(labels, found, spacing):
    assert largest(spine.read(labels, spacing=spacing)).uca_deg == pytest.approx(largest(found).uca_deg, abs=1e-3)


@pytest.mark.parametrize("spacing", [(0.4, 0.4, 0.4), ()])
def test_a_size_that_is_not_of_two_sides_is_refused_with_a_sentence(labels, spacing):
    with pytest.raises(ValueError, match="mm between rows and mm between columns"):
        spine.read(labels, spacing=spacing)


@pytest.mark.parametrize("spacing", [(np.nan, 0.4), (np.inf, np.inf), (0.0, 0.0), (-0.4, -0.4)])
def test_pixels_of_a_size_that_cannot_be_are_taken_for_square(labels, found, spacing):
    again = spine.read(labels, spacing=spacing)
    assert again.spacing == (1.0, 1.0)
    assert largest(again).uca_deg == pytest.approx(largest(found).uca_deg, abs=0.5)


def test_a_curve_that_is_just_not_certain_is_not_rounded_to_be(found):
    almost = replace(found.curves[0], confidence=0.6999)
    assert almost.how_certain == "uncertain" and almost.as_json()["confidence"] == 0.69


def test_a_report_holds_what_others_expect(found):
    report = json.loads(json.dumps(found.as_json()))
    assert set(report) == {"curves", "levels", "names_confidence", "plausibility"}
    keys = {"upper", "lower", "apex", "uca_deg", "spa_deg", "convex", "confidence"}
    assert all(set(curve) == keys for curve in report["curves"])
    assert set(report["levels"]["T6"]) == {"left", "right", "tilt_deg", "confidence"}
    assert 0 <= report["plausibility"] <= 1 and 0 <= report["names_confidence"] <= 1


def test_nothing_is_minus_zero(found):
    level = replace(found.levels[0], tilt_deg=-0.04, left=(-0.04, -0.01))
    curve = replace(found.curves[0], spa_deg=-0.04)
    assert "-0" not in json.dumps([level.as_json(), curve.as_json()]) + str(curve)


def test_a_spine_survives_being_kept_as_text(found):
    again = spine.from_record(json.loads(json.dumps(spine.as_record(found))))
    assert again.levels == found.levels and again.curves == found.curves and again.notes == found.notes
    assert again.names_certainty == found.names_certainty
    spoilt = spine.read(DrawnSpine(S_SHAPED, missing={(level, 1) for level in range(3, 7)}).labels(), spacing=STEP)
    assert spoilt.curves[0].doubts and spine.from_record(json.loads(json.dumps(spine.as_record(spoilt)))).curves == (
        spoilt.curves
    )
    level = found.levels[6]
    by_hand = [each.with_line(level.name, (10.0, 20.0), (30.0, 90.0)).curves for each in (again, found)]
    assert by_hand[0] == by_hand[1]


def test_a_record_of_an_earlier_version_is_read_as_if_it_were_of_today(drawn):
    """It knew no numbers, no doubts and no certainty of the names, and its notes spoke of the curves."""
    spoilt = spine.read(replace(drawn, missing={(level, 1) for level in range(3, 7)}).labels(), spacing=STEP)
    former = json.loads(json.dumps(spine.as_record(spoilt) | {"notes": spoilt.notes}))
    del former["names_certainty"]
    for level in former["levels"]:
        del level["number"]
    for curve in former["curves"]:
        del curve["doubts"]
    again = spine.from_record(former)
    assert (again.levels, again.curves, again.notes) == (spoilt.levels, spoilt.curves, spoilt.notes)
    assert again.names_certainty == pytest.approx(spoilt.names_certainty)
    for end in {end for curve in again.curves for end in (curve.upper, curve.lower)}:
        again = again.with_line(end, *ends_of(again, end, 10))
    assert not any("is uncertain" in note for note in again.notes)


def test_unsure_pixels_make_a_spine_less_plausible(labels, found):
    def with_probability(share: float) -> spine.Spine:
        return spine.read(
            labels, probabilities=np.stack([share * (labels == value) for value in range(4)]), spacing=STEP
        )

    assert with_probability(0.95).plausibility == pytest.approx(found.plausibility, abs=0.05)
    assert with_probability(0.55).curves is None


@pytest.fixture(scope="module")
def unsure(labels) -> np.ndarray:
    """Probabilities by a model that is the less sure of a bone the farther down it lies."""
    sure = np.linspace(0.98, 0.62, len(labels))[:, None]
    return np.stack([sure * (labels == value) for value in range(4)]).astype(np.float32)


def test_what_a_model_thought_of_its_bones_is_known_when_they_are_read_again(labels, unsure):
    first = spine.read(labels, probabilities=unsure, spacing=STEP)
    text = first.doubt.as_text()
    again = spine.read(labels, probabilities=spine.Doubt.from_text(text).probabilities(labels.shape), spacing=STEP)
    assert len(text) < 20_000
    assert again.plausibility == pytest.approx(first.plausibility, abs=0.002) and first.plausibility < 0.9
    for one, other in zip(again.curves, first.curves, strict=True):
        assert (one.upper, one.lower) == (other.upper, other.lower)
        assert one.uca_deg == pytest.approx(other.uca_deg, abs=0.02)
        assert one.confidence == pytest.approx(other.confidence, abs=0.005)


def test_what_is_drawn_by_hand_is_certain_and_lets_the_rest_be_as_doubtful_as_it_was(labels):
    half = np.stack([0.55 * (labels == value) for value in range(4)]).astype(np.float32)
    first = spine.read(labels, probabilities=half, spacing=STEP)
    probabilities = first.doubt.probabilities(labels.shape)
    edited = labels.copy()
    edited[0, 0] = THORACIC
    assert first.curves is None and spine.read(edited, probabilities=probabilities, spacing=STEP).curves is None
    elsewhere = np.roll(labels, 35, axis=0)  # of pixels, some of a lump's height
    by_hand = spine.read(elsewhere, probabilities=probabilities, spacing=STEP)
    assert by_hand.curves and by_hand.plausibility > 0.7
    assert first.doubt.probabilities((labels.shape[0] + 99, labels.shape[1])) is None


@pytest.mark.parametrize("text", ["", "{}", "[]", "7", '{"cells": [1, 1], "block": [1, 1], "likely": "eA=="}',
                                  '{"cells": [-1, 1], "block": [1, 1], "likely": ""}', "[" * 5000])  # fmt: skip
def test_a_doubt_that_is_none_is_refused(text):
    with pytest.raises((KeyError, TypeError, ValueError, RecursionError)):
        spine.Doubt.from_text(text)


@pytest.mark.parametrize(
    ("tilts", "turns"),
    [
        ([0, 20, -5, 18, -20], [0, 1, 2, 3, 4]),
        ([0, 8, 12, 6, 9, -3, -11, -4], [0, 2, 6]),  # neither the ripple at 6, 9 nor the rest of 7 is a curve
        ([12, 3, 1, -2, 5, 30], [0, 3, 5]),
        ([3, 1, 2], []),
        ([5], []),
    ],
)
def test_the_tilt_turns_where_it_has_changed_by_ten_degrees(tilts, turns):
    points = turning_points(tilts, 10)
    assert (points if len(points) > 1 else []) == turns


def test_levels_are_counted_from_the_border():
    assert name_levels([2] * 12 + [3] * 5).names == list(LEVELS)
    assert name_levels([2] * 9 + [3] * 5).names == list(LEVELS[3:])
    assert name_levels([2] * 5 + [None] + [2] * 6 + [3] * 5).names == list(LEVELS)
    assert name_levels([2] * 17).notes[1:] == [
        "There is a 13th thoracic (cervical or T13), and 4 more beyond it: the names are uncertain."
    ]
    hidden = name_levels([2] * 11 + [None] + [3] * 5)
    assert hidden.names == list(LEVELS), "T12 hides more often than L1"
    assert hidden.certainty < name_levels([2] * 12 + [3] * 5).certainty
    of_a_part = name_levels([2] * 8 + [None] + [3] * 3)
    assert of_a_part.notes == ["Which vertebra is T12 is not certain: all names may be off by one."]
    alone = name_levels([2] * 6)
    assert alone.certainty <= 0.5 and alone.notes


def test_a_level_beyond_all_names_has_its_ordinal():
    names = name_levels([2] * 24).names
    ordinals = [name.split()[0] for name in names[:12]]
    assert ordinals == ["24th", "23rd", "22nd", "21st", "20th", *(f"{number}th" for number in range(19, 12, -1))]


def test_a_course_is_found_in_noise_better_than_any_single_level_shows():
    truth, noise = np.radians(S_SHAPED), np.radians(3) * np.random.default_rng(4).standard_normal((10, 17))
    precision = np.eye(17) / np.radians(3) ** 2
    found = [likeliest_course(precision, precision @ (truth + each)) for each in noise]
    assert np.mean([np.abs(course.slope - truth) for course in found]) < 0.85 * np.abs(noise).mean()
    course = found[0]
    assert np.diag(course.covariance).mean() < 0.7 * np.radians(3) ** 2
