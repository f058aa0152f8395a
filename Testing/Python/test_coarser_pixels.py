"""What larger pixels leave of labels, and of what the sweep has spoiled."""

import numpy as np
import pytest
from scipy.ndimage import label

from DAGANSpineLib.simulation.export import Picture
from DAGANSpineLib.simulation.moves import Coarser
from DAGANSpineLib.simulation.torn import torn_pixels


def pieces(labels: np.ndarray) -> int:
    """Pixels that meet at a corner are connected."""
    return label(labels, np.ones((3, 3)))[1]


@pytest.mark.parametrize("times", [1.4, 2.3, 3.7, 5.2])
@pytest.mark.parametrize("apart", [2, 3, 4])
def test_bones_that_are_apart_stay_apart(times, apart):
    labels = np.zeros((160, 120), np.uint8)
    across = np.arange(120)
    down = np.arange(160)[:, None] - 0.3 * across  # slanted as lumps are
    for first in range(10, 100, 30):
        labels[(down >= first) & (down < first + 30 - apart)] = 3
    coarse = Coarser(times).labels(labels)
    assert pieces(coarse) == pieces(labels) == 3
    assert (coarse > 0).mean() > (labels > 0).mean() - 0.05 * times


def test_other_classes_may_touch():
    labels = np.repeat(np.repeat(np.array([[1, 2], [2, 3]], np.uint8), 30, 0), 30, 1)
    assert Coarser(2.0).labels(labels).all()


def test_torn_is_what_still_shows_after_the_blur():
    clean = np.full((120, 90), 150, np.uint8)
    clean[:, :10] = 0
    vpi = clean.copy()
    vpi[20, 10:50] = 110  # drowns in the blur
    vpi[60:66, 10:] = 0  # spreads by it
    vpi[90:93, 2:8] = 200  # beyond the body
    flat = np.zeros(clean.shape, np.float32)
    picture = Picture(vpi, clean, clean // 200, torn_pixels(vpi, clean), clean > 0, flat, flat)
    coarse = picture.coarser(Coarser(3.0), 0.8)
    assert picture.torn[20, 10:50].all() and not coarse.torn[5:9].any()
    assert coarse.torn[19:23, 5:].all() and coarse.torn[30, 1:2].all()
    assert not coarse.torn[12:17].any() and not coarse.torn[35:].any(), "the body's edge is no tear"
