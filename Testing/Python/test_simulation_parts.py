"""The simulation's parts against what can be worked out by hand."""

from statistics import NormalDist

import numpy as np
import pytest

from DAGANSpineLib.simulation.anatomy import LEVELS, grow_spine
from DAGANSpineLib.simulation.blotches import Blotches, find_blotches
from DAGANSpineLib.simulation.bones import LUMBAR, RIB, THORACIC, Bones, Shadows, dome, share_of_summit
from DAGANSpineLib.simulation.echo import GreyCurve
from DAGANSpineLib.simulation.reading import FADED, Sight, outlines, own_darkening, read_labels, read_shadows
from DAGANSpineLib.simulation.sweep import Burst, Sweep, plan_sweep, scan
from DAGANSpineLib.simulation.texture import cubic_upsample, smooth_field


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def even_sweep(step: float, slope: float, rows: int, columns: int) -> Sweep:
    position = np.arange(-50, rows + 50, step)
    return Sweep(position, np.full(len(position), slope), np.ones(len(position)), np.zeros(columns), ())


def test_a_pixel_is_filled_where_a_frame_crosses_it_and_nowhere_else():
    burst = (Burst(10, 50, speed=1.3, jitter=0.4, strain=1.0),)
    sweep = plan_sweep(generator(), 0, 60, 48, burst)
    filled = scan(generator(1), np.ones((60, 48)), sweep, spread=0.0) > 0
    by_hand = np.zeros((60, 48), bool)
    for y, s in zip(sweep.position, sweep.slope, strict=True):
        for x in range(48):
            row = round(y + s * (x - 24) + sweep.bend[x])
            if 0 <= row < 60:
                by_hand[row, x] = True
    assert np.array_equal(filled, by_hand) and not filled.all()


def test_dashes_are_as_long_as_the_slope_and_the_gap_make_them():
    # Steps of 1.5 rows leave a third of the rows out; a line of slope 0.1 stays half a row's excess for 5 pixels.
    filled = scan(generator(), np.ones((200, 200)), even_sweep(1.5, 0.1, 200, 200), spread=0.0) > 0
    assert (~filled).mean() == pytest.approx(1 / 3, abs=0.01)
    edges = np.diff(np.pad(~filled, ((0, 0), (1, 1))).astype(int), axis=1)
    assert (~filled).sum() / (edges == 1).sum() == pytest.approx(5, abs=0.3)


def test_a_slow_sweep_leaves_nothing_out():
    assert (scan(generator(), np.ones((200, 200)), even_sweep(0.9, 0.07, 200, 200), spread=0.1) > 0).all()


def test_frames_that_fall_in_one_pixel_are_averaged():
    step = even_sweep(0.25, 0.0, 40, 400)
    lone, averaged = (
        scan(generator(), np.ones((40, 400)), sweep, spread=0.1).std()
        for sweep in (even_sweep(1.0, 0.0, 40, 400), step)
    )
    assert averaged < 0.7 * lone


def test_a_dome_shadows_half_as_deep_on_its_outline():
    for peak in (0.3, 0.8, 1.0, 1.7):
        assert dome(peak, np.array(1.0)) == pytest.approx(min(peak, 1.0) / 2)
        assert dome(peak, np.array(0.0)) == pytest.approx(peak)


def test_the_grey_curve_is_black_without_echo_and_saturates():
    grey = GreyCurve(gain=1.0, power=1.5)(np.array([0.0, 0.5, 1.0, 50.0]))
    assert grey[0] == 0 and grey[-1] == pytest.approx(255)
    assert grey[2] == pytest.approx(255 * (1 - np.exp(-1)))
    assert (np.diff(grey) > 0).all()


def test_a_cubic_spline_keeps_constants_and_straight_lines():
    ramp = cubic_upsample(np.arange(10.0), 29, 0)
    assert np.diff(ramp) == pytest.approx(np.full(28, 7 / 28))
    assert cubic_upsample(np.ones((5, 6)), 33, 1) == pytest.approx(np.ones((5, 33)))


def test_a_smooth_field_has_unit_variance_and_the_grain_asked_for():
    field = smooth_field(generator(), (800, 600), (8, 12))
    assert field.std() == pytest.approx(1, abs=0.05)
    along = (field[16:] * field[:-16]).mean(), (field[:, 8:] * field[:, :-8]).mean()
    assert along[0] < 0.3 < along[1]


