"""Every system against the others: each trained and evaluated with several seeds, job by job.

Whatever interrupts a benchmark, the same command goes on with it: a finished job is left as it is, an unfinished one
goes on from its last checkpoint.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ..baselines import (
    LAPTOP,
    SYSTEMS,
    Budget,
    Searches,
    System,
    chosen,
    duration,
    read_searches,
    restores,
    searches_behind,
    tuned,
    write_searches,
)
from ..files import whole_file
from ..inference import Pipeline, choose_device, choose_precision
from ..progress import Progress, unheard
from ..records import check_record, read_json
from ..training import (
    Dataset,
    RunFolder,
    as_json,
    changed_settings,
    configuration_of,
    lacking,
    open_dataset,
    refuse,
    train,
)
from .comparison import compare, machine_of, write_comparison
from .cost import learnt, multiply_adds, of_restoration
from .further import further
from .gallery import write_gallery
from .job import OWN, RECORD, BenchmarkError, Job, giving_up
from .kept import FILE, Kept, read_kept, write_kept
from .scoring import Rivals, evaluate
from .search import Search, circumstances, judges_of, search
from .standing import standing
from .team import Team

SETTINGS, RUNS, TUNING = "settings.json", "runs", "tuning"

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Benchmark:
    """What a benchmark compares on, how, and where. `also`: further data sets to test on, by name; `searches`: what was
    found for the systems' settings; `before`: what the folder's file has of trainings that ended before, whose run
    folders need not be there any more; `rivals` are shared by the evaluations on one test set."""

    folder: Path
    data: Path
    dataset: Dataset
    budget: Budget
    precision: str
    device: str
    also: Mapping[str, Path] = field(default_factory=dict)
    searches: Searches = field(default_factory=dict)
    before: Sequence[Kept] = ()
    rivals: dict[str, Rivals] = field(default_factory=dict)

    @property
    def sets(self) -> list[str]:
        """All that is tested on, by name."""
        return [OWN, *self.also]

    def job(self, system: System, seed: int) -> Job:
        """The training of a system with a seed, in its folder."""
        return Job(system, seed, self.folder / RUNS / system.key / f"seed-{seed}")

    def jobs(self, systems: Sequence[System], seeds: Sequence[int] | None = None) -> list[Job]:
        """All systems with the first seed, then all with the second: an early stop leaves complete tables. Without
        `seeds`, each with as many as it should have."""
        usual = range(max((system.trainings for system in systems), default=0))
        return [
            self.job(system, seed)
            for seed in (usual if seeds is None else dict.fromkeys(seeds))
            for system in systems
            if seeds is not None or seed < system.trainings
        ]

    def finished(self) -> list[Job]:
        """Every finished job of the folder, those of earlier commands too."""
        names = (path.parent.name.removeprefix("seed-") for path in self.folder.glob(f"{RUNS}/*/seed-*/{RECORD}"))
        seeds = {int(name) for name in names if name.isdecimal()}
        return [job for job in self.jobs(SYSTEMS, sorted(seeds)) if job.is_finished(self.sets)]

    def begun(self) -> list[System]:
        """The systems of which the folder has trainings, finished or not, or scores."""
        runs = (path for path in self.folder.glob(f"{RUNS}/*/seed-*") if RunFolder(path).configuration.is_file())
        keys = {path.parent.name for path in runs} | {each.system.key for each in self.scored()}
        return [system for system in SYSTEMS if system.key in keys]

    def scored(self) -> list[Kept]:
        """The trainings that the folder's file of kept scores has, if there is one. Raises KeptError."""
        path = self.folder / FILE
        return read_kept(path)[1] if path.is_file() else []

    def remembers(self, job: Job | Kept) -> bool:
        """Whether the file has the job's scores on all test sets."""
        return any(
            (each.system, each.seed) == (job.system, job.seed) and each.evaluations.keys() >= set(self.sets)
            for each in self.before
        )

    def known(self) -> list[Job | Kept]:
        """Every finished job, in the tables' order: those of the folder, and of those whose run folder has gone, what
        the file has of them."""
        remembered = [each for each in self.before if self.remembers(each)]
        known = {(each.system, each.seed): each for each in [*remembered, *self.finished()]}
        return sorted(known.values(), key=lambda each: (each.seed, SYSTEMS.index(each.system)))

    def compared(self, processes: int) -> dict[str, Any]:
        """What the finished jobs show, computed from what is kept of them."""
        about = {"data": self.dataset.name, "budget": self.budget.name}
        machine = machine_of(self.device, processes)
        write_kept(self.known(), self.sets, about | {"machine": machine}, self.folder / FILE)
        return recompute(self.folder / FILE)

    def begin(self) -> None:
        """Write down what is compared on. Raises BenchmarkError if the folder holds something else."""
        path = self.folder / SETTINGS
        splits = {split: [record.subject for record in getattr(self.dataset, split)] for split in ("train", "test")}
        settings = as_json(
            {
                "data": {"name": self.dataset.name, **splits},
                "precision": self.precision,
                "budget": asdict(self.budget),
            }
        )
        if path.is_file():
            former = read_json(path, BenchmarkError)
            check_record(former, {}, path, BenchmarkError)
            if changed := changed_settings(former, settings):
                raise BenchmarkError(
                    f"{self.folder} holds a benchmark with other settings ({', '.join(changed)}): go on with those, "
                    "or choose another folder."
                )
        elif self.folder.is_dir() and any(not half_written(each) for each in self.folder.iterdir()):
            raise BenchmarkError(f"{self.folder} holds other files: choose another folder for the benchmark.")
        with whole_file(path) as partial_file:
            partial_file.write_text(json.dumps(settings, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    def admit(self, job: Job) -> bool:
        """Whether the job has begun. Raises RunError if it was begun as another system than it is now."""
        run = RunFolder(job.folder)
        begun = run.configuration.is_file()
        if begun:
            preset = job.system.preset(self.budget_of(job))
            run.admit(configuration_of(self.dataset, preset, job.seed, self.name_of(job), self.precision), resume=True)
        return begun

    def budget_of(self, job: Job) -> Budget:
        """The budget with what the search has found for the job's system."""
        return tuned(self.budget, job.system, self.searches)

    def name_of(self, job: Job) -> str:
        """What the model's provenance calls its preset."""
        return f"{job.system.name}, {self.budget.name}"

    def run(self, job: Job, quiet: bool, progress: Progress) -> None:
        """Train, evaluate, write the record; go on wherever that was left."""
        began, resumed, record = time.monotonic(), self.admit(job), job.record
        if record:
            self.evaluate(job, Pipeline.load(job.model, self.device), progress)
            return
        model = train(
            self.data,
            job.folder,
            job.system.preset(self.budget_of(job)),
            job.seed,
            resumed,
            self.name_of(job),
            self.precision,
            self.device,
            quiet,
        )
        cost = {
            "parameters": learnt(model),
            "multiply-adds": multiply_adds(model),
            "of restoration": of_restoration(model),
            "by": machine_of(self.device),
        }
        self.evaluate(job, Pipeline(model, self.device), progress)
        seconds = None if resumed else round(time.monotonic() - began, 1)
        with whole_file(job.folder / RECORD) as path:
            path.write_text(json.dumps(cost | self.found(job) | {"seconds": seconds}, indent=1) + "\n")

    def evaluate(self, job: Job, pipeline: Pipeline, progress: Progress) -> None:
        """On every test set that the job has not been evaluated on."""
        for name, data in {OWN: self.data, **self.also}.items():
            if not (job.evaluation(name) / "scores.json").is_file():
                evaluate(data, pipeline, job.evaluation(name), "test", progress, self.rivals.setdefault(name, {}))

    def factors(self, job: Job | Kept) -> dict[str, float]:
        """What the search has chosen for the job's system, if there was one."""
        outcomes = self.searches.get(job.system.searched)
        return asdict(chosen(outcomes)) if outcomes else {}

    def found(self, job: Job) -> dict[str, float | None]:
        """The same, and how long that search took."""
        outcomes = self.searches.get(job.system.searched)
        return self.factors(job) | {"seconds of search": duration(outcomes)} if outcomes else {}


def half_written(path: Path) -> bool:
    """Whether this is what a process left that was killed while it wrote a benchmark's settings, its first file."""
    return path.name.startswith(f".{Path(SETTINGS).stem}.") and path.suffix == Path(SETTINGS).suffix


def recompute(path: Path) -> dict[str, Any]:
    """All figures of a benchmark from its file of kept scores: what benchmark.json holds. Raises KeptError."""
    about, jobs = read_kept(path)
    sets = list(jobs[0].evaluations)
    return compare(jobs, about["data"], about["budget"], about["machine"], sets)


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
    seeds: Sequence[int] | None = None,
    budget: Budget = LAPTOP,
    device: str = "auto",
    precision: str = "auto",
    tell: Tell = print,
    bar: Callable[[str], Progress] = lambda label: unheard,
    also: Sequence[Path] = (),
    tune: bool = False,
    tuning: Path | None = None,
) -> dict[str, str] | None:
    """Train and evaluate systems with seeds, and compare all that the folder then holds; see `write_comparison` and
    `write_gallery` for what is written. Without `seeds`, each system has as many trainings as its row needs.

    `also`: further data sets on whose test subjects every model is tested. `tune`: search for every system's settings
    first, and keep them as tuning.json; `tuning`: take those of another benchmark's tuning.json. Once the folder has
    that file, it holds without either.

    Several processes under torchrun take one job after the other, each alone. `tell` gets a line for each job, `bar`
    makes a progress function under a label. A job that fails doesn't stop the others, nor does a search; returns the
    reasons of those without a result, by name; None in processes other than the main one. Raises DatasetError,
    DeviceError, BenchmarkError, TuningError or RunError before anything is trained.
    """
    team, dataset = Team.join(), open_dataset(data)
    precision = choose_precision(precision, choose_device(device)[0])
    task = Benchmark(folder, data, dataset, budget, precision, device, further(also, dataset))
    lack = lacking(dataset.pictures)
    if lack and any(stage.restores for system in systems for stage in system.preset(budget).stages):
        refuse(lack)  # restoration would be left out of what is compared
    file, troubles = folder / f"{TUNING}.json", {}
    known = read_searches(tuning or file, budget.name) if tuning or file.is_file() else {}
    task = replace(task, searches=known)
    if known and not tune:
        all_searched(task, systems, tuning or file)
    if team.main:
        task.begin()
    team.meet("begin")
    if tune:
        searching = searching_for(task, systems)
        task = replace(task, searches=search(searching, systems, team, tell))
        troubles = searching.troubles(systems)
    task = replace(task, before=before(task))
    without = left_out(systems, budget, troubles)
    wanted = [system for system in systems if system.name not in without]
    jobs = [job for job in task.jobs(wanted, seeds) if job.record or not task.remembers(job)]
    for job in jobs:
        task.admit(job)
    if team.main and task.searches != known:
        how = circumstances(searching, dataset.name, machine_of(device, team.size))
        write_searches(task.searches, budget.name, how, file)
    elif team.main and tuning:
        with whole_file(file) as path:
            path.write_bytes(tuning.read_bytes())
    team.meet("admitted")
    for job in team.share(jobs):
        if not job.is_finished(task.sets):
            work(task, job, quiet=not team.main, progress=bar(f"Evaluating {job.name}"))
            tell(standing(job, jobs, team.size))
            if team.main and job.is_finished(task.sets):
                write_comparison(task.compared(team.size), folder)
        tidy(job)
    team.meet("end")
    if not team.main:
        return None
    if task.known():
        write_comparison(task.compared(team.size), folder, plot=True)
    if finished := task.finished():
        write_gallery(finished, data, folder, device, bar("Drawing the gallery"))
    return without | {job.name: job.trouble for job in jobs if not job.is_finished(task.sets)}


def before(task: Benchmark) -> list[Kept]:
    """What the folder's file of kept scores has of earlier trainings, if there is one. Raises BenchmarkError where the
    file would lose scores, or have rows of unlike trainings, and KeptError where it can't be read."""
    path, kept = task.folder / FILE, task.scored()
    gone = [each for each in kept if not task.job(each.system, each.seed).record]
    if lost := {name for each in gone for name in each.evaluations} - set(task.sets):
        raise BenchmarkError(f"{path} has scores on {', '.join(sorted(lost))}, too: give these data sets with --also.")
    if new := {name for each in gone for name in task.sets if name not in each.evaluations}:
        raise BenchmarkError(
            f"{path} has scores of trainings whose models have gone, and which can't be tested on "
            f"{', '.join(sorted(new))} any more: leave that out of --also, or choose another folder."
        )
    for each in gone:
        factors = task.factors(each)
        if any(each.record.get(name) != factors.get(name) for name in ("rate", "weight")):
            raise BenchmarkError(
                f"{path} has scores of {each.system.name} that was trained with another rate or weight than "
                f"{task.folder / TUNING}.json has for it: choose another folder."
            )
    return kept


def searching_for(task: Benchmark, systems: Sequence[System]) -> Search:
    """The search that these systems need beside what is known. Raises BenchmarkError where trainings of the folder, of
    whatever system, have begun by the authors' settings that it would look for better ones of; and where restorers'
    known trials were judged by another measure than new ones would be."""
    judges, place = judges_of(task.dataset), task.folder / TUNING
    searching = Search(place, task.data, task.budget, task.precision, task.device, task.searches, judges)
    missing = searching.missing(systems)
    restorers, otherwise = [system for system in missing if restores(system, task.budget)], searching.judged_otherwise()
    for system, measure in otherwise.items() if restorers else ():
        raise BenchmarkError(
            f"{place}.json has trials of {system.name} that were judged by another measure ({measure}) than new ones "
            f"of {restorers[0].name} would be ({searching.measure(restorers[0])}), and settings so chosen don't "
            "compare: search anew with --tune in another folder."
        )
    for system in task.begun() if missing else ():
        if searching.missing([system]):
            raise BenchmarkError(
                f"{task.folder} has trainings of {system.name} that began without what --tune would find: go on "
                "without it, or choose another folder."
            )
    return searching


def all_searched(task: Benchmark, systems: Sequence[System], file: Path) -> None:
    """Raise BenchmarkError where some systems' settings were searched for, and those of others were not."""
    searching = Search(task.folder / TUNING, task.data, task.budget, task.precision, task.device, task.searches)
    if new := searching.missing(systems):
        names = ", ".join(system.name for system in new)
        raise BenchmarkError(
            f"{file} has no whole search for {names}, and it would stand untuned beside tuned ones: give --tune, which "
            "searches for what is missing."
        )


def left_out(systems: Sequence[System], budget: Budget, troubles: Mapping[str, str]) -> dict[str, str]:
    """Of the systems whose settings would come from a search that was given up, why, by name."""
    found = {}
    for system in systems if troubles else ():
        if key := next((key for key in searches_behind(system, budget) if key in troubles), None):
            found[system.name] = troubles[key]
    return found


def work(task: Benchmark, job: Job, quiet: bool, progress: Progress) -> None:
    """Do a job; if it fails, write down why."""
    with giving_up(job.folder):
        task.run(job, quiet, progress)


def tidy(job: Job) -> None:
    """Of a finished job, what only an unfinished one needs goes: restored pictures, the last checkpoint."""
    if job.record:
        shutil.rmtree(job.folder / "restored", ignore_errors=True)
        RunFolder(job.folder).last.unlink(missing_ok=True)
