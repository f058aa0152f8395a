"""Where restoration filled in what was not seen."""

import numpy as np
import pytest
import SimpleITK as sitk

from DAGANSpineLib.report import FILLED, SHADES, changes, findings, residual
from DAGANSpineLib.report.overlays import strongest_around
from DAGANSpineLib.vpi import gaps_of, opened_upright
from DAGANSpineLib.vpi.gaps import height_in


def pictures(height: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture with a band of so many black rows from row 200 on, and the same with the band filled in."""
    pixels = np.zeros((600, 160))
    pixels[20:580, 20:140] = 150
    restored = pixels.astype(np.uint8)
    pixels[200 : 200 + height, 20:140] = 0
    return pixels, restored


def test_a_band_without_frames_that_is_painted_over_is_marked():
    pixels, _restored = pictures(20)
    mask = gaps_of(pixels)
    assert mask[200:220, 20:140].all() and mask.sum() == 20 * 120


def test_dashes_are_repaired_and_not_invented():
    assert not gaps_of(pictures(3)[0]).any()


def test_a_band_is_marked_in_a_consoles_large_pixels_too():
    """Though a blurred one has few rows without anything, of which restoration fills the outer ones alone."""
    pixels, _restored = pictures(7)
    assert gaps_of(pixels)[200:207, 20:140].all()
    assert not gaps_of(np.repeat(pictures(2)[0], 4, 0)).any()  # as many, of a whole back's rows
    assert [height_in(rows, 300) for rows in (200, 1208, 1400, 1700, 3000)] == [5, 5, 7, 9, 9]
    assert height_in(900, 440) == 9, "half a back"


def test_a_shadow_that_stays_black_is_not_marked():
    pixels, _restored = pictures(0)
    pixels[200:220, 20:70] = 0
    assert not gaps_of(pixels).any()


def test_a_gap_is_marked_as_a_whole_though_its_middle_stays_black():
    pixels, restored = pictures(20)
    restored[206:214] = 0
    unseen = changes(pixels, restored) == len(SHADES) - 1
    assert unseen[200:220, 20:140].all() and unseen.sum() == 20 * 120


def test_the_noise_of_compression_does_not_hide_a_gap():
    pixels, _restored = pictures(20)
    pixels[200:220, 20:140] = np.random.default_rng(0).integers(0, 8, (20, 120))
    assert gaps_of(pixels)[200:220, 20:140].all()


def test_a_narrow_shadow_is_not_marked():
    pixels, _restored = pictures(0)
    pixels[300:340, 70:90] = 0
    assert not gaps_of(pixels).any()


def test_a_black_bone_that_is_painted_over_is_not_called_a_gap():
    pixels, restored = pictures(0)
    pixels[300:330, 20:70] = 0  # from the edge, of less than half of the width
    pixels[400:430, 60:110] = 0
    found = findings(pixels, restored, np.zeros(pixels.shape, np.uint8), None)
    assert found["filled in"] == {"pixels": 0, "rows": []}
    assert not any("gap" in sentence for sentence in found["warnings"])


def test_the_pictures_of_what_changed_show_it_in_a_colour_of_its_own():
    pixels, restored = pictures(20)
    assert (residual(pixels, restored)[205, 60] == np.round(np.array(FILLED) * 255)).all()
    assert SHADES[changes(pixels, restored)[205, 60]][2][:3] == FILLED


def test_the_report_names_the_rows():
    pixels, restored = pictures(20)
    found = findings(pixels, restored, np.zeros(pixels.shape, np.uint8), None)
    assert found["filled in"] == {"pixels": 2400, "rows": [[200, 219]]}
    assert any(sentence.startswith("Rows 200 – 219 were not seen") for sentence in found["warnings"])
    assert findings(restored, restored, np.zeros(pixels.shape, np.uint8), None)["filled in"]["rows"] == []


@pytest.mark.parametrize("shape", [(300, 70), (9, 9), (7, 5), (1, 4), (12, 3)])
@pytest.mark.parametrize("density", [0.5, 0.8, 0.95])
def test_what_is_opened_is_what_itk_opens(shape, density):
    mask = np.random.default_rng(0).random(shape) < density
    opened = sitk.BinaryMorphologicalOpening(sitk.GetImageFromArray(mask.astype(np.uint8)), [0, 4], sitk.sitkBox)
    assert np.array_equal(opened_upright(mask, 9), sitk.GetArrayFromImage(opened) > 0)


@pytest.mark.parametrize("shape", [(600, 40), (257, 3), (3, 5)])
def test_the_strongest_change_around_a_pixel_is_itks(shape):
    pixels, restored = np.random.default_rng(0).uniform(0, 255, (2, *shape)).astype(np.float32).round()
    change = sitk.GetImageFromArray(restored - pixels)
    up, down = (
        sitk.GetArrayFromImage(of(change, [1, 1], sitk.sitkBox)) for of in (sitk.GrayscaleDilate, sitk.GrayscaleErode)
    )
    expected = np.where(up > -down, up, down)
    assert np.array_equal(strongest_around(pixels, restored.astype(np.uint8)), expected)