def test_the_end_vertebrae_are_the_most_tilted_ones():
    spine = grow_spine(generator(4), curves=1, cobb_deg=45.0)
    (curve,) = spine.curves
    ends = sorted((LEVELS.index(curve.upper), LEVELS.index(curve.lower)))
    assert sorted((int(spine.tilt_deg.argmin()), int(spine.tilt_deg.argmax()))) == ends


def test_the_centreline_follows_the_vertebrae_but_not_exactly():
    share, off = [], []
    for seed in range(30):
        spine = grow_spine(generator(seed), curves=2, cobb_deg=40.0)
        slope = np.degrees(np.arctan(np.gradient(spine.x, spine.y)))[1:-1]
        share.append(np.polyfit(spine.tilt_deg[1:-1], slope, 1)[0])
        off += list(slope - share[-1] * spine.tilt_deg[1:-1])
    assert 0.75 < np.mean(share) < 0.95, "it bends less than they are tilted"
    assert 1 < np.std(off) < 3.5, "degrees"


def test_vertebrae_stand_in_order_on_the_centreline():
    for seed in range(20):
        spine = grow_spine(generator(seed))
        assert len(spine.y) == 17 and (np.diff(spine.y) > 12).all() and (np.diff(spine.y) < 45).all()
        assert spine.x == pytest.approx(np.interp(spine.y, spine.line_y, spine.line_x))


def test_a_bone_that_nobody_can_see_or_that_is_cut_off_is_not_drawn():
    owner = np.zeros((200, 200), np.uint8)
    owner[10:90, 10:90], owner[10:90, 110:190], owner[110:190, 10:12] = 1, 2, 3
    flat = np.zeros((200, 200))
    bones = Bones(flat, owner, ("L1", "L2", "T5 left rib"), (LUMBAR, LUMBAR, RIB), {}, flat)
    darkening = np.where(owner == 2, 3.0, 40.0)
    labels, readings = read_labels(bones, np.ones((200, 200), bool), darkening, 0.2)
    assert [name for name, bone in readings.items() if bone["drawn"]] == ["L1"]
    assert readings["L1"]["centre"] == [49.5, 49.5] and readings["L2"]["centre"] == [49.5, 149.5]
    assert set(np.unique(labels[owner == 1])) == {LUMBAR} and not labels[owner != 1].any()


def lump(ridge: float = 0.0) -> Bones:
    """L1, 40 x 40 mm, 0.5 high, over a midline that is so high all over; 0.4 mm a pixel."""
    owner = np.zeros((200, 200), np.uint8)
    owner[50:150, 50:150] = 1
    midline = np.full(owner.shape, ridge)
    return Bones(np.maximum(0.5 * owner, midline), owner, ("L1",), (LUMBAR,), {}, midline)


def drawn_by(bones: Bones, whiter: float = 0.0, spread: float = 10.0, cut=None, back=None, size: float = 1.0) -> tuple:
    """What an expert draws of a `lump` in even muscle of grey 200, where muscle looks so; `cut` is lost to a band, and
    the probe is on the `back` alone, both bool (rows, columns)."""
    lit = np.ones(bones.owner.shape, bool) if cut is None else ~cut
    muscle, curve = np.ones(lit.shape), GreyCurve(1.24, 1.0)
    darkening, beside = own_darkening(bones, muscle, 1 - bones.height, curve)
    back = np.ones_like(lit) if back is None else back
    blotches = Blotches(np.array([whiter]), np.array([spread]))
    sight = Sight(bones.owner * back, lit, back, beside, blotches, size)
    return read_shadows(bones, lit, darkening, 0.4, sight)


def test_a_bone_is_drawn_for_its_own_shadow_not_for_the_midlines():
    for ridge, seen in ((0.0, True), (0.2, True), (0.49, False)):
        labels, readings = drawn_by(lump(ridge))
        assert readings["L1"]["drawn"] == seen == labels.any()
    assert readings["L1"]["contrast"] < 5


def test_a_bone_is_drawn_where_it_is_darker_than_blotches_make_muscle():
    contrast = drawn_by(lump())[1]["L1"]["contrast"]
    for whiter, spread, seen in (
        (0, 0.9, True),
        (0, 1.1, False),
        (0.5, 0.4, True),
        (0.7, 0.4, False),
        (-0.3, 1.2, True),
    ):
        assert drawn_by(lump(), whiter * contrast, spread * contrast)[1]["L1"]["drawn"] == seen


