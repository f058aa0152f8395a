"""A simulated subject is what it says it is: fixed by its seed, truthful in its labels, spoilt by its sweep alone."""

import json
from itertools import pairwise

import numpy as np
import pytest
import SimpleITK as sitk

from DAGANSpineLib.metrics import patches
from DAGANSpineLib.simulation import Subject, simulate_subject
from DAGANSpineLib.simulation.worlds import World

FORMER_VPI = [
    [17.804, 152.054, 92.743],
    [85.581, 196.354, 29.689],
    [70.656, 176.283, 56.448],
    [38.705, 105.027, 70.694],
]
FORMER_CLEAN = [
    [17.726, 151.907, 92.66],
    [85.681, 197.291, 29.771],
    [72.27, 178.898, 56.856],
    [38.686, 105.024, 70.704],
]
FORMER_LABELS = [1521917, 156122, 60753, 100556]  # pixels
REACH = 70  # rows by which an inclined frame's line leaves its own row at the lit edges


@pytest.fixture(scope="module", params=[5, 15])
def subject(request) -> Subject:
    """A whole spine with bursts of noise."""
    return simulate_subject(request.param, missing=0.0, bursts=3)


def in_bursts(subject: Subject) -> np.ndarray:
    """Rows that a burst can reach."""
    rows = np.zeros(len(subject.vpi), bool)
    for burst in subject.known["bursts"]:
        rows[max(burst["first"] - REACH, 0) : burst["last"] + REACH] = True
    return rows


def components(mask: np.ndarray) -> int:
    labelled = sitk.ConnectedComponent(sitk.GetImageFromArray(mask.astype(np.uint8)), True)
    return int(sitk.GetArrayViewFromImage(labelled).max())


def drawn(subject: Subject, value: str) -> list[str]:
    return [name for name, bone in subject.known["bones"].items() if bone["class"] == value and bone["drawn"]]


def smooth_down(pixels: np.ndarray) -> np.ndarray:
    image = sitk.Cast(sitk.GetImageFromArray(pixels), sitk.sitkFloat32)
    return sitk.GetArrayFromImage(sitk.DiscreteGaussian(image, [0.0, 9.0], 32, 0.01, False))


def test_a_seed_is_one_subject():
    first, again, other = (simulate_subject(seed, spacing_mm=0.5) for seed in (7, 7, 8))
    for picture in ("vpi", "clean", "labels", "skin", "bone_depth"):
        assert np.array_equal(getattr(first, picture), getattr(again, picture))
    assert first.known == again.known
    assert first.vpi.shape != other.vpi.shape or (first.vpi != other.vpi).any()


def test_the_three_pictures_are_8_bit_and_of_one_shape(subject):
    assert subject.vpi.shape == subject.clean.shape == subject.labels.shape
    assert {subject.vpi.dtype, subject.clean.dtype, subject.labels.dtype} == {np.dtype(np.uint8)}
    assert set(np.unique(subject.labels)) == {0, 1, 2, 3}


def test_a_vpi_is_about_as_large_as_a_real_one(subject):
    rows, columns = subject.vpi.shape
    assert 1800 < rows < 3200 and 450 < columns < 950
    assert all(0.19 < spacing < 0.21 for spacing in subject.known["spacing_mm"])


def test_outside_the_lit_body_everything_is_black(subject):
    body = subject.clean > 0
    assert components(body) == 1
    assert not subject.vpi[~body].any()
    assert np.array_equal(subject.body, body)


def test_a_rib_is_drawn_to_the_lit_edge_and_a_little_over_it(subject):
    body, pixel = subject.clean > 0, subject.known["spacing_mm"][1]
    over = (subject.labels > 0) & ~body
    assert set(np.unique(subject.labels[over])) == {1}
    near = sitk.GetArrayFromImage(sitk.BinaryDilate(sitk.GetImageFromArray(body.astype(np.uint8)), (6, 0))) > 0
    assert not (over & ~near).any() and 6 * pixel < 1.3
    ribs = subject.labels == 1
    at_the_edge = (ribs & body)[:, 1:-1] & ~(body[:, 2:] & body[:, :-2])
    assert at_the_edge.any(1).sum() > 0.7 * over.any(1).sum() > 100


def half_depth(subject: Subject) -> Subject:
    """The same subject as the first simulation's readers would have drawn it."""
    mild = World("mild", half_depth=True)
    return simulate_subject(subject.known["seed"], severity=mild, missing=0.0, bursts=3)


def test_experts_draw_the_visible_shadow_not_its_half_depth(subject):
    former, pixel = half_depth(subject), subject.known["spacing_mm"][0]
    assert np.array_equal(former.vpi, subject.vpi) and np.array_equal(former.clean, subject.clean)
    assert (subject.labels == 2)[former.labels == 2].mean() > 0.9
    both = [name for name in drawn(former, "thoracic") if subject.known["bones"][name]["drawn"]]
    assert len(both) >= 0.85 * len(drawn(former, "thoracic"))
    radius = [
        pixel * np.sqrt((each.labels == 2).sum() / len(drawn(each, "thoracic")) / np.pi) for each in (former, subject)
    ]
    assert 0.6 < radius[1] - radius[0] < 2


def test_the_former_world_is_what_it_was():
    """Means of blocks of its pictures, as the first simulation gave them."""
    former = simulate_subject(15, severity="former", missing=0.0, bursts=3)
    assert former.vpi.shape == (2433, 756)
    blocks = [picture[:2400, :750].reshape(4, 600, 3, 250).mean((1, 3)) for picture in (former.vpi, former.clean)]
    assert blocks[0] == pytest.approx(np.array(FORMER_VPI), abs=0.01)
    assert blocks[1] == pytest.approx(np.array(FORMER_CLEAN), abs=0.01)
    assert np.bincount(former.labels.ravel()).tolist() == pytest.approx(FORMER_LABELS, rel=1e-4)


