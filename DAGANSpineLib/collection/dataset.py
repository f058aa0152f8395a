"""A clinic's own data set: who is in it, and one more subject, with labels or without."""

from __future__ import annotations

import json
import os
import unicodedata
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..errors import UserError
from ..files import OutputError, portable_name
from ..progress import Progress, unheard
from ..records import read_json
from ..segments import CLASSES
from ..texts import tr as _
from ..vpi import refuse_unlit, write_image
from .exchange import LIST, exchange, is_begun, take_back

LABELLED, TESTED, UNLABELLED = USES = ("train", "test", "unlabelled")  # what subjects are for, as dataset.json calls it
IMAGES, LABELS = "images", "labels"
KINDS = (IMAGES, LABELS, "clean", "torn")  # folders that may hold a file of a subject
UNTOLD = {"desktop.ini", "thumbs.db"}  # files that systems put into folders, as those whose names begin with a dot


class CollectionError(UserError):
    """A folder, or a subject, that a data set can't be made of; the text says why and what to do."""


@dataclass(frozen=True)
class Kept:
    """A subject to keep. `use`: one of `USES`. `pixels`: uint8 (rows, columns), upright. `labels`: uint8, of the same
    size, values as in `SEGMENTS`; None for an unlabelled subject. `known`: what else is known, ready for JSON."""

    subject: str
    use: str
    pixels: np.ndarray
    labels: np.ndarray | None = None
    known: dict[str, Any] = field(default_factory=dict)

    def refuse(self) -> None:
        """Raise UserError for what no training could use."""
        refuse_subject(self.subject)
        refuse_unlit(self.pixels, Path(self.subject))
        if self.labels is not None and not self.labels.any():
            sentence = _("No bone is labelled: correct the segments, or keep the picture as one without labels.")
            raise CollectionError(sentence)


@dataclass(frozen=True)
class Collection:
    """A data set as its list describes it; empty where there is none yet."""

    folder: Path
    described: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Collection:
        """Raises CollectionError for a folder that holds something else, and for a list that can't be read."""
        path = folder / LIST
        if os.path.isfile(path):  # which, other than a path's own, raises nothing for names that can't be
            return cls(folder, checked(read_json(path, CollectionError), path))
        if os.path.exists(folder) and not os.path.isdir(folder):
            raise CollectionError(_("{folder} is a file: choose a folder for the data set.").format(folder=folder))
        other = other_file(folder)
        if other is not None and not is_begun(folder):  # or it is what a killed process has left of the first subject
            sentence = _(
                "{folder} holds other files ({name}), and no data set, which has a file {list}: choose a new or empty "
                "folder."
            )
            raise CollectionError(sentence.format(folder=folder, name=other, list=LIST))
        name = folder.name or str(folder)
        return cls(folder, {"name": name, "classes": list(CLASSES), **{use: [] for use in USES}, "subjects": {}})

    def subjects(self, *uses: str) -> list[str]:
        """Who is in the data set, for any of these uses, or for any at all."""
        return [subject for use in uses or USES for subject in self.described.get(use, ())]

    def spelled(self, subject: str) -> str:
        """The name as the list spells it: on many systems, files whose names differ in capitals alone are the same."""
        return next((each for each in self.subjects() if same_file(each) == same_file(subject)), subject)

    def holds(self, subject: str) -> bool:
        """Whether a subject is listed, or has a file that would be replaced."""
        return subject in self.subjects() or any(os.path.exists(self.folder / name) for name in files_of(subject))

    def next_name(self) -> str:
        """A name that nobody has: s001, s002 and so on, which tells nothing of anybody."""
        taken = set(map(same_file, self.subjects()))
        names = (f"s{number:03d}" for number in count(1))
        return next(name for name in names if name not in taken and not self.holds(name))

    def without(self, subject: str) -> dict[str, Any]:
        """The list without this subject, and all that it says of the subject."""
        left = {use: [each for each in self.subjects(use) if each != subject] for use in USES}
        told = {
            key: {name: what for name, what in self.described[key].items() if name != subject}
            for key in ("subjects", "spacing")
            if isinstance(self.described.get(key), dict)
        }
        return self.described | left | told

    def including(self, kept: Kept) -> dict[str, Any]:
        """The list with this subject, in the place of a former one of that name."""
        described = self.without(kept.subject)
        known = described.get("subjects")
        subjects = (known if isinstance(known, dict) else {}) | {kept.subject: kept.known}
        return described | {kept.use: [*described[kept.use], kept.subject], "subjects": subjects}


