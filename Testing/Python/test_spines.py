"""Whole spines for the segmenter: varied, cropped, and the same for the same step."""

import numpy as np
import pytest
import torch
from monai.transforms import AdjustContrast, Affine, GaussianSmooth

from DAGANSpineLib.training.augmentation import Variation, blurred, curved, for_grid, posed, still
from DAGANSpineLib.training.spines import SpineFeed
from DAGANSpineLib.vpi import denormalise


@pytest.fixture
def spines() -> list[tuple[np.ndarray, np.ndarray]]:
    """Two pictures, each of its own labels: class times 60, brighter toward the feet."""
    labels = np.random.default_rng(0).integers(4, size=(2, 16, 4)).repeat(64, 1).repeat(64, 2).astype(np.uint8)
    return [((60 * truth + np.arange(1024)[:, None] / 32).astype(np.uint8), truth) for truth in labels]


def test_an_unvaried_batch_shows_the_spines_as_they_are(spines):
    batch = SpineFeed(spines, batch=4, seed=0, varied=False)(0)
    assert batch.images.shape == (4, 1, 1024, 256) and batch.labels.shape == (4, 1024, 256)
    for image, labels in zip(denormalise(batch.images)[:, 0], batch.labels, strict=True):
        truths = [torch.from_numpy(truth).long() for _, truth in spines]
        assert any(torch.equal(labels, truth) for truth in truths)
        assert (image - 60 * labels).max() <= 32


def test_a_varied_batch_differs_and_its_labels_move_with_the_picture(spines):
    feed = SpineFeed(spines, batch=4, seed=0)
    batch = feed(3)
    for image, labels in zip(denormalise(batch.images)[:, 0], batch.labels, strict=True):
        means = torch.stack([image[labels == value].mean() for value in range(4) if (labels == value).any()])
        assert (means.diff() > 0).all()  # brighter classes stay the brighter ones, whatever gain and grey curve
    assert torch.equal(batch.images, SpineFeed(spines, batch=4, seed=0)(3).images)
    assert not torch.equal(batch.images, feed(4).images)


def test_crops_keep_the_width_and_what_belongs_together(spines):
    batch = SpineFeed(spines, batch=6, seed=1, varied=False, rows=512)(0)
    assert batch.images.shape == (6, 1, 512, 256) and batch.labels.shape == (6, 512, 256)
    images = denormalise(batch.images)[:, 0]
    assert ((images - 60 * batch.labels).max() <= 32) and ((images - 60 * batch.labels).min() >= -0.5)
    first_rows = {round(float(row)) for row in (images - 60 * batch.labels)[:, 0, 0]}
    assert len(first_rows) > 2  # from different heights


@pytest.fixture
def pictures() -> torch.Tensor:
    """Three smooth pictures, float (3, 1, 96, 64), 0 to 255."""
    rough = torch.rand(3, 1, 12, 8, generator=torch.Generator().manual_seed(0))
    return 255 * torch.nn.functional.interpolate(rough, size=(96, 64), mode="bilinear")


def test_pictures_are_moved_as_monai_moves_them(pictures):
    angles, shifts, zooms = (
        np.array([0.07, 0, -0.05]),
        np.array([[4, -9], [0, 0], [2.5, 1]]),
        np.array([[1.2, 0.9]] * 3),
    )
    nothing = still(np.zeros(3), 96, (96, 64))
    places = for_grid(posed(np.array([False, False, True]), angles, shifts, zooms), 96, (96, 64))
    moved, _ = Variation(**{**vars(nothing), "places": places}).apply(pictures, torch.zeros(3, 96, 64), 96)
    for index, picture in enumerate([pictures[0], pictures[1], pictures[2].flip(2)]):
        turn, shift, zoom = angles[index].item(), shifts[index].tolist(), zooms[index].tolist()
        affine = Affine(turn, None, shift, zoom, padding_mode="zeros", image_only=True)
        torch.testing.assert_close(moved[index], torch.as_tensor(affine(picture)), atol=0.02, rtol=0)


def test_greys_are_bent_and_blurred_as_monai_does_it(pictures):
    gammas, sigmas = torch.tensor([0.5, 1.0, 1.8]), torch.tensor([[0.4, 1.2], [1.5, 0.3], [1.0, 1.0]])
    bent, soft = curved(pictures, gammas), blurred(pictures, sigmas)
    for index, picture in enumerate(pictures):
        theirs = AdjustContrast(gamma=gammas[index].item())(picture)
        torch.testing.assert_close(bent[index], torch.as_tensor(theirs), atol=0.01, rtol=0)
        theirs = torch.as_tensor(GaussianSmooth(sigmas[index].tolist())(picture))
        inside = np.s_[:, 8:-8, 8:-8]
        torch.testing.assert_close(soft[index][inside], theirs[inside], atol=0.05, rtol=0)


def test_what_isnt_drawn_stays_as_it_is(pictures):
    labels = torch.randint(4, (3, 96, 64))
    same, truth = still(np.array([0, 10, 30]), 50, (96, 64)).apply(pictures, labels, 50)
    for index, first in enumerate((0, 10, 30)):
        torch.testing.assert_close(same[index], pictures[index, :, first : first + 50], atol=0.01, rtol=0)
        assert torch.equal(truth[index], labels[index, first : first + 50])
