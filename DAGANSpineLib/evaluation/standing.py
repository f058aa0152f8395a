"""How far a comparison has come, and how long the rest of it will take."""

from __future__ import annotations

from collections.abc import Sequence

from .job import Job
from .tables import percent, shown


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