def keep(folder: Path, kept: Kept, progress: Progress = unheard) -> Collection:
    """Add a subject to the data set in `folder`, which is made if it is not there; a former one of that name goes.

    All of it or nothing, whatever stops it, `progress` raising Cancelled among that. Returns the data set as it is
    then. Raises UserError with a sentence for what training could not use, and for places that can't be written.
    """
    progress(0.0, _("Looking for the lit body"))
    kept.refuse()
    if not os.path.isdir(folder.parent):
        raise OutputError(_("There is no folder {folder}: choose another one.").format(folder=folder.parent))
    take_back(folder)
    collection = Collection.read(folder)
    replaces = kept.subject in collection.subjects()
    meanwhile = as_text(collection.without(kept.subject)) if replaces else None
    described = collection.including(kept)
    with exchange(folder, files_of(kept.subject), meanwhile) as new:
        progress(0.4, _("Writing the picture"))
        write_picture(kept.pixels, new / IMAGES / f"{kept.subject}.png")
        if kept.labels is not None:
            progress(0.7, _("Writing the labels"))
            write_picture(kept.labels, new / LABELS / f"{kept.subject}.png")
        progress(0.9, _("Writing the list of subjects"))
        (new / LIST).write_text(as_text(described), encoding="utf-8")
    return Collection(folder, described)


def write_picture(pixels: np.ndarray, path: Path) -> None:
    path.parent.mkdir()
    write_image(sitk.GetImageFromArray(pixels), path)


def as_text(described: dict[str, Any]) -> str:
    return json.dumps(described, indent=1) + "\n"


def files_of(subject: str) -> list[str]:
    """All files that a subject may have, as paths within the data set's folder."""
    return [f"{kind}/{subject}.png" for kind in KINDS]


def refuse_subject(subject: str) -> None:
    """Raise CollectionError for a name that can't be a file's on every system."""
    if not subject or portable_name(subject) != subject or subject.startswith(".") or subject != subject.strip():
        sentence = _("{name} can't be a subject's name: take letters and figures, such as s001.")
        raise CollectionError(sentence.format(name=f"“{subject[:40]}”"))


def same_file(subject: str) -> str:
    return unicodedata.normalize("NFC", subject).casefold()


def other_file(folder: Path) -> str | None:
    """The name of something that somebody has put into a folder; None for a folder that is empty, or not there. Raises
    CollectionError where that can't be seen."""
    try:
        names = (path.name for path in folder.iterdir()) if os.path.isdir(folder) else ()
        return next((name for name in names if not name.startswith(".") and name.lower() not in UNTOLD), None)
    except OSError as error:
        sentence = _("{folder} can't be read ({reason}).")
        raise CollectionError(sentence.format(folder=folder, reason=error.strerror or error)) from error


def checked(described: Any, path: Path) -> dict[str, Any]:
    """The content of a list, if subjects can be added to it. Raises CollectionError."""
    usable = isinstance(described, dict) and all(is_names(described.get(use, [])) for use in USES)
    if not usable or described.get("classes", list(CLASSES)) != list(CLASSES):
        sentence = _(
            "{path} is not the list of a data set of ribs, thoracic and lumbar vertebrae: choose another folder."
        )
        raise CollectionError(sentence.format(path=path))
    return described


def is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)
