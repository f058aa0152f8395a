"""Where the sweep has a gap, and what is none."""

import numpy as np
import pytest

from DAGANSpineLib.vpi import gaps_of, lit_body, unseen_in

DOWN, ACROSS = np.mgrid[:1700, :520]


def back() -> np.ndarray:
    """A lit back of 440 columns in pixels of 0.2 mm, with its black midline."""
    pixels = np.where((DOWN >= 40) & (DOWN < 1660) & (ACROSS >= 40) & (ACROSS < 480), 120.0, 0.0)
    pixels[300:1500, 250:270] = 1
    return pixels


def band(first: int, rows: int, slope: float = 0.0) -> np.ndarray:
    """Between two frames' lines, which cross the middle so many rows from each other."""
    line = DOWN - np.rint(slope * (ACROSS - 260))
    return (line >= first) & (line < first + rows)


def found(pixels: np.ndarray) -> np.ndarray:
    return gaps_of(pixels, lit_body(pixels))


@pytest.mark.parametrize("slope", [0.0, 0.11, -0.16])
@pytest.mark.parametrize("rows", [9, 20, 60])
def test_a_gap_across_the_back_is_found_with_the_rows_it_takes(rows, slope):
    pixels, gap = back(), band(800, rows, slope)
    truth = gap & (pixels > 0)
    gaps = found(np.where(gap, 0, pixels))
    assert (gaps & truth).sum() > 0.98 * truth.sum()
    assert (gaps & ~truth).sum() < 0.05 * truth.sum(), "of the midline, a little"


def test_a_gap_is_found_in_a_compressed_picture():
    noise = np.random.default_rng(0).integers(0, 8, DOWN.shape)
    gap = band(800, 30, 0.05)
    gaps = found(np.where(gap & (back() > 0), noise, back()))
    assert gaps[gap & (back() > 0)].mean() > 0.98


def test_a_gap_on_the_backs_dark_side_is_one_too():
    dark = np.where((back() > 0) & (ACROSS < 260), 3, back())
    gap = band(800, 30, 0.05)
    assert found(np.where(gap, 0, dark))[gap & (dark > 0)].mean() > 0.98


@pytest.mark.parametrize(
    "black",
    [
        band(800, 7),  # dashes and lines between frames
        band(800, 40) & (ACROSS < 240),  # a rib
        (np.abs(DOWN - 800) < 90 - 0.4 * np.abs(ACROSS - 260)) & (np.abs(ACROSS - 260) < 210),  # a sacrum
        band(20, 60) & (ACROSS > 60),  # the head's end
        (DOWN > 1500),  # the foot's end
    ],
    ids=["lines", "rib", "sacrum", "head", "foot"],
)
def test_what_is_no_gap(black):
    assert not found(np.where(black, 0, back())).any()


def test_a_picture_without_a_body_has_no_gaps():
    assert not found(np.zeros((40, 30))).any()


def test_only_gaps_that_nobody_draws_across_are_unseen():
    low, high = band(500, 18), band(900, 24)
    pixels = np.where(low | high, 0, back())
    body = lit_body(pixels)
    gaps = gaps_of(pixels, body)
    for spacing in (None, (0.2, 0.2)):
        unseen = unseen_in(gaps, body, spacing)
        assert unseen[high & gaps].all() and not unseen[low].any()
    assert not unseen_in(gaps, body, (0.1, 0.1)).any()
    assert unseen_in(gaps, body, (0.5, 0.5))[gaps].all()
    for wrong in ((1.0, 1.0), (0.01, 0.01)):  # no back is 162 cm high, nor 16 mm
        assert np.array_equal(unseen_in(gaps, body, wrong), unseen_in(gaps, body))


def test_a_gap_of_four_millimetres_is_drawn_across_and_one_of_more_is_not():
    for rows, drawn in ((20, True), (21, False)):
        pixels = np.where(band(800, rows), 0, back())
        body = lit_body(pixels)
        for spacing in (None, (0.2, 0.2)):
            assert unseen_in(gaps_of(pixels, body), body, spacing).any() != drawn
