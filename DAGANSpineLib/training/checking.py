"""Can a data set be trained on? Every file is looked at before hours of training are spent."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..metrics import patches
from ..progress import Progress, unheard
from ..vpi import lit_body
from .dataset import Dataset, DatasetError, Record, listed, load, refuse_unmeasurable, survey
from .patches import STRIDE

SEGMENTER_ALONE = "Until then the segmenter alone learns, and restoration is not trained."


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
    notes = list(notes_on_labels(dataset, {record.subject for record in listed(folder)[0].train}))
    if dataset.train and not dataset.test:
        notes.append("There is no subject to test on: train --folds tests on each subject in turn.")
    notes += (f"{sentence} {SEGMENTER_ALONE}" for sentence in lacking(dataset.pictures))
    return Findings(dataset, [*troubles, *unusable.values()], notes)


def notes_on_labels(dataset: Dataset, listed_to_train: Collection[str]) -> Iterator[str]:
    """What few labels, or none, mean for a training."""
    if len(dataset.train) == 1:
        yield "There is one subject to train on: the best model is chosen by the very picture it learns from."
    if dataset.unlabelled:
        names = [record.subject for record in dataset.unlabelled]
        yield f"Without labels, so that restoration alone learns from them: {len(names)} ({', '.join(names)})."
        missing = [name for name in names if name in listed_to_train]
        if missing:
            yield f"Of these, listed to train on, but without a file in labels/: {len(missing)} ({', '.join(missing)})."
        if not dataset.train:
            yield "Nobody has labels: train --from MODEL adapts the restoration of a model, and leaves its segmenter."


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


def lacking(records: Sequence[Record], progress: Progress = unheard) -> list[str]:
    """A sentence if no patch of these subjects is corrupted, or none clean: DA-GAN learns from both kinds."""
    wanting = {"corrupted", "clean"}
    for index, record in enumerate(records):
        progress(index / len(records), record.subject)
        image = load(record).image
        measured = patches(image, lit_body(image), STRIDE)
        wanting -= {kind for kind in wanting if getattr(measured, kind).any()}
        if not wanting:
            break
    return [
        f"No patch of the training images is {kind}: DA-GAN learns from both kinds, so add images that show "
        f"{'structured noise' if kind == 'corrupted' else 'spines without structured noise'}."
        for kind in sorted(wanting if records else ())
    ]
