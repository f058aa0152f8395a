"""What stands where no frame was."""

import numpy as np
import pytest
from test_pipeline import small_model

from DAGANSpineLib.inference import Pipeline
from DAGANSpineLib.networks import Untouched
from DAGANSpineLib.vpi import bridged, gaps_of, interpolated, lit_body

GAP = slice(300, 330)  # rows


@pytest.fixture
def swept() -> np.ndarray:
    """A sweep that grows brighter down its rows, with a gap across it."""
    picture = np.zeros((620, 360), np.float32)
    picture[10:610, 30:330] = np.linspace(60, 200, 600).round()[:, None]
    picture[GAP] = 0
    return picture


def test_between_what_is_known_greys_run_straight():
    ramp = np.tile(np.arange(40, 100, dtype=np.float32)[:, None], (1, 7))
    missing = np.zeros(ramp.shape, bool)
    missing[20:35, :5] = True
    filled = interpolated(np.where(missing, 0, ramp), missing, ~missing)
    np.testing.assert_allclose(filled, ramp)


def test_beyond_the_last_known_pixel_its_grey_goes_on_and_an_unknown_column_stays():
    picture = np.full((20, 2), 50, np.uint8)
    missing = np.zeros(picture.shape, bool)
    missing[12:, 0] = missing[:, 1] = True
    picture[missing] = 7
    filled = interpolated(picture, missing, ~missing)
    assert (filled[:, 0] == 50).all() and (filled[:, 1] == 7).all()


def test_a_gap_is_filled_in_between_what_is_seen_above_and_below(swept):
    body, gaps = lit_body(swept), gaps_of(swept)
    assert gaps[GAP, 30:330].all()
    darkened = swept.copy()
    darkened[297:300] = darkened[330:333] = 20  # as restoration leaves rows beside the black
    filled = bridged(darkened.astype(np.uint8), gaps, body)
    expected = np.linspace(60, 200, 600)[280:340]  # of rows 290 to 349
    assert np.abs(filled[290:350, 30:330] - expected[:, None]).max() <= 1
    far = np.ones(len(swept), bool)
    far[290:350] = False
    assert np.array_equal(filled[far], darkened[far].astype(np.uint8))


def test_the_segmenter_sees_a_gap_as_the_generator_left_it_and_the_clinician_sees_it_filled_in(swept, monkeypatch):
    pipeline, seen = Pipeline(small_model(), "cpu"), []
    segment = Pipeline.segment

    def segmenting(self, restored, *others):
        seen.append(restored.copy())
        return segment(self, restored, *others)

    monkeypatch.setattr(Pipeline, "segment", segmenting)
    result = pipeline.run(swept)
    assert np.array_equal(seen[0], pipeline.restore(swept, result.body))
    assert np.array_equal(result.restored, bridged(seen[0], result.gaps, result.body))
    assert (result.restored != seen[0])[GAP, 30:330].mean() > 0.9


def test_a_system_that_does_not_restore_fills_nothing_in(swept):
    model = small_model()
    model.generator = Untouched()
    assert np.array_equal(Pipeline(model, "cpu").run(swept).restored, swept.astype(np.uint8))
