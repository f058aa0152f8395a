"""Patch splitting finds both kinds, and a batch depends on its number alone."""

import numpy as np
import pytest
import torch

from DAGANSpineLib import metrics
from DAGANSpineLib.training.dataset import DatasetError, Sample
from DAGANSpineLib.training.patches import Blocks, PatchFeed, Places, block_medians, greys, split
from DAGANSpineLib.vpi import denormalise, lit_body


@pytest.fixture
def sample() -> Sample:
    """A VPI of native size whose rows 800 to 1100 are full of dashes, with labels that tell columns apart."""
    random = np.random.default_rng(0)
    image = np.zeros((2048, 640), np.uint8)
    image[:, 100:540] = random.uniform(100, 110, (2048, 440))
    image[800:1100:8, 100:540] = 0
    labels = np.tile(np.repeat(np.arange(4, dtype=np.uint8), 160), (2048, 1))
    return Sample("a", image, labels)


def test_native_patches_of_each_kind_are_measured_as_equation_1_says(sample):
    patched = split(sample)
    body = lit_body(sample.image)
    for corners, holds in ((patched.corrupted, lambda g: g >= 4), (patched.clean, lambda g: g <= 2)):
        assert len(corners) > 10
        edges = metrics.vertical_edges(sample.image)
        for row, column in corners[:: len(corners) // 10]:
            window = np.s_[row : row + 96, column : column + 96]
            assert holds(edges[window].mean()) and body[window].mean() >= 0.8


def test_only_the_much_torn_patches_are_corrupted_where_that_is_asked(sample):
    usual, torn = split(sample), split(sample, corrupted=4.8)
    assert np.array_equal(torn.clean, usual.clean) and 10 < len(torn.corrupted) < len(usual.corrupted)
    edges = metrics.vertical_edges(sample.image)
    assert all(edges[row : row + 96, column : column + 96].mean() >= 4.8 for row, column in torn.corrupted)


def test_a_batch_is_half_corrupted_and_half_clean(sample):
    batch = PatchFeed([split(sample)], batch=8, seed=0)(0)
    assert batch.corrupted.shape == batch.clean.shape == (4, 1, 96, 96)
    for patches, smallest, largest in ((batch.corrupted, 4, np.inf), (batch.clean, 0, 2)):
        for patch in denormalise(patches).numpy()[:, 0]:
            g = metrics.vertical_edges(patch).mean()
            assert smallest <= g <= largest


def test_half_of_the_patches_are_mirrored_and_none_is_turned(sample):
    filled = sample.image > 0
    sample.image[:] = filled * (100 + np.arange(640) // 10)  # brighter and brighter to the right
    batch = PatchFeed([split(sample)], batch=64, seed=3)(1)
    greys = denormalise(batch.windows)[:, 0].round()
    brightest = greys.amax(1)
    rising = (brightest[:, 50] > brightest[:, 40]).sum()
    assert 16 < rising < 48
    for patch in denormalise(batch.corrupted)[:, 0].round():
        lit = patch[:, patch.any(0)]
        assert all(not row.any() or row.all() for row in lit)  # a dash is a row still


def test_a_batch_depends_on_its_seed_step_and_process_alone(sample):
    patched = [split(sample)]
    one, two = (PatchFeed(patched, batch=4, seed=5) for _ in range(2))
    two(0), two(1)
    for name, values in vars(one(7)).items():
        assert torch.equal(values, getattr(two(7), name))
    for other in (two(8), two(7, process=1), PatchFeed(patched, batch=4, seed=6)(7)):
        assert not torch.equal(one(7).corrupted, other.corrupted)


def test_a_data_set_without_noise_cannot_train_dagan(sample):
    still = sample.image.copy()
    still[800:1100, 100:540] = 105
    with pytest.raises(DatasetError, match="corrupted"):
        PatchFeed([split(Sample("a", still, sample.labels))], batch=4, seed=0)


def test_clean_patches_have_the_greys_of_the_corrupted_ones_they_are_set_against(sample):
    # a picture that brightens downward: most of its clean patches are much darker than where the dashes are
    image = np.zeros((2048, 640), np.uint8)
    image[:, 100:540] = (40 + np.arange(2048) * 0.08)[:, None]
    image[1800:1900:4, 100:540] = 0
    patched = split(Sample("a", image, sample.labels))
    filled = {}
    for matched in (True, False):
        batch = PatchFeed([patched], batch=64, seed=0, matched=matched)(0)
        corrupted, clean = (denormalise(patches) for patches in (batch.corrupted, batch.clean))
        filled[matched] = [(patches.sum((1, 2, 3)) / (patches > 0.5).sum((1, 2, 3))) for patches in (corrupted, clean)]
    apart = {matched: (one - other).abs().mean() for matched, (one, other) in filled.items()}
    assert apart[True] < 10 and apart[False] > 40


@pytest.mark.parametrize("unfilled", [0, 255])
def test_dashes_and_single_rows_hardly_change_the_greys_of_a_patch(unfilled):
    still = np.random.default_rng(1).integers(60, 200, (1, 12, 12)).repeat(8, 1).repeat(8, 2).astype(np.uint8)
    noisy = still.copy()
    noisy[:, ::6] = unfilled
    noisy[:, 3::8] += 16  # one row in eight brighter
    expected = np.percentile(still[0, ::8, ::8], (10, 30, 50, 70, 90))
    assert np.allclose(greys(block_medians(still))[0], expected)
    assert np.abs(greys(block_medians(noisy))[0] - expected).max() < 4


def test_what_is_measured_once_for_a_picture_holds_for_every_patch_of_it():
    random = np.random.default_rng(2)
    pictures = [random.integers(256, size=shape).astype(np.uint8) for shape in ((200, 300), (133, 97), (500, 101))]
    places = Places(np.array([0, 2, 1, 2]), np.array([[8, 200], [400, 0], [32, 0], [0, 0]]))
    blocks = Blocks(pictures).of(places)
    for index, (owner, (row, column)) in enumerate(zip(places.picture, places.corner, strict=True)):
        assert np.array_equal(blocks[index], block_medians(pictures[owner][row : row + 96, column : column + 96]))


def test_a_stricter_threshold_keeps_the_quieter_patches_as_clean(sample):
    sample.image[1500:1700:16, 100:540] = 60  # a little banding
    usual, strict = split(sample), split(sample, clean=0.5)
    assert 0 < len(strict.clean) < len(usual.clean) and len(strict.corrupted) == len(usual.corrupted)
    assert not any(1500 <= row <= 1604 for row, _ in strict.clean)
