"""A data set on disk: which subjects it has, where their files are, what these hold."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..errors import ImageError, UserError
from ..files import plain_text, portable_name
from ..inference import name_of
from ..records import check_record, read_json
from ..segments import CLASSES
from ..vpi import ENDINGS, read_image, read_vpi, refuse_unlit

SPLITS = ("train", "test", "unlabelled")  # of subjects, in dataset.json
VALIDATION_SHARE = 10  # every tenth training subject is held out to choose the checkpoint by
UNKNOWN = 255  # label of a pixel that a model, who labels subjects itself, isn't sure of: nobody learns from it

MIDDLE, BRIGHT = 127, 192  # of a colour: from here on it is there; of two at once, one is fully so
NUMBER = int | float
LARGEST = 1e6  # of places, tilts and sizes; and whatever is no number is no less
# what evaluations read of a simulated subject, where it is there
KNOWN = {"severity": str, "curve_type": str, "scanner": dict, "layer": NUMBER, "person": dict, "noise": list,
         "spacing_mm": list, "swept_rows": list, "curves": list, "vertebra_centres": dict,
         "vertebra_tilt_deg": dict}  # fmt: skip


class DatasetError(UserError):
    """A data set that can't be used; the text names the file and says what is wrong with it."""


@dataclass(frozen=True)
class Record:
    """The files of one subject. `labels`: None for a subject without labels; `clean` and `torn` exist for simulated
    subjects only; `known`: what `dataset.json` says of the subject; `guessed`: whether a model has drawn the labels,
    and left out, as `UNKNOWN`, what it isn't sure of.
    """

    subject: str
    image: Path
    labels: Path | None
    clean: Path | None = None
    torn: Path | None = None
    known: dict[str, Any] = field(default_factory=dict, compare=False)
    guessed: bool = False


@dataclass(frozen=True)
class Sample:
    """The pixels of one subject, all (rows, columns) at native size: uint8, but for `torn`, which is bool. `labels` and
    `known`: as in its record."""

    subject: str
    image: np.ndarray
    labels: np.ndarray | None
    clean: np.ndarray | None = None
    torn: np.ndarray | None = None
    known: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def spacing(self) -> tuple[float, float] | None:
        """Mm between rows and columns, where the data set tells."""
        rows, columns = self.known.get("spacing_mm", (None, None))
        return None if rows is None else (rows, columns)


@dataclass(frozen=True)
class Dataset:
    """Subjects to train on and subjects to test on, and subjects without labels, for restoration alone unless a model
    labels them; nobody is in two of them."""

    name: str
    train: list[Record]
    test: list[Record]
    unlabelled: list[Record] = field(default_factory=list)

    def split_validation(self) -> tuple[list[Record], list[Record]]:
        """The training subjects as (to learn from, to choose the checkpoint by)."""
        return hold_out(self.train)

    @property
    def pictures(self) -> list[Record]:
        """All subjects whose pictures are learnt from, labelled or not, but for those held out."""
        return self.split_validation()[0] + self.unlabelled


def hold_out(records: list[Record]) -> tuple[list[Record], list[Record]]:
    """Subjects as (to learn from, to choose the checkpoint by): every tenth, or the last of fewer, who learns as well
    where there is no other."""
    held_out = records[VALIDATION_SHARE - 1 :: VALIDATION_SHARE] or records[-1:]
    return [record for record in records if record not in held_out] or records, held_out


def open_dataset(folder: Path) -> Dataset:
    """Open a data set of ours (`dataset.json`), of the published layout (`dataset/train/ID.png`,
    `groundtruth/train/ID_bone_3.png`, and the same for test), or a folder of pictures. Raises DatasetError."""
    dataset, troubles = survey(folder)
    refuse(troubles)
    return dataset


