"""The benchmark of straight spines: they are straight, and what is seen in them is counted as it is."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from drawn_spine import S_SHAPED, DrawnSpine

from DAGANSpineLib.simulation.anatomy import grow_spine
from Testing.Benchmarks.straight_spines import angles_of, row_of


class Draws:
    """A pipeline whose model draws these labels, and is sure of them."""

    def __init__(self, labels: np.ndarray) -> None:
        probabilities = np.stack([labels == value for value in range(4)]).astype(np.float32)
        self.result = SimpleNamespace(labels=labels, probabilities=probabilities, body=np.ones(labels.shape, bool))

    def run(self, pixels: np.ndarray, spacing: tuple[float, float]) -> SimpleNamespace:
        assert pixels.shape == self.result.labels.shape and spacing == (0.4, 0.4)
        return self.result


def straight() -> SimpleNamespace:
    labels = DrawnSpine(np.zeros(17)).labels()
    return SimpleNamespace(vpi=np.full_like(labels, 120), labels=labels, known={"spacing_mm": [0.4, 0.4]})


def test_a_curve_that_the_model_alone_draws_is_seen_in_its_labels_alone():
    subject, model = straight(), DrawnSpine(S_SHAPED).labels()
    rows, columns = subject.labels.shape
    drawn = np.pad(model, ((0, 0), (0, max(columns - model.shape[1], 0))))
    subject.vpi = np.full(drawn.shape, 120)
    subject.labels = np.pad(subject.labels, ((0, 0), (0, drawn.shape[1] - columns)))
    true, models = angles_of(subject, Draws(drawn))
    assert len(drawn) == rows and true == 0 and models == pytest.approx(28, abs=2)
    assert angles_of(subject, Draws(np.zeros_like(drawn)))[1] is None, "no bones, no spine, no angle"


def test_shares_are_of_the_spines_that_were_taken_for_one():
    assert row_of("mild", "true labels", [0.0, 12.0, 16.0, 0.0, None]) == [
        "mild", "true labels", "5", "1", "75.0", "50.0", "16.0"
    ]  # fmt: skip
    assert row_of("mild", "true labels", [0.0, 0.0])[3:] == ["0", "100.0", "100.0", "–"]
    assert row_of("mild", "true labels", [None])[3:] == ["1", "–", "–", "–"]


def test_spines_without_curves_are_straight():
    spines = [grow_spine(np.random.default_rng(seed), curves=0) for seed in range(50)]
    assert max(float(np.ptp(spine.tilt_deg)) for spine in spines) <= 6
    assert {spine.curve_type for spine in spines} == {"straight"}
