"""What scanners, trackers and hands do to a picture: worked out on plain pictures, and seen on whole ones."""

import json
from dataclasses import asdict
from itertools import pairwise

import numpy as np
import pytest

from DAGANSpineLib.simulation import SEVERITIES, Subject, World, simulate_subject
from DAGANSpineLib.simulation.circumstances import happen
from DAGANSpineLib.simulation.coupling import OffBack
from DAGANSpineLib.simulation.display import MARKS, STROKES, Landmarks, Pen, draw_marks
from DAGANSpineLib.simulation.export import followed
from DAGANSpineLib.simulation.gain import Flash, OddGain
from DAGANSpineLib.simulation.hurry import Hurried, hurry
from DAGANSpineLib.simulation.moves import Coarser, Jump
from DAGANSpineLib.simulation.person import HIDDEN_ANYWAY, Person, hidden, left_of_bones, meet, missed_of
from DAGANSpineLib.simulation.scanner import CONSOLE_COLUMNS, switch_on
from DAGANSpineLib.simulation.sweep import Burst, Sweep, scan
from DAGANSpineLib.simulation.tracking import BAND_ROWS, Band, Interleaved, Steps, lose_frames
from DAGANSpineLib.simulation.worlds import OFTEN, SCANNERS, WORLDS

COARSE = 0.4  # mm a pixel: a quarter of the work
RESEARCH, CONSOLE, PORTABLE = (100, 0, 0), (0, 100, 0), (0, 0, 100)
TORN = ("too fast a sweep", "missing bands", "off the back", "steps of the lit edge", "screenshot", "marks")


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def slow_sweep(slope: float = 0.05, rows: int = 300, columns: int = 200) -> Sweep:
    position = np.arange(-50, rows + 50, 0.7)
    return Sweep(position, np.full(len(position), slope), np.full(len(position), 1e-3), np.zeros(columns), ())


def scanned(event, intensity: np.ndarray | None = None, **sweep) -> np.ndarray:
    """What is left of an even picture (300, 200), or of another one, when this happens to a slow sweep."""
    picture = np.ones((300, 200)) if intensity is None else intensity
    return scan(generator(1), picture, event.on(slow_sweep(**sweep), generator(2)), spread=0.0)


