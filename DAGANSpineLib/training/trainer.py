"""The loop: batches in, steps taken, the learning rate falling, checkpoints and figures written."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from tqdm import tqdm

from ..inference import Pipeline, choose_device, choose_precision, keep_freed_memory
from ..model import Model, fits_file, freeze
from ..progress import unheard
from ..vpi import DEVIATION, denormalise
from .checking import troubles_of
from .dataset import Dataset, open_dataset, refuse
from .descent import Ancestor
from .feed import stream
from .fitting import fitted
from .gathering import Aid, gather
from .health import Health, refuse_lost, refuse_too_large
from .interrupt import Interrupt
from .method import Batch, Method
from .misfits import Misfit, refuse_no_numbers, refuse_other_moments, refuse_other_tensors
from .presets import Preset
from .recent import Recent
from .run import RESTORED, RunFolder
from .spines import restored_spines
from .stages import Prepared
from .subjects import Subjects
from .wholes import normalise_by_wholes, some_pictures
from .windows import WindowBatch, WindowFeed

NO_AID = Aid()
WORKERS = 2  # that make batches for a graphics card: one keeps up with it, the other is there for hiccups


def train(
    data: Path | Dataset,
    folder: Path,
    preset: Preset,
    seed: int = 0,
    resume: bool = False,
    name: str = "",
    precision: str = "auto",
    device: str = "auto",
    quiet: bool = False,
    workers: int | None = None,
    ancestor: Ancestor | None = None,
    aid: Aid = NO_AID,
) -> Model:
    """Train on a data set, or on the one in a folder, by a preset, into a run folder; returns the best model. What the
    data set can't teach, for want of labels or of structured noise, is left out, and said.

    `ancestor`: the model to begin from, in the place of random weights, with its shapes in the place of the preset's.
    `aid`: who helps where the data set's subjects are few; self-training takes a whole ancestor's labels.
    `name` is the preset's, kept in the model's provenance; `precision` is one of `inference.PRECISIONS`, `device` one
    of `inference.DEVICES`; `quiet` shows no progress bars; `workers` is how many processes make batches ahead, None
    for as many as the device needs. Raises DatasetError, DeviceError, RunError or TrainingError with a sentence.

    Ctrl-C and SIGTERM are heeded after a step, once that is kept in the run folder: a run goes on from any step as if
    it had never been stopped, on a CPU bit for bit.
    """
    dataset, run = data if isinstance(data, Dataset) else open_dataset(data), RunFolder(folder)
    device = choose_device(device)[0]
    precision = choose_precision(precision, device)
    accelerator = accelerator_on(device, precision)
    if workers is None:
        workers = 0 if accelerator.device.type == "cpu" else WORKERS
    preset = ancestor.reshape(preset) if ancestor else preset
    configuration = configuration_of(dataset, preset, seed, name, precision, ancestor, aid)
    run.admit(configuration, resume)
    quiet = quiet or not accelerator.is_local_main_process
    if not resume:
        look_through(dataset, quiet)
    expected = bool(dataset.train) or aid.self_training
    fitting, sentences = fitted(preset, dataset, ancestor, expected, quiet)
    if accelerator.is_main_process:
        run.begin(configuration, resume)
    accelerator.wait_for_everyone()
    labeller = ancestor and ancestor.model
    subjects, told = gather(dataset, run.folder, aid, labeller, seed, accelerator, quiet)
    if expected and not (subjects.labelled or subjects.guessed):
        fitting, sentences = fitted(preset, dataset, ancestor, False, quiet)
    if accelerator.is_main_process:
        for sentence in [*told, *sentences]:
            tqdm.write(sentence)
    trainer = Trainer(dataset.name, subjects, run, fitting, seed, name, accelerator, quiet, workers, ancestor)
    return trainer.train(run.checkpoint(len(fitting.stages)) if resume else None)


def accelerator_on(device: torch.device, precision: str) -> Accelerator:
    """What places networks and batches, and joins processes."""
    # said outright, or accelerate takes several processes without GPUs for as many trainings
    accelerator = Accelerator(cpu=device.type == "cpu", mixed_precision="no" if precision == "full" else precision)
    if accelerator.device.type == "cpu":
        keep_freed_memory()
    else:
        torch.backends.cudnn.benchmark = True  # all batches have one size, so that it pays to look for the best kernels
    return accelerator


def configuration_of(
    dataset: Dataset,
    preset: Preset,
    seed: int,
    name: str,
    precision: str,
    ancestor: Ancestor | None = None,
    aid: Aid = NO_AID,
) -> dict[str, Any]:
    """What a run folder's configuration holds: a run goes on with the very same only."""
    descent = {"from": ancestor.described()} if ancestor else {}
    return {
        "preset": name,
        **preset.described(),
        "data": dataset.name,
        "seed": seed,
        "precision": precision,
        **descent,
        **aid.described(),
    }


