"""What a benchmark found, in figures: each system's mean over seeds and subjects, its cost, its paired differences
from DA-GAN, and how that agrees with the paper."""

from __future__ import annotations

import itertools
import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from statistics import median, stdev
from typing import Any

import torch

from ..baselines import REFERENCE, System
from ..files import whole_file
from ..inference import choose_device, name_of_device
from .comparison_tables import as_csv, as_markdown
from .cost import as_used
from .crossed import as_scores, read_differences
from .job import OWN, Job
from .kept import Kept
from .paired import LEVEL, RESAMPLES, SEED
from .pairwise import FIGURES, Figure, Row, rows_by_subject, same_subjects
from .plots import plot_differences
from .scoring import BONES, mean
from .severity import angle_error, by_severity, invented, write_severity

SCORES = ("dice", "jaccard", "accuracy")
NAME = "benchmark"


ALL_FIGURES = (
    *FIGURES,
    Figure("curve angles off by, °", angle_error, better=-1),
    Figure("curves invented a spine", invented, better=-1),
)


def machine_of(device: str = "auto", processes: int = 1) -> dict[str, Any]:
    """By what, by how many processes at a time, and when."""
    return {
        "device": name_of_device(choose_device(device)[0].type),
        "architecture": platform.machine(),
        "torch": torch.__version__,
        "processes": processes,
        "date": date.today().isoformat(),
    }


def compare(
    jobs: Sequence[Job | Kept],
    data: str,
    budget: str,
    machine: Mapping[str, Any] | None = None,
    sets: Sequence[str] = (OWN,),
) -> dict[str, Any]:
    """Compare finished jobs: what benchmark.json holds. Raises VersusError if they were not of the same pictures.

    `data`, `budget`: their names; `machine`: see `machine_of`; `sets`: all that they were tested on.
    """
    by_system: dict[System, list[Job]] = {}
    for job in jobs:
        by_system.setdefault(job.system, []).append(job)
    scores = {job: job.scores for job in jobs}
    for job in jobs[1:]:
        same_subjects(scores[jobs[0]], scores[job], jobs[0].folder, job.folder)
    rows = {
        system: {
            job.seed: list(rows_by_subject(scores[job]).values()) for job in sorted(each, key=lambda job: job.seed)
        }
        for system, each in by_system.items()
    }
    first = scores[jobs[0]]
    size = median_size(first["subjects"])
    systems = [described(system, each, [scores[job] for job in each], size) for system, each in by_system.items()]
    return {
        "data": data,
        "split": first["split"],
        "subjects": len(first["subjects"]),
        "native size": size,
        "left out": first["left out"],
        "budget": budget,
        "machine": machine or machine_of(),
        "input": first["restoration"]["input"],
        "systems": systems,
        "differences": compared(rows, data, first["split"]),
        "agreement": agreement(systems),
        "severity": by_severity(jobs, sets),
    }


def median_size(rows: Iterable[Mapping[str, Any]]) -> list[int] | None:
    """Median rows and columns of the subjects' pictures; None where that of one isn't known."""
    sizes = [row.get("size") for row in rows]
    return None if None in sizes else [round(median(extent)) for extent in zip(*sizes, strict=True)]


def described(
    system: System, jobs: Sequence[Job], scores: Sequence[Mapping[str, Any]], size: Sequence[int] | None
) -> dict[str, Any]:
    """One system: means over its seeds of the means over the subjects, and how far the seeds are apart; `size`: of a
    usual picture, (rows, columns)."""
    dice = [each["per image"]["dice"]["average"] for each in scores]
    seconds = [sum(row["seconds"].values()) for each in scores for row in each["subjects"]]
    records = [job.record for job in jobs]
    return {
        "name": system.name,
        "key": system.key,
        "note": system.note,
        "seeds": [job.seed for job in jobs],
        "segmentation": averaged([each["per image"] for each in scores]),
        "pooled": averaged([each["pooled"] for each in scores]),
        "average dice by seed": dice,
        "spread over seeds": stdev(dice) if len(dice) > 1 and None not in dice else None,
        "restoration": averaged([each["restoration"]["model"] for each in scores]),
        "ranked": system.ranked,
        "found by search": {name: records[0].get(name) for name in ("rate", "weight")},
        "seconds of search": records[0].get("seconds of search"),
        "parameters": records[0]["parameters"],
        "multiply-adds": records[0]["multiply-adds"],
        "multiply-adds as used": as_used(records[0]["multiply-adds"], records[0].get("of restoration"), size),
        "by": [record["by"] for record in records if record.get("by")],
        "seconds per image": mean(seconds),
        "seconds of training": mean(record["seconds"] for record in records),
        "published": system.published and published(system.published),
    }


