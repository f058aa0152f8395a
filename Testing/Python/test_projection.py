"""A volume projects to its subject's VPI, however it is stored, and whatever its scanner left out of it."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from truth import TURNED, Stored, bone_depth, bones_of, fallen, found_at, similarity, slab_of

from DAGANSpineLib.errors import ImageError, UserError
from DAGANSpineLib.progress import Cancelled
from DAGANSpineLib.projection import Projector, Slab
from DAGANSpineLib.projection.files import projector_of
from DAGANSpineLib.projection.orientation import SIDES, find_view
from DAGANSpineLib.projection.projector import gather, nearest_filled
from DAGANSpineLib.projection.skin import Surface, beginnings
from DAGANSpineLib.simulation import Subject, simulate_subject, simulate_volume
from DAGANSpineLib.vpi import grey_voxels
from DAGANSpineLib.vpi.picture import vpi_from_image

OBLIQUE = np.array([[0.96, 0, 0.28], [0, 1, 0], [-0.28, 0, 0.96]]) @ TURNED
# how the volume is simulated; the order of its stored axes, and which of them run backwards
GEOMETRIES = {
    "as simulated": ({"spacing": (0.8, 0.8, 0.8)}, (0, 1, 2), ()),
    "rotated, axes permuted": ({"spacing": (0.8, 0.8, 0.8), "rotation": TURNED}, (2, 0, 1), (0, 2)),
    "anisotropic, oblique": ({"spacing": (0.6, 1.0, 0.7), "rotation": OBLIQUE}, (1, 2, 0), (1,)),
}


@pytest.fixture(scope="module")
def subject() -> Subject:
    return simulate_subject(2, spacing_mm=0.3, missing=0.0, curves=2, cobb_deg=35.0)


@pytest.fixture(scope="module", params=GEOMETRIES)
def stored(request, subject) -> Stored:
    how, order, reverse = GEOMETRIES[request.param]
    return Stored.of(simulate_volume(subject, **how), order, reverse)


@pytest.fixture(scope="module")
def projector(stored, tmp_path_factory) -> Projector:
    """Of the volume as another program would meet it."""
    path = tmp_path_factory.mktemp("volume") / "spine.nrrd"
    sitk.WriteImage(stored.image(), str(path))
    return projector_of(sitk.ReadImage(str(path)))


@pytest.fixture(scope="module")
def upright(subject) -> Stored:
    """A coarser one, for what needs no figures."""
    return Stored.of(simulate_volume(subject, (1.2, 1.2, 1.0)))


@pytest.fixture(scope="module")
def looked_at(upright) -> Projector:
    return upright.projector()


def test_a_volume_projects_to_the_subjects_own_vpi(subject, stored, projector):
    picture = projector.project(slab_of(stored.volume))
    truth = fallen(subject, subject.vpi, stored.volume)
    body = stored.volume.vpi > 0
    assert similarity(picture.astype(float), truth, body) >= 0.95
    assert similarity(picture.astype(float), stored.volume.vpi.astype(float), body) >= 0.99


def test_a_volume_of_the_scanners_own_fineness_projects_to_its_vpi():
    volume = simulate_volume(simulate_subject(6, spacing_mm=0.4))
    picture = Stored.of(volume).projector().project(slab_of(volume))
    assert similarity(picture.astype(float), volume.vpi.astype(float), volume.vpi > 0) >= 0.99


def test_what_was_not_filled_stays_black_and_nothing_else_does(stored, projector):
    assert np.array_equal(projector.project(slab_of(stored.volume)) == 0, stored.volume.vpi == 0)


def test_what_is_filled_is_never_black_however_dark(upright, looked_at):
    slab = slab_of(upright.volume)
    numbers = np.where(looked_at.voxels > 100, 60000, looked_at.voxels).astype(np.uint16)
    dark = replace(looked_at, voxels=grey_voxels(numbers)).project(slab)
    assert np.array_equal(dark > 0, looked_at.project(slab) > 0)


def test_the_skin_lies_where_it_does(stored, projector):
    lit = stored.volume.vpi > 0
    assert np.abs(projector.skin_mm - stored.volume.skin)[lit].mean() < 0.1
    assert np.abs(projector.skin_mm - stored.volume.skin)[lit].max() < 1


def test_bone_centres_lie_within_a_millimetre(subject, stored, projector):
    vpi = projector.vpi(slab_of(stored.volume))
    clean = fallen(subject, subject.clean, stored.volume)
    inward = projector.to_lps[:3, 2] / projector.spacing[2]
    off, beside = [], []
    for name, row, column in bones_of(subject, stored.volume):
        at = found_at(clean, vpi.pixels.astype(float), row, column, reach=4, around=9)
        truth = stored.volume.centres[name]
        off.append(np.linalg.norm(projector.lps(*at, bone_depth(subject, name)) - truth))
        away = np.array(vpi.image.TransformContinuousIndexToPhysicalPoint([at[1], at[0], 0.0])) - truth
        beside.append(np.linalg.norm(away - inward * (away @ inward)))
    assert len(off) > 15 and max(off) < 1 and max(beside) < 1


def test_the_vpi_is_a_plane_behind_which_the_slab_lies(stored, projector):
    slab = slab_of(stored.volume)
    vpi = projector.vpi(slab)
    assert vpi.image.GetSize() == (*vpi.pixels.shape[::-1], 1)
    assert vpi.spacing == pytest.approx(stored.volume.spacing[:2])
    assert vpi.image.GetSpacing() == pytest.approx((*stored.volume.spacing[1::-1], slab.thickness_mm))
    right, down, inward = np.array(vpi.image.GetDirection()).reshape(3, 3).T
    axes = stored.volume.index_to_lps[:3, :3] / stored.volume.spacing
    np.testing.assert_allclose([down, right, inward], axes.T, atol=1e-9)
    under = projector.skin_mm.mean() + slab.middle_mm
    middle = vpi.image.TransformContinuousIndexToPhysicalPoint([0, 0, 0]) @ inward
    assert middle == pytest.approx(projector.to_lps[:3, 3] @ inward + under, abs=5)


def test_the_bones_depth_is_found(stored, projector):
    assert projector.depth_mm == pytest.approx(stored.volume.slab.depth_mm, abs=1)
    assert (projector.head, projector.skin, projector.notes) == ("S", "P", [])


@pytest.mark.parametrize("seed", range(3, 7))
def test_the_bones_depth_is_found_in_other_subjects(seed):
    volume = simulate_volume(simulate_subject(seed, spacing_mm=0.4), (1.2, 1.2, 0.6))
    assert Stored.of(volume).projector().depth_mm == pytest.approx(volume.slab.depth_mm, abs=1)


def spoiled(voxels: np.ndarray, how: str) -> np.ndarray:
    rng = np.random.default_rng(0)
    voxels = voxels.copy()
    if how == "specks in the air":
        voxels[(voxels == 0) & (rng.random(voxels.shape) < 0.02)] = 255
    elif how == "haze in the air":
        voxels = np.maximum(voxels, rng.integers(0, 40, voxels.shape, np.uint8))
    elif how == "missing columns":
        voxels[rng.random(voxels.shape[:2]) < 0.4] = 0
        voxels[130:140] = 0
    elif how == "holes":
        voxels[rng.random(voxels.shape) < 0.3] = 0
    elif how == "a dark skin":
        part = voxels[100:112, 40:52]
        part[np.arange(voxels.shape[2]) < (part > 0).argmax(2)[..., None] + 4] = 0
    return voxels


@pytest.mark.parametrize("how", ["specks in the air", "haze in the air", "missing columns", "holes", "a dark skin"])
def test_the_skin_is_found_in_spite_of(how, upright):
    projector = Projector.of(spoiled(upright.voxels, how), upright.to_lps)
    away = np.abs(projector.skin_mm - upright.volume.skin)[upright.volume.vpi > 0]
    assert np.percentile(away, 99) < 0.8 and away.mean() < 0.2
    assert projector.skin == "P"


def test_the_mean_leaves_unfilled_voxels_out(upright, looked_at):
    slab = slab_of(upright.volume)
    whole = looked_at.project(slab).astype(float)
    holes = Projector.of(spoiled(upright.voxels, "holes"), upright.to_lps).project(slab).astype(float)
    both = (whole > 0) & (holes > 0)
    assert abs((whole - holes)[both].mean()) < 1
    assert both.sum() > 0.95 * (whole > 0).sum()


def test_the_slab_counts_voxels_by_the_part_that_lies_in_it():
    voxels = np.array([[[10, 20, 30, 0, 50]]], np.uint8)
    roof, floor = np.array([[0.0]]), np.array([[2.0]])  # half of 10, 20, half of 30
    assert gather(voxels, roof, floor, "mean") == pytest.approx((5 + 20 + 15) / 2)
    assert gather(voxels, roof, floor, "maximum") == 30
    assert gather(voxels, roof + 1.7, floor + 0.2, "mean") == pytest.approx(30)  # thinner than a voxel
    assert gather(voxels, roof + 1.7, floor + 0.2, "maximum") == 30
    assert gather(voxels, roof + 1.5, floor + 2.5, "mean") == pytest.approx(40)  # 0 is not filled
    assert gather(voxels, roof + 6, floor + 6, "mean") == 0
    assert gather(voxels, roof - 5, floor - 3, "maximum") == 0


def test_the_maximum_is_nowhere_less_than_the_mean(upright, looked_at):
    slab = slab_of(upright.volume)
    mean, maximum = (looked_at.project(slab_of(upright.volume, method=method)) for method in ("mean", "maximum"))
    assert (maximum >= mean).all() and (maximum > mean).mean() > 0.2
    deeper = looked_at.project(Slab(slab.depth_mm + 4))
    assert deeper[deeper > 0].mean() < 0.7 * mean[mean > 0].mean(), "shadow lies behind the bones"


@pytest.mark.parametrize("kind", [np.int16, np.uint16, np.float32, np.float64])
def test_other_types_of_voxels_give_the_same_picture(upright, looked_at, kind):
    slab, expected = slab_of(upright.volume), looked_at.project(slab_of(upright.volume)).astype(int)
    scales = {np.int16: 1, np.uint16: 257, np.float32: 1 / 255, np.float64: 1}
    voxels = (upright.voxels.astype(float) * scales[kind]).astype(kind)
    assert np.abs(Projector.of(voxels, upright.to_lps).project(slab) - expected).max() <= 1


def hot(voxels, value):
    voxels[tuple(extent // 2 for extent in voxels.shape)] = value
    return voxels


CODINGS = {
    "12 bits with a hot voxel": lambda voxels: hot(voxels.astype(np.uint16) * 16, 65535),
    "fractions with a hot voxel": lambda voxels: hot((voxels / 255).astype(np.float32), 30),
    "-32768 for nothing": lambda voxels: np.where(voxels > 0, voxels.astype(np.int16) * 8, -32768).astype(np.int16),
    "65535 for nothing": lambda voxels: np.where(voxels > 0, voxels.astype(np.uint16) * 16, 65535).astype(np.uint16),
    "fractions beyond 1": lambda voxels: np.where(voxels == voxels.max(), 1.03, voxels / 255).astype(np.float32),
    "-1 to 1": lambda voxels: (voxels / 127.5 - 1).astype(np.float32),
    "percent": lambda voxels: (voxels / 2.55).astype(np.float32),
    "tiny": lambda voxels: (voxels * 1e-6).astype(np.float32),
    "enormous": lambda voxels: voxels * 1e39,
}


@pytest.mark.parametrize("coding", CODINGS)
def test_voxels_in_any_coding_give_the_same_picture_but_for_contrast(upright, looked_at, coding):
    slab = slab_of(upright.volume)
    projector = Projector.of(CODINGS[coding](upright.voxels.copy()), upright.to_lps)
    expected, read = (each.project(slab).astype(float) for each in (looked_at, projector))
    assert (np.abs(projector.skin_mm - looked_at.skin_mm) < 0.2).all()
    assert np.array_equal(read > 0, expected > 0)
    assert np.corrcoef(read.ravel(), expected.ravel())[0, 1] > 0.999
    assert read.max() > 0.8 * expected.max()


def test_where_greys_are_negative_the_lowest_is_unfilled(upright, looked_at):
    slab = slab_of(upright.volume)
    shifted = Projector.of(upright.voxels.astype(np.int16) - 128, upright.to_lps)
    assert np.array_equal(shifted.project(slab), looked_at.project(slab))


def test_every_voxel_order_gives_the_same_view(upright, looked_at):
    expected = looked_at.project(slab_of(upright.volume))
    for order, reverse in (((2, 1, 0), ()), ((1, 0, 2), (0, 1, 2)), ((0, 2, 1), (1,))):
        other = Stored.of(upright.volume, order, reverse).projector()
        assert np.array_equal(other.project(slab_of(upright.volume)), expected)
        np.testing.assert_allclose(other.to_lps, upright.to_lps, atol=1e-9)


def test_the_skin_counts_more_than_coordinates_that_are_not_the_patients(upright, looked_at):
    """A tracker's coordinates: the patient has turned round in them."""
    turned = np.diag([-1.0, -1.0, 1.0, 1.0]) @ upright.to_lps
    projector = Projector.of(upright.voxels, turned)
    assert projector.skin == "A" and any("left and right" in note for note in projector.notes)
    slab = slab_of(upright.volume)
    assert np.array_equal(projector.project(slab), looked_at.project(slab))