def refuse(troubles: Sequence[str]) -> None:
    """Raise DatasetError if there are any: with the first of them, and how many more there are."""
    if troubles:
        more = f" And {len(troubles) - 1} more: the command check names them all."
        raise DatasetError(troubles[0] + (more if len(troubles) > 1 else ""))


def survey(folder: Path) -> tuple[Dataset, list[str]]:
    """A data set as far as its subjects are listed once and have their files, and a sentence for each that hasn't. Who
    is listed to train on, but has no file of labels, is one of those without.

    Raises DatasetError if it can't be known which subjects there are.
    """
    dataset, troubles = listed(folder)
    labelled = [record for record in dataset.train if record.labels.is_file()]
    bare = [replace(record, labels=None) for record in dataset.train if record not in labelled]
    dataset = replace(dataset, train=labelled, unlabelled=bare + dataset.unlabelled)
    usable = []
    for split in (dataset.train, dataset.test, dataset.unlabelled):
        usable.append([])
        for record in split:
            missing = [str(path) for path in (record.image, record.labels) if path and not path.is_file()]
            if missing:
                troubles.append(f"The subject {record.subject} has no file {' and no file '.join(missing)}.")
            else:
                usable[-1].append(record)
    if not dataset.train + dataset.unlabelled:
        troubles.append(f"{folder} has no training subjects.")
    return Dataset(dataset.name, *usable), troubles


def listed(folder: Path) -> tuple[Dataset, list[str]]:
    """A data set as it is listed, whether the files are there or not, and a sentence for each subject that is listed
    twice. Raises DatasetError if it can't be known which subjects there are."""
    folder = Path(folder)
    if (folder / "dataset.json").is_file():
        name, splits = splits_of_ours(folder)
    elif (folder / "dataset" / "train").is_dir():
        name, splits = folder.name, splits_of_published(folder)
    elif pictures := pictures_in(folder):
        name, splits = folder.resolve().name, splits_of_pictures(folder, pictures)
    else:
        raise DatasetError(
            f"{folder} is no data set: it has neither dataset.json, nor a folder dataset/train, nor pictures."
        )
    counts = [Counter(record.subject for record in split) for split in splits]
    troubles = [
        f"{folder} lists the subject {subject} {count} times for {kind}."
        for kind, subjects in zip(("training", "test", "unlabelled"), counts, strict=True)
        for subject, count in subjects.items()
        if count > 1
    ]
    for subject in dict.fromkeys(name for count in counts for name in count):
        if portable_name(subject) != subject or subject.startswith("."):
            troubles.append(f"{folder} lists {subject[:80]!r}: a subject's name is a plain file name, such as a01.")
            splits = [[record for record in split if record.subject != subject] for split in splits]
    alike = Counter(name.casefold() for name in dict.fromkeys(name for count in counts for name in count))
    for folded, times in alike.items():
        if times > 1:
            names = ", ".join(sorted({name for count in counts for name in count if name.casefold() == folded}))
            troubles.append(f"{folder} lists {names}, which many systems take for one file: rename one.")
    for (first, one), (second, other) in combinations(zip(SPLITS, counts, strict=True), 2):
        both = sorted(set(one) & set(other))
        if both:
            troubles.append(f"{folder} has subjects in {first} and in {second}: {', '.join(both)}.")
    return Dataset(name, *(list(dict.fromkeys(split)) for split in splits)), troubles


