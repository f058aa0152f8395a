"""What forms no spine, or what no picture of a back can be: no angle is given, and a sentence says why."""

from __future__ import annotations

import time

import numpy as np
import pytest
from drawn_spine import S_SHAPED, DrawnSpine

from DAGANSpineLib import spine

THORACIC, LUMBAR = 2, 3
STEP = (0.4, 0.4)


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return DrawnSpine(S_SHAPED).labels()


def test_what_is_no_spine_gets_no_curve_and_a_reason():
    random = np.random.default_rng(2)
    scattered = np.zeros((1200, 300), np.uint8)
    rows, columns = np.ogrid[: scattered.shape[0], : scattered.shape[1]]
    for value in random.integers(2, 4, 25):
        row, column = random.integers(0, scattered.shape[0]), random.integers(0, scattered.shape[1])
        scattered[(rows - row) ** 2 + (columns - column) ** 2 < 14**2] = value
    few = DrawnSpine(np.zeros(17), missing={(level, side) for level in range(3, 17) for side in (-1, 1)}).labels()
    for labels, reason in ((np.zeros((900, 250), np.uint8), "no vertebra"), (few, "too few"), (scattered, "spine")):
        nothing = spine.read(labels, spacing=STEP)
        assert nothing.curves is None and nothing.plausibility < 0.5
        assert reason in nothing.notes[0]
        assert nothing.as_json()["curves"] is None


def dots(down: int, across: int, radius: int) -> np.ndarray:
    row, column = np.mgrid[:600, :200]
    return (row % down - down // 2) ** 2 + (column % across - across // 2) ** 2 < radius**2


def stripes(down: int, height: int) -> np.ndarray:
    return np.arange(600)[:, None] % down < np.full(200, height)


PATTERNS = {
    **{f"dots {each}": dots(*each) for each in ((30, 50, 7), (33, 66, 9), (40, 60, 12), (25, 40, 6))},
    "two rows of dots": dots(29, 100, 9),
    **{f"stripes {each}": stripes(*each) for each in ((20, 6), (33, 10), (50, 16))},
}


@pytest.mark.parametrize("below", [THORACIC, LUMBAR])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_regular_pattern_is_no_spine(pattern, below):
    labels = PATTERNS[pattern] * np.where(np.arange(600) < 400, THORACIC, below).astype(np.uint8)[:, None]
    nothing = spine.read(labels)
    assert nothing.curves is None and nothing.plausibility <= 0.3
    assert nothing.notes[0].startswith("No curves are given: ")


@pytest.mark.parametrize("step", [12, 20, 40])
def test_more_vertebrae_than_a_spine_has_are_none(step):
    row, column = np.mgrid[:3000, :60]
    columns = (np.abs(column - 15) < 3) | (np.abs(column - 45) < 3)
    endless = spine.read(((row % step < step // 3) & columns) * np.uint8(THORACIC))
    assert endless.curves is None and endless.notes[0].startswith("No curves are given: ")


@pytest.mark.parametrize("seed", range(4))
def test_labels_of_any_kind_are_read_without_an_error_and_soon(seed):
    random = np.random.default_rng(seed)
    grain = (1, 2, 5, 20)[seed]
    coarse = random.integers(0, 4, (600 // grain, 160 // grain)).astype(np.uint8)
    begin = time.process_time()
    nothing = spine.read(np.kron(coarse, np.ones((grain, grain), np.uint8)))
    assert nothing.curves is None and nothing.notes
    assert time.process_time() - begin < 5


def test_upside_down_or_with_its_classes_exchanged_a_spine_gets_no_curve_and_a_reason(labels):
    exchanged = np.array([0, 1, LUMBAR, THORACIC])[labels]
    for wrong in (labels[::-1], exchanged):
        nothing = spine.read(wrong, spacing=STEP)
        assert nothing.curves is None and "upside down" in nothing.notes[0]


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (2, 64), (5, 1000), (8, 2000), (40, 1200), (5, 1)])
def test_a_picture_that_is_too_low_for_a_spine_gets_no_curve_and_a_reason(shape):
    for value in (THORACIC, LUMBAR):
        nothing = spine.read(np.full(shape, value, np.uint8))
        assert nothing.curves is None and nothing.notes[0].startswith("No curves are given:")


def test_pixels_of_very_different_sides_form_no_spine(labels):
    for spacing in ((1e-6, 1.0), (0.4, 40.0), (40.0, 0.4)):
        assert spine.read(labels, spacing=spacing).curves is None


def test_labels_that_are_no_bones_are_no_vertebrae(labels):
    foreign = np.where(labels > 0, 4, 0).astype(np.uint8)
    nothing = spine.read(foreign, probabilities=np.zeros((4, *labels.shape), np.float32))
    assert nothing.curves is None and "no vertebra" in nothing.notes[0]