def test_the_long_axis_is_the_spines_whatever_the_coordinates_say(upright):
    """A tracker's coordinates: the patient lies in them."""
    lying = np.array([[0, 0, 1.0, 0], [1.2, 0, 0, 0], [0, 1.2, 0, 0], [0, 0, 0, 1]])  # head to feet runs backward
    assert find_view(lying, upright.voxels.shape).axes[0] == 0
    projector = Projector.of(upright.voxels, lying, head="A")
    assert projector.voxels.shape == upright.voxels.shape and any("upright" in note for note in projector.notes)


def test_head_and_skin_can_be_chosen(upright, looked_at):
    slab = slab_of(upright.volume)
    expected = looked_at.project(slab)
    upside_down = upright.projector(head="I", skin="P").project(slab)
    assert np.array_equal(upside_down, expected[::-1, ::-1]), "the picture is turned, not mirrored"
    view = find_view(upright.to_lps, upright.voxels.shape, "S", "A")
    behind = find_view(upright.to_lps, upright.voxels.shape, "S", "P")
    assert np.array_equal(view.of(upright.voxels), behind.of(upright.voxels)[:, ::-1, ::-1])
    assert view == behind.from_the_other_side()


def test_a_view_is_never_mirrored():
    """Down, right and inward make a right-handed frame in LPS, whatever is asked for."""
    to_lps = np.diag([0.5, 0.7, 0.9, 1.0])[[2, 0, 1, 3]]
    for head, toward_head in SIDES.items():
        for skin, toward_skin in SIDES.items():
            if np.dot(toward_head, toward_skin):
                continue
            view = find_view(to_lps, (30, 20, 10), head, skin)
            down, right, inward = view.to_lps(to_lps, (30, 20, 10))[:3, :3].T / np.array(view.spacing(to_lps))[:, None]
            assert np.allclose(down, np.negative(toward_head)) and np.allclose(inward, np.negative(toward_skin))
            assert np.allclose(np.cross(inward, -down), right)


