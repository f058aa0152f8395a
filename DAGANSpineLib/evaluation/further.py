"""Further data sets to test on: none may show what a model was trained on, and nothing is tested on twice.

Neither pictures nor simulated spines: the same seed draws the same spine in every world, and subjects that are
resampled have to be independent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from ..files import portable_name
from ..training import Dataset, Record
from .job import OWN, BenchmarkError
from .subjects import subjects_of


def further(paths: Sequence[Path], dataset: Dataset) -> dict[str, Path]:
    """Further data sets to test on, by the names of their folders. Raises BenchmarkError where names are alike or can't
    be a file's, and where a test picture, or its simulated spine, is one of those that are trained on, or are tested on
    in another data set; DatasetError for what is no data set."""
    by_name = {path.resolve().name: path for path in paths}
    if len(by_name) < len(paths) or any(name in (OWN, "") or portable_name(name) != name for name in by_name):
        raise BenchmarkError(f"Folders of further data sets need plain names, no two alike, and not {OWN}: rename one.")
    if not paths:
        return by_name
    learnt = [*dataset.train, *dataset.unlabelled]
    for marks, what, instead in (
        (digests, "pictures", "leave one of the data sets out"),
        (spines, "simulated spines", "simulate each data set by a seed of its own"),
    ):
        seen = dict.fromkeys(marks(dataset.test), f"test {what} of {dataset.name}, too: {instead}")
        seen |= dict.fromkeys(marks(learnt), f"{what} to train on: test on others")
        for path in paths:
            found = marks(subjects_of(path, "test")[1])
            for mark in found.keys() & seen.keys():
                raise BenchmarkError(f"{found[mark]} is one of the {seen[mark]}.")
            seen |= dict.fromkeys(found, f"test {what} of {path}, too: {instead}")
    return by_name


def digests(records: Sequence[Record]) -> dict[str, Path]:
    """The pictures that are there, by what tells each from every other."""
    images = (record.image for record in records)
    return {hashlib.sha256(image.read_bytes()).hexdigest(): image for image in images if image.is_file()}


def spines(records: Sequence[Record]) -> dict[int, Path]:
    """The pictures of simulated spines, by the seeds of these."""
    return {record.known["seed"]: record.image for record in records if "seed" in (record.known or {})}
