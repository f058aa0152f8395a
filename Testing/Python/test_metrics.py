"""Equation 1: how corrupted a patch is; and what a restoration changes where nothing was."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from DAGANSpineLib.metrics import change_of_clean, levelled, patches, vertical_edges, window_means


def test_the_edge_detector_is_the_5_by_5_vertical_sobel():
    pixels = np.random.default_rng(0).uniform(0, 255, (40, 30)).astype(np.float32)
    kernel = torch.outer(torch.tensor([-1.0, -2, 0, 2, 1]), torch.tensor([1.0, 4, 6, 4, 1]))[None, None]
    padded = torch.nn.functional.pad(torch.from_numpy(pixels / 255)[None, None], (2, 2, 2, 2), mode="reflect")
    expected = torch.nn.functional.conv2d(padded, kernel)[0, 0].abs().numpy()
    np.testing.assert_allclose(vertical_edges(pixels), expected, atol=1e-4)


def test_a_step_of_the_full_range_scores_as_worked_by_hand():
    pixels = np.zeros((20, 20), np.float32)
    pixels[10:] = 255
    # across, the smoothing sums to 16; down, the derivative over the step sums to 1, 3, 3, 1
    assert vertical_edges(pixels)[:, 10].tolist() == [0] * 8 + [16, 48, 48, 16] + [0] * 8


def test_vertical_stripes_do_not_count():
    pixels = np.tile(np.tile([0.0, 255.0], 50), (100, 1))
    assert vertical_edges(pixels).max() < 1e-3


@settings(max_examples=25, deadline=None)
@given(st.integers(20, 60), st.integers(20, 60), st.integers(3, 20), st.integers(1, 9), st.integers(0, 99))
def test_window_means_are_means_of_windows(rows, columns, size, stride, seed):
    values = np.random.default_rng(seed).normal(size=(rows, columns))
    means = window_means(values, size, stride)
    for down in range(means.shape[0]):
        for across in range(means.shape[1]):
            top, left = down * stride, across * stride
            assert means[down, across] == pytest.approx(values[top : top + size, left : left + size].mean(), abs=1e-9)
    assert means.shape == ((rows - size) // stride + 1, (columns - size) // stride + 1)


def dashed(rows: int = 192, columns: int = 192) -> np.ndarray:
    pixels = np.full((rows, columns), 180.0, np.float32)
    pixels[8:96:8, :] = 0  # dashes in the upper half only
    return pixels


def test_a_dashed_patch_is_corrupted_and_a_smooth_one_is_clean():
    pixels = dashed()
    measured = patches(pixels, np.ones(pixels.shape, bool), stride=96)
    assert measured.corrupted.tolist() == [[True, True], [False, False]]
    assert measured.clean.tolist() == [[False, False], [True, True]]


def test_a_black_margin_is_neither():
    pixels, body = np.zeros((96, 192), np.float32), np.zeros((96, 192), bool)
    pixels[:, :120], body[:, :120] = 100, True
    measured = patches(pixels, body, stride=96)
    assert measured.clean.tolist() == [[True, False]]
    assert not measured.corrupted.any()


def test_a_picture_smaller_than_a_patch_has_no_patches():
    pixels = dashed(64, 192)
    measured = patches(pixels, np.ones(pixels.shape, bool))
    assert measured.corrupted.size == 0
    assert measured.largest is None and change_of_clean(pixels, pixels, measured) is None


def test_the_largest_g_is_that_of_the_lit_body():
    pixels, body = dashed(192, 192), np.ones((192, 192), bool)
    measured = patches(pixels, body, stride=96)
    assert measured.largest == measured.variation.max() > 4
    body[:96] = False  # where the dashes are
    assert patches(pixels, body, stride=96).largest == pytest.approx(0, abs=1e-6)


def test_levelling_takes_the_banding_and_keeps_the_content():
    content = np.tile(100 + 50 * np.sin(np.arange(300) / 40)[:, None], (1, 40)).astype(np.float32)
    banding = np.where(np.arange(300) % 2, 5, -5)[:, None]
    inner = np.s_[20:-20]  # rows next to the border have no neighbours to be levelled with
    assert np.abs(levelled(content + banding) - levelled(content))[inner].max() < 0.2
    assert np.abs(levelled(content) - content)[inner].max() < 1


def test_levelling_is_a_gaussian_of_3_pixels_down_the_columns_alone():
    point = np.zeros((61, 9), np.float32)
    point[30, 4] = 1
    weights = np.exp(-0.5 * ((np.arange(61) - 30) / 3) ** 2)
    expected = np.zeros_like(point)
    expected[:, 4] = weights / weights.sum()
    np.testing.assert_allclose(levelled(point), expected, atol=2e-3)  # the recursive filter approximates it


def test_the_change_of_clean_patches_counts_neither_the_corrupted_ones_nor_the_banding():
    pixels = dashed(480, 96)
    before = patches(pixels, np.ones(pixels.shape, bool), stride=96)
    assert before.clean[:, 0].tolist() == [False, True, True, True, True]
    restored = pixels.copy()
    restored[:96] = 180  # what was to be removed
    restored += np.where(np.arange(480) % 2, 2, -2)[:, None]  # the banding
    restored[400:] += 3  # 80 of the 384 rows of the clean patches
    assert change_of_clean(pixels, pixels, before) == 0
    # levelling spreads a little of what was removed into the next patch
    assert change_of_clean(restored, pixels, before) == pytest.approx(80 * 3 / 384, abs=0.05)
