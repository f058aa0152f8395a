"""A job of a benchmark: one system, trained with one seed and evaluated, in a folder of its own."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..baselines import System
from ..errors import UserError
from ..files import is_full_disk, whole_file
from ..records import check_record, read_json
from ..training import RunFolder

RECORD, ERROR, EVALUATION = "job.json", "error.txt", "evaluation"
OWN = "own"  # the test subjects of the data set that was trained on, among further test sets


class BenchmarkError(UserError):
    """A benchmark that can't be done as asked; the text says why and what to do."""


def read_record(path: Path) -> dict[str, Any]:
    """A JSON file that holds one object. Raises RecordError."""
    record = read_json(path)
    check_record(record, {}, path)
    return record


@contextlib.contextmanager
def giving_up(folder: Path) -> Iterator[None]:
    """If what is done in a run folder fails, write down why there, and go on: a fault in one of many systems must not
    cost the others. Where the disk is full, no other would find room either."""
    error = folder / ERROR
    error.unlink(missing_ok=True)
    try:
        yield
    except Exception as trouble:
        if is_full_disk(trouble):
            raise
        with whole_file(error) as path:
            path.write_text(traceback.format_exc(), encoding="utf-8")


def trouble_in(folder: Path) -> str:
    """Why what is done in a run folder was given up, in a line; empty if it wasn't."""
    path = folder / ERROR
    return path.read_text(encoding="utf-8").splitlines()[-1] if path.is_file() else ""


@dataclass(frozen=True)
class Job:
    """A system to train with a seed and to evaluate; finished once its record stands."""

    system: System
    seed: int
    folder: Path

    @property
    def name(self) -> str:
        return f"{self.system.name}, seed {self.seed}"

    @property
    def record(self) -> dict[str, Any] | None:
        """What is known of the finished job; None if it isn't finished."""
        path = self.folder / RECORD
        return read_record(path) if path.is_file() else None

    def evaluation(self, name: str = OWN) -> Path:
        """Where the scores on a test set lie."""
        return self.folder / (EVALUATION if name == OWN else f"{EVALUATION}-{name}")

    def tested(self, name: str) -> dict[str, Any]:
        """What `evaluate` found on a test set."""
        return read_record(self.evaluation(name) / "scores.json")

    @property
    def scores(self) -> dict[str, Any]:
        """Those of the data set's own test subjects."""
        return self.tested(OWN)

    def is_finished(self, sets: Sequence[str] = (OWN,)) -> bool:
        """Whether it is trained, and evaluated on all these test sets."""
        return self.record is not None and all((self.evaluation(name) / "scores.json").is_file() for name in sets)

    @property
    def model(self) -> Path:
        return RunFolder(self.folder).best

    @property
    def trouble(self) -> str:
        """Why the job was given up, in a line; empty if it wasn't."""
        return trouble_in(self.folder)
