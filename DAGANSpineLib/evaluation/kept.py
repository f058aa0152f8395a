"""What a benchmark keeps of every training and every test subject, in one small file from which all its figures can be
computed again."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..baselines import SYSTEMS, System
from ..errors import UserError
from ..files import whole_file
from ..records import read_json
from .job import OWN, Job
from .pairwise import same_subjects
from .scoring import means_of

FILE = "scores.json.gz"
DIGITS = 6  # that count, of every figure
UNTOUCHED = ("input", "classical repair")  # restorations that don't depend on the system
LABELLED_BY = "model's labels"

Row = dict[str, Any]  # a subject, as scores.json has it


class KeptError(UserError):
    """A file of scores that can't be read; the text says which, and why."""


@dataclass(frozen=True, eq=False)
class Kept:
    """A finished job as the file has it: what the tables ask of a `Job`. `evaluations`: what `evaluate` found, by the
    name of the test set, the data set's own test subjects being `OWN`."""

    system: System
    seed: int
    folder: Path
    record: Mapping[str, Any]
    evaluations: Mapping[str, Mapping[str, Any]]

    def tested(self, name: str) -> Mapping[str, Any]:
        """What `evaluate` found on a test set."""
        return self.evaluations[name]

    @property
    def scores(self) -> Mapping[str, Any]:
        """Those of the data set's own test subjects."""
        return self.tested(OWN)


def write_kept(jobs: Sequence[Job | Kept], sets: Sequence[str], about: Mapping[str, Any], path: Path) -> None:
    """Keep finished jobs' scores on the test sets; `about`: data, budget and machine, as the tables name them. The
    same scores make the same bytes. Raises VersusError if they were not of the same pictures: what is known of these
    is kept once for all."""
    found = {job: {name: job.tested(name) for name in sets} for job in jobs}
    for job in jobs[1:]:
        for name in sets:
            same_subjects(found[jobs[0]][name], found[job][name], jobs[0].folder, job.folder)
    content = {
        **about,
        "sets": {name: shared_of([found[job][name] for job in jobs]) for name in sets},
        "trainings": [
            {
                "system": job.system.key,
                "seed": job.seed,
                "record": job.record,
                "tested": {name: own_of(scores) for name, scores in found[job].items()},
            }
            for job in jobs
        ],
    }
    text = json.dumps(rounded(content), ensure_ascii=False, separators=(",", ":"))
    with whole_file(path) as partial:
        partial.write_bytes(gzip.compress(text.encode("utf-8"), 9, mtime=0))


def shared_of(scores: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What is known of a test set whatever the system."""
    first = scores[0]
    subjects = {
        row["subject"]: {
            "restoration": {name: row["restoration"][name] for name in UNTOUCHED},
            "torn share": (row.get("parts") or {}).get("torn share"),
            "size": row.get("size"),
        }
        for row in first["subjects"]
    }
    return {name: first[name] for name in ("data", "split", "left out")} | {"subjects": subjects}


def own_of(scores: Mapping[str, Any]) -> dict[str, Any]:
    """What a training alone knows of a test set's subjects."""
    return {"pooled": scores["pooled"], "subjects": {row["subject"]: own_row(row) for row in scores["subjects"]}}


def own_row(row: Row) -> dict[str, Any]:
    kept = {"segmentation": row["segmentation"], "restoration": row["restoration"]["model"], "seconds": row["seconds"]}
    if row.get("parts"):
        kept["parts"] = row["parts"]["dice"]
    if row.get("curves"):
        curves = row["curves"][LABELLED_BY]
        kept["curves"] = {
            "curves": [{name: curve[name] for name in ("cobb", "uca")} for curve in curves["curves"]],
            "invented": curves["invented"],
        }
    return kept


def read_kept(path: Path) -> tuple[dict[str, Any], list[Kept]]:
    """What `write_kept` wrote: about what, and the trainings. Raises KeptError, also where one is of a system that is
    not known any more, or not yet: whoever wrote the file anew would lose it.

    A training's record says by what it was computed; of those that were kept before records did, the file does.
    """
    content = read_json(path, KeptError)
    systems = {system.key: system for system in SYSTEMS}
    try:
        unknown = sorted({each["system"] for each in content["trainings"]} - systems.keys())
        if unknown:
            raise KeptError(
                f"{path} has trainings of systems that this version doesn't know ({', '.join(unknown)}): use the "
                "version that wrote it, or another folder."
            )
        jobs = [
            Kept(
                systems[each["system"]],
                each["seed"],
                path.parent / each["system"],
                {"by": content.get("machine")} | each["record"],
                {name: joined(content["sets"][name], own) for name, own in each["tested"].items()},
            )
            for each in content["trainings"]
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeptError(f"{path} holds no scores of a benchmark of this version ({error!r}).") from error
    return {name: content[name] for name in content if name not in ("sets", "trainings")}, jobs


def joined(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """An evaluation as scores.json has it, as far as the tables need it."""
    rows = [
        {
            "subject": subject,
            "size": shared["subjects"][subject].get("size"),
            "segmentation": row["segmentation"],
            "restoration": shared["subjects"][subject]["restoration"] | {"model": row["restoration"]},
            "parts": {"torn share": shared["subjects"][subject]["torn share"], "dice": row.get("parts")},
            "curves": {LABELLED_BY: row["curves"]} if row.get("curves") else None,
            "seconds": row["seconds"],
        }
        for subject, row in ((subject, own["subjects"][subject]) for subject in shared["subjects"])
    ]
    about = {name: shared[name] for name in ("data", "split", "left out")}
    return about | {"pooled": own["pooled"], "subjects": rows} | means_of(rows)


def rounded(value: Any) -> Any:
    """Every number of nested lists and objects with the digits that count."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, Mapping):
        return {name: rounded(each) for name, each in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [rounded(each) for each in value]
    return value