def test_no_sliver_of_a_bone_is_drawn_but_both_of_two_fair_pieces():
    for band, pieces in ((np.s_[85:115], (True, True)), (np.s_[60:80], (False, True))):
        cut = np.zeros((200, 200), bool)
        cut[band] = True
        labels = drawn_by(lump(), cut=cut)[0]
        assert (labels[52].any(), labels[145].any()) == pieces and not labels[cut].any()


def test_a_small_persons_bones_are_drawn_for_being_small():
    bones, owner = lump(), np.zeros((200, 200), np.uint8)
    owner[100:123, 100:123] = 1  # 85 mm^2 of a lump that reaches out of the picture
    small = Bones(bones.height, owner, ("L1",), (LUMBAR,), {}, bones.midline)
    whole = Bones(bones.height, bones.owner, ("L1",), (LUMBAR,), {}, bones.midline)
    within = owner > 0
    for size, seen in ((1.0, False), (0.8, True)):
        labels, readings = drawn_by(whole, cut=~within, back=within, size=size)
        assert readings["L1"]["drawn"] == seen == labels.any()
    assert drawn_by(small, back=within)[1]["L1"]["drawn"], "all that there is of it"


def test_blotches_are_as_white_and_as_spread_as_they_are():
    away = np.hypot(*(np.mgrid[:200, :200] - 100.0)) * 0.4
    bones, curve = lump(), GreyCurve(1.0, 1.0)
    even = find_blotches(bones, np.ones((200, 200)), np.ones((200, 200)), curve, away > 0, 0.4)
    assert even.whiter == pytest.approx(0, abs=0.01) and even.spread == pytest.approx(0, abs=0.01)
    blotch = find_blotches(bones, 1 + 0.5 * (away < 20), np.ones((200, 200)), curve, away >= 0, 0.4)
    assert 5 < blotch.whiter[0] < 255 * (np.exp(-1) - np.exp(-1.5)) and blotch.spread[0] > 3


def outlined(lumps: list[np.ndarray], beam: float = 0.5) -> np.ndarray:
    """Whose outlines the lumps of these heights have, in even muscle, 0.2 mm a pixel."""
    shape = lumps[0].shape
    shadows = {value: Shadows.none(shape) for value in (RIB, THORACIC, LUMBAR)}
    for number, height in enumerate(lumps, 1):
        shadows[LUMBAR].add(slice(0, shape[0]), share_of_summit(height.max(), height), height.max(), number)
    names, owner = ("L1", "L2")[: len(lumps)], np.zeros(shape, np.uint8)
    bones = Bones(np.max(lumps, 0), owner, names, (LUMBAR,) * len(lumps), shadows, np.zeros(shape))
    lit = np.ones(shape, bool)
    return outlines(bones, lit, lit, lambda free, at: np.full(shape, 200.0)[at] * free, (beam, beam), 0.2)


def test_the_outline_lies_where_the_shadow_has_faded():
    away = np.abs(np.arange(200) - 100.0) * np.ones((200, 1))
    slope = 0.8 * (1 - away / 50)
    reach = (outlined([slope])[100] > 0).sum() / 2
    assert reach == pytest.approx((1 - FADED) * 50, abs=1)
    sharp = np.where(away <= 30, 0.8, -0.4)
    # an edge that a Gaussian has blurred falls to that share so many sigma beyond itself
    sigmas = NormalDist().inv_cdf(1 - FADED)
    for beam, spread in ((0.1, 0.0), (2.0, sigmas * 2.0 / 0.2)):
        assert (outlined([sharp], beam)[100] > 0).sum() / 2 == pytest.approx(30 + spread, abs=1)


def test_neighbours_whose_shadows_touch_are_drawn_apart():
    away = [np.abs(np.arange(200) - middle)[:, None] * np.ones((1, 50)) for middle in (70.0, 130.0)]
    owner = outlined([0.8 * (1 - each / 50) for each in away])[:, 25]
    assert owner[70] == 1 and owner[130] == 2
    between = owner[70:131]
    assert 1 <= (between == 0).sum() <= 6 and between[30] == 0
