"""What a report counts, doubts and draws, on pictures of which it is known by hand."""

import numpy as np

from DAGANSpineLib.report import changes, findings, overlay, residual


def test_components_and_areas_are_counted_as_by_hand():
    labels = np.zeros((200, 100), np.uint8)
    labels[10:20, 10:20] = 1
    labels[20:22, 20:25] = 1  # touches diagonally: the same component
    labels[100:110, 50:60] = 1
    labels[150:160, 30:70] = 3
    lit = np.full(labels.shape, 100.0)
    classes = findings(lit, lit, labels, (1.0, 0.1))["classes"]
    assert classes["rib"] == {"components": 2, "area_pixels": 210, "area_mm2": 21.0}
    assert classes["thoracic"]["components"] == 0
    assert classes["lumbar"] == {"components": 1, "area_pixels": 400, "area_mm2": 40.0}
    assert "area_mm2" not in findings(lit, lit, labels, None)["classes"]["rib"]


def test_what_looks_unlike_a_vpi_is_said():
    wide = np.random.default_rng(0).uniform(20, 250, (100, 200))
    warnings = " ".join(findings(wide, wide, np.zeros(wide.shape, np.uint8), (1, 2))["warnings"])
    for words in ("unlike a VPI", "touches the border", "Nothing was found of: rib, thoracic, lumbar"):
        assert words in warnings


def test_the_overlay_colours_each_class_and_leaves_the_rest_grey():
    labels = np.zeros((60, 60), np.uint8)
    for value, rows in ((1, slice(5, 20)), (2, slice(20, 40)), (3, slice(40, 55))):
        labels[rows, 10:50] = value
    picture = overlay(np.full(labels.shape, 100.0), labels)
    assert (picture[labels == 0] == 100).all()
    for value, channel in ((1, 0), (2, 1), (3, 2)):
        assert (picture[labels == value].argmax(1) == channel).all()
    inside, outline = picture[12, 30].astype(int), picture[5, 30].astype(int)
    assert np.ptp(outline) > np.ptp(inside) > 0  # opaque outline, the bone visible within


def test_the_residual_is_red_where_restoration_darkened_and_blue_where_it_brightened():
    pixels = np.full((5, 40), 100.0)
    restored = pixels.astype(np.uint8)
    restored[2, :10], restored[2, 10:20], restored[2, 20:30] = 20, 180, 110
    picture = residual(pixels, restored).astype(int)
    assert (picture[[0, 4]] == 100).all() and (picture[:, 31:] == 100).all()
    assert (picture[2, :10].argmax(1) == 0).all() and (picture[2, 11:30].argmax(1) == 2).all()
    assert 0 < np.ptp(picture[2, 25]) < np.ptp(picture[2, 15]) / 2  # the stronger the change, the stronger the colour


def test_a_dash_of_one_row_is_seen_in_a_view_that_shows_one_row_of_three():
    pixels = np.full((30, 40), 100.0)
    restored = pixels.copy()
    restored[13, 5:25] += 40
    for first in range(3):
        shown = residual(pixels, restored)[first::3].astype(int)
        assert np.ptp(shown, axis=2).max() > 100, first
        assert changes(pixels, restored)[first::3].any()


def test_an_unlikely_pixel_size_gives_a_warning_and_no_areas():
    lit = np.pad(np.full((400, 100), 100.0), 10)
    labels = np.ones(lit.shape, np.uint8)
    for spacing, tall in ((0.0002, True), (200.0, True), (1.0, False)):
        found = findings(lit, lit, labels, (spacing, spacing))
        assert any("pixel size is doubtful" in warning for warning in found["warnings"]) == tall
        assert ("area_mm2" in found["classes"]["rib"]) != tall
        assert not any("pixel size is unknown" in warning for warning in found["warnings"])
