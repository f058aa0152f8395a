"""The loop: batches in, steps taken, the learning rate falling, checkpoints and figures written."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from tqdm import tqdm

from ..metrics import PATCH
from ..model import Model
from ..pipeline import Pipeline
from ..vpi import NETWORK_SIZE
from .dagan import DAGAN
from .dataset import Dataset, Record, load, open_dataset
from .method import Method
from .patches import SPLITS, PatchFeed
from .presets import AdversarialStage, Preset, SegmentationStage
from .run import RunFolder
from .segmentation import Segmentation
from .spines import SpineFeed, at_network_size, restored_spines
from .validation import Validation


def train(data: Path, folder: Path, preset: Preset, seed: int = 0, resume: bool = False, name: str = "") -> Model:
    """Train on a data set by a preset, into a run folder; returns the best model.

    `name` is the preset's, kept in the model's provenance. Raises DatasetError or RunError with a sentence.
    """
    dataset = open_dataset(data)
    run = RunFolder(folder, {"preset": name, **asdict(preset), "data": dataset.name, "seed": seed}, resume)
    return Trainer(dataset, run, preset, seed, name).train(run.checkpoint() if resume else None)


class Trainer:
    """Drives the stages of a preset, one after the other."""

    def __init__(self, dataset: Dataset, run: RunFolder, preset: Preset, seed: int, name: str) -> None:
        self.run, self.preset, self.seed = run, preset, seed
        self.learners, self.held_out = dataset.split_validation()
        self.accelerator = Accelerator()
        torch.manual_seed(seed)
        provenance = {
            "preset": name,
            "data": dataset.name,
            "subjects": len(self.learners),
            "validation subjects": len(self.held_out),
            "seed": seed,
        }
        self.model = Model(preset.generator, preset.segmenter, provenance)

    def train(self, checkpoint: dict[str, Any] | None = None) -> Model:
        """Run all stages from the checkpoint on, or from the beginning."""
        begin = checkpoint or {"stage": 0, "step": 0, "best": -math.inf, "method": None}
        if checkpoint:
            self.model.generator.load_state_dict(checkpoint["generator"])
            self.model.segmenter.load_state_dict(checkpoint["segmenter"])
        self.best, step, state = begin["best"], begin["step"], begin["method"]
        self.run.begin_log(begin["stage"], step)
        for index in range(begin["stage"], len(self.preset.stages)):
            if step < steps_of(self.preset.stages[index], len(self.learners)):
                self._train_stage(index, step, state)
            step, state = 0, None
        if not self.run.best.is_file():
            self.run.save_best(self.model)
        self.run.close()
        return self.run.best_model()

    def _train_stage(self, index: int, first: int, state: dict[str, Any] | None) -> None:
        stage = self.preset.stages[index]
        torch.manual_seed(seed_of(self.seed, index))
        feed, method, validation = prepare_stage(stage, self.model, self.learners, self.held_out, self.seed, self.run)
        method.prepare(self.accelerator)
        if state:
            method.load_state(state)
        steps = steps_of(stage, len(self.learners))
        recent: dict[str, list[float]] = defaultdict(list)
        bar = tqdm(
            range(first, steps),
            desc=f"Stage {index + 1} of {len(self.preset.stages)}",
            initial=first,
            total=steps,
            disable=not self.accelerator.is_local_main_process,
        )
        for step in bar:
            # everything random in a step depends on its number alone, so that a resumed run equals an unbroken one
            torch.manual_seed(seed_of(self.seed, index, step, self.accelerator.process_index))
            method.set_learning_rate(cosine(stage.learning_rate, stage.final_learning_rate, step / steps))
            batch = to_device(feed(step, self.accelerator.process_index), self.accelerator.device)
            for name, value in method.step(batch).items():
                recent[name].append(value)
            done = step + 1
            if done % self.preset.log_every == 0 or done == steps:
                figures = {name: float(np.mean(values)) for name, values in recent.items()}
                recent.clear()
                bar.set_postfix({"loss": f"{figures['total']:.3f}"})
                self._log(index, done, figures)
            if (done % self.preset.validate_every == 0 or done == steps) and validation:
                self._validate(index, done, validation)
            if done % self.preset.checkpoint_every == 0 or done == steps:
                self._save(index, done, method)

    def _validate(self, index: int, step: int, validation: Validation) -> None:
        """Score the model on held-out subjects, and keep it if it is the best so far."""
        scores = validation.score(self.model, self.accelerator.device.type)
        self._log(index, step, {f"validation {name}": value for name, value in scores.items()})
        if scores["dice"] > self.best and self.accelerator.is_main_process:
            self.best = scores["dice"]
            self.model.provenance |= {"stage": index, "step": step, "validation dice": round(self.best, 4)}
            self.run.save_best(self.model)

    def _log(self, index: int, step: int, figures: dict[str, float]) -> None:
        if self.accelerator.is_main_process:
            self.run.log(index, step, figures)

    def _save(self, index: int, step: int, method: Method) -> None:
        if self.accelerator.is_main_process:
            self.run.save_checkpoint(
                {
                    "stage": index,
                    "step": step,
                    "best": self.best,
                    "method": method.state(),
                    "generator": self.model.generator.state_dict(),
                    "segmenter": self.model.segmenter.state_dict(),
                }
            )


def prepare_stage(
    stage: AdversarialStage | SegmentationStage,
    model: Model,
    learners: list[Record],
    held_out: list[Record],
    seed: int,
    run: RunFolder,
) -> tuple[Callable[..., Any], Method, Validation | None]:
    """What a stage learns from, how, and what it is judged by (nothing while the segmenter isn't trained)."""
    if isinstance(stage, AdversarialStage):
        split = SPLITS[stage.grid]
        patched = [split(load(record)) for record in tqdm(learners, desc="Splitting patches", leave=False)]
        method = DAGAN(
            model,
            stage.discriminator_widths,
            stage.attention,
            stage.dual,
            stage.weight_segmentation,
            stage.weight_reconstruction,
            stage.weight_identity,
        )
        validation = Validation(held_out, generator_fixed=False) if stage.weight_segmentation else None
        return PatchFeed(patched, stage.batch, stage.degrees, seed), method, validation
    with tqdm(total=len(learners), desc="Restoring spines", leave=False) as bar:
        restored = restored_spines(
            learners, Pipeline(model), run.folder / "restored", lambda fraction, message: bar.update()
        )
    spines = [at_network_size(image, load(record).labels) for image, record in zip(restored, learners, strict=True)]
    return SpineFeed(spines, stage.batch, seed), Segmentation(model), Validation(held_out, generator_fixed=True)


def steps_of(stage: AdversarialStage | SegmentationStage, subjects: int) -> int:
    """How many steps a stage takes; an epoch shows as many patches as cover the images at 256 x 1024."""
    if stage.steps is not None:
        return stage.steps
    patches = math.prod(math.ceil(extent / PATCH) for extent in NETWORK_SIZE) * subjects
    return stage.epochs * math.ceil(patches / stage.batch)


def seed_of(*numbers: int) -> int:
    """One seed from several numbers, the same everywhere."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


def cosine(first: float, final: float, progress: float) -> float:
    """The learning rate along a half cosine, at a progress of 0 to 1 (Loshchilov and Hutter, ICLR 2017)."""
    return final + (first - final) * (1 + math.cos(math.pi * progress)) / 2


def to_device(batch: Any, device: torch.device) -> Any:
    """The same batch with its tensors on a device."""
    return type(batch)(**{name: value.to(device) for name, value in vars(batch).items()})
