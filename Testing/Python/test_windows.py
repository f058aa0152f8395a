"""What an end-to-end step shows the segmenter is what the segmenter sees in use, around patches as equation 1 wants
them."""

import numpy as np
import pytest
import torch

from DAGANSpineLib import metrics
from DAGANSpineLib.networks import shrink
from DAGANSpineLib.training.dataset import Sample
from DAGANSpineLib.training.patches import PatchFeed, split
from DAGANSpineLib.training.spines import at_network_size
from DAGANSpineLib.training.windows import DrawnWindows, SeenFeed, WindowFeed, seen_corner, turned
from DAGANSpineLib.vpi import NETWORK_SIZE, denormalise


@pytest.fixture(scope="module")
def graded() -> Sample:
    """A picture of a VPI's size that is still at its head and more and more torn toward its foot: equation 1 gives
    every value from 0 to 6."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:2574, :640]
    dashes = random.random((2574, 64)).repeat(10, 1) < 0.12
    image = 120 + 30 * np.sin(rows / 90) * np.cos(columns / 70) - 110 * dashes * (rows / 2574)
    return Sample("graded", image.astype(np.uint8), ((rows // 200 + columns // 160) % 4).astype(np.uint8))


def ramps(rows: int, columns: int) -> Sample:
    """A picture and labels that tell where one is, with rows of dashes."""
    down, across = np.mgrid[:rows, :columns]
    image = (60 + 100 * down / rows + 60 * across / columns).astype(np.uint8)
    image[rows // 3 : rows // 2 : 4] = 0
    return Sample("ramps", image, ((down // 37 + across // 23) % 4).astype(np.uint8))


def test_of_the_patches_as_fed_corrupted_ones_are_above_and_clean_ones_below_equation_1s_thresholds(graded):
    feed = WindowFeed([split(graded, clean=1.5)], batch=64, seed=0, matched=False, degrees=10)
    for step in range(2):
        batch = feed(step)
        patches = denormalise(batch.cut(batch.windows))[:, 0].numpy()
        corrupted, clean = np.split(np.array([metrics.vertical_edges(patch).mean() for patch in patches]), 2)
        assert metrics.CORRUPTED <= corrupted.min() < 4.2 and 1.2 < clean.max() <= 1.5


def test_windows_and_patches_teach_the_same_patches(graded):
    patched = [split(graded)]
    windows, patches = WindowFeed(patched, batch=8, seed=3)(5), PatchFeed(patched, batch=8, seed=3)(5)
    assert windows.windows.shape[-1] > 200
    for kind in ("corrupted", "clean"):
        assert torch.equal(getattr(windows, kind), getattr(patches, kind))
    assert torch.equal(windows.cut(windows.windows), patches.windows)


@pytest.mark.parametrize("shape", [(2574, 640), (1100, 300), (700, 180), (2000, 130)])
@pytest.mark.parametrize("mirrored", [False, True])
def test_the_segmenter_sees_of_a_window_what_it_would_see_of_the_whole_picture(shape, mirrored):
    """To the pixel, wherever it lies, in pictures larger and smaller than 256 x 1024."""
    sample = ramps(*shape)
    _, labels = at_network_size(sample.image, sample.labels)
    whole = shrink(torch.from_numpy(sample.image).float()[None, None], NETWORK_SIZE)[0, 0]
    feed, scales = WindowFeed([split(sample)], batch=8, seed=0), np.array(shape) / NETWORK_SIZE
    for corner in np.stack(np.meshgrid(*(np.linspace(0, extent - 96, 4) for extent in shape)), -1).reshape(-1, 2):
        corner = corner.astype(int)
        row, column = seen_corner(corner, scales, np.random.default_rng(1))
        window = feed._window(0, corner, np.random.default_rng(1), mirrored)
        pixels, corners, offsets, scale, names = (torch.from_numpy(part.copy())[None] for part in window)
        batch = feed.finish(DrawnWindows(pixels, corners, offsets.float(), scale.float(), names, torch.zeros(1)))
        seen, names = denormalise(batch.seen(batch.windows))[0, 0], batch.labels[0]
        if mirrored:
            seen, names = seen.flip(1), names.flip(1)
        within = np.s_[row : row + 96, column : column + 96]
        torch.testing.assert_close(seen, whole[within], atol=0.01, rtol=0)
        assert (names.numpy() == labels[within]).all()
        native = sample.image[corner[0] : corner[0] + 96, corner[1] : corner[1] + 96]
        patch = denormalise(batch.cut(batch.windows))[0, 0].round().numpy()
        assert (patch == (native[:, ::-1] if mirrored else native)).all()


def test_turning_keeps_picture_and_labels_together(graded):
    batch = WindowFeed([split(graded)], batch=8, seed=0, degrees=10)(0)
    shown = WindowFeed([split(graded)], batch=8, seed=0)(0)
    assert (batch.angles.abs() > 0.01).any() and batch.angles.abs().max() <= np.radians(10) and not shown.angles.any()
    assert torch.equal(batch.windows, shown.windows)
    turned_labels = turned(shown.labels.float(), batch.angles, "nearest").long()
    assert torch.equal(batch.labels, turned_labels) and not torch.equal(batch.labels, shown.labels)
    ramp = torch.arange(96.0).expand(1, 96, 96)
    by_90 = turned(ramp, torch.tensor([np.pi / 2]).float(), "bilinear")
    assert torch.allclose(by_90, ramp.mT, atol=1e-2) or torch.allclose(by_90, ramp.mT.flip(1), atol=1e-2)


def test_what_is_learnt_alone_is_seen_at_the_places_that_are_learnt_end_to_end(graded):
    """From restored pictures, at the places that the originals tell."""
    patched, restored = [split(graded)], 255 - graded.image
    joint = WindowFeed(patched, batch=4, seed=2, degrees=10)(1)
    alone = SeenFeed(patched, batch=4, seed=2, degrees=10, pictures=[restored])(1)
    assert alone.images.shape == (4, 1, 96, 96) and torch.equal(alone.labels, joint.labels)
    seen = denormalise(joint.seen(joint.windows))
    torch.testing.assert_close(denormalise(alone.images), 255 - seen, atol=1e-2, rtol=0)


@pytest.mark.parametrize("scale", [2.5, 1.0, 0.4])
def test_the_segmenters_patch_holds_the_native_one_or_lies_within_it(scale):
    random, scales = np.random.default_rng(0), np.array([scale, scale])
    for corner in ((0, 0), (300 * scale, 77 * scale), ((1024 - 96 / scale) * scale, 0)):
        corner = np.floor(corner).astype(int)
        first = seen_corner(corner, scales, random)
        low, high = first * scale, (first + 96) * scale
        slack = 1 + scale
        if scale >= 1:
            assert (low <= corner + slack).all() and (high >= corner + 96 - slack).all()
        else:
            assert (low >= corner - slack).all() and (high <= corner + 96 + slack).all()
        assert (first >= 0).all() and (first + 96 <= NETWORK_SIZE).all()
