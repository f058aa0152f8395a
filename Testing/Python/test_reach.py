"""How far bones may be drawn, and which parts of a picture are the sweep."""

import numpy as np

from DAGANSpineLib.vpi import lit_body, within_reach


def upright_body() -> np.ndarray:
    """A body of 200 columns, in a picture of 300."""
    body = np.zeros((600, 300), bool)
    body[50:550, 50:250] = True
    return body


def test_a_black_rib_that_notches_the_lit_edge_is_within_reach():
    body = upright_body()
    body[200:230, 50:110] = False
    assert within_reach(body)[200:230, 50:110].all()


def test_an_edge_that_steps_in_for_long_is_no_rib():
    body = upright_body()
    body[200:400, 50:110] = False
    assert not within_reach(body)[220:380, 50:100].any()


def test_bones_may_run_a_little_over_the_lit_edge_and_no_further():
    reached = within_reach(upright_body())
    assert reached[300].sum() == 200 + 2 * round(200 / 80)
    assert not reached[:50].any() and not reached[550:].any()


def test_rows_without_any_frame_stay_without_bones():
    body = upright_body()
    body[300:340] = False
    assert not within_reach(body)[300:340].any()


def test_an_empty_body_reaches_nowhere():
    assert not within_reach(np.zeros((40, 30), bool)).any()


def test_what_goes_on_beyond_a_missing_band_is_body_however_short():
    pixels = upright_body() * 150.0
    pixels[130:180] = 0  # 80 rows of the head are left above
    assert lit_body(pixels)[52:128, 60:240].all()


def test_writing_beside_the_sweep_is_no_body():
    pixels = upright_body() * 150.0
    pixels[:, :] = np.where(np.arange(600)[:, None] < 130, 0, pixels)
    pixels[10:90, 60:120] = 200  # a block of letters, a third as wide as the body
    assert not lit_body(pixels)[:100].any()


def test_a_sweep_that_goes_on_in_two_halves_beyond_a_missing_band_is_body():
    pixels = upright_body() * 150.0
    pixels[:, 146:162] = 0
    pixels[130:180] = 0  # above it, no half is half as wide as the body
    pixels[180:550, 146:162] = 150
    assert lit_body(pixels)[52:128, 60:240].all()


def test_a_dark_side_that_is_all_but_black_is_body_where_nothing_else_is():
    pixels = upright_body() * 150.0
    pixels[300:550, 50:140] = 1
    assert lit_body(pixels)[300:548, 52:248].all()


def test_faint_noise_beside_the_body_is_none():
    pixels = upright_body() * 150.0
    noise = np.random.default_rng(0).integers(0, 3, pixels.shape)
    noise[:, [0, -1]] = noise[[0, -1]] = 0
    assert not lit_body(np.maximum(pixels, noise))[:, :45].any()
