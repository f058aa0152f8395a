"""Every system against the others: each trained and evaluated with several seeds, job by job.

Whatever interrupts a benchmark, the same command goes on with it: a finished job is left as it is, an unfinished one
goes on from its last checkpoint.
"""

from __future__ import annotations

import json
import shutil
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..baselines import LAPTOP, SYSTEMS, Budget, System
from ..errors import UserError
from ..files import is_full_disk, whole_file
from ..inference import Pipeline, choose_device, choose_precision
from ..progress import Progress, unheard
from ..records import check_record, read_json
from ..training import Dataset, RunFolder, as_json, configuration_of, lacking, open_dataset, refuse, train
from .comparison import compare, write_comparison
from .cost import learnt, multiply_adds
from .gallery import write_gallery
from .job import ERROR, EVALUATION, RECORD, Job
from .scoring import Rivals, evaluate
from .tables import percent, shown
from .team import Team

SETTINGS, RUNS = "settings.json", "runs"

Tell = Callable[[str], None]


class BenchmarkError(UserError):
    """A benchmark that can't be done as asked; the text says why and what to do."""


@dataclass(frozen=True)
class Benchmark:
    """What a benchmark compares on, how, and where; `rivals` are shared by its evaluations."""

    folder: Path
    data: Path
    dataset: Dataset
    budget: Budget
    precision: str
    device: str
    rivals: Rivals = field(default_factory=dict)

    def jobs(self, systems: Sequence[System], seeds: Sequence[int]) -> list[Job]:
        """All systems with the first seed, then all with the second: an early stop leaves complete tables."""
        return [
            Job(system, seed, self.folder / RUNS / system.key / f"seed-{seed}") for seed in seeds for system in systems
        ]

    def finished(self) -> list[Job]:
        """Every finished job of the folder, those of earlier commands too."""
        names = (path.parent.name.removeprefix("seed-") for path in self.folder.glob(f"{RUNS}/*/seed-*/{RECORD}"))
        seeds = {int(name) for name in names if name.isdecimal()}
        return [job for job in self.jobs(SYSTEMS, sorted(seeds)) if job.record]

    def compared(self, processes: int) -> dict[str, Any]:
        """What the finished jobs show."""
        return compare(self.finished(), self.dataset.name, self.budget.name, self.device, processes)

    def begin(self) -> None:
        """Write down what is compared on. Raises BenchmarkError if the folder holds something else."""
        path = self.folder / SETTINGS
        splits = {split: [record.subject for record in getattr(self.dataset, split)] for split in ("train", "test")}
        settings = as_json(
            {"data": {"name": self.dataset.name, **splits}, "precision": self.precision, "budget": asdict(self.budget)}
        )
        if path.is_file():
            former = read_json(path, BenchmarkError)
            check_record(former, {}, path, BenchmarkError)
            changed = [name for name in settings if settings[name] != former.get(name)]
            if changed:
                raise BenchmarkError(
                    f"{self.folder} holds a benchmark with other settings ({', '.join(changed)}): go on with those, "
                    "or choose another folder."
                )
        elif self.folder.is_dir() and any(self.folder.iterdir()):
            raise BenchmarkError(f"{self.folder} holds other files: choose another folder for the benchmark.")
        with whole_file(path) as partial_file:
            partial_file.write_text(json.dumps(settings, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    def admit(self, job: Job) -> bool:
        """Whether the job has begun. Raises RunError if it was begun as another system than it is now."""
        run = RunFolder(job.folder)
        begun = run.configuration.is_file()
        if begun:
            preset = job.system.preset(self.budget)
            run.admit(configuration_of(self.dataset, preset, job.seed, self.name_of(job), self.precision), resume=True)
        return begun

    def name_of(self, job: Job) -> str:
        """What the model's provenance calls its preset."""
        return f"{job.system.name}, {self.budget.name}"

    def run(self, job: Job, quiet: bool, progress: Progress) -> None:
        """Train, evaluate, write the record; go on wherever that was left."""
        began, resumed = time.monotonic(), self.admit(job)
        model = train(
            self.data,
            job.folder,
            job.system.preset(self.budget),
            job.seed,
            resumed,
            self.name_of(job),
            self.precision,
            self.device,
            quiet,
        )
        cost = {"parameters": learnt(model), "multiply-adds": multiply_adds(model)}
        evaluate(self.data, Pipeline(model, self.device), job.folder / EVALUATION, "test", progress, self.rivals)
        seconds = None if resumed else round(time.monotonic() - began, 1)
        with whole_file(job.folder / RECORD) as path:
            path.write_text(json.dumps(cost | {"seconds": seconds}, indent=1) + "\n")


def named(keys: Iterable[str] | None) -> list[System]:
    """The systems of these keys, in the table's order; all for None. Raises BenchmarkError for one that isn't there."""
    known = {system.key: system for system in SYSTEMS}
    wanted = set(known if keys is None else keys)
    if unknown := sorted(wanted - set(known)):
        raise BenchmarkError(f"There is no system {unknown[0]}: choose among {', '.join(known)}.")
    return [system for key, system in known.items() if key in wanted]


def benchmark(
    data: Path,
    folder: Path,
    systems: Sequence[System] = SYSTEMS,
    seeds: Sequence[int] = (0, 1, 2),
    budget: Budget = LAPTOP,
    device: str = "auto",
    precision: str = "auto",
    tell: Tell = print,
    bar: Callable[[str], Progress] = lambda label: unheard,
) -> dict[str, str] | None:
    """Train and evaluate systems with seeds, and compare all that the folder then holds; see `write_comparison` and
    `write_gallery` for what is written.

    Several processes under torchrun take one job after the other, each alone. `tell` gets a line for each job, `bar`
    makes a progress function under a label. A job that fails doesn't stop the others; returns the reasons of those
    without a result, by name; None in processes other than the main one. Raises DatasetError, DeviceError,
    BenchmarkError or RunError before anything is trained.
    """
    team, dataset = Team.join(), open_dataset(data)
    precision = choose_precision(precision, choose_device(device)[0])
    task = Benchmark(folder, data, dataset, budget, precision, device)
    jobs = task.jobs(systems, list(dict.fromkeys(seeds)))
    if any(stage.restores for system in systems for stage in system.preset(budget).stages):
        refuse(lacking(dataset.pictures))  # restoration would be left out of what is compared
    for job in jobs:
        task.admit(job)
    if team.main:
        task.begin()
    team.meet("begin")
    for job in team.share(jobs):
        if not job.record:
            work(task, job, quiet=not team.main, progress=bar(f"Evaluating {job.name}"))
            tell(standing(job, jobs, team.size))
        tidy(job)
        if team.main and job.record:
            write_comparison(task.compared(team.size), folder)
    team.meet("end")
    if not team.main:
        return None
    if finished := task.finished():
        write_comparison(task.compared(team.size), folder, plot=True)
        write_gallery(finished, data, folder, device, bar("Drawing the gallery"))
    return {job.name: job.trouble for job in jobs if not job.record}


def work(task: Benchmark, job: Job, quiet: bool, progress: Progress) -> None:
    """Do a job; if it fails, write down why. Where the disk is full, no other would find room either."""
    error = job.folder / ERROR
    error.unlink(missing_ok=True)
    try:
        task.run(job, quiet, progress)
    except Exception as trouble:  # a fault in one of many systems must not cost the others
        if is_full_disk(trouble):
            raise
        with whole_file(error) as path:
            path.write_text(traceback.format_exc(), encoding="utf-8")


def standing(job: Job, jobs: Sequence[Job], processes: int) -> str:
    """How a job ended and how long the rest will take, in a line."""
    records = {each: each.record for each in jobs}
    finished = {each: record["seconds"] for each, record in records.items() if record}
    done = f"{len(finished)} of {len(jobs)} jobs are done"
    if job not in finished:
        return f"{job.name}: given up ({job.trouble}); {done}"
    dice = job.scores["per image"]["dice"]["average"]
    left = remaining([each for each in jobs if each not in finished], finished, processes) / 60
    rest = f", about {left:.0f} min left" if left < 100 else f", about {left / 60:.1f} h left"
    return f"{job.name}: average Dice {shown(percent(dice))} %; {done}{rest if len(finished) < len(jobs) else ''}"


def remaining(jobs: Sequence[Job], taken: dict[Job, float | None], processes: int) -> float:
    """Seconds that unfinished jobs will take: each as long as others of its system did, or as an average job."""
    seconds = {job: value for job, value in taken.items() if value}
    if not seconds:
        return 0.0
    usual = sum(seconds.values()) / len(seconds)
    total = 0.0
    for job in jobs:
        alike = [value for other, value in seconds.items() if other.system is job.system]
        total += sum(alike) / len(alike) if alike else usual
    return total / processes


def tidy(job: Job) -> None:
    """Of a finished job, what only an unfinished one needs goes: restored pictures, the last checkpoint."""
    if job.record:
        shutil.rmtree(job.folder / "restored", ignore_errors=True)
        RunFolder(job.folder).last.unlink(missing_ok=True)