def test_a_surface_goes_through_the_columns_and_past_the_gaps():
    down, across = np.arange(0, 200, 2.0), np.arange(0, 60, 2.0)
    truth = 5 + 0.3 * down[:, None] + 4 * np.sin(down / 30)[:, None] - (across - 30) ** 2 / 200
    rng = np.random.default_rng(0)
    seen = truth + rng.normal(0, 0.1, truth.shape)
    seen[rng.random(truth.shape) < 0.3] += 15
    seen[40:50, 10:20] = np.nan
    away = np.abs(Surface.through(seen, down, across).at(down, across) - truth)
    assert away.mean() < 0.1 and away[40:50, 10:20].max() < 0.6


def test_a_column_begins_where_its_grey_comes_to_half():
    column = np.array([0, 0, 90, 0, 0, 100, 200, 200, 200, 150, 150], np.uint8)
    found = beginnings(np.stack([column, np.zeros_like(column), np.full_like(column, 150)])[None], 100, 3)
    assert found[0, 0] == pytest.approx(5.0)  # the speck at 2 is no run
    assert np.isnan(found[0, 1])
    assert found[0, 2] == pytest.approx(-0.5)  # at the first voxel's outer face


HOSTILE = {
    "three dimensions": lambda voxels: voxels[None],
    "single picture": lambda voxels: voxels[:, :, :1],
    "no volume": lambda voxels: voxels[:, 0],
    "empty": lambda voxels: np.zeros_like(voxels),
    "one and the same value": lambda voxels: np.full_like(voxels, 7),
    "label map": lambda voxels: (voxels > 100).astype(np.uint8),
    "too small": lambda voxels: voxels[::40, ::20],
    "no real numbers": lambda voxels: voxels.astype(np.complex64),
    "not numbers": lambda voxels: np.where(voxels == 255, np.nan, voxels).astype(np.float32),
}