def splits_of_ours(folder: Path) -> tuple[str, list[list[Record]]]:
    """Name and subjects (to train on, to test on, without labels) as `dataset.json` gives them; the last may be left
    out."""
    path = folder / "dataset.json"
    description = read_json(path, DatasetError)
    if not isinstance(description, dict):
        raise DatasetError(f"{path} must hold one object, with train and test in it.")
    description.setdefault("unlabelled", [])
    for split in SPLITS:
        names = description.get(split)
        if not isinstance(names, list) or not all(isinstance(subject, str) for subject in names):
            raise DatasetError(f'{path} must say who is in {split}, as a list of names: "{split}": ["a01", "a02"].')
    classes = description.get("classes", list(CLASSES))
    if classes != list(CLASSES):
        raise DatasetError(f"{path} has the classes {str(classes)[:100]}; they must be {CLASSES}.")
    known = description.get("subjects")
    known = known if isinstance(known, dict) else {}
    for subject, record in known.items():
        refuse_unreadable(record, path, subject)
    splits = [[record_of(folder, name, known.get(name)) for name in description[split]] for split in SPLITS]
    splits[-1] = [replace(record, labels=None) for record in splits[-1]]
    name = description.get("name", folder.name)
    if not isinstance(name, str):
        raise DatasetError(f"{path} says name in a way that can't be used: {str(name)[:40]}.")
    return plain_text(name), splits


def refuse_unreadable(known: object, path: Path, subject: str) -> None:
    """Raise DatasetError for what `dataset.json` says of a subject, where evaluations could not read it."""
    if not isinstance(known, dict):
        return
    where = f"subject {subject}"
    check_record(known, {name: kind for name, kind in KNOWN.items() if name in known}, path, DatasetError, where)
    if "scanner" in known:
        check_record(known["scanner"], {"name": str}, path, DatasetError, where)
    if known.get("person"):
        check_record(known["person"], {"size": NUMBER, "blur": NUMBER}, path, DatasetError, where)
    for event in known.get("noise", ()):
        check_record(event, {"kind": str}, path, DatasetError, where)
    pairs = known.get("vertebra_centres", {}).values()
    pairs = [*pairs, *(known[name] for name in ("spacing_mm", "swept_rows") if name in known)]
    numbers = known.get("vertebra_tilt_deg", {}).values()
    if not all(isinstance(each, list) and len(each) == 2 for each in pairs) or not all(
        isinstance(each, NUMBER) and abs(each) < LARGEST
        for each in (*numbers, *(part for pair in pairs for part in pair))
    ):
        raise DatasetError(f"{path}, {where}, holds places or tilts that are no numbers.")


def record_of(folder: Path, subject: str, known: object = None) -> Record:
    clean, torn = (folder / kind / f"{subject}.png" for kind in ("clean", "torn"))
    return Record(
        subject,
        folder / "images" / f"{subject}.png",
        folder / "labels" / f"{subject}.png",
        clean if os.path.isfile(clean) else None,  # a name that can't be one raises nothing
        torn if os.path.isfile(torn) else None,
        known if isinstance(known, dict) else {},
    )


def splits_of_published(folder: Path) -> list[list[Record]]:
    """Subjects (to train on, to test on, without labels) in the layout of the authors' later public code, which has
    labels of everybody."""
    splits = [
        [
            Record(image.stem, image, folder / "groundtruth" / split / f"{image.stem}_bone_3.png")
            for image in sorted((folder / "dataset" / split).glob("*.png"))
        ]
        for split in ("train", "test")
    ]
    return [*splits, []]


def pictures_in(folder: Path) -> list[Path]:
    """The pictures that lie directly in a folder, by name."""
    if not folder.is_dir():
        return []
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    images = [entry for entry in entries if entry.name.lower().endswith(ENDINGS) and entry.is_file()]
    return [image for image in images if not image.name.lower().endswith(".seg.nrrd")]


def splits_of_pictures(folder: Path, pictures: Sequence[Path]) -> list[list[Record]]:
    """Subjects (to train on, to test on, without labels) of a plain folder of pictures: labelled are those of whom
    `labels/ID.png` is there, and nobody is tested on."""
    train, unlabelled = [], []
    for picture in pictures:
        subject = name_of(picture)
        labels = folder / "labels" / f"{subject}.png"
        if labels.is_file():
            train.append(Record(subject, picture, labels))
        else:
            unlabelled.append(Record(subject, picture, None))
    return [train, [], unlabelled]


