"""The benchmark of torn parts: where they are, and what its figures are."""

from dataclasses import replace

import numpy as np
import pytest

from DAGANSpineLib.metrics import Agreement
from DAGANSpineLib.training.dataset import Sample
from Testing.Benchmarks.torn_parts import as_markdown, compared, counted, dice, torn_part


def sample_of(image, labels=None):
    return Sample("a", image, np.zeros(image.shape, np.uint8) if labels is None else labels, None)


def test_the_torn_part_lies_around_the_dashes():
    image = np.full((600, 300), 128, np.uint8)
    image[280:320:4, 100:200] = image[281:320:4, 100:200] = 0
    torn = torn_part(sample_of(image), np.ones(image.shape, bool))
    rows, columns = (np.flatnonzero(torn.any(axis)) for axis in (1, 0))
    assert torn[280:320, 100:200].all()
    assert rows[0] >= 280 - 96 and rows[-1] < 320 + 96
    assert columns[0] >= 100 - 96 and columns[-1] < 200 + 96
    assert not torn_part(sample_of(np.full((600, 300), 128, np.uint8)), np.ones((600, 300), bool)).any()


def test_where_torn_pixels_are_known_their_part_is_what_lies_between_them():
    image, known = np.full((600, 300), 128, np.uint8), np.zeros((600, 300), bool)
    known[280:330:8, 100:200] = True
    known[500, 150] = True  # a lone one
    torn = torn_part(replace(sample_of(image), torn=known), np.ones(image.shape, bool))
    assert torn[280:330, 100:200].all() and not torn[400:].any()
    rows = np.flatnonzero(torn.any(1))
    assert rows[0] >= 280 - 13 and rows[-1] <= 330 + 13


def test_parts_add_up_to_the_whole_picture():
    random = np.random.default_rng(0)
    truth, found = random.integers(0, 4, (2, 50, 40), np.uint8)
    part = random.random((50, 40)) < 0.3
    sample = sample_of(truth, truth)
    torn, rest = (np.array(counted(found, sample, place)) for place in (part, ~part))
    whole = Agreement.of(found, truth).scores()["dice"].mean()
    assert dice((torn + rest)[None]) == pytest.approx(100 * whole)
    assert dice(np.stack([torn, rest])) == pytest.approx(100 * whole)


def test_an_interval_tells_a_difference_from_none():
    random = np.random.default_rng(1)
    truth = random.integers(900, 1100, (20, 3))
    counts = {share: np.stack([(share * truth).astype(int), truth, truth], 1) for share in (0.7, 0.8)}
    found = compared(counts[0.8], counts[0.7])
    assert found["difference"] == pytest.approx(10, abs=0.2)
    assert 9.5 < found["low"] <= found["difference"] <= found["high"] < 10.5
    assert compared(counts[0.7], counts[0.7])["low"] == compared(counts[0.7], counts[0.7])["high"] == 0


def test_the_table_says_what_was_measured_and_what_it_may_be_used_for():
    place = {"dice": 70.34, "difference": -1.66, "low": -3.59, "high": 0.52}
    found = {"data": "Simulated spines", "subjects": 20, "torn share of the lit body": 0.09}
    text = as_markdown(found | {"systems": {"U-Net": {"torn": place, "rest": place}}})
    assert text.startswith("Simulated spines: 20 test subjects") and "Research use, not for diagnosis." in text
    assert "| U-Net | 70.34 | -1.66 (-3.59 to +0.52) | 70.34 | -1.66 (-3.59 to +0.52) |" in text
