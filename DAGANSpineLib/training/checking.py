"""Can a data set be trained on? Every file is looked at before hours of training are spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..metrics import patches
from ..progress import Progress
from ..vpi import lit_body
from .dataset import Dataset, DatasetError, Record, load, refuse_unmeasurable, survey
from .patches import STRIDE


@dataclass(frozen=True)
class Findings:
    """What the checker found. `dataset`: the usable subjects; `troubles`: a sentence for each thing that must be put
    right; `notes`: sentences on what works less well than it could."""

    dataset: Dataset
    troubles: list[str]
    notes: list[str]


def check(folder: Path, progress: Progress) -> Findings:
    """Look at every file of a data set. Raises DatasetError if it can't be known which subjects it has."""
    dataset, troubles = survey(folder)
    records = dataset.train + dataset.test + dataset.unlabelled
    unusable = troubles_of(records, progress)
    dataset = Dataset(
        dataset.name,
        [record for record in dataset.train if record.subject not in unusable],
        [record for record in dataset.test if record.subject not in unusable],
        [record for record in dataset.unlabelled if record.subject not in unusable],
    )
    notes = []
    if len(dataset.train) == 1:
        notes.append("There is one subject to train on: the best model is chosen by the very picture it learns from.")
    if dataset.unlabelled:
        names = ", ".join(record.subject for record in dataset.unlabelled)
        notes.append(
            f"Without labels, so that restoration alone learns from them: {len(dataset.unlabelled)} ({names})."
        )
    if not dataset.test:
        notes.append("There is no subject to test on: evaluate can score the model on --split train only.")
    troubles += unusable.values()
    if dataset.train:
        troubles += lacking(dataset.split_validation()[0] + dataset.unlabelled)
    return Findings(dataset, troubles, notes)


def troubles_of(records: Sequence[Record], progress: Progress) -> dict[str, str]:
    """A sentence for each subject whose files can't be used, by subject."""
    found = {}
    for index, record in enumerate(records):
        progress(index / len(records), record.subject)
        try:
            sample = load(record)
            refuse_unmeasurable(sample, record.image)
        except DatasetError as error:
            found[record.subject] = str(error)
            continue
        if sample.labels is not None and not sample.labels.any():
            found[record.subject] = f"{record.labels} labels no bone at all."
    progress(1.0, "Done")
    return found


def lacking(records: Sequence[Record]) -> list[str]:
    """A sentence if no patch of these subjects is corrupted, or none clean: DA-GAN learns from both kinds."""
    wanting = {"corrupted", "clean"}
    for record in records:
        image = load(record).image
        measured = patches(image, lit_body(image), STRIDE)
        wanting -= {kind for kind in wanting if getattr(measured, kind).any()}
        if not wanting:
            break
    return [
        f"No patch of the training images is {kind}: DA-GAN learns from both kinds, so add images that show "
        f"{'structured noise' if kind == 'corrupted' else 'spines without structured noise'}."
        for kind in sorted(wanting)
    ]
