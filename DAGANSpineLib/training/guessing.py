"""A model's own labels on pictures that nobody has labelled (self-training): whose spine is believed, and of it the
pixels that the model is sure of. After D.-H. Lee, Pseudo-Label (ICML workshop, 2013)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..files import whole_file
from ..inference import Pipeline
from ..progress import Progress
from ..records import check_record, read_json
from ..spine import read
from ..vpi import write_image
from .dataset import UNKNOWN, DatasetError, Record, load
from .run import GUESSED

SURE = 0.8  # probability of a class, from which a pixel is learnt from
PLAUSIBLE = 0.5  # plausibility of the spine, from which a subject is; curves are given from 0.3 on


@dataclass(frozen=True)
class Guess:
    """What a model has drawn for a subject: how plausible the spine is, 0 to 1, how much of the lit body the model is
    sure of, 0 to 1, and why the labels are not learnt from, empty where they are."""

    plausibility: float
    sure: float
    reason: str = ""


def guess(records: Sequence[Record], pipeline: Pipeline, folder: Path, progress: Progress) -> dict[str, Guess]:
    """Label each subject once, in a run folder, so that a resumed training finds the labels there; by subject, what to
    think of them. Raises DatasetError for what is damaged there."""
    folder = folder / GUESSED
    found = {}
    for index, record in enumerate(records):
        progress(index / max(len(records), 1), f"Labelling {record.subject}")
        path = folder / f"{record.subject}.json"
        if not path.is_file():
            sample = load(record)
            labels, judged = guess_one(sample.image, sample.spacing, pipeline)
            with whole_file(path.with_suffix(".png")) as partial:
                write_image(sitk.GetImageFromArray(labels), partial)
            with whole_file(path) as partial:  # last: it says that the labels are there
                partial.write_text(json.dumps(vars(judged), indent=1) + "\n", encoding="utf-8")
        content = read_json(path, DatasetError)
        check_record(content, {"plausibility": float, "sure": float, "reason": str}, path, DatasetError)
        found[record.subject] = Guess(**content)
    return found


def guess_one(image: np.ndarray, spacing: tuple[float, float] | None, pipeline: Pipeline) -> tuple[np.ndarray, Guess]:
    """Labels of a picture, both uint8 (rows, columns), `UNKNOWN` where the model isn't sure, and what to think of
    them. `spacing`: mm between rows and columns, where it is known."""
    result = pipeline.run(image.astype(np.float32), spacing=spacing)
    spine = read(result.labels, result.body, result.probabilities, spacing)
    certain = result.probabilities.max(0) >= SURE
    labels = np.where(certain, result.labels, UNKNOWN).astype(np.uint8)
    sure = float(certain[result.body].mean()) if result.body.any() else 0.0
    reason = ""
    if spine.curves is None:
        reason = spine.notes[0]
    elif spine.plausibility < PLAUSIBLE:
        reason = f"The bones found fit one spine too badly to be learnt from: {spine.plausibility:.2f} of {PLAUSIBLE}."
    return labels, Guess(round(spine.plausibility, 4), round(sure, 4), reason)


def taken(records: Sequence[Record], guesses: dict[str, Guess], folder: Path) -> list[Record]:
    """The subjects whose own labels are learnt from, with those labels."""
    return [
        replace(record, labels=folder / GUESSED / f"{record.subject}.png", guessed=True)
        for record in records
        if not guesses[record.subject].reason
    ]


def told(guesses: dict[str, Guess]) -> str:
    """How many labels were taken, and why the others weren't, in a line."""
    refused = [subject for subject, each in guesses.items() if each.reason]
    sentence = f"Labelled by the model itself: {len(guesses) - len(refused)} of {len(guesses)} subjects without labels."
    if refused:
        names = ", ".join(refused[:5]) + (f" and {len(refused) - 5} more" if len(refused) > 5 else "")
        sentence += f" The others' bones form no spine that can be believed ({names}): {GUESSED}/ has the reasons."
    return sentence
