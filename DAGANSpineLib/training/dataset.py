"""A data set on disk: which subjects it has, where their files are, what these hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import UserError
from ..vpi import CLASSES, ImageError, read_vpi

VALIDATION_SHARE = 10  # every tenth training subject is held out to choose the checkpoint by


class DatasetError(UserError):
    """A data set that can't be used; the text names the file and says what is wrong with it."""


@dataclass(frozen=True)
class Record:
    """The files of one subject. `clean` exists for simulated subjects only."""

    subject: str
    image: Path
    labels: Path
    clean: Path | None = None


@dataclass(frozen=True)
class Sample:
    """The pixels of one subject, all uint8 (rows, columns) at native size."""

    subject: str
    image: np.ndarray
    labels: np.ndarray
    clean: np.ndarray | None = None


@dataclass(frozen=True)
class Dataset:
    """Subjects to train on and subjects to test on; nobody is in both."""

    name: str
    train: list[Record]
    test: list[Record]

    def split_validation(self) -> tuple[list[Record], list[Record]]:
        """The training subjects as (to learn from, to choose the checkpoint by)."""
        held_out = self.train[VALIDATION_SHARE - 1 :: VALIDATION_SHARE] or self.train[-1:]
        return [record for record in self.train if record not in held_out] or self.train, held_out


def open_dataset(folder: Path) -> Dataset:
    """Open a data set of ours (`dataset.json`) or of the published layout (`dataset/train/ID.png`,
    `groundtruth/train/ID_bone_3.png`, and the same for test). Raises DatasetError."""
    folder = Path(folder)
    if (folder / "dataset.json").is_file():
        return open_ours(folder)
    if (folder / "dataset" / "train").is_dir():
        return open_published(folder)
    raise DatasetError(f"{folder} is no data set: it has neither dataset.json nor a folder dataset/train.")


def open_ours(folder: Path) -> Dataset:
    """Read `dataset.json` and the files that it lists."""
    try:
        description = json.loads((folder / "dataset.json").read_text())
        name, splits = description.get("name", folder.name), (description["train"], description["test"])
        classes = tuple(description.get("classes", CLASSES))
    except (ValueError, KeyError, AttributeError) as error:
        raise DatasetError(f"{folder / 'dataset.json'} can't be read: {error!r}.") from error
    if classes != CLASSES:
        raise DatasetError(f"{folder / 'dataset.json'} has the classes {classes}; they must be {CLASSES}.")
    both = set(splits[0]) & set(splits[1])
    if both:
        raise DatasetError(f"{folder / 'dataset.json'} has subjects in train and in test: {', '.join(sorted(both))}.")
    train, test = ([record_of(folder, subject) for subject in split] for split in splits)
    return nonempty(Dataset(name, train, test), folder)


def record_of(folder: Path, subject: str) -> Record:
    clean = folder / "clean" / f"{subject}.png"
    return existing(
        Record(
            subject,
            folder / "images" / f"{subject}.png",
            folder / "labels" / f"{subject}.png",
            clean if clean.is_file() else None,
        )
    )


def open_published(folder: Path) -> Dataset:
    """The layout of the authors' later public code."""

    def split(name: str) -> list[Record]:
        truth = folder / "groundtruth" / name
        return [
            existing(Record(image.stem, image, truth / f"{image.stem}_bone_3.png"))
            for image in sorted((folder / "dataset" / name).glob("*.png"))
        ]

    return nonempty(Dataset(folder.name, split("train"), split("test")), folder)


def existing(record: Record) -> Record:
    for path in (record.image, record.labels):
        if not path.is_file():
            raise DatasetError(f"The subject {record.subject} has no file {path}.")
    return record


def nonempty(dataset: Dataset, folder: Path) -> Dataset:
    if not dataset.train:
        raise DatasetError(f"{folder} has no training subjects.")
    return dataset


def troubles_of(dataset: Dataset, progress: Callable[[float, str], None]) -> list[str]:
    """A sentence for each subject whose files can't be used, in the order of train, then test."""
    records, found = dataset.train + dataset.test, []
    for index, record in enumerate(records):
        progress(index / len(records), record.subject)
        try:
            sample = load(record)
        except DatasetError as error:
            found.append(str(error))
            continue
        missing = [name for value, name in enumerate(CLASSES) if value and not (sample.labels == value).any()]
        if len(missing) == len(CLASSES) - 1:
            found.append(f"{record.labels} labels no bone at all.")
    progress(1.0, "Done")
    return found


def load(record: Record) -> Sample:
    """Read one subject's files. Raises DatasetError."""
    try:
        image = read_vpi(record.image).pixels.round().astype(np.uint8)
        clean = None if record.clean is None else read_vpi(record.clean).pixels.round().astype(np.uint8)
    except ImageError as error:
        raise DatasetError(str(error)) from error
    labels = read_labels(record.labels)
    for other, path in ((labels, record.labels), (clean, record.clean)):
        if other is not None and other.shape != image.shape:
            raise DatasetError(f"{path} is {other.shape}, but {record.image} is {image.shape} (rows, columns).")
    return Sample(record.subject, image, labels, clean)


def read_labels(path: Path) -> np.ndarray:
    """Labels 0 to 3 as uint8 (rows, columns), from an index picture, or from a colour one where blue (lumbar) lies
    over green (thoracic) over red (rib). Raises DatasetError."""
    try:
        picture = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    except RuntimeError as error:
        raise DatasetError(f"{path} can't be read as an image.") from error
    if picture.ndim == 3 and picture.shape[2] >= 3:
        red, green, blue = (picture[..., channel] > 127 for channel in range(3))
        picture = np.select([blue, green, red], [3, 2, 1], 0)
    if picture.ndim != 2 or picture.max() >= len(CLASSES):
        raise DatasetError(f"{path} is no label picture: its values must be 0 to {len(CLASSES) - 1}.")
    return picture.astype(np.uint8)