def published(table: Mapping[str, Sequence[float]]) -> dict[str, dict[str, float]]:
    """The paper's figures of a system as ours are kept: by score, by class, 0 to 1."""
    return {score: {name: table[name][place] / 100 for name in table} for place, score in enumerate(SCORES)}


def averaged(values: Sequence[Any]) -> Any:
    """Mean of figures, element by element of nested dictionaries; what isn't a figure is the first's."""
    if isinstance(values[0], dict):
        return {key: averaged([value.get(key) for value in values]) for key in values[0]}
    figures = all(isinstance(value, int | float | None) for value in values)
    return mean(values) if figures else values[0]


def compared(rows: Mapping[System, Mapping[int, Sequence[Row]]], data: str, split: str) -> dict[str, Any] | None:
    """Differences from DA-GAN, by system and figure, over subjects and trainings, each figure's corrected for how many
    systems are looked at. None without DA-GAN. Who is outside the ranking is left out."""
    reference = next((system for system in rows if system.name == REFERENCE), None)
    if reference is None:
        return None
    systems = [system for system in rows if system is not reference and system.ranked]
    found: dict[System, dict[str, Any]] = {system: {} for system in systems}
    for figure in ALL_FIGURES:
        scores = {system: as_scores([map(figure.of, each) for each in rows[system].values()]) for system in rows}
        others = {system: scores[system] for system in systems}
        words = ("better", "worse")[:: figure.better]
        for system, each in read_differences(scores[reference], others, *words).items():
            found[system][figure.name] = each
    return {
        "data": data,
        "split": split,
        "subjects": len(next(iter(rows[reference].values()))),
        "bootstrap": {"resamples": RESAMPLES, "seed": SEED, "interval, per cent": LEVEL},
        "reference": {"name": REFERENCE},
        "others": [
            {"name": system.name, "seeds": list(rows[system]), "differences": each} for system, each in found.items()
        ],
    }


def agreement(systems: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of the systems that the paper has too: how many pairs have the same order by Dice here as there, by class, and
    DA-GAN's rank here and there."""
    both = [each for each in systems if each["published"]]
    pairs = {name: same_order(both, name) for name in (*reversed(BONES), "average")}
    ranks = {}
    if any(each["name"] == REFERENCE for each in both):
        ranks = {kind: rank(both, kind) for kind in ("segmentation", "published")}
    return {"systems": len(both), "pairs": pairs, "rank": ranks}


def same_order(systems: Iterable[Mapping[str, Any]], name: str) -> dict[str, int]:
    """How many pairs of systems there are, and how many stand in the paper's order by Dice of a class."""
    pairs = [
        [each[kind]["dice"][name] for each in pair for kind in ("segmentation", "published")]
        for pair in itertools.combinations(systems, 2)
    ]
    known = [pair for pair in pairs if None not in pair]
    return {"same": sum((a - b) * (c - d) > 0 for a, c, b, d in known), "of": len(known)}


def rank(systems: Sequence[Mapping[str, Any]], kind: str) -> int:
    """DA-GAN's place by average Dice, the first being 1."""
    dice = {each["name"]: each[kind]["dice"]["average"] or 0.0 for each in systems}
    return 1 + sum(value > dice[REFERENCE] for value in dice.values())


def write_comparison(comparison: Mapping[str, Any], folder: Path, plot: bool = False) -> None:
    """Write benchmark.json, benchmark.md, benchmark.csv and, if asked for, benchmark.png with the differences,
    severity.md and severity.png."""
    texts = {
        ".json": json.dumps(comparison, indent=1, ensure_ascii=False) + "\n",
        ".md": as_markdown(comparison),
        ".csv": as_csv(comparison),
    }
    for ending, text in texts.items():
        with whole_file(folder / f"{NAME}{ending}") as path:
            path.write_text(text, encoding="utf-8", newline="")
    if plot and comparison["differences"] and comparison["differences"]["others"]:
        with whole_file(folder / f"{NAME}.png") as path:
            plot_differences(comparison["differences"], path)
    if plot:
        write_severity(comparison["severity"], folder)
