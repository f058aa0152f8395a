"""The subjects to evaluate on. One unreadable file among many costs its subject, not the evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ..progress import Progress
from ..training import DatasetError, Record, Sample, listed, load, refuse, refuse_unmeasurable


def subjects_of(data: Path, split: str) -> tuple[str, Sequence[Record]]:
    """A data set's name, and its `train` or `test` subjects; nobody needs to be in the other split.

    Raises DatasetError if there are none, and if a subject is listed twice.
    """
    dataset, troubles = listed(data)
    refuse(troubles)
    records: Sequence[Record] = getattr(dataset, split)
    if not records:
        raise DatasetError(f"{dataset.name} has no {split} subjects.")
    return dataset.name, records


def usable(records: Sequence[Record], left_out: dict[str, str], progress: Progress) -> Iterator[Sample]:
    """The subjects whose files can be used, read one by one; `left_out` gets the others' names and reasons.

    Raises DatasetError if there is none.
    """
    for index, record in enumerate(records):
        progress(index / len(records), f"{record.subject}, {index + 1} of {len(records)}")
        try:
            sample = load(record)
            refuse_unmeasurable(sample, record.image)
        except DatasetError as error:
            left_out[record.subject] = str(error)
            continue
        yield sample
    if len(left_out) == len(records):
        raise DatasetError(f"None of the {len(records)} subjects can be used. {left_out[records[0].subject]}")


def without(left_out: Iterable[str]) -> list[str]:
    """The sentence that says who was left out, if anybody was."""
    names = ", ".join(left_out)
    return [f"Left out, since their files can't be used: {names}."] if names else []
