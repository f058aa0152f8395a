"""Whatever a hospital sends becomes an upright grey picture, or a sentence."""

import numpy as np
import pytest
import SimpleITK as sitk
from writers import write

from DAGANSpineLib.errors import ImageError
from DAGANSpineLib.vpi import Plane, grey, lit_body, read_vpi
from DAGANSpineLib.vpi.picture import vpi_from_image

PICTURE = np.random.default_rng(0).integers(1, 256, (64, 48)).astype(np.uint8)
PICTURE[0, 0], PICTURE[0, 1] = 0, 255


@pytest.mark.parametrize("ending", ["png", "tif", "nrrd", "nii.gz", "mha", "dcm"])
def test_every_format_gives_the_same_pixels(tmp_path, ending):
    array = PICTURE[None] if ending == "dcm" else PICTURE
    assert np.array_equal(read_vpi(write(tmp_path / f"a.{ending}", array)).pixels, PICTURE)


def test_jpeg_gives_nearly_the_same_pixels(tmp_path):
    smooth = np.tile(np.linspace(0, 255, 64, dtype=np.uint8)[:, None], (1, 64))
    assert np.abs(read_vpi(write(tmp_path / "a.jpg", smooth)).pixels - smooth).max() < 8


def test_colour_becomes_luminance(tmp_path):
    colours = np.zeros((64, 48, 3), np.uint8)
    colours[:20, :, 0], colours[20:40, :, 1], colours[40:, :, 2] = 100, 100, 100
    pixels = read_vpi(write(tmp_path / "a.png", colours, vector=True)).pixels
    np.testing.assert_allclose(pixels[[10, 30, 50], 5], [30, 59, 11], atol=0.01)


def test_grey_with_opacity_is_grey(tmp_path):
    from PIL import Image  # SimpleITK does not write such pictures

    Image.merge("LA", [Image.fromarray(PICTURE), Image.new("L", PICTURE.shape[::-1], 9)]).save(tmp_path / "a.png")
    assert np.array_equal(read_vpi(tmp_path / "a.png").pixels, PICTURE)


def test_a_palette_is_looked_up(tmp_path):
    from PIL import Image

    indexed = Image.fromarray((PICTURE > 100).astype(np.uint8), mode="P")
    indexed.putpalette([0, 0, 0, 200, 200, 200])
    indexed.save(tmp_path / "a.png")
    assert set(np.unique(read_vpi(tmp_path / "a.png").pixels.round())) == {0, 200}


def test_opacity_is_left_out(tmp_path):
    with_opacity = np.repeat(PICTURE[..., None], 4, axis=2)
    with_opacity[..., 3] = 7
    pixels = read_vpi(write(tmp_path / "a.png", with_opacity, vector=True)).pixels
    np.testing.assert_allclose(pixels, PICTURE, atol=0.01)


@pytest.mark.parametrize(
    "stored", [PICTURE.astype(np.uint16) * 257, PICTURE / 255.0, (PICTURE / 255).astype(np.float32), PICTURE * 16.0]
)
def test_other_ranges_are_stretched_to_grey(stored):
    np.testing.assert_allclose(grey(stored), PICTURE, atol=0.01)


def test_eight_bit_values_stay_whatever_their_type():
    dim = PICTURE // 2
    for stored in (dim, dim.astype(np.uint16), dim.astype(np.float32)):
        assert np.array_equal(grey(stored), dim)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((64, 64), np.uint8), "same value"),
        (np.full((64, 64), np.nan), "not numbers"),
        (np.full((64, 64), np.inf), "not numbers"),
        (PICTURE[:1], "too small"),
        (PICTURE[:0], "too small"),
        (np.zeros((3, 4, 64, 64)), "dimensions"),
    ],
)
def test_what_is_no_vpi_is_refused_with_a_sentence(array, words):
    with pytest.raises(ImageError, match=words):
        grey(array)


def test_files_that_hold_no_vpi_are_refused_by_name(tmp_path):
    (tmp_path / "text.png").write_text("not a picture")
    (tmp_path / "empty.png").touch()
    write(tmp_path / "volume.nrrd", np.ones((40, 64, 48), np.uint8))
    sitk.WriteImage(sitk.JoinSeries([sitk.GetImageFromArray(PICTURE[None])] * 3), str(tmp_path / "four.nrrd"))
    for name, words in {
        "text.png": "can't be read",
        "empty.png": "can't be read",
        "missing.png": "no file",
        "volume.nrrd": "a volume",
        "four.nrrd": "sequence",
    }.items():
        with pytest.raises(ImageError, match=words) as caught:
            read_vpi(tmp_path / name)
        assert name in str(caught.value)


def test_spacing_is_known_only_where_the_file_knows_it(tmp_path):
    for ending in ("png", "tif", "jpg"):  # what these store is the resolution of a print
        assert read_vpi(write(tmp_path / f"a.{ending}", PICTURE, Spacing=(0.26, 0.26))).spacing is None
    assert read_vpi(write(tmp_path / "unknown.nrrd", PICTURE)).spacing is None
    assert read_vpi(write(tmp_path / "a.nrrd", PICTURE, Spacing=(0.2, 0.3))).spacing == pytest.approx((0.3, 0.2))