@pytest.mark.parametrize("words", HOSTILE)
def test_what_is_no_volume_of_a_back_is_refused_in_a_sentence(upright, words):
    with pytest.raises(UserError, match=words):
        Projector.of(HOSTILE[words](upright.voxels), upright.to_lps)


def test_where_no_skin_is_smooth_none_is_found(upright):
    rng = np.random.default_rng(0)
    rough = np.zeros((200, 100, 100), np.uint8)
    start = rng.integers(5, 90, rough.shape[:2])
    rough[np.arange(100) >= start[..., None]] = 200
    rough[np.arange(100) >= start[..., None] + 8] = 3
    rough[rough > 100] += rng.integers(0, 50, (rough > 100).sum()).astype(np.uint8)
    with pytest.raises(UserError, match="No smooth skin was found"):
        Projector.of(rough, upright.to_lps)


@pytest.mark.parametrize(
    ("slab", "words"),
    [
        ({"depth_mm": 200}, "holds nothing from 200 to 203 mm"),
        ({"depth_mm": -1}, "depth of 0 mm or more"),
        ({"depth_mm": float("nan")}, "can't be"),
        ({"thickness_mm": 0}, "thickness above 0 mm"),
        ({"method": "median"}, "mean or maximum, not by median"),
    ],
    ids=str,
)
def test_a_slab_that_can_not_be_is_refused_in_a_sentence(upright, looked_at, slab, words):
    with pytest.raises(UserError, match=words):
        looked_at.project(slab_of(upright.volume, **slab))


