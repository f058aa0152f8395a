"""The statistics by which simulated and real VPI are compared are those of pictures whose figures are known."""

import functools

import numpy as np
import pytest
import SimpleITK as sitk

from DAGANSpineLib.simulation import comparison
from DAGANSpineLib.simulation.comparison import compare, contact_sheet, dashes, spectra, statistics
from DAGANSpineLib.simulation.subject import simulate_subject


def body_and_picture() -> tuple[np.ndarray, np.ndarray]:
    body = np.zeros((900, 300), bool)
    body[20:880, 30:270] = True
    return body, np.where(body, np.float32(120), 0)


def test_dashes_are_counted_by_length():
    body, picture = body_and_picture()
    for row, length in ((100, 4), (200, 8), (300, 12)):
        picture[row, 100 : 100 + length] = 0
    figures = dashes(picture, body)
    assert figures["dash length, mean"] == figures["dash length, percentile 50"] == 8
    assert figures["unfilled, share of the body"] == pytest.approx(24 / body.sum(), rel=0.1)


def test_a_picture_without_dashes_has_no_lengths():
    body, picture = body_and_picture()
    assert dashes(picture, body) == {"unfilled, share of the body": 0}


def test_banding_shows_in_its_band_of_the_spectrum_down_and_nowhere_across():
    body, picture = body_and_picture()
    rows = np.arange(len(picture))[:, None]
    picture = np.where(body, 120 + 20 * np.sin(2 * np.pi * 0.25 * rows), 0)
    powers = spectra(picture, body)
    down = {name: value for name, value in powers.items() if "down" in name}
    assert max(down, key=down.get) == "log power down, 0.2 to 0.3 / pixel"
    assert max(value for name, value in powers.items() if "across" in name) < min(0, down[max(down, key=down.get)])


def test_margins_do_not_count_as_grey():
    figures = statistics(body_and_picture()[1])
    assert figures["grey, percentile 50"] == 120
    assert figures["grey step from row to row"] == 0


def test_a_simulated_vpi_lies_within_the_simulated_range_and_the_sheet_shows_it(tmp_path, monkeypatch):
    coarse = functools.partial(simulate_subject, spacing_mm=0.4)
    monkeypatch.setattr(comparison, "simulate_subject", coarse)
    vpi = coarse(5).vpi.astype(np.float32)
    table = compare([vpi], tmp_path / "out", 3, 0, lambda fraction, message: None, "mild")
    rows = [line for line in table.splitlines() if line.endswith("| yes |") or line.endswith("| no |")]
    assert len(rows) == len(statistics(vpi))
    assert (tmp_path / "out" / "comparison.md").read_text(encoding="utf-8") == table
    columns, sheet_rows = sitk.ReadImage(str(tmp_path / "out" / "sheet.png")).GetSize()
    assert columns > vpi.shape[1] and sheet_rows > 900
    simulated = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out" / "simulated.png")))
    sheet = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out" / "sheet.png")))
    assert simulated.shape[1] < columns
    assert np.array_equal(sheet[-900:, -200:], simulated[-900:, -200:])  # the same, without the real one


def test_the_contact_sheet_keeps_one_scale():
    sheet = contact_sheet([np.full((100, 50), 10.0), np.full((60, 40), 20.0)])
    assert sheet.shape == (100, 50 + 40 + 16)
    assert (sheet == 10).sum() == 100 * 50 and (sheet == 20).sum() == 60 * 40