def test_one_millimetre_is_known_where_the_plane_is_one_of_a_patient(tmp_path):
    image = sitk.GetImageFromArray(PICTURE[:, None, :])  # coronal
    sitk.WriteImage(image, str(tmp_path / "a.nrrd"))
    assert read_vpi(tmp_path / "a.nrrd").spacing == (1.0, 1.0)


def test_a_coronal_slice_of_a_patient_stands_head_up(tmp_path):
    # stored with the slice index upward, as volumes are: array axes superior, posterior, left
    coronal = PICTURE[::-1][:, None, :]
    vpi = read_vpi(write(tmp_path / "a.nrrd", coronal, Spacing=(0.2, 1.0, 0.5)))
    assert np.array_equal(vpi.pixels, PICTURE)
    assert vpi.spacing == pytest.approx((0.5, 0.2))


def test_a_picture_lying_on_its_side_is_stood_up(tmp_path):
    # array columns run downward: the image's first axis points to the feet
    sideways = np.ascontiguousarray(PICTURE.T)[None]
    image = sitk.GetImageFromArray(sideways)
    image.SetDirection((0, 1, 0, 0, 0, 1, -1, 0, 0))
    sitk.WriteImage(image, str(tmp_path / "a.nrrd"))
    assert np.array_equal(read_vpi(tmp_path / "a.nrrd").pixels, PICTURE)


@pytest.mark.parametrize("plane", [Plane(a, b) for a in (False, True) for b in (False, True)])
def test_what_is_stood_up_can_be_put_back(plane):
    assert np.array_equal(plane.stored(plane.upright(PICTURE)), PICTURE)


def test_an_output_takes_the_inputs_geometry_over(tmp_path):
    angle = np.radians(20)
    directions = (np.cos(angle), np.sin(angle), 0, 0, 0, 1, -np.sin(angle), np.cos(angle), 0)
    image = sitk.GetImageFromArray(PICTURE[::-1][None])
    image.SetDirection(directions)
    image.SetOrigin((5, -7, 11))
    image.SetSpacing((0.2, 0.3, 1.5))
    sitk.WriteImage(image, str(tmp_path / "a.nrrd"))
    vpi = read_vpi(tmp_path / "a.nrrd")
    assert np.array_equal(vpi.pixels, PICTURE)
    output = vpi.like_input(vpi.pixels.astype(np.uint8))
    for name in ("Direction", "Origin", "Spacing", "Size"):
        np.testing.assert_allclose(getattr(output, f"Get{name}")(), getattr(image, f"Get{name}")())
    assert np.array_equal(sitk.GetArrayFromImage(output), sitk.GetArrayFromImage(image))


def test_the_lit_body_bridges_dashes_and_leaves_the_margin_out():
    pixels = np.zeros((200, 120), np.float32)
    pixels[20:180, 30:90] = 120
    pixels[100:104, 30:90:2] = 0
    pixels[60:66, 40:70] = 0
    pixels[5, 5] = 200  # a speck outside
    expected = np.zeros(pixels.shape, bool)
    expected[20:180, 30:90] = True
    assert np.array_equal(lit_body(pixels), expected)


def test_a_midline_that_is_black_down_to_the_foot_belongs_to_the_lit_body():
    body = np.zeros((300, 200), bool)
    body[20:280, 30:170] = True
    pixels = np.where(body, 150.0, 0)
    pixels[120:, 80:120] = 0
    assert np.array_equal(lit_body(pixels), body)
    pixels[:, 90:110] = 0  # from head to foot: two sides, and no bridge between them
    assert np.array_equal(lit_body(pixels), body)


def test_writing_beside_the_sweep_is_no_lit_body():
    pixels = np.zeros((300, 200))
    pixels[20:280, 30:120] = 150
    body = pixels > 0
    pixels[100:110, 150:190] = 255
    assert np.array_equal(lit_body(pixels), body)


def test_a_picture_knows_its_patients_right_where_its_geometry_says_so():
    picture = sitk.GetImageFromArray(np.random.default_rng(0).integers(0, 256, (64, 1, 40)).astype(np.uint8))
    sides = {
        (1, 0, 0, 0, 1, 0, 0, 0, 1): "left",  # columns run to the patient's left: seen from the front
        (-1, 0, 0, 0, -1, 0, 0, 0, 1): "right",  # seen from behind
        (-1, 0, 0, 0, 1, 0, 0, 0, -1): "right",  # stored with the head first
        (0, 1, 0, 1, 0, 0, 0, 0, 1): None,  # sagittal
        (1, 0, 0, 0, 0, 1, 0, 1, 0): None,  # axial
    }
    for direction, side in sides.items():
        picture.SetDirection(direction)
        assert vpi_from_image(picture).patients_right_is == side
    picture = sitk.PermuteAxes(picture, (2, 1, 0))
    picture.SetDirection((0, 0, -1, 0, 1, 0, 1, 0, 0))  # rows and columns exchanged, seen from behind
    assert vpi_from_image(picture).patients_right_is == "right"
    assert vpi_from_image(sitk.GetImageFromArray(np.eye(40))).patients_right_is is None, "of a picture without any"
