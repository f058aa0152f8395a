"""The same spine gives the same grey picture, however its numbers were stored and whatever viewers drew around it."""

import warnings

import numpy as np
import pytest
from PIL import Image

from DAGANSpineLib.errors import ImageError
from DAGANSpineLib.inference import Pipeline
from DAGANSpineLib.simulation.display import Pen
from DAGANSpineLib.vpi import grey, lit_body, read_vpi
from DAGANSpineLib.vpi.drawings import without_strokes


@pytest.fixture(scope="module")
def spine(small_vpi):
    """As real VPI are: black outside, saturated in places. uint8 (300, 160)."""
    return np.where(small_vpi > 185, 255, small_vpi)


def hot(numbers, value=65535):
    numbers[150, 80] = value
    return numbers


CODINGS = {
    "8 bits": lambda spine: spine,
    "12 bits": lambda spine: spine.astype(np.uint16) * 16,
    "16 bits": lambda spine: spine.astype(np.uint16) * 257,
    "signed, from -1024 on": lambda spine: spine.astype(np.int16) * 8 - 1024,
    "signed 8 bits": lambda spine: (spine.astype(np.int16) - 128).astype(np.int8),
    "fractions": lambda spine: spine / 255,
    "fractions slightly beyond 1": lambda spine: np.where(spine == 255, 1.03, spine / 255).astype(np.float32),
    "-1 to 1": lambda spine: (spine / 127.5 - 1).astype(np.float32),
    "scores": lambda spine: ((spine - spine.mean()) / spine.std()).astype(np.float32),
    "enormous": lambda spine: spine * 1e39,
    "tiny": lambda spine: spine * 1e-6,
    "12 bits with a hot pixel": lambda spine: hot(spine.astype(np.uint16) * 16),
    "8 bits with a hot pixel": lambda spine: hot(spine.astype(np.uint16)),
    "12 bits with padding": lambda spine: np.where(spine == 0, -32768, spine.astype(np.int32) * 16).astype(np.int16),
    "12 bits with padding in a corner": lambda spine: padded(spine.astype(np.int32) * 16),
    "fractions with a hot pixel of 50": lambda spine: hot((spine / 255).astype(np.float32), 50),
    "percent": lambda spine: (spine / 2.55).astype(np.float32),
    "decibels": lambda spine: (spine * (60 / 255) - 60).astype(np.float32),
    "a tenth, from -3 on": lambda spine: (spine * 0.1 - 3).astype(np.float32),
    "12 bits, -1024 for nothing": lambda spine: np.where(spine == 0, -1024, spine.astype(np.int16) * 8),
    "fractions, NaN around": lambda spine: around((spine / 255).astype(np.float32), np.nan),
    "grey levels as floats, NaN around": lambda spine: around(spine.astype(np.float32), np.nan),
    "12 bits as floats, NaN around": lambda spine: around(spine * 16.0, np.nan),
    "fractions, minus infinity around": lambda spine: around(spine / 255, -np.inf),
    "floats": lambda spine: spine.astype(np.float64),
    "colours": lambda spine: np.repeat(spine[..., None], 3, 2),
    "deep colours": lambda spine: np.repeat(spine[..., None].astype(np.uint16) * 257, 3, 2),
}


def around(numbers, nothing):
    """`nothing` outside of the body, and in a burst of dashes within it."""
    numbers[numbers == numbers.min()] = nothing
    return numbers


def padded(numbers):
    numbers[:40, :40] = -32768
    return numbers


@pytest.mark.parametrize("coding", CODINGS)
def test_the_same_spine_in_any_coding_gives_the_same_grey(spine, coding):
    read = grey(CODINGS[coding](spine.copy()))
    away = np.abs(read - spine)
    away[150, 80] = 0  # the hot pixel
    if "corner" in coding:
        away[:40, :40] = 0
        assert not read[:40, :40].any()
    assert away.max() <= 0.51