def look_through(dataset: Dataset, quiet: bool) -> None:
    """Raise DatasetError for files that can't be used, before anything is written."""
    records = dataset.train + dataset.unlabelled
    with tqdm(desc="Checking", total=len(records), leave=False, disable=quiet) as bar:
        refuse(list(troubles_of(records, lambda fraction, subject: bar.update()).values()))


@dataclass
class Course:
    """A stage on its way: how long it is, what it was prepared with, what is known of its last steps, and when it was
    saved."""

    index: int
    steps: int
    prepared: Prepared
    recent: Recent = field(default_factory=Recent)
    health: Health = field(default_factory=Health)
    saved: float = field(default_factory=time.monotonic)

    @property
    def method(self) -> Method:
        return self.prepared.method

    @property
    def minutes_unsaved(self) -> float:
        return (time.monotonic() - self.saved) / 60

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs to go on."""
        return {"method": self.method.state(), "recent": self.recent.state(), "health": self.health.state()}

    def load_state(self, state: dict[str, Any]) -> None:
        """The inverse of `state`, once the method is prepared. Raises one of `MISFITS` for what is none."""
        for part in ("networks", "averages"):
            refuse_other_tensors(state["method"][part], self.method.state()[part])
        for name, optimiser in self.method.optimisers.items():
            refuse_other_moments(state["method"]["optimisers"][name], optimiser)
        self.method.load_state(state["method"])
        self.recent.load_state(state["recent"])
        self.health.load_state(state["health"])


class Trainer:
    """Drives the stages of a preset, one after the other, and is their `Setting`; with several processes, each takes
    its share of a batch, and the main one validates, logs and saves."""

    def __init__(
        self,
        data: str,
        subjects: Subjects,
        run: RunFolder,
        preset: Preset,
        seed: int,
        name: str,
        accelerator: Accelerator,
        quiet: bool = False,
        workers: int = 0,
        ancestor: Ancestor | None = None,
    ) -> None:
        """`data`: the data set's name, `name`: the preset's."""
        self.run, self.preset, self.seed, self.accelerator, self.quiet = run, preset, seed, accelerator, quiet
        self.subjects, self.workers, self.ancestor = subjects, workers, ancestor
        torch.manual_seed(seed)
        provenance = {"preset": name, "data": data, **subjects.counted(), "seed": seed}
        self.model = Model(preset.generator, preset.segmenter, provenance)
        if ancestor:
            ancestor.hand_down(self.model)
            self.model.provenance["from"] = ancestor.described()

    def train(self, checkpoint: dict[str, Any] | None = None) -> Model:
        """Run all stages from the checkpoint on, or from the beginning."""
        begin = checkpoint or {"stage": 0, "step": 0, "best": -math.inf}
        if checkpoint:
            with self.run.refusing():
                self._load(checkpoint)
        self.best, step = begin["best"], begin["step"]
        if self.accelerator.is_main_process:
            self.run.begin_log(begin["stage"], step if checkpoint else -1)
            if not checkpoint:
                self._log(0, 0, {f"count of {kind}": count for kind, count in self.subjects.counted().items()})
        for index in range(begin["stage"], len(self.preset.stages)):
            if step < self.preset.stages[index].steps_for(len(self.subjects.learners)):
                self._train_stage(index, step, checkpoint)
            if self.preset.stages[index].restores and self.run.best.is_file():
                self._adopt_best_generator()
            step, checkpoint, self.best = 0, None, -math.inf
        if self.accelerator.is_main_process:
            if not self.run.best.is_file():
                refuse_too_large(self.model)
                self.run.save_best(self.model)
            self.run.close()
        self.accelerator.wait_for_everyone()
        return self.run.best_model()

    def _load(self, checkpoint: dict[str, Any]) -> None:
        """Take over the model of a checkpoint. Raises one of `MISFITS` where it is none of this training."""
        refuse_no_numbers(checkpoint)
        stage = self.preset.stages[checkpoint["stage"]]
        if checkpoint["step"] > stage.steps_for(len(self.subjects.learners)) or not checkpoint["best"] < math.inf:
            raise Misfit
        for name in ("generator", "segmenter"):
            network = getattr(self.model, name)
            refuse_other_tensors(checkpoint[name], network.state_dict())
            network.load_state_dict(checkpoint[name])
        self.model.provenance |= checkpoint.get("provenance", {})

    def _train_stage(self, index: int, first: int, checkpoint: dict[str, Any] | None) -> None:
        stage = self.preset.stages[index]
        torch.manual_seed(seed_of(self.seed, index))
        course = Course(index, stage.steps_for(len(self.subjects.learners)), stage.prepare(self))
        course.method.prepare(self.accelerator)
        if checkpoint:
            with self.run.refusing():
                course.load_state(checkpoint)
        elif self.ancestor and self.ancestor.has_learnt(stage.restores):
            self._validate(course, 0)  # what it was may be the best it is
            self.best -= stage.allowance
        batches, bar = self._batches(course, first), self._bar(course, first)
        with closing(batches), bar, Interrupt() as interrupt:
            for step in range(first, course.steps):
                # everything random in a step depends on its number alone, so that a resumed run equals an unbroken one
                torch.manual_seed(seed_of(self.seed, index, step, self.accelerator.process_index))
                rate = cosine(stage.learning_rate, stage.final_learning_rate, step / course.steps)
                course.method.set_learning_rate(rate)
                batch = next(batches)
                course.recent.add(course.method.step(batch))
                course.method.average()
                if self._look(course, step + 1, batch, bar, interrupt):
                    break
        interrupt.heed()

    def _batches(self, course: Course, first: int) -> Iterator[Any]:
        """The stage's batches from a step on, on the device."""
        process, device = self.accelerator.process_index, self.accelerator.device
        return stream(course.prepared.feed, range(first, course.steps), process, device, self.workers)

    def _bar(self, course: Course, first: int) -> tqdm:
        label = f"Stage {course.index + 1} of {len(self.preset.stages)}"
        return tqdm(desc=label, initial=first, total=course.steps, disable=self.quiet)

    def _look(self, course: Course, done: int, batch: Any, bar: tqdm, interrupt: Interrupt) -> bool:
        """After a step: log, judge, save, as far as it is time to. Returns whether to stop here."""
        bar.update()
        end = done == course.steps
        logged, judged = (end or done % every == 0 for every in (self.preset.log_every, self.preset.validate_every))
        if logged:
            figures = course.recent.close()
            bar.set_postfix({"loss": f"{figures['total']:.3f}"})
            self._log(course.index, done, figures)
            if not all(map(math.isfinite, figures.values())):
                refuse_lost(course.method.networks, done)
            for sentence in course.health.observe(figures):
                tqdm.write(f"Step {done}: {sentence}")
        if judged:
            self._validate(course, done)
            self._show(course.index, done, course.method, batch)
        stopping = self._is_stopped(interrupt, logged) and not end
        if end or stopping or (logged and course.minutes_unsaved >= self.preset.checkpoint_minutes):
            self._save(course, done)
        if stopping and self.accelerator.is_main_process:
            self.run.close()
            tqdm.write(f"Stopped after step {done} of stage {course.index + 1}: --resume goes on from there.")
        return stopping

    def _is_stopped(self, interrupt: Interrupt, logged: bool) -> bool:
        """Whether somebody wants to stop. Several processes ask each other, now and then: they stop after one step."""
        if self.accelerator.num_processes == 1:
            return interrupt.heard is not None
        if not logged:
            return False
        heard = torch.tensor(float(interrupt.heard is not None), device=self.accelerator.device)
        return bool(self.accelerator.reduce(heard))

    def share(self, batch: int) -> int:
        """How much of a batch is this process's; an adversarial one needs a patch of either kind."""
        return max(2, batch // self.accelerator.num_processes)

    def former(self, network: str) -> dict[str, torch.Tensor] | None:
        """The weights with which a network came from the ancestor; None if it didn't."""
        return self.ancestor and self.ancestor.weights(network)

    def restored(self) -> list[np.ndarray]:
        """The learners' pictures as the model restores them now, uint8 (rows, columns) at native size; the processes
        share the work through the run folder."""
        pipeline, folder = Pipeline(self._as_used(), self.accelerator.device.type), self.run.folder / RESTORED
        learners = self.subjects.learners
        mine = learners[self.accelerator.process_index :: self.accelerator.num_processes]
        with tqdm(total=len(mine), desc="Restoring spines", leave=False, disable=self.quiet) as bar:
            restored_spines(mine, pipeline, folder, lambda fraction, message: bar.update())
        self.accelerator.wait_for_everyone()
        return restored_spines(learners, pipeline, folder, unheard)

    def _as_used(self, method: Method | None = None) -> Model:
        """A copy that computes as the clinician's model will: with averaged weights where the method has them; what
        the accelerator put around the networks, such as mixed precision, is left behind."""
        copy = Model(self.model.generator_shape, self.model.segmenter_shape, self.model.provenance)
        averages = method.in_use() if method else {}
        for name in ("generator", "segmenter"):
            network = getattr(copy, name)
            network.load_state_dict(averages.get(name) or getattr(self.model, name).state_dict())
            freeze(network)
        return copy

    def _validate(self, course: Course, step: int) -> None:
        """Score the model on held-out subjects, and keep it if it is the stage's best so far."""
        index, validation = course.index, course.prepared.validation
        if validation and self.accelerator.is_main_process:
            model = self._as_used(course.method)
            if step and isinstance(course.prepared.feed, WindowFeed):
                normalise_by_wholes(model, some_pictures(self.subjects.learners), self.accelerator.device.type)
            scores = validation.score(model, self.accelerator.device.type)
            self._log(index, step, {f"validation {name}": value for name, value in scores.items()})
            if not fits_file(model):
                tqdm.write(f"Step {step}: not kept, since a model file can't hold weights as large as these.")
            elif validation.merit(scores) >= self.best:  # of equals the one that has learnt for longer
                self.best = validation.merit(scores)
                chosen = {f"validation {name}": round(scores[name], 4) for name in validation.criteria}
                self.model.provenance |= {"stage": index, "step": step, **chosen}
                self.run.save_best(model)
        self.accelerator.wait_for_everyone()

    def _adopt_best_generator(self) -> None:
        """Go on behind the generator that restored best, as the model file has it."""
        self.model.generator.load_state_dict(self.run.best_model().generator.state_dict())

    def _show(self, index: int, step: int, method: Method, batch: Any) -> None:
        """Example restorations for TensorBoard: corrupted patch, restored patch, what was removed, side by side."""
        if not isinstance(batch, Batch | WindowBatch) or not self.accelerator.is_main_process:
            return
        observed = batch.corrupted[:4]
        with torch.no_grad():
            restored = self.accelerator.unwrap_model(method.networks["generator"])(observed)
        removed = observed - restored
        columns = [denormalise(observed) / 255, denormalise(restored) / 255, 0.5 + removed * DEVIATION / 255]
        sheet = torch.cat([column[:, 0].flatten(0, 1) for column in columns], 1)
        self.run.show(index, step, "corrupted, restored, removed", sheet.clamp(0, 1).cpu())

    def _log(self, index: int, step: int, figures: dict[str, float]) -> None:
        if self.accelerator.is_main_process:
            self.run.log(index, step, figures)

    def _save(self, course: Course, step: int) -> None:
        refuse_lost(course.method.networks, step)
        if self.accelerator.is_main_process:
            self.run.save_checkpoint(
                {
                    "stage": course.index,
                    "step": step,
                    "best": self.best,
                    **course.state(),
                    "generator": self.model.generator.state_dict(),
                    "segmenter": self.model.segmenter.state_dict(),
                    "provenance": self.model.provenance,
                }
            )
        course.saved = time.monotonic()


def seed_of(*numbers: int) -> int:
    """One seed from several numbers, the same everywhere."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


def cosine(first: float, final: float, progress: float) -> float:
    """The learning rate along a half cosine, at a progress of 0 to 1 (Loshchilov and Hutter, ICLR 2017)."""
    return final + (first - final) * (1 + math.cos(math.pi * progress)) / 2
