"""The spine is seen from behind and upright, whatever axes and coordinates its volume lies in."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import SimpleITK as sitk
from truth import Stored, slab_of

from DAGANSpineLib.errors import UserError
from DAGANSpineLib.projection import Projector
from DAGANSpineLib.projection.files import projector_of
from DAGANSpineLib.projection.orientation import SIDES, find_view
from DAGANSpineLib.vpi.picture import vpi_from_image


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


@pytest.mark.parametrize(
    ("degrees", "skin", "left", "is_told"),
    [(60, "L", 30, True), (30, "P", 30, True), (-60, "R", 30, True), (75, "L", 15, False), (5, "P", 5, False)],
)
def test_a_back_that_lies_turned_within_its_volume_is_seen_from_where_it_faces(degrees, skin, left, is_told, upright):
    projector = projector_of(within_other_axes(upright, degrees))
    assert projector.skin == skin
    assert projector.turned_deg == pytest.approx(left, abs=5)
    assert any("is turned by" in note for note in projector.notes) == is_told
    depth = np.median(projector.skin_mm[len(projector.skin_mm) // 2])
    assert 0 < depth < projector.voxels.shape[2] * projector.spacing[2]


def test_a_short_reconstruction_in_a_trackers_coordinates_shows_the_skins_side_and_the_spine_upright(looked_at):
    """As of a phantom: no axis is long, and the skin lies where a patient's feet would."""
    part = np.ascontiguousarray(looked_at.voxels[150:270].transpose(2, 0, 1))
    down, across, deep = looked_at.spacing
    to_lps = np.array([[0, 0, across, 0], [0, down, 0, 0], [deep, 0, 0, 0], [0, 0, 0, 1.0]])
    projector = Projector.of(part, to_lps)
    assert projector.skin == "I" and projector.voxels.shape[::2] == (120, len(part))
    assert len(projector.notes) == 2


def test_a_volume_that_is_cut_off_within_the_body_keeps_its_side(upright):
    """The cut is smoother than any skin."""
    cut = upright.voxels[..., : upright.voxels.shape[2] // 2].copy()
    cut[..., -5:][cut[..., -5:] > 0] = 200
    assert Projector.of(cut, upright.to_lps).skin == "P"
