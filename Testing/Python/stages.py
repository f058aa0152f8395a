"""One stage of a training by itself: what it learns from, a step of it, and what its networks are shown."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator

from DAGANSpineLib.model import Model
from DAGANSpineLib.training.dataset import load, open_dataset
from DAGANSpineLib.training.presets import Preset
from DAGANSpineLib.training.stages import Prepared
from DAGANSpineLib.training.subjects import Subjects


@dataclass
class Alone:
    """Stands for the trainer: what a stage finds when it begins."""

    model: Model
    subjects: Subjects
    seed: int = 0
    quiet: bool = True

    def share(self, batch: int) -> int:
        return batch

    def restored(self) -> list[np.ndarray]:
        return [load(record).image for record in self.subjects.learners]


def prepared(preset: Preset, data: Path, index: int = 0) -> tuple[Model, Prepared]:
    """A stage of a preset about to begin on a data set, on the CPU, with the model that learns."""
    torch.manual_seed(0)
    model = Model(preset.generator, preset.segmenter)
    stage = preset.stages[index].prepare(Alone(model, Subjects.of(open_dataset(data))))
    stage.method.prepare(Accelerator(cpu=True))
    return model, stage


def learn(preset: Preset, data: Path, steps: int, rate: float) -> tuple[Model, Prepared]:
    """The model after so many steps of the preset's first stage, at one learning rate; and that stage."""
    model, stage = prepared(preset, data)
    stage.method.set_learning_rate(rate)
    for step in range(steps):
        torch.manual_seed(step)
        stage.method.step(stage.feed(step))
    return model, stage