def runs(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where stretches of True begin in a row of flags, and how long they are."""
    edges = np.diff(np.pad(mask, 1).astype(int))
    starts = np.flatnonzero(edges == 1)
    return starts, np.flatnonzero(edges == -1) - starts


@pytest.mark.parametrize("filled", [True, False])
def test_a_too_fast_sweep_leaves_lines_one_to_three_pixels_high_across_the_whole_width(filled):
    picture = scanned(Hurried(100, 200, period=8.0, gap=2.0, jitter=0.05, side=0.0, filled=filled))
    black = picture == 0
    assert not black[:80].any() and not black[220:].any()
    for column in (5, 100, 195):  # each column crosses each line: none breaks into dashes
        starts, heights = runs(black[:, column])
        assert np.median(heights) >= 1 and heights.max() <= 3
        assert 5 <= np.median(np.diff(starts)) <= 11 and len(starts) >= 6


@pytest.mark.parametrize("seed", range(20))
def test_no_line_of_any_too_fast_sweep_is_higher_and_none_is_farther_from_the_next(seed):
    black = scanned(hurry(generator(seed), 60, 240)) == 0
    for column in (5, 195):
        starts, heights = runs(black[:, column])
        assert heights.max() <= 3 and np.diff(starts).min() >= 3
        assert np.median(np.diff(starts)) <= 13


def test_stretches_of_one_kind_lie_one_behind_the_other():
    """Where two overlapped, the frames that fill the one's rows would be left out by the other."""
    for seed in range(50):
        events = happen(generator(seed), world("too fast a sweep", "interleaved frames"), "research", 100, 1500, 0.2)
        for kind in (Hurried, Interleaved):
            stretches = [event for event in events.frames if isinstance(event, kind)]
            assert stretches and stretches[0].first >= 100 and stretches[-1].last <= 1500
            assert all(one.last <= other.first for one, other in pairwise(stretches))


def test_of_a_backs_bones_up_to_a_third_are_missed_and_no_more():
    for seed in range(50):
        person = meet(generator(seed), lambda kind: kind == "invisible bones")
        left = np.array(list(left_of_bones(generator(seed), person).values()))
        assert (left < 0.2).sum() == int(min(person.invisible, 1 / 3 - HIDDEN_ANYWAY) * len(left))
    faint = left_of_bones(generator(), Person(ribs=0.4))
    assert {name for name, value in faint.items() if value == 0.4} == {name for name in faint if "rib" in name}
    assert len(faint) == 12 * 2 * 2 + 6 and set(faint.values()) == {0.4, 1.0}


@pytest.mark.parametrize("ribs", [0.15, 0.3, 1.0])
@pytest.mark.parametrize("rise", [-0.44, -0.2, 0.0, 0.3])
def test_where_the_slab_hides_bones_fewer_are_missed(ribs, rise):
    person = Person(ribs=ribs, invisible=0.33)
    one, two = generator(3), generator(3)
    left, missed = left_of_bones(one, person, rise), missed_of(person, left_of_bones(two, person, rise))
    assert len(missed) / len(left) + hidden(person, rise) <= 1 / 3 or not missed
    assert missed or hidden(person, rise) > 0.3
    usual = generator(3)
    left_of_bones(usual, person)
    assert usual.random() == one.random(), "what is drawn after it stays as it is"


def test_ranges_hold_their_ends():
    rng = generator()
    columns = {switch_on(rng, "console").columns for _ in range(5000)}
    rows = {band.last - band.first for band in (lose_frames(rng, 0, 1000) for _ in range(2000))}
    assert (min(columns), max(columns)) == CONSOLE_COLUMNS and (min(rows), max(rows)) == BAND_ROWS


def test_the_lines_are_inclined_as_the_frames_are():
    black = scanned(Hurried(100, 200, 8.0, 2.0, 0.0, 0.0, filled=True), slope=0.05) == 0
    left, right = (runs(black[:, column])[0] for column in (20, 180))
    assert right[3] - left[3] == pytest.approx(0.05 * 160, abs=1)


def test_a_band_without_frames_is_slanted_and_sharp():
    black = scanned(Band(100, 130, 0.0, 0.0), slope=0.05) == 0
    for column in (20, 100, 180):
        (start,), (height,) = runs(black[:, column])
        assert start == pytest.approx(100 + 0.05 * (column - 100), abs=1.5) and height == pytest.approx(30, abs=2)


def test_interleaved_frames_show_rows_that_lie_elsewhere_and_only_in_their_stretch():
    ramp = np.tile(1 + np.arange(300.0)[:, None] / 100, (1, 200))
    event = Interleaved(100, 200, 4.0, 0.0, 2, 0.01, 0.0, True, 0.0, 0.0, 0.0, 0.2)
    off = 100 * np.abs(scanned(event, ramp, slope=0.0) - ramp)  # in rows
    assert off[:90].max() < 1 and off[210:].max() < 1
    assert 0.5 < off[110:190].mean() < 4 and 2 < off[110:190].max() <= 5


def test_streaks_lie_in_the_middle_columns():
    event = Interleaved(100, 200, 0.0, 0.0, 2, 0.01, 0.0, True, 0.0, 1.0, 0.2, 0.2)
    change = np.abs(np.log(scanned(event)))[110:190].mean(0)
    assert change[90:110].mean() > 0.1 and change[:40].max() < 0.01 > change[160:].max()


def test_steps_move_whole_frames_to_the_side():
    ramp = np.tile(10 + np.arange(200.0), (300, 1))
    moved = scanned(Steps(100, 200, 4.0, 20.0), ramp) - ramp
    assert np.abs(moved[:90]).max() == 0 < np.abs(moved[100:200, 50:150]).max() <= 16
    assert np.ptp(moved[150, 50:150]) == 0, "a frame as a whole"


def test_saturated_rows_are_white_over_bone_and_muscle_alike():
    picture = np.full((300, 200), 1.0)
    picture[:, 90:110] = 0.02
    row = scanned(Flash(150, 152, 3.0), picture, slope=0.0)[151]
    assert row[100] > 2.9 and row[20] > 2.9
    other = scanned(OddGain(150, 152, 0.5), picture, slope=0.0)[151]
    assert other[100] == pytest.approx(0.02 * np.exp(0.5)) and other[20] == pytest.approx(np.exp(0.5))


def test_after_a_lost_origin_the_picture_goes_on_to_the_side_and_what_is_known_follows():
    picture = np.arange(1, 301, dtype=np.float32)[:, None] * 1000 + np.arange(200, dtype=np.float32)
    jump = Jump(np.full(200, 150.0), 12)
    moved = jump.picture(picture)
    assert np.array_equal(moved[:150], picture[:150])
    assert np.array_equal(moved[150:, 12:], picture[150:, :-12]) and not moved[150:, :12].any()
    assert jump.point([100.0, 50.0]) == [100.0, 50.0] and jump.point([200.0, 50.0]) == [200.0, 62.0]


def test_in_larger_pixels_a_point_stays_where_it_is():
    picture = np.zeros((60, 60), np.float32)
    picture[30:36, 15:21] = 1  # its middle is 32.5, 17.5
    coarse = Coarser(3.0).picture(picture)
    rows, columns = np.nonzero(coarse > 0.5)
    assert [rows.mean(), columns.mean()] == Coarser(3.0).point([32.5, 17.5]) and len(rows) == 4


def test_all_that_is_known_in_pixels_follows_into_larger_ones():
    """And nothing else: shares, cycles a frame, log gains and millimetres stay."""
    nothing = {name: [] for name in ("spacing_mm", "centreline", "swept_rows")}
    events = [
        Hurried(100, 200, 8.0, 2.0, 0.1, 3.0, filled=True), Steps(100, 200, 4.0, 20.0), Band(100, 120, 2.0, 0.3),
        Interleaved(100, 200, 4.0, 2.0, 2, 0.01, 0.1, True, 0.2, 0.5, 0.1, 0.2), OffBack(100, 200, True, 0.2, 3.0),
    ]  # fmt: skip
    known = nothing | {
        "vertebra_centres": {}, "bones": {}, "bursts": [asdict(Burst(100, 200, 1.0, 0.2, 1.5))],
        "noise": [asdict(event) for event in events],
    }  # fmt: skip
    coarse = followed(known, [Coarser(2.0)], 2.0)
    assert coarse["bursts"] == [asdict(Burst(50, 100, 0.5, 0.2, 1.5))]
    assert coarse["noise"] == [asdict(event) for event in (
        Hurried(50, 100, 4.0, 1.0, 0.1, 1.5, filled=True), Steps(50, 100, 2.0, 10.0), Band(50, 60, 2.0, 0.3),
        Interleaved(50, 100, 2.0, 1.0, 2, 0.01, 0.1, True, 0.2, 0.5, 0.1, 0.2), OffBack(50, 100, True, 0.2, 3.0),
    )]  # fmt: skip


def world(*kinds: str, scanners: tuple[int, int, int] = RESEARCH, layer: int | None = None) -> World:
    return World("of a test", scanners, torn=(0.2, 0.3), sure=kinds, layer=layer)


def simulated(seed: int, severity: str | World, **known) -> Subject:
    return simulate_subject(seed, severity=severity, spacing_mm=COARSE, **known)


@pytest.fixture(scope="module")
def severe() -> Subject:
    """A portable scanner's picture, torn in several ways."""
    return simulated(4, world(*TORN, scanners=PORTABLE), bursts=1, missing=0.0)


def test_nothing_changes_for_a_seed():
    one, two = (simulated(3, "severe") for _ in range(2))
    assert all(np.array_equal(getattr(one, name), getattr(two, name)) for name in ("vpi", "clean", "labels", "torn"))
    assert one.known == two.known


def test_what_was_done_and_where_is_known(severe):
    known = json.loads(json.dumps(severe.known))
    assert known == severe.known
    assert known["scanner"]["name"] == "portable" and known["severity"] == "of a test"
    kinds = {event["kind"] for event in known["noise"]}
    assert kinds == {"too fast a sweep", "missing band", "off the back", "steps of the lit edge"}
    first, last = known["swept_rows"]
    assert all(first <= event["first"] < event["last"] <= last for event in known["noise"])
    assert known["marks"] and known["background"] >= 30


def test_torn_is_what_the_sweep_left_out_or_changed_and_nothing_else(severe):
    unfilled = severe.body & (severe.vpi == 0)
    assert unfilled.any() and severe.torn[unfilled].all()
    difference = np.abs(severe.vpi.astype(int) - severe.clean)
    assert difference[~severe.torn].max() <= 40 < difference[severe.torn].mean()
    fast = [event for event in severe.known["noise"] if event["kind"] == "too fast a sweep"]
    rows = np.concatenate([np.arange(event["first"] + 15, event["last"] - 15) for event in fast])
    assert severe.torn[rows].mean() > 3 * severe.torn.mean() / 2


def test_the_background_of_a_screenshot_is_not_black_and_the_body_keeps_its_grey(severe):
    background = severe.known["background"]
    corners = severe.vpi[:3, :3], severe.clean[-3:, -3:]
    assert all((corner == background).all() for corner in corners)
    assert severe.body.any(1).mean() > 0.8 and (severe.clean[severe.body] < background).any()


def test_labels_follow_neither_background_nor_marks(severe, monkeypatch):
    monkeypatch.setattr("DAGANSpineLib.simulation.export.draw_marks", lambda *_: [])
    monkeypatch.setattr("DAGANSpineLib.simulation.export.Picture.before", lambda picture, background: picture)
    plain = simulated(4, world(*TORN, scanners=PORTABLE), bursts=1, missing=0.0)
    assert (plain.vpi != severe.vpi).mean() > 0.2
    assert np.array_equal(plain.labels, severe.labels) and np.array_equal(plain.torn, severe.torn)
    assert set(np.unique(severe.labels[~severe.body])) <= {0, 1}, "but a rib runs a little over the lit edge"


def test_known_bones_lie_under_their_labels_whatever_moved_the_picture(severe):
    value = {"rib": 1, "thoracic": 2, "lumbar": 3}
    drawn = {name: bone for name, bone in severe.known["bones"].items() if bone["drawn"]}
    inside = [
        severe.labels[tuple(round(at) for at in bone["centre"])] == value[bone["class"]]
        for bone in drawn.values()
        if bone["class"] != "rib"
    ]
    assert len(inside) > 8 and np.mean(inside) > 0.8


def test_off_the_back_there_is_neither_texture_nor_bone():
    subject = simulated(6, world("off the back"), bursts=0, missing=0.0)
    (event,) = (each for each in subject.known["noise"] if each["kind"] == "off the back")
    rows = np.s_[event["first"] + 8 : event["last"] - 8]
    block = subject.body[rows]
    assert subject.clean[rows][block].mean() < 0.5 * subject.clean[subject.body].mean()
    assert subject.clean[rows][block].std() < 12 and not subject.labels[rows].any()
    assert OffBack(0, 10, True, 0.2, 3.0).edge == 10 and OffBack(90, 99, False, 0.2, 3.0).edge == 90


def test_what_is_drawn_is_known_and_so_is_what_was_missed_on_purpose():
    subject = simulated(1008, "mixed")  # a layer and ribs that hide bones
    drawn = {bone["class"] for bone in subject.known["bones"].values() if bone["drawn"]}
    classes = {1: "rib", 2: "thoracic", 3: "lumbar"}
    assert drawn == {name for value, name in classes.items() if (subject.labels == value).any()}
    assert set(subject.known["missed"]) <= set(subject.known["bones"])


def test_a_consoles_picture_is_small_and_smooth():
    console, research = (
        simulate_subject(5, severity=world("child", scanners=scanners), missing=0.5, bursts=0)
        for scanners in (CONSOLE, RESEARCH)
    )
    assert 150 <= console.vpi.shape[1] <= 400
    step = [
        np.abs(np.diff(each.vpi.astype(float), axis=0))[each.body[1:] & each.body[:-1]].mean()
        for each in (console, research)
    ]
    ratio = console.known["spacing_mm"][0] / research.known["spacing_mm"][0]
    assert ratio > 1 and step[0] < ratio * step[1]
    height = [len(subject.vpi) * subject.known["spacing_mm"][0] for subject in (console, research)]
    assert height[0] == pytest.approx(height[1], rel=0.01)


def test_bones_are_faint_and_narrow_near_the_skin_black_and_wide_in_deep_layers():
    shallow, deep = (simulated(7, world(layer=layer), bursts=0, missing=0.0) for layer in (2, 8))
    both = [
        name for name, bone in shallow.known["bones"].items() if bone["drawn"] and deep.known["bones"][name]["drawn"]
    ]
    assert len(both) > 10
    contrast = [[each.known["bones"][name]["contrast"] for name in both] for each in (shallow, deep)]
    assert np.mean(contrast[1]) > 1.3 * np.mean(contrast[0])
    area = [[each.known["bones"][name]["area_mm2"] for name in both] for each in (shallow, deep)]
    assert np.mean(area[1]) > 1.5 * np.mean(area[0])


def test_a_childs_spine_is_an_adults_in_small():
    child, adult = (simulated(8, world(*kinds), bursts=0, missing=0.0).known for kinds in (("child",), ()))
    assert 0.6 < child["person"]["size"] < 0.9 and adult["person"]["size"] == 1
    length = [
        (known["vertebra_centres"]["L5"][0] - known["vertebra_centres"]["T1"][0]) * known["spacing_mm"][0]
        for known in (child, adult)
    ]
    assert length[0] == pytest.approx(child["person"]["size"] * length[1], rel=1e-3)
    assert child["vertebra_tilt_deg"] == adult["vertebra_tilt_deg"]
    assert Person(size=0.5).size == 0.5


def test_in_a_severe_world_everything_happens_more_often_and_in_a_mild_one_nothing():
    for kind in OFTEN:
        for scanner in SCANNERS:
            mild, mixed, severe = (WORLDS[name].chance(kind, scanner) for name in SEVERITIES[:3])
            assert mild == 0 <= mixed <= severe < 1


def test_a_world_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="mild, mixed, severe, former, not dire"):
        simulate_subject(1, severity="dire")