def load(record: Record) -> Sample:
    """Read one subject's files. Raises DatasetError."""
    try:
        image = read_vpi(record.image).pixels.round().astype(np.uint8)
        clean = None if record.clean is None else read_vpi(record.clean).pixels.round().astype(np.uint8)
    except ImageError as error:
        raise DatasetError(str(error)) from error
    labels = None if record.labels is None else (read_guess if record.guessed else read_labels)(record.labels)
    torn = None if record.torn is None else read_mask(record.torn)
    for other, path in ((labels, record.labels), (clean, record.clean), (torn, record.torn)):
        if other is not None and other.shape != image.shape:
            raise DatasetError(f"{path} is {other.shape}, but {record.image} is {image.shape} (rows, columns).")
    return Sample(record.subject, image, labels, clean, torn, record.known)


def read_numbers(path: Path) -> np.ndarray:
    """A picture's numbers as they are stored: (rows, columns[, channels]). Raises DatasetError."""
    try:
        return sitk.GetArrayFromImage(read_image(path).image)
    except ImageError as error:
        raise DatasetError(str(error)) from error


def read_mask(path: Path) -> np.ndarray:
    """Where a grey picture isn't black, bool (rows, columns). Raises DatasetError."""
    picture = read_numbers(path)
    if picture.ndim != 2:
        raise DatasetError(f"{path} is no mask: it must be a grey picture, not one of {picture.ndim} dimensions.")
    return picture > 0


def read_labels(path: Path) -> np.ndarray:
    """Labels 0 to 3 as uint8 (rows, columns), from an index picture, or from a colour one where blue (lumbar) lies
    over green (thoracic) over red (rib). Raises DatasetError."""
    picture = read_numbers(path)
    if picture.ndim == 3 and picture.shape[2] >= 3:
        picture = by_colour(picture[..., :3], path)
    if picture.ndim != 2 or not np.isin(picture, range(len(CLASSES))).all():
        odd = picture[~np.isin(picture, range(len(CLASSES)))].ravel()
        found = f"it holds {odd.max():g}" if picture.ndim == 2 else f"it has {picture.ndim} dimensions"
        raise DatasetError(f"{path} is no label picture: its values must be 0 to {len(CLASSES) - 1}, but {found}.")
    return picture.astype(np.uint8)


def by_colour(picture: np.ndarray, path: Path) -> np.ndarray:
    """Labels (rows, columns) of a colour picture (rows, columns, 3); one that is grey all over has numbers, not
    colours. Raises DatasetError for mixed colours that are not those of labels that lie over each other."""
    red, green, blue = (picture[..., channel] > MIDDLE for channel in range(3))
    if (np.ptp(picture, axis=2) == 0).all():
        return picture[..., 0]
    mixed = (red & green) | (green & blue) | (blue & red)
    if (picture[mixed].max(-1) < BRIGHT).any():
        raise DatasetError(
            f"{path} has colours that mean other labels: rib is red, thoracic green, lumbar blue. Save it as a picture "
            f"of numbers, 0 to {len(CLASSES) - 1}, or in these colours."
        )
    return np.select([blue, green, red], [3, 2, 1], 0)


def read_guess(path: Path) -> np.ndarray:
    """The same, of labels that a model has drawn: 0 to 3, or `UNKNOWN`. Raises DatasetError."""
    picture = read_numbers(path)
    if picture.ndim != 2 or not np.isin(picture, [*range(len(CLASSES)), UNKNOWN]).all():
        raise DatasetError(f"{path} is no label picture of a training: begin a new run.")
    return picture.astype(np.uint8)


def refuse_unmeasurable(sample: Sample, path: Path) -> None:
    """Raise DatasetError if a subject's picture, from the file `path`, has too little of a lit body to be scored."""
    try:
        refuse_unlit(sample.image, path)
    except ImageError as error:
        raise DatasetError(str(error)) from error
