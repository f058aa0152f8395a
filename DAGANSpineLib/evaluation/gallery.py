"""A few subjects as every system restores and segments them, to be looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ..baselines import System
from ..files import whole_file
from ..inference import Pipeline, Result
from ..metrics import PATCH, Agreement, patches
from ..model import UntouchedShape
from ..progress import Progress, unheard
from ..report import overlay
from ..training import Record, Sample, load
from ..vpi import lit_body
from .job import Job
from .plots import plot_gallery
from .scoring import by_class
from .subjects import subjects_of

SHOWN = 3  # subjects
DETAIL = 160  # rows and columns of the enlarged part


def write_gallery(
    jobs: Sequence[Job], data: Path, folder: Path, device: str = "auto", progress: Progress = unheard
) -> list[Path]:
    """Write gallery-SUBJECT.jpg of the subjects with the most, the median and the fewest corrupted patches, by the
    models of the first seed; returns their paths, and removes those of a former run."""
    first = [job for job in jobs if job.seed == jobs[0].seed]
    name, records = subjects_of(data, "test")
    samples = chosen(first[0], records)
    results: list[dict[System, Result]] = [{} for _ in samples]
    untouched = set()
    for index, job in enumerate(first):
        progress(index / len(first), job.system.name)
        pipeline = Pipeline.load(job.model, device)
        if isinstance(pipeline.model.generator_shape, UntouchedShape):
            untouched.add(job.system)
        for sample, of_subject in zip(samples, results, strict=True):
            of_subject[job.system] = pipeline.run(sample.image.astype(np.float32), spacing=sample.spacing)
    paths = [folder / f"gallery-{sample.subject}.jpg" for sample in samples]
    for former in set(folder.glob("gallery-*.jpg")) - set(paths):
        former.unlink()
    for path, sample, of_subject in zip(paths, samples, results, strict=True):
        restored = {system.name: result.restored for system, result in of_subject.items() if system not in untouched}
        labels = {system.name: (result.restored, result.labels) for system, result in of_subject.items()}
        draw(sample, restored, labels, f"{name}: {sample.subject}; models of seed {jobs[0].seed}", path)
    progress(1.0, "Done")
    return paths


def chosen(job: Job, records: Iterable[Record]) -> list[Sample]:
    """The subjects to show: evenly from the most to the fewest corrupted patches."""
    rows = sorted(
        job.scores["subjects"],
        key=lambda row: (-row["restoration"]["input"]["corrupted patches"], row["subject"]),
    )
    places = np.linspace(0, len(rows) - 1, min(SHOWN, len(rows))).round().astype(int)
    by_name = {record.subject: record for record in records}
    return [load(by_name[rows[place]["subject"]]) for place in places]


def draw(
    sample: Sample,
    restored: dict[str, np.ndarray],
    labels: dict[str, tuple[np.ndarray, np.ndarray]],
    caption: str,
    path: Path,
) -> None:
    """One subject: the noisiest part as each system restores it, and the whole spine as each segments it.

    `restored`: uint8 (rows, columns) by system; `labels`: the restored picture and its labels, by system.
    """
    body = lit_body(sample.image)
    part, whole = noisiest(sample.image, body), bounds(body)
    truth = {} if sample.clean is None else {"clean truth": sample.clean}
    details = {"input": sample.image, **truth, **restored}
    spines = {"truth": overlay(sample.image, sample.labels)[whole]}
    for name, (picture, found) in labels.items():
        dice = by_class(Agreement.of(found, sample.labels))["dice"]["average"]
        spines[name if dice is None else f"{name}\nDice {dice:.2f}"] = overlay(picture, found)[whole]
    title = (
        f"{caption}\nAbove: the noisiest {DETAIL} × {DETAIL} pixels, restored\n"
        "Below: segments on the restored picture; red ribs, green thoracic, blue lumbar"
    )
    with whole_file(path) as partial:
        plot_gallery([{name: picture[part] for name, picture in details.items()}, spines], title, partial)


def noisiest(pixels: np.ndarray, body: np.ndarray) -> tuple[slice, slice]:
    """The part around the patch with the largest vertical variation within the lit body, as rows and columns."""
    measured = patches(pixels, body, stride=8)
    variation = np.where(measured.lit >= measured.lit.max(), measured.variation, 0)
    corner = np.array(np.unravel_index(variation.argmax(), variation.shape)) * measured.stride
    first = np.clip(corner + (PATCH - DETAIL) // 2, 0, np.maximum(np.array(pixels.shape) - DETAIL, 0))
    return tuple(slice(start, start + DETAIL) for start in first)


def bounds(mask: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns that hold all of a mask."""
    return tuple(slice(ends[0], ends[-1] + 1) for ends in (np.flatnonzero(mask.any(axis)) for axis in (1, 0)))
