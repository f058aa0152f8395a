"""A run folder: the configuration, the figures, what is needed to go on, and the best model so far."""

from __future__ import annotations

import contextlib
import csv
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch.utils.tensorboard import SummaryWriter

from ..errors import UserError
from ..files import FullDiskError, is_full_disk, whole_file
from ..model import Model, ModelError, load_model, save_model, unpacked
from ..records import check_record, read_json
from .misfits import MISFITS

RESTORED, REHEARSED, GUESSED = MADE_ON_THE_WAY = "restored", "rehearsed", "guessed"  # what one folder each is of
LONGEST_LINE = 1000  # characters of metrics.csv


class RunError(UserError):
    """A run folder that can't be used as asked; the text says why and what to do."""


class RunFolder:
    """`config.json`, `metrics.csv` (stage, step, name, value), TensorBoard events, `last.pt`, `best.pt`."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.last, self.best = self.folder / "last.pt", self.folder / "best.pt"
        self.metrics, self.configuration = self.folder / "metrics.csv", self.folder / "config.json"

    def admit(self, configuration: dict[str, Any], resume: bool) -> None:
        """Raise RunError if the folder holds another run, or none to go on with. One that was stopped before its first
        checkpoint has nothing to lose, and may begin again."""
        if self.last.is_file() and not resume:
            raise RunError(
                f"{self.folder} holds a training run: add --resume to go on with it, or choose another folder."
            )
        if not resume:
            return
        if not self.configuration.is_file():
            raise RunError(f"{self.folder} holds no training run to resume.")
        before = read_json(self.configuration, RunError)
        check_record(before, {}, self.configuration, RunError)
        if changed := changed_settings(before, as_json(configuration)):
            raise RunError(
                f"{self.configuration} has other settings than this command ({', '.join(changed)}): resume with "
                "those, or begin a new run."
            )

    def begin(self, configuration: dict[str, Any], resume: bool) -> None:
        """Begin a run, or go on with one. Raises RunError as `admit` does."""
        self.admit(configuration, resume)
        self.folder.mkdir(parents=True, exist_ok=True)
        if not resume:
            for folder in MADE_ON_THE_WAY:  # by a run that was stopped before its first checkpoint
                shutil.rmtree(self.folder / folder, ignore_errors=True)
        for path in (self.last, self.best, self.metrics, self.configuration):
            for half_written in self.folder.glob(f".{path.stem}.*{path.suffix}"):  # by a process that was killed
                half_written.unlink()
        if not resume:
            with whole_file(self.configuration) as partial:
                partial.write_text(json.dumps(as_json(configuration), indent=2) + "\n")

    def checkpoint(self, stages: int | None = None) -> dict[str, Any] | None:
        """What the last checkpoint of a run of so many stages (any, for None) holds; None if the run was stopped before
        its first. Raises RunError."""
        if not self.last.is_file():
            return None
        try:
            content = unpacked(self.last.read_bytes(), self.last)
        except ModelError as error:
            raise RunError(f"{self.last} is damaged: begin a new run.") from error
        if not isinstance(content, dict) or not all(whole_number(content.get(name)) for name in ("stage", "step")):
            raise RunError(f"{self.last} is no checkpoint of a training run: begin a new run.")
        if stages is not None and content["stage"] >= stages:
            raise RunError(f"{self.last} is at stage {content['stage']}, and this run has {stages}: begin a new run.")
        return content

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """Whatever a checkpoint that is none of this training leads to becomes a RunError."""
        try:
            yield
        except UserError:
            raise
        except MISFITS as error:
            sentence = f"{self.last} is no checkpoint of this training, or damaged: begin a new run."
            raise RunError(sentence) from error

    def save_checkpoint(self, content: dict[str, Any]) -> None:
        with whole_file(self.last) as partial:
            torch.save(content, partial)

    def save_best(self, model: Model) -> None:
        save_model(model, self.best)

    def best_model(self) -> Model:
        return load_model(self.best)

    def begin_log(self, stage: int, step: int) -> None:
        """Open the logs; what was logged after the checkpoint (stage, step) will be logged again, so it goes."""
        rows = []
        if self.metrics.is_file():
            with self.metrics.open(newline="", errors="replace") as lines:
                # a row that a kill cut short has fewer than four fields, and other lines are not ours
                text = (line.replace("\0", "") for line in lines if len(line) < LONGEST_LINE)
                complete = [row for row in csv.reader(text, quoting=csv.QUOTE_NONE) if len(row) == 4]
            numbered = [row for row in complete if (row[0] + row[1]).isdecimal()]
            rows = [row for row in numbered if (int(row[0]), int(row[1])) <= (stage, step)]
        with whole_file(self.metrics) as partial, partial.open("w", newline="") as lines:
            csv.writer(lines).writerows([("stage", "step", "name", "value"), *rows])
        threading.excepthook = unprinted
        with self._room():
            self.events = SummaryWriter(str(self.folder))

    def log(self, stage: int, step: int, figures: dict[str, float]) -> None:
        """Write figures to metrics.csv and TensorBoard."""
        with self._room(), self.metrics.open("a", newline="") as lines:
            csv.writer(lines).writerows((stage, step, name, f"{value:.6g}") for name, value in figures.items())
        with self._room():
            for name, value in figures.items():
                self.events.add_scalar(f"stage {stage}/{name}", value, step)

    def show(self, stage: int, step: int, name: str, picture: torch.Tensor) -> None:
        """Put a grey picture (rows, columns), 0 to 1, into TensorBoard."""
        with self._room():
            self.events.add_image(f"stage {stage}/{name}", picture, step, dataformats="HW")

    def close(self) -> None:
        with self._room():
            self.events.close()

    @contextlib.contextmanager
    def _room(self) -> Iterator[None]:
        """Raise FullDiskError where there is no room for what is logged."""
        try:
            yield
        except OSError as error:
            if not is_full_disk(error):
                raise
            sentence = f"{self.folder} can't be written: is the disk full? Make room for it"
            go_on = "; --resume goes on from the last checkpoint." if self.last.is_file() else ", and begin again."
            raise FullDiskError(sentence + go_on) from error


def unprinted(error: threading.ExceptHookArgs, printed: Callable[..., None] = threading.excepthook) -> None:
    """Print what ended a thread, but for a full disk: TensorBoard's hands that to the next who logs, and it is not to
    stand beside our one sentence."""
    if not is_full_disk(error.exc_value):
        printed(error)


def whole_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def changed_settings(before: Any, now: Any) -> list[str]:
    """The names of settings, as `as_json` has them, that differ. One that a former version didn't know, and that is off
    now, is the same: a number of 0, or none."""
    before, now = without_what_is_off(before), without_what_is_off(now)
    return [name for name in now | before if now.get(name) != before.get(name)]


def without_what_is_off(settings: Any) -> Any:
    """Nested settings, without the numbers that are 0 and what is None; what is False stays, since it may be what a
    former version did."""
    if isinstance(settings, dict):
        kept = {name: without_what_is_off(value) for name, value in settings.items()}
        return {name: value for name, value in kept.items() if value is False or value not in (None, 0)}
    return [without_what_is_off(each) for each in settings] if isinstance(settings, list) else settings


def as_json(configuration: dict[str, Any]) -> dict[str, Any]:
    """The same through JSON, where tuples become lists, so that it can be compared with what was read."""
    return json.loads(json.dumps(configuration))