def test_what_the_sweep_left_unfilled_lies_in_its_bursts(subject):
    unfilled = (subject.vpi == 0) & (subject.clean > 0)
    assert unfilled.sum() > 100
    assert unfilled[~in_bursts(subject)].sum() < 0.02 * unfilled.sum()


def test_without_bursts_nearly_nothing_is_left_unfilled():
    calm = simulate_subject(3, bursts=0)
    body = calm.clean > 0
    assert calm.known["bursts"] == []
    assert (calm.vpi[body] == 0).mean() < 1e-4
    assert not patches(calm.vpi, body).corrupted.any()


def test_bursts_corrupt_patches_and_the_clean_picture_has_none(subject):
    body = subject.clean > 0
    spoilt, clean = patches(subject.vpi, body), patches(subject.clean, body)
    assert spoilt.corrupted.any() and not clean.corrupted.any()
    assert spoilt.corrupted.sum() < 0.25 * (spoilt.lit >= 0.8).sum()
    near_burst = np.array([in_bursts(subject)[r : r + 96].any() for r in range(0, len(body) - 95, spoilt.stride)])
    assert not spoilt.corrupted[~near_burst].any()


def test_outside_the_bursts_the_noise_is_a_banding_that_averages_out_along_the_sweep(subject):
    calm = (subject.clean > 0) & ~in_bursts(subject)[:, None]
    raw = np.abs(subject.vpi.astype(float) - subject.clean)[calm].mean()
    smooth = np.abs(smooth_down(subject.vpi) - smooth_down(subject.clean))[calm].mean()
    assert raw > 2.5 and smooth < 3.0 and smooth < 0.5 * raw


def test_a_whole_spine_has_twelve_thoracic_levels_and_five_lumbar_vertebrae():
    subject = simulate_subject(2, missing=0.0, curves=0)
    lumps = drawn(subject, "lumbar")
    assert lumps[-5:] == ["L1", "L2", "L3", "L4", "L5"]
    assert components(subject.labels == 3) == len(lumps) <= 6, "neighbours don't melt together"
    assert 18 <= len(drawn(subject, "thoracic")) <= 24
    for value, name in ((1, "rib"), (2, "thoracic")):
        assert 0.8 * len(drawn(subject, name)) <= components(subject.labels == value) <= 1.2 * len(drawn(subject, name))


def test_each_drawn_lumbar_vertebra_is_labelled_at_its_centre(subject):
    for level in set(drawn(subject, "lumbar")) - {"S1"}:
        row, column = (round(at) for at in subject.known["vertebra_centres"][level])
        assert subject.labels[row, column] == 3


def test_left_and_right_processes_lie_on_both_sides_of_their_vertebra(subject):
    rows, columns = np.nonzero(subject.labels == 2)
    line = np.array(subject.known["centreline"])
    side = columns - np.interp(rows, line[:, 0], line[:, 1])
    assert 0.3 < (side < 0).mean() < 0.7
    assert np.abs(side).min() * subject.known["spacing_mm"][1] > 5


@pytest.mark.parametrize(("value", "by"), [(1, 12), (2, 12), (3, 15)])
def test_labelled_bone_is_darker_than_the_muscle_beside_it(subject, value, by):
    bone = subject.labels == value
    wide = sitk.GetArrayFromImage(sitk.BinaryDilate(sitk.GetImageFromArray(bone.astype(np.uint8)), (15, 15))) > 0
    line = np.array(subject.known["centreline"])
    middle = np.interp(np.arange(len(subject.vpi)), line[:, 0], line[:, 1])
    off_midline = np.abs(np.arange(subject.vpi.shape[1]) - middle[:, None]) > 50
    beside = wide & (subject.labels == 0) & (subject.clean > 0) & off_midline
    assert subject.clean[bone & off_midline].mean() < subject.clean[beside].mean() - by


@pytest.mark.parametrize(("curves", "cobb", "name"), [(1, 40.0, "single"), (2, 35.0, "double"), (3, 50.0, "triple")])
def test_the_cobb_angles_are_those_of_the_known_vertebrae(curves, cobb, name):
    known = simulate_subject(11, spacing_mm=0.3, curves=curves, cobb_deg=cobb, missing=0.0).known
    tilt = known["vertebra_tilt_deg"]
    found = [tilt[curve["upper"]] - tilt[curve["lower"]] for curve in known["curves"]]
    assert len(found) == curves and known["curve_type"] == name
    assert found == pytest.approx([curve["cobb_deg"] for curve in known["curves"]], abs=0.7)
    assert max(abs(angle) for angle in found) == pytest.approx(cobb, abs=0.7)
    assert all(one * two < 0 for one, two in pairwise(found)), "neighbouring curves bend opposite ways"


def test_part_of_the_spine_may_be_missing():
    whole, cut = (simulate_subject(5, spacing_mm=0.4, missing=missing) for missing in (0.0, 0.3))
    assert len(cut.vpi) < 0.8 * len(whole.vpi)
    levels = [{name.split()[0] for name, bone in s.known["bones"].items() if bone["drawn"]} for s in (whole, cut)]
    assert len(levels[0] - {"S1"}) == 17 and 10 <= len(levels[1]) <= 14  # the sacrum may look like one lump more


@pytest.mark.parametrize("wrong", [{"curves": 4}, {"cobb_deg": 75.0}, {"missing": 0.8}, {"missing": -0.1}])
def test_impossible_spines_are_refused(wrong):
    with pytest.raises(ValueError, match="not"):
        simulate_subject(1, **wrong)


def test_what_is_known_survives_json(subject):
    assert json.loads(json.dumps(subject.known)) == subject.known
