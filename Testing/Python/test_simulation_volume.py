"""A simulated volume is a patient's back: it curves as said, stands where said, and projects to the subject's VPI."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
from truth import TURNED, bone_depth, bones_of, fallen, found_at, similarity

from DAGANSpineLib.simulation import Volume, simulate_subject, simulate_volume, write_volume
from DAGANSpineLib.simulation.anatomy import LEVELS, grow_spine
from DAGANSpineLib.simulation.back import Slab, bend_spine
from DAGANSpineLib.simulation.volume import pool

GEOMETRIES = {
    "isotropic": {"spacing": (0.8, 0.8, 0.8)},
    "anisotropic": {"spacing": (0.6, 1.0, 0.7)},
    "rotated": {"spacing": (0.8, 0.8, 0.8), "rotation": TURNED},
}


@pytest.fixture(scope="module", params=GEOMETRIES)
def volume(request, subject) -> Volume:
    """Without the structured noise."""
    return simulate_volume(subject, noise=False, **GEOMETRIES[request.param])


@pytest.fixture(scope="module")
def stored(volume, tmp_path_factory) -> sitk.Image:
    """The volume as another program would meet it."""
    path = tmp_path_factory.mktemp("volume") / "spine.nrrd"
    write_volume(volume, path)
    return sitk.ReadImage(str(path))


@pytest.fixture(scope="module")
def projected(stored, volume) -> tuple[np.ndarray, np.ndarray]:
    return project(stored, volume.slab)


def project(image: sitk.Image, slab: Slab) -> tuple[np.ndarray, np.ndarray]:
    """The mean over the slab under the skin, and the skin, mm along depth: (rows, columns), 0 where there is none."""
    voxels = sitk.GetArrayViewFromImage(image)
    size = image.GetSpacing()[0]
    bright = voxels >= 120
    first, lit = np.maximum(bright.argmax(2), 1), bright.any(2)
    # the skin's line fills its first voxel in part: how bright that is against the line says how much
    line = [np.take_along_axis(voxels, (first + k)[..., None], 2)[..., 0].astype(float) for k in (-1, 0, 1)]
    skin = np.where(lit, first + 0.5 - (line[0] + line[1]) / np.maximum(np.maximum(line[1], line[2]), 1), 0)
    roof, floor = skin + slab.depth_mm / size, skin + slab.floor_mm / size
    at = np.rint(roof).astype(int)[..., None] + np.arange(int(slab.thickness_mm / size) + 3)
    share = np.clip(floor[..., None] - at + 0.5, 0, 1) - np.clip(roof[..., None] - at + 0.5, 0, 1)
    return (share * np.take_along_axis(voxels, at, 2)).sum(2) / share.sum(2) * lit, skin * size


def test_the_projection_is_the_clean_vpi(subject, volume, projected):
    picture, _ = projected
    clean = fallen(subject, subject.clean, volume)
    assert similarity(picture, clean, volume.vpi > 0) >= 0.95
    assert np.abs(picture - volume.vpi)[volume.vpi > 0].mean() < 1


def test_bones_lie_within_a_millimetre_of_where_they_are_said_to_be(subject, volume, stored, projected):
    picture, skin = projected
    clean = fallen(subject, subject.clean, volume)
    off = []
    for name, row, column in bones_of(subject, volume):
        at = found_at(clean, picture, row, column, reach=4, around=9)
        depth = skin[round(row), round(column)] + bone_depth(subject, name)
        lps = stored.TransformContinuousIndexToPhysicalPoint([depth / volume.spacing[2], at[1], at[0]])
        off.append(np.linalg.norm(lps - volume.centres[name]))
    assert len(off) > 15 and max(off) < 1


def test_behind_each_bone_there_is_shadow_and_before_it_tissue(subject, volume, stored):
    voxels = sitk.GetArrayFromImage(stored)
    size = volume.spacing[2]
    before, behind = [], []
    for centre in volume.centres.values():
        depth, column, row = (round(at) for at in stored.TransformPhysicalPointToContinuousIndex(centre))
        ray = voxels[row, column]
        before.append(ray[depth - round(4 / size) : depth].mean())
        behind.append(ray[depth + round(6 / size) : depth + round(12 / size)].mean())
    assert np.median(before) > 60 and max(behind) < 12


def test_a_patient_stands_upright_and_is_seen_from_behind(subject):
    volume = simulate_volume(subject, (1.2, 1.2, 1.2))
    directions = np.array(volume.image().GetDirection()).reshape(3, 3)
    assert np.linalg.det(directions) == pytest.approx(1)
    centres = volume.centres
    assert centres["T5 left"][0] > centres["T5 right"][0] + 30, "left is the patient's left"
    heights = [centres[level][2] for level in ("L1", "L2", "L3", "L4")]
    assert heights == sorted(heights, reverse=True)
    row, column = np.argwhere(volume.vpi > 0)[20000]
    posterior = [
        volume.image().TransformIndexToPhysicalPoint([depth, int(column), int(row)])[1]
        for depth in (int(volume.voxels[row, column].argmax()), volume.voxels.shape[2] - 1)
    ]
    assert posterior[0] > posterior[1] + 20, "the skin of the back lies behind what it covers"


def test_a_rotation_turns_the_patient_with_the_grid(subject):
    upright, turned = (simulate_volume(subject, (1.2, 1.2, 1.2), rotation) for rotation in (None, TURNED))
    assert np.array_equal(upright.voxels, turned.voxels)
    for name, centre in upright.centres.items():
        assert turned.centres[name] == pytest.approx(TURNED @ centre)


def test_the_structured_noise_reaches_the_volume_and_unfilled_voxels_stay_black():
    subject = simulate_subject(4, spacing_mm=0.5, missing=0.5, bursts=4)
    pixel = subject.known["spacing_mm"][0]
    volume = simulate_volume(subject, (pixel, pixel, 1.0))
    assert np.array_equal(volume.vpi, subject.vpi)
    unfilled = (subject.vpi == 0) & (subject.clean > 0)
    assert unfilled.sum() > 100 and not volume.voxels[subject.vpi == 0].any()
    under = np.arange(volume.voxels.shape[2]) - volume.skin[..., None]
    share = np.clip(volume.slab.floor_mm - under + 0.5, 0, 1) - np.clip(volume.slab.depth_mm - under + 0.5, 0, 1)
    mean = (share * volume.voxels).sum(2) / share.sum(2)
    assert np.abs(mean - subject.vpi)[subject.vpi > 0].max() < 2


def test_a_volume_has_skin_over_fat_over_muscle(subject):
    volume = simulate_volume(subject, (1.2, 1.2, 0.4), noise=False)
    under = np.arange(volume.voxels.shape[2]) * 0.4 - volume.skin[..., None]
    lit = (volume.vpi > 0)[..., None]
    mean = {
        name: volume.voxels[lit & (under > low) & (under < high)].mean()
        for name, low, high in (("air", -3, -0.5), ("skin", 0.3, 1.2), ("fat", 1.9, 2.4), ("muscle", 6, 7))
    }
    assert mean["air"] == 0 and mean["skin"] > 230 and mean["fat"] < 0.7 * mean["muscle"]


def test_a_seed_is_one_volume(subject):
    one, two = (simulate_volume(subject, (1.2, 1.2, 1.2)) for _ in range(2))
    assert np.array_equal(one.voxels, two.voxels)


@pytest.mark.parametrize(
    "wrong", [{"spacing": (0.8, 0.8, 2.0)}, {"spacing": (0.8, 0.0, 0.8)}, {"rotation": np.diag([1.0, 1.0, -1.0])}]
)
def test_impossible_volumes_are_refused(subject, wrong):
    with pytest.raises(ValueError, match=r"not of|determinant"):
        simulate_volume(subject, **wrong)


def test_kyphosis_and_lordosis_are_the_angles_between_the_profiles_end_vertebrae():
    for seed in range(10):
        rng = np.random.Generator(np.random.PCG64(seed))
        spine = grow_spine(rng)
        profile = bend_spine(rng, spine)
        slope = np.degrees(np.arctan(np.gradient(profile.line_z, spine.line_y)))
        t3, t12, l5 = (np.interp(spine.y[LEVELS.index(level)], spine.line_y, slope) for level in ("T3", "T12", "L5"))
        assert t3 - t12 == pytest.approx(profile.kyphosis_deg, abs=0.5)
        assert l5 - t12 == pytest.approx(profile.lordosis_deg, abs=0.5)


def test_a_large_thoracic_curve_flattens_the_kyphosis():
    def kyphosis(cobb: float) -> float:
        angles = []
        for seed in range(30):
            rng = np.random.Generator(np.random.PCG64(seed))
            angles.append(bend_spine(rng, grow_spine(rng, curves=3, cobb_deg=cobb)).kyphosis_deg)
        return float(np.mean(angles))

    assert 30 < kyphosis(10.0) < 42
    assert kyphosis(60.0) < kyphosis(10.0) - 5


def test_the_skin_follows_the_profile_from_the_side(subject):
    known = subject.known
    line = np.rint(known["centreline"]).astype(int)
    line = line[(line >= 0).all(1) & (line < subject.skin.shape).all(1)]
    rows, z = line[:, 0], subject.skin[line[:, 0], line[:, 1]]
    centre = {level: known["vertebra_centres"][level][0] for level in ("T3", "T12", "L5")}
    chest, loin = ((rows > centre["T3"]) & (rows < centre["T12"])), ((rows > centre["T12"]) & (rows < centre["L5"]))
    curvature = [np.polyfit(rows[part], z[part], 2)[0] for part in (chest, loin)]
    assert curvature[0] < 0 < curvature[1], "the chest bulges backward, the loin is hollow"


def test_the_depth_of_bone_is_measured_from_the_slabs_floor():
    slab = Slab(depth_mm=12.0, thickness_mm=3.0)
    assert slab.bone_depth(np.array([0.0, 0.5, 1.0, 1.5])).tolist() == [15.0, 13.5, 12.0, 10.5]


def test_labelled_bone_stands_in_the_slab_or_above_it(subject):
    slab = Slab(**subject.known["slab"])
    assert subject.bone_depth.max() == pytest.approx(slab.floor_mm)
    for value in (1, 2, 3):
        assert (subject.bone_depth[subject.labels == value] < slab.floor_mm - 0.1).mean() > 0.9


def test_the_third_dimension_leaves_the_pictures_as_they_are(subject):
    assert json.loads(json.dumps(subject.known)) == subject.known
    for picture in (subject.skin, subject.bone_depth):
        assert picture.shape == subject.vpi.shape and picture.dtype == np.float32


def test_pooling_counts_fractions_of_pixels():
    picture = np.arange(6.0).reshape(2, 3)
    assert pool(picture, (2, 1.5)).tolist() == [[0 + 3 + 0.5 * (1 + 4), 0.5 * (1 + 4) + 2 + 5]]
    assert np.array_equal(pool(picture, (1, 1)), picture)
    assert pool(np.ones((100, 70)), (3.3, 2.7)).sum() == pytest.approx(7000)
