"""Whatever voxels hold or lack, the picture is the same, or a sentence says what is wrong with them."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from truth import slab_of

from DAGANSpineLib.errors import ImageError, UserError
from DAGANSpineLib.progress import Cancelled
from DAGANSpineLib.projection import Projector, Slab
from DAGANSpineLib.projection.projector import nearest_filled
from DAGANSpineLib.vpi import grey_voxels


def test_what_is_filled_is_never_black_however_dark(upright, looked_at):
    slab = slab_of(upright.volume)
    numbers = np.where(looked_at.voxels > 100, 60000, looked_at.voxels).astype(np.uint16)
    dark = replace(looked_at, voxels=grey_voxels(numbers)).project(slab)
    assert np.array_equal(dark > 0, looked_at.project(slab) > 0)


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


def test_a_depth_that_holds_nothing_gives_way_to_one_that_does(upright, looked_at):
    deep = np.array(looked_at.voxels)
    depth = np.arange(deep.shape[2]) * looked_at.spacing[2] - looked_at.skin_mm[..., None]
    deep[depth > 6] = 0
    shallow = Projector.of(deep, looked_at.to_lps)
    assert shallow.project(Slab(shallow.depth_mm)).any()
    assert shallow.moved and any("nothing at the usual depth" in note for note in shallow.notes)
    assert not looked_at.moved and not any("nothing at the usual depth" in note for note in looked_at.notes)
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


def test_the_first_pass_can_be_stopped(upright):
    heard = []

    def stop(fraction, message):
        heard.append(fraction)
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        Projector.of(upright.voxels.astype(np.float32), upright.to_lps, progress=stop)
    assert len(heard) > 10 and heard == sorted(heard)