def test_head_and_skin_on_one_line_are_refused(upright):
    with pytest.raises(UserError, match="one line"):
        upright.projector(head="S", skin="I")


def test_where_the_head_is_not_superior_the_vpi_stands_upright_by_itself(upright, looked_at):
    """The coordinates are not the patient's: a VPI that kept them would be read as lying or upside down."""
    upside_down = Projector.of(upright.voxels, np.diag([1.0, -1.0, -1.0, 1.0]) @ upright.to_lps, head="I")
    slab = slab_of(upright.volume)
    vpi = upside_down.vpi(slab)
    assert np.array_equal(vpi.pixels, looked_at.project(slab))
    assert np.array_equal(vpi_from_image(vpi.image).pixels, vpi.pixels)
    right, down, inward = np.array(vpi.image.GetDirection()).reshape(3, 3).T
    assert (right.tolist(), down.tolist(), inward.tolist()) == ([-1, 0, 0], [0, 0, -1], [0, -1, 0])
    assert any("upright" in note for note in upside_down.notes)


def turned(degrees):
    """About the body's length, in LPS (4, 4)."""
    angle = np.radians(degrees)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return turn


@pytest.mark.parametrize("degrees", [69, 130])
def test_a_back_that_is_turned_about_its_length_is_seen_from_behind_all_the_same(degrees, upright, looked_at):
    projector = Projector.of(upright.voxels, turned(degrees) @ upright.to_lps)
    slab = slab_of(upright.volume)
    assert np.array_equal(projector.project(slab), looked_at.project(slab))
    assert projector.skin == "R" and any("skin was taken to lie at R" in note for note in projector.notes)


def within_other_axes(stored, degrees):
    """The volume of a back, resampled into axes about which it is turned by so much about its length."""
    image, turn = stored.image(), sitk.VersorTransform((0, 0, 1), np.radians(degrees))
    turn.SetCenter(image.TransformContinuousIndexToPhysicalPoint([extent / 2 for extent in image.GetSize()]))
    corners = np.array(
        [
            turn.GetInverse().TransformPoint(image.TransformContinuousIndexToPhysicalPoint(corner))
            for corner in itertools.product(*((0.0, float(extent)) for extent in image.GetSize()))
        ]
    )
    begin, extent = corners.min(0), np.ceil(np.ptp(corners, 0) / 1.2)
    return sitk.Resample(
        image, extent.astype(int).tolist(), turn, sitk.sitkLinear, begin.tolist(), [1.2] * 3, np.eye(3).ravel().tolist()
    )


