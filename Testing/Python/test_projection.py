"""A volume projects to its subject's VPI, however it is stored: skin, slab and bones lie where they do."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from truth import TURNED, Stored, bone_depth, bones_of, fallen, found_at, similarity, slab_of

from DAGANSpineLib.projection import Projector
from DAGANSpineLib.projection.files import projector_of
from DAGANSpineLib.projection.projector import gather
from DAGANSpineLib.projection.skin import Surface, beginnings
from DAGANSpineLib.simulation import simulate_subject, simulate_volume

OBLIQUE = np.array([[0.96, 0, 0.28], [0, 1, 0], [-0.28, 0, 0.96]]) @ TURNED
# how the volume is simulated; the order of its stored axes, and which of them run backwards
GEOMETRIES = {
    "as simulated": ({"spacing": (0.8, 0.8, 0.8)}, (0, 1, 2), ()),
    "rotated, axes permuted": ({"spacing": (0.8, 0.8, 0.8), "rotation": TURNED}, (2, 0, 1), (0, 2)),
    "anisotropic, oblique": ({"spacing": (0.6, 1.0, 0.7), "rotation": OBLIQUE}, (1, 2, 0), (1,)),
}


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
