"""The search for every system's learning rate and weight, trial by trial: interrupted, it goes on where it stopped."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..baselines import SYSTEMS, Budget, Outcome, Searches, System, Trial, searches_behind, shortened, trials, tried
from ..files import whole_file
from ..records import read_json
from ..training import DICE, RESTORATION, RunFolder, TrainingError, train
from .job import giving_up, trouble_in
from .team import Team

ROUNDS = 3  # learning rates, what depends on the best of them, and what lies beyond the best of all
SEED = 0

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Search:
    """What systems are searched on, how, and where; a trial's run folder goes once its outcome is known. `before`: what
    was found before, and stands."""

    folder: Path
    data: Path
    budget: Budget
    precision: str
    device: str
    before: Searches = field(default_factory=dict)

    def missing(self, systems: Sequence[System]) -> list[System]:
        """Those whose search these systems need and nobody has done, or brought to its end."""
        wanted = searched(systems, self.budget)
        return [system for system in wanted if trials(system, self.before.get(system.key, []))]

    def run(self, system: System, trial: Trial) -> RunFolder:
        """Where a trial is trained."""
        return RunFolder(self.folder / system.key / trial.name)

    def place(self, system: System, trial: Trial) -> Path:
        """Where the outcome of a trial is kept."""
        return self.folder / system.key / f"{trial.name}.json"

    def known(self, system: System) -> list[Outcome]:
        """The outcomes so far, in the order in which they are tried."""
        found = list(self.before.get(system.key, []))
        while True:
            new = [trial for trial in trials(system, found) if self.place(system, trial).is_file()]
            if not new:
                return found
            records = (read_json(self.place(system, trial)) for trial in new)
            found += [
                Outcome(trial, record["merit"], record["seconds"], record.get("error"))
                for trial, record in zip(new, records, strict=True)
            ]

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
        return "lost" if outcome.merit is None else f"{outcome.merit:.4f} on held-out training subjects"

    def try_out(self, system: System, trial: Trial, quiet: bool) -> Outcome:
        """Train for a trial, and keep its outcome. A training that is lost is one: such settings don't do."""
        place, run, began = self.place(system, trial), self.run(system, trial), time.monotonic()
        preset, resume = shortened(tried(self.budget, system, trial)), run.configuration.is_file()
        name, merit, trouble = f"{system.name}, {trial.name}", None, None
        try:
            model = train(self.data, run.folder, preset, SEED, resume, name, self.precision, self.device, quiet)
            merit = merit_of(model.provenance)
        except TrainingError as error:
            trouble = str(error)
        outcome = Outcome(trial, merit, None if resume else round(time.monotonic() - began, 1), trouble)
        with whole_file(place) as path:
            record = {"merit": outcome.merit, "seconds": outcome.seconds} | ({"error": trouble} if trouble else {})
            path.write_text(json.dumps(record) + "\n", encoding="utf-8")
        shutil.rmtree(run.folder, ignore_errors=True)
        return outcome


def merit_of(provenance: Mapping[str, Any]) -> float | None:
    """By what checkpoints are chosen: Dice, what restoration removes and keeps, or both, as the stage has it; None
    where that is no number."""
    judged = (provenance.get(f"validation {criterion}") for criterion in (DICE, RESTORATION))
    merit = float(sum(value for value in judged if value is not None))
    return merit if math.isfinite(merit) else None


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
    """What a file of searches says of how one came about."""
    return {"data": data, "precision": task.precision, "machine": machine, "seed": SEED}