def test_numbers_too_small_to_differ_are_an_empty_picture(spine):
    with pytest.raises(ImageError, match="empty"):
        grey(spine * 1e-320)


@pytest.mark.parametrize("darkest", [45, 60])
def test_a_body_without_anything_dark_has_its_background_all_the_same(spine, darkest):
    bright = np.where(spine == 0, 0, spine.clip(darkest, 255))
    for coding in ("signed, from -1024 on", "scores", "12 bits"):
        read = grey(CODINGS[coding](bright.astype(np.uint8)))
        assert np.abs(read - bright).max() <= 0.51, coding


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32])
def test_whole_percent_is_no_grey_level(spine, kind):
    assert np.abs(grey(np.rint(spine / 2.55).astype(kind)) - spine).max() <= 1.3
    dark = (spine // 3 + 15).astype(kind)  # an 8-bit picture that happens to end at 100, though nothing is cut off
    dark[150:152, 80] = range(98, 100)
    dark = np.where(dark == 100, 90 + np.arange(160, dtype=kind) % 11, np.where(spine == 0, 0, dark))
    assert dark.max() == 100
    assert np.array_equal(grey(dark), dark)


def test_numbers_are_missing_around_the_body_alone(spine):
    for broken in (np.nan, np.inf, -np.inf):
        with pytest.raises(ImageError, match="not numbers"):
            grey(hot(spine.astype(np.float32), broken))
    with pytest.raises(ImageError, match="not numbers"):
        grey(hot(around(spine.astype(np.float32), np.nan), np.inf))


def test_the_same_spine_in_any_coding_gives_the_same_labels(spine, slim_model_file):
    pipeline = Pipeline.load(slim_model_file, "cpu")
    expected = pipeline.run(grey(spine)).labels
    assert len(np.unique(expected)) == 4
    for coding in ("16 bits", "-1 to 1", "scores", "enormous", "12 bits with padding", "deep colours"):
        assert (pipeline.run(grey(CODINGS[coding](spine.copy()))).labels == expected).mean() > 0.9999, coding


@pytest.mark.parametrize("level", [30, 45, 60, 255])
def test_a_background_that_is_not_black_becomes_black(spine, level):
    body = lit_body(spine)
    shown = np.where(body, spine, level).astype(np.uint8)
    assert np.array_equal(lit_body(shown), body)
    assert np.array_equal(grey(shown), np.where(body, spine, 0))
    noisy = np.where(body, spine, np.random.default_rng(0).integers(level - 2, level + 3, spine.shape).clip(0, 255))
    assert (lit_body(noisy) != body).mean() < 0.01


@pytest.mark.parametrize("quality", [None, 90, 60])
def test_a_band_without_frames_is_part_of_the_body_before_a_grey_background(spine, quality, tmp_path):
    """In whichever format, and also once the background is black."""
    canvas = np.pad(spine, 60)
    body = lit_body(canvas)
    shown = np.where(body, canvas, 45).astype(np.uint8)
    band = body & (np.abs(np.arange(420)[:, None] + 0.05 * np.arange(280) - 250) < 22)
    shown[band] = 0
    Image.fromarray(shown).save(tmp_path / ("a.jpg" if quality else "a.png"), quality=quality or 75)
    read = np.array(Image.open(tmp_path / ("a.jpg" if quality else "a.png")))
    assert lit_body(read)[band].mean() > 0.98 and (lit_body(read) != body).mean() < 0.03
    assert lit_body(grey(read))[band].mean() > 0.98 and grey(read)[band].max() < 60


def test_a_picture_on_black_within_a_grey_window_keeps_its_background(spine):
    window = np.full((500, 400), 45, np.uint8)
    window[40:340, 60:220] = spine
    window[450:456, 300:390] = 200  # a line of text elsewhere
    expected = np.zeros(window.shape, bool)
    expected[40:340, 60:220] = lit_body(spine)
    assert (lit_body(window) != expected).sum() < 20


GRADIENTS = {
    "downwards": lambda down, across: 30 + 30 * down,
    "across": lambda down, across: 60 - 30 * across,
    "gentle": lambda down, across: 40 + 10 * down,
    "to black": lambda down, across: 40 * down,
    "to a corner": lambda down, across: 20 + 30 * down + 30 * across,
    "nearly white": lambda down, across: 200 + 50 * down,
}


@pytest.mark.parametrize("noise", [0, 3])
@pytest.mark.parametrize("gradient", GRADIENTS)
def test_a_background_that_changes_gently_becomes_black(spine, gradient, noise):
    body, rng = lit_body(spine), np.random.default_rng(0)
    down, across = np.mgrid[:300, :160] / np.array([300, 160])[:, None, None]
    ground = GRADIENTS[gradient](down, across) + rng.integers(-noise, noise + 1, spine.shape)
    read = grey(np.where(body, spine, ground.clip(0, 255)).astype(np.uint8))
    assert read[~body].any() <= (noise > 0) and (read[~body] > 0).mean() < 0.005  # at the very edge
    assert (np.abs(read - spine)[body] > 1).mean() < 0.01


@pytest.mark.parametrize("seed", range(6))
def test_noise_does_not_hide_a_background(spine, seed):
    body = lit_body(spine)
    noisy = np.where(body, spine, 40 + np.random.default_rng(seed).integers(-3, 4, spine.shape)).astype(np.uint8)
    assert (lit_body(grey(noisy)) == body).mean() > 0.99


def test_a_body_that_fills_the_picture_has_no_background(spine):
    body = lit_body(spine)
    columns = np.flatnonzero(body[100:250].all(0))
    inside = np.ascontiguousarray(spine[100:250, columns[0] : columns[-1] + 1])
    assert np.array_equal(grey(inside), inside)


def test_a_window_around_the_picture_is_no_body(spine):
    window = np.full((400, 300), 45, np.uint8)
    window[40:360, 60:240] = 20
    window[50:350, 70:230] = spine
    expected = np.zeros(window.shape, bool)
    expected[50:350, 70:230] = lit_body(spine)
    assert np.array_equal(lit_body(window), expected)


def drawn(picture, value):
    """With a cross through it, an arrow, a frame, a ruler and figures."""
    picture[150] = picture[:, 80] = value
    picture[100:102, 141:160] = value
    picture[2, 3:-3] = picture[-3, 3:-3] = picture[2:-2, 3] = picture[2:-2, -4] = value
    picture[5:295:10, :3] = value
    picture[20:27, 148:153] = value
    return picture


def test_lines_and_figures_in_grey_are_no_body(spine):
    canvas = np.pad(spine, 60)
    marked = drawn(canvas.copy(), 200)
    marked[290] = 200
    assert (lit_body(marked) != lit_body(canvas)).sum() < 0.005 * lit_body(canvas).sum()  # a stub at the edge


@pytest.mark.parametrize("value", [130, 200, 255])
@pytest.mark.parametrize("place", [np.s_[190:206, 170:230], np.s_[190:206, 50:110], np.s_[20:80, 140:150]])
def test_a_thick_arrow_that_touches_the_body_is_none_of_it(spine, value, place):
    canvas = np.pad(spine, 60)
    marked = canvas.copy()
    marked[place] = value
    body, read = lit_body(canvas), lit_body(marked)
    assert (place[0].stop - place[0].start) * (place[1].stop - place[1].start) > 4 * (read ^ body).sum()


@pytest.mark.parametrize("thick", [1.2, 1.5, 2.5, 4.0])
@pytest.mark.parametrize("level", [105, 160, 226])
def test_an_arrow_of_thin_strokes_with_soft_edges_is_no_body(spine, level, thick):
    canvas = np.pad(spine, 60)
    marked = canvas.copy()
    Pen(marked, level, thick).arrow((150, 203), -20.0)
    assert (lit_body(marked) ^ lit_body(canvas)).sum() < 10


DRAWINGS = {
    "a line that crosses the lit edge": lambda pen: [pen.line((200, 150), (225, 230)), pen.knob((225, 230))],
    "a cross above the uppermost row": lambda pen: pen.cross((UPPERMOST - 8, 140), 6),
    "a cross above its slanted edge": lambda pen: pen.cross((UPPERMOST, 110), 6),
    "a figure beside it": lambda pen: pen.write("8", (150, 203), 12.0),
}
UPPERMOST = 80  # row of the body below


@pytest.mark.parametrize("thick", [1.2, 2.5])
@pytest.mark.parametrize("ground", [0, 45])
@pytest.mark.parametrize("what", DRAWINGS)
def test_what_is_drawn_close_to_the_lit_edge_leaves_it_where_it_is(spine, what, ground, thick):
    canvas = np.pad(spine, 60)
    down, across = np.indices(canvas.shape)
    canvas[down < UPPERMOST + 0.16 * (across - 80)] = 0
    canvas = np.where(lit_body(canvas), canvas, ground).astype(np.uint8)
    marked = canvas.copy()
    DRAWINGS[what](Pen(marked, 160, thick))
    assert (lit_body(marked) ^ lit_body(canvas)).sum() < 60


def test_the_frames_of_a_bright_sweep_are_no_drawing(spine):
    """Saturated, evenly bright and thin as strokes are, where a sweep is so fast that rows are left out."""
    torn = np.pad(spine, 60)
    rows = np.flatnonzero(lit_body(torn).any(1))[40:120]
    torn[rows] = 0
    torn[rows[::9], 90:215] = torn[rows[1::9], 90:215] = 255
    assert lit_body(torn)[rows[::9], 92:213].all()


def test_teeth_of_a_lit_edge_that_are_no_drawing_stay(spine):
    toothed = np.pad(spine, 60)
    texture = np.random.default_rng(0).integers(40, 250, (16, 20))
    toothed[190:206, 200:220] = texture
    assert lit_body(toothed)[192:204, 201:219].all()


def test_a_flat_part_that_is_nearly_black_is_no_drawing():
    """And its median is not asked for, of which there is none."""
    lit = np.zeros((400, 200), bool)
    lit[50:350, 60:140], lit[20:23, 60:140] = True, True
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        left = without_strokes(lit, np.where(lit, 1, 0))
    np.testing.assert_array_equal(left, lit)


def test_a_frame_and_a_cross_do_not_keep_a_background_from_being_found(spine):
    canvas = np.pad(spine, 60)
    body = lit_body(canvas)
    marked = drawn(np.where(body, canvas, 40).astype(np.uint8), 200)
    assert (lit_body(marked) != body).sum() < 0.01 * body.sum()


def test_lines_and_figures_in_colour_are_taken_out(spine):
    canvas = np.pad(spine, 30)
    marked = drawn(np.repeat(canvas[..., None], 3, 2), (255, 230, 0))
    read = grey(marked)
    assert np.array_equal(lit_body(read), lit_body(canvas))
    assert (np.abs(read - canvas) > 60).mean() < 0.01


@pytest.mark.parametrize("colour", [(255, 230, 0), (0, 255, 0), (255, 0, 0)])
def test_a_thick_line_in_the_blurred_colours_of_a_jpeg_is_taken_out(spine, colour, tmp_path):
    def body_of(picture):
        Image.fromarray(picture).save(tmp_path / "a.jpg", quality=90)
        return lit_body(read_vpi(tmp_path / "a.jpg").pixels)

    canvas = np.repeat(np.pad(spine, 60)[..., None], 3, 2)
    marked = canvas.copy()
    marked[200:211, 190:240] = colour  # from within the body's edge outward
    assert (body_of(marked) & ~body_of(canvas)).sum() < 10


def test_a_tinted_picture_is_no_mark(spine):
    tinted = np.stack([spine, spine * 0.6, spine * 0.2], -1).astype(np.uint8)
    assert np.array_equal(lit_body(grey(tinted)), lit_body(spine))
