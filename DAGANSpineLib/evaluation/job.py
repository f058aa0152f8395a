"""A job of a benchmark: one system, trained with one seed and evaluated, in a folder of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..baselines import System
from ..training import RunFolder

RECORD, ERROR, EVALUATION = "job.json", "error.txt", "evaluation"


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
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None

    @property
    def scores(self) -> dict[str, Any]:
        """What `evaluate` found."""
        return json.loads((self.folder / EVALUATION / "scores.json").read_text(encoding="utf-8"))

    @property
    def model(self) -> Path:
        return RunFolder(self.folder).best

    @property
    def trouble(self) -> str:
        """Why the job was given up, in a line; empty if it wasn't."""
        path = self.folder / ERROR
        return path.read_text(encoding="utf-8").splitlines()[-1] if path.is_file() else ""
