"""The search for every system's learning rate and weight, trial by trial: interrupted, it goes on where it stopped."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..baselines import (
    AGREEMENT,
    QUALITY,
    SYSTEMS,
    Budget,
    Outcome,
    Searches,
    System,
    Trial,
    judged_by,
    measure_of,
    searches_behind,
    shortened,
    trials,
    tried,
)
from ..files import whole_file
from ..inference import Pipeline
from ..model import Model
from ..records import read_json
from ..training import DICE, RESTORATION, Dataset, Record, RunFolder, TrainingError, load, train
from ..vpi import lit_body
from .job import giving_up, trouble_in
from .similarity import psnr
from .team import Team

ROUNDS = 3  # learning rates, what depends on the best of them, and what lies beyond the best of all
SEED = 0

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Search:
    """What systems are searched on, how, and where; a trial's run folder goes once its outcome is known. `before`: what
    was found before, and stands; `judges`: subjects whose clean truth tells who restores well."""

    folder: Path
    data: Path
    budget: Budget
    precision: str
    device: str
    before: Searches = field(default_factory=dict)
    judges: Sequence[Record] = ()

    def missing(self, systems: Sequence[System]) -> list[System]:
        """Those whose search these systems need and nobody has done, or brought to its end."""
        wanted = searched(systems, self.budget)
        return [system for system in wanted if trials(system, self.before.get(system.key, []))]

    def measure(self, system: System) -> str:
        """By what a system's trials are judged."""
        return measure_of(system, self.budget, truth=bool(self.judges))

    def judged_otherwise(self) -> dict[System, str]:
        """Who has trials from before that were judged by another measure than they would be now, and by which."""
        found = {
            system: judged_by(self.before[system.key], system, self.budget)
            for system in SYSTEMS
            if self.before.get(system.key)
        }
        return {system: measure for system, measure in found.items() if measure != self.measure(system)}

    def run(self, system: System, trial: Trial) -> RunFolder:
        """Where a trial is trained."""
        return RunFolder(self.folder / system.key / trial.name)

    def place(self, system: System, trial: Trial) -> Path:
        """Where the outcome of a trial is kept."""
        return self.folder / system.key / f"{trial.name}.json"

    def kept(self, system: System, trial: Trial) -> Outcome | None:
        """The outcome of a trial; None where there is none, or where another measure than now has judged it."""
        place, measure = self.place(system, trial), self.measure(system)
        record = read_json(place) if place.is_file() else {}
        if record.get("measure") != measure:
            return None
        return Outcome(trial, record["merit"], record["seconds"], record.get("error"), measure)

    def known(self, system: System) -> list[Outcome]:
        """The outcomes so far, in the order in which they are tried."""
        found = list(self.before.get(system.key, []))
        while True:
            kept = (self.kept(system, trial) for trial in trials(system, found))
            new = [outcome for outcome in kept if outcome]
            if not new:
                return found
            found += new

    def trouble(self, system: System) -> str:
        """Why a trial that has to be tried was given up, in a line; empty if none was."""
        waiting = trials(system, self.known(system))
        reasons = ((trial, trouble_in(self.run(system, trial).folder)) for trial in waiting)
        return next((f"{system.name}, {trial.name}: {reason}" for trial, reason in reasons if reason), "")

    def troubles(self, systems: Sequence[System]) -> dict[str, str]:
        """Why searches that these systems need were given up, by key."""
        return {system.key: reason for system in self.missing(systems) if (reason := self.trouble(system))}

    def attempt(self, system: System, trial: Trial, quiet: bool) -> str:
        """Try out; how that went, in words. What fails has no outcome: it may succeed the next time."""
        folder, outcome = self.run(system, trial).folder, None
        with giving_up(folder):
            outcome = self.try_out(system, trial, quiet)
        if outcome is None:
            return f"given up ({trouble_in(folder)})"
        if outcome.merit is None:
            return "lost"
        return f"{outcome.measure} {outcome.merit:.4f} on held-out training subjects"

    def try_out(self, system: System, trial: Trial, quiet: bool) -> Outcome:
        """Train for a trial, and keep its outcome. A training that is lost is one: such settings don't do."""
        place, run, began = self.place(system, trial), self.run(system, trial), time.monotonic()
        preset, resume = shortened(tried(self.budget, system, trial)), run.configuration.is_file()
        name, merit, trouble, measure = f"{system.name}, {trial.name}", None, None, self.measure(system)
        try:
            model = train(self.data, run.folder, preset, SEED, resume, name, self.precision, self.device, quiet)
            merit = self.merit(model, measure)
        except TrainingError as error:
            trouble = str(error)
        outcome = Outcome(trial, merit, None if resume else round(time.monotonic() - began, 1), trouble, measure)
        with whole_file(place) as path:
            record = {"merit": outcome.merit, "seconds": outcome.seconds, "measure": measure}
            record |= {"error": trouble} if trouble else {}
            path.write_text(json.dumps(record) + "\n", encoding="utf-8")
        shutil.rmtree(run.folder, ignore_errors=True)
        return outcome

    def merit(self, model: Model, measure: str) -> float | None:
        """A trained model by a measure; None where that is no number."""
        if measure == QUALITY:
            merit = quality(Pipeline(model, self.device), self.judges)
        else:
            merit = model.provenance[f"validation {DICE if measure == AGREEMENT else RESTORATION}"]
        return merit if math.isfinite(merit) else None


def judges_of(dataset: Dataset) -> list[Record]:
    """The held-out training subjects whose clean truth is known: of a data set of real spines none."""
    return [record for record in dataset.split_validation()[1] if record.clean]


def quality(pipeline: Pipeline, records: Sequence[Record]) -> float:
    """Mean PSNR in dB within the lit body of what a model restores, against the subjects' clean truth; NaN where nobody
    has anything to restore."""
    found = []
    for sample in map(load, records):
        body = lit_body(sample.image)
        if (sample.image != sample.clean)[body].any():  # of another, whoever touches nothing is infinitely good
            found.append(psnr(pipeline.restore(sample.image, body), sample.clean, body))
    return float(np.mean(found)) if found else math.nan


def searched(systems: Sequence[System], budget: Budget) -> list[System]:
    """Those whose search is needed for these systems, in the table's order."""
    keys = {key for system in systems for key in searches_behind(system, budget)}
    return [system for system in SYSTEMS if system.key in keys]


def search(task: Search, systems: Sequence[System], team: Team, tell: Tell) -> Searches:
    """Try all settings of all systems that these ones need, shared among the team; the outcomes by key, beside those
    from before, and without those of systems of which a trial failed: see `Search.troubles`."""
    wanted = task.missing(systems)
    for number in range(ROUNDS):
        if number:
            wanted = [system for system in wanted if not task.trouble(system)]
        waiting = [(system, trial) for system in wanted for trial in trials(system, task.known(system))]
        team.meet(f"search {number}")  # all have seen what is known before somebody adds to it
        for system, trial in team.share(waiting, f"trials {number}"):
            tell(f"{system.name}, {trial.name}: {task.attempt(system, trial, quiet=not team.main)}")
        team.meet(f"searched {number}")
    return dict(task.before) | {system.key: task.known(system) for system in wanted if not task.trouble(system)}


def circumstances(task: Search, data: str, machine: dict[str, Any]) -> dict[str, Any]:
    """What a file of searches says of how one came about, beside the measure that has judged it."""
    return {"data": data, "precision": task.precision, "machine": machine, "seed": SEED}