def test_marks_are_drawn_alike_into_both_pictures_and_as_thick_as_the_pen():
    pictures = tuple(np.full((200, 100), grey, np.uint8) for grey in (30, 90))
    levels = {"T1": [20.0, 50.0], "T8": [90.0, 52.0], "L5": [170.0, 48.0]}
    at = Landmarks(levels, {"T1": 5.0, "T8": -9.0, "L5": 4.0}, [*levels.values()], np.tile([20, 80], (200, 1)))
    drawn = draw_marks(generator(), pictures, at)
    changed = [picture != grey for picture, grey in zip(pictures, (30, 90), strict=True)]
    assert drawn and changed[0].any() and (changed[0] != changed[1]).mean() < 0.01
    assert set(drawn) <= set(MARKS)
    line = np.zeros((60, 60), np.uint8)
    Pen(line, 255, 5.0).line((30, 10), (30, 50))
    assert (line > 127).sum() == pytest.approx(40 * 5 + np.pi * 2.5**2, rel=0.05)
    assert set("0123456789.TL") < set(STROKES)


@pytest.mark.parametrize("kind", MARKS)
def test_the_boxes_of_marks_hold_all_that_is_drawn_and_reach_no_further(kind):
    levels = {"T1": [20.0, 50.0], "T8": [90.0, 52.0], "L1": [130.0, 52.0], "L5": [170.0, 48.0]}
    at = Landmarks(levels, dict.fromkeys(levels, 5.0), [*levels.values()], np.tile([20, 80], (200, 1)))
    for seed in range(5):
        picture = np.zeros((200, 100), np.uint8)
        ((name, boxes),) = draw_marks(generator(seed), (picture, picture.copy()), at, [kind]).items()
        held = np.zeros(picture.shape, bool)
        for box in boxes:
            (top, bottom), (left, right) = box["rows"], box["columns"]
            held[top : bottom + 1, left : right + 1] = True
            shown = np.argwhere(picture[top : bottom + 1, left : right + 1])
            assert (shown.min(0) <= 1).all() and (shown.max(0) >= [bottom - top - 1, right - left - 1]).all()
        assert name == kind and not picture[~held].any()
        assert {"crosses": len(boxes) >= 2, "midline": len(boxes) == 1, "angle": len(boxes) == 3}.get(kind, boxes)