@pytest.mark.parametrize(("degrees", "skin", "left"), [(69, "L", 21), (30, "P", 30), (-69, "R", 21), (5, "P", 5)])
def test_a_back_that_lies_turned_within_its_volume_is_seen_from_where_it_faces(degrees, skin, left, upright, looked_at):
    projector = projector_of(within_other_axes(upright, degrees))
    assert projector.skin == skin
    assert projector.turned_deg == pytest.approx(left, abs=5)
    assert any("is turned by" in note for note in projector.notes) == (projector.turned_deg > 20)
    depth = np.median(projector.skin_mm[len(projector.skin_mm) // 2])
    assert 0 < depth < projector.voxels.shape[2] * projector.spacing[2]


def test_a_volume_whose_background_is_grey_is_projected_as_with_a_black_one(upright, looked_at):
    slab = slab_of(upright.volume)
    expected = looked_at.project(slab).astype(int)
    for kind, factor, level in ((np.uint8, 1, 40), (np.uint8, 1, 128), (np.int16, 8, 500)):
        voxels = upright.voxels.astype(kind) * kind(factor)
        voxels[upright.voxels == 0] = level
        grey = Projector.of(voxels, upright.to_lps)
        assert (grey.skin, grey.depth_mm) == (looked_at.skin, looked_at.depth_mm)
        assert (np.abs(grey.project(slab) - expected) > 2).mean() < 0.01


@pytest.mark.parametrize("nothing", [np.nan, -np.inf])
def test_voxels_that_are_no_numbers_around_a_back_are_unfilled(nothing, upright, looked_at):
    voxels = np.where(upright.voxels == 0, nothing, upright.voxels).astype(np.float32)
    slab = slab_of(upright.volume)
    assert np.array_equal(Projector.of(voxels, upright.to_lps).project(slab), looked_at.project(slab))


def test_a_short_reconstruction_in_a_trackers_coordinates_shows_the_skins_side_and_the_spine_upright(looked_at):
    """As of a phantom: no axis is long, and the skin lies where a patient's feet would."""
    part = np.ascontiguousarray(looked_at.voxels[150:270].transpose(2, 0, 1))
    down, across, deep = looked_at.spacing
    to_lps = np.array([[0, 0, across, 0], [0, down, 0, 0], [deep, 0, 0, 0], [0, 0, 0, 1.0]])
    projector = Projector.of(part, to_lps)
    assert projector.skin == "I" and projector.voxels.shape[::2] == (120, len(part))
    assert len(projector.notes) == 2


def test_a_depth_that_holds_nothing_gives_way_to_one_that_does(upright, looked_at):
    deep = np.array(looked_at.voxels)
    depth = np.arange(deep.shape[2]) * looked_at.spacing[2] - looked_at.skin_mm[..., None]
    deep[depth > 6] = 0
    shallow = Projector.of(deep, looked_at.to_lps)
    assert shallow.project(Slab(shallow.depth_mm)).any()
    assert shallow.moved == any("nothing at the usual depth" in note for note in shallow.notes)
    assert nearest_filled(12.0, np.arange(40) < 14, 0.5) == 6.5
    assert nearest_filled(5.0, np.arange(40) < 14, 0.5) == 5.0


def test_absurd_slabs_and_voxel_sizes_cost_nothing(upright, looked_at):
    begin = time.process_time()
    assert looked_at.project(Slab(0.0, 1000.0)).any()
    with pytest.raises(UserError, match="neither beyond 1000 mm"):
        Slab(0.0, 1e5)
    thin = upright.to_lps.copy()
    thin[:, 2] *= 1e-6
    with pytest.raises(ImageError, match="voxels are said to be"):
        Projector.of(upright.voxels, thin)
    assert time.process_time() - begin < 5


def test_a_volume_longer_than_a_back_is_doubted(looked_at):
    assert any("voxel size" in note for note in replace(looked_at, spacing=(3.0, 3.0, 3.0)).notes)


def test_a_volume_that_is_cut_off_within_the_body_keeps_its_side(upright):
    """The cut is smoother than any skin."""
    cut = upright.voxels[..., : upright.voxels.shape[2] // 2].copy()
    cut[..., -5:][cut[..., -5:] > 0] = 200
    assert Projector.of(cut, upright.to_lps).skin == "P"


def test_the_first_pass_can_be_stopped(upright):
    heard = []

    def stop(fraction, message):
        heard.append(fraction)
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        Projector.of(upright.voxels.astype(np.float32), upright.to_lps, progress=stop)
    assert len(heard) > 10 and heard == sorted(heard)
