"""How good a model is on held-out subjects, by the very path that the clinician runs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..inference import Pipeline
from ..metrics import Agreement, patches
from ..model import Model
from ..segments import CLASSES
from ..vpi import lit_body
from .dataset import Record, Sample, load


class Validation:
    """Held-out subjects to choose the checkpoint by. Their restored pictures are kept when the generator is fixed."""

    def __init__(self, records: Sequence[Record], generator_fixed: bool) -> None:
        self.samples = [load(record) for record in records]
        self.restored: dict[str, np.ndarray] | None = {} if generator_fixed else None

    def score(self, model: Model, device: str = "auto") -> dict[str, float]:
        """Means over the subjects: Dice by class and their average ("dice"), corrupted patches that are left."""
        training = [network.training for network in model.networks]
        for network in model.networks:
            network.eval()
        pipeline = Pipeline(model, device)
        rows = [self._score_subject(pipeline, sample) for sample in self.samples]
        for network, mode in zip(model.networks, training, strict=True):
            network.train(mode)
        means = {name: float(np.nanmean([row[name] for row in rows])) for name in rows[0]}
        return means | {"dice": float(np.mean([means[f"dice {name}"] for name in CLASSES[1:]]))}

    def _score_subject(self, pipeline: Pipeline, sample: Sample) -> dict[str, float]:
        body = lit_body(sample.image)
        restored = None if self.restored is None else self.restored.get(sample.subject)
        if restored is None:
            restored = pipeline.restore(sample.image, body)
            if self.restored is not None:
                self.restored[sample.subject] = restored
        labels = pipeline.segment(restored, body).argmax(0)
        dice = Agreement.of(labels, sample.labels).scores()["dice"]
        corrupted = patches(restored, body).corrupted.sum()
        return {f"dice {name}": float(value) for name, value in zip(CLASSES[1:], dice, strict=True)} | {
            "corrupted patches": float(corrupted)
        }
