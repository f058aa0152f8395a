"""Further data sets to test on: none may show what a model was trained on, and no picture is tested on twice."""

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
    be a file's, and where a test picture is one of those that are trained on, or are tested on in another data set;
    DatasetError for what is no data set."""
    by_name = {path.resolve().name: path for path in paths}
    if len(by_name) < len(paths) or any(name in (OWN, "") or portable_name(name) != name for name in by_name):
        raise BenchmarkError(f"Folders of further data sets need plain names, no two alike, and not {OWN}: rename one.")
    if not paths:
        return by_name
    seen = dict.fromkeys(digests(dataset.test), f"test pictures of {dataset.name}, too: leave one of the data sets out")
    seen |= dict.fromkeys(digests([*dataset.train, *dataset.unlabelled]), "pictures to train on: test on others")
    for path in paths:
        found = digests(subjects_of(path, "test")[1])
        for code in found.keys() & seen.keys():
            raise BenchmarkError(f"{found[code]} is one of the {seen[code]}.")
        seen |= dict.fromkeys(found, f"test pictures of {path}, too: leave one of the data sets out")
    return by_name


def digests(records: Sequence[Record]) -> dict[str, Path]:
    """The pictures that are there, by what tells each from every other."""
    images = (record.image for record in records)
    return {hashlib.sha256(image.read_bytes()).hexdigest(): image for image in images if image.is_file()}
