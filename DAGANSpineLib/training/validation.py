"""How good a model is on held-out subjects, by the very path that the clinician runs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..inference import Pipeline, labels_of
from ..metrics import CLEAN, LIT, Agreement, Patches, change_of_clean, patches
from ..model import Model
from ..segments import CLASSES
from ..vpi import lit_body
from .dataset import UNKNOWN, Record, Sample, load

DICE, RESTORATION = "dice", "restoration"  # criteria
CHANGE = 10.0  # grey levels by which clean patches may change at the price of all structured noise staying


class Validation:
    """Held-out subjects to choose a stage's checkpoint by. `criteria`: which scores are added up for that, `DICE`,
    `RESTORATION` or both. Restored pictures are kept where restoration isn't among them, since then it is fixed."""

    def __init__(self, records: Sequence[Record], *criteria: str) -> None:
        self.samples = [load(record) for record in records]
        self.criteria = criteria
        self.restored: dict[str, np.ndarray] = {}

    def merit(self, scores: dict[str, float]) -> float:
        """The larger, the better."""
        return sum(scores[name] for name in self.criteria)

    def score(self, model: Model, device: str = "auto") -> dict[str, float]:
        """Means over the subjects: Dice by class and their average ("dice"), corrupted patches that are left, vertical
        variation beyond a clean patch's before and after, by how many grey levels clean patches change; and what share
        of that variation is left and this change come to ("restoration", at most 0).

        The clean truth, which real subjects don't have, is not looked at.
        """
        training = [network.training for network in model.networks]
        for network in model.networks:
            network.eval()
        pipeline = Pipeline(model, device)
        rows = [self._score_subject(pipeline, sample) for sample in self.samples]
        for network, mode in zip(model.networks, training, strict=True):
            network.train(mode)
        means = {name: mean([row[name] for row in rows]) for name in rows[0]}
        if DICE in self.criteria:
            means[DICE] = mean([means[f"dice {name}"] for name in CLASSES[1:]])
        if RESTORATION in self.criteria:
            before, left, change = (
                means[name] for name in ("variation before", "variation", "change of clean patches")
            )
            # where nothing is torn, nothing tells who restores well
            means[RESTORATION] = -left / before - float(np.nan_to_num(change)) / CHANGE if before else 0.0
        return means

    def _score_subject(self, pipeline: Pipeline, sample: Sample) -> dict[str, float]:
        body = lit_body(sample.image)
        restored = self.restored.get(sample.subject)
        if restored is None:
            restored = pipeline.restore(sample.image, body)
        scores = {}
        if RESTORATION in self.criteria:
            before, after = patches(sample.image, body), patches(restored, body)
            change = change_of_clean(restored, sample.image, before)
            scores |= {
                "corrupted patches": float(after.corrupted.sum()),
                "variation before": beyond_clean(before),
                "variation": beyond_clean(after),
                "change of clean patches": np.nan if change is None else change,
            }
        else:
            self.restored[sample.subject] = restored
        if DICE in self.criteria:
            labels = labels_of(pipeline.segment(restored, body))
            known = sample.labels != UNKNOWN
            dice = Agreement.of(labels[known], sample.labels[known]).scores()["dice"]
            scores |= {f"dice {name}": float(value) for name, value in zip(CLASSES[1:], dice, strict=True)}
        return scores


def beyond_clean(measured: Patches) -> float:
    """By how much the vertical variation of patches is beyond that of a clean one, summed over the lit ones: how torn
    a picture is, also where no patch is bad enough to count as corrupted."""
    return float(np.maximum(measured.variation - CLEAN, 0)[measured.lit >= LIT].sum())


def mean(values: Sequence[float]) -> float:
    """Of those that are numbers; NaN if none is."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else np.nan
