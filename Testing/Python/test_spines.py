"""Whole spines for the segmenter: varied, cropped, and the same for the same step."""

import numpy as np
import pytest
import torch

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
