"""Write a data set of simulated subjects, in the format that training and evaluation read."""

import json
import multiprocessing
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import UserError
from ..files import whole_folder
from ..progress import Progress, unheard
from ..segments import CLASSES
from ..vpi import write_image
from .subject import simulate_subject
from .volume import simulate_volume, write_volume
from .worlds import SEVERITIES, USUAL

KINDS = ("images", "clean", "labels", "torn")
TEST_SHARE = 29 / 109  # the paper's split, by subject


def split_subjects(names: list[str], seed: int) -> tuple[list[str], list[str]]:
    """Train and test names in the paper's proportion, drawn at random by `seed`; of two or more, each gets one."""
    test_size = min(max(round(TEST_SHARE * len(names)), 1), len(names) - 1)
    order = np.random.Generator(np.random.PCG64([seed, 1])).permutation(len(names))
    test = {names[i] for i in order[:test_size]}
    return [name for name in names if name not in test], sorted(test)


def _write_subject(
    folder: Path, name: str, seed: int, severity: str, volumes: bool, spacing_mm: float
) -> tuple[str, dict]:
    subject = simulate_subject(seed, severity=severity, spacing_mm=spacing_mm)
    torn = subject.torn.astype(np.uint8) * 255
    for kind, pixels in zip(KINDS, (subject.vpi, subject.clean, subject.labels, torn), strict=True):
        image = sitk.GetImageFromArray(pixels)
        image.SetSpacing(subject.known["spacing_mm"][::-1])
        write_image(image, folder / kind / f"{name}.png")
    if volumes:
        write_volume(simulate_volume(subject), folder / "volumes" / f"{name}.nrrd")
    return name, subject.known


def _begin_worker() -> None:
    """A worker has a processor of its own, so that SimpleITK needs no more threads, and ends with its parent, whatever
    ended that."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)


def _simulate_all(folder: Path, drawn: dict[str, tuple[int, str]], progress: Progress, *how: object) -> dict[str, dict]:
    """What is known of each subject, by its name. drawn: its seed and its world."""
    known = {}
    workers = min(os.cpu_count() or 1, len(drawn))
    # Spawned, not forked: a fork of a process whose threads hold locks (SimpleITK's, torch's) may never end.
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin_worker) as pool:
        pending = [pool.submit(_write_subject, folder, name, *what, *how) for name, what in drawn.items()]
        try:
            for done, future in enumerate(pending, 1):
                name, what = future.result()
                known[name] = what
                kinds = {event["kind"] for event in what["noise"]}
                told = f"{name}: {what['curve_type']}, {what['scanner']['name']}, {len(kinds)} kinds of noise"
                progress(done / len(pending), told)
        except BrokenProcessPool as error:
            raise UserError(
                "A process that simulates was ended from outside, perhaps for want of memory: close other programs, "
                "and simulate again."
            ) from error
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return known


def _check(folder: Path, subjects: int, seed: int, severities: Sequence[str]) -> None:
    for severity in severities:
        if severity not in SEVERITIES:
            raise UserError(f"A simulated world is one of {', '.join(SEVERITIES)}, not {severity}.")
    if subjects < 2:
        raise UserError(f"A data set needs at least 2 subjects, one to train and one to test on, not {subjects}.")
    if seed < 0:
        raise UserError(f"The seed is a whole number from 0 upward, not {seed}.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} already holds something: name a new or empty folder for the data set.")


def write_dataset(
    folder: Path,
    subjects: int,
    seed: int,
    progress: Progress = unheard,
    volumes: bool = False,
    severity: str | Sequence[str] = USUAL,
    spacing_mm: float = 0.2,
) -> None:
    """Simulate `subjects` subjects (at least 2) into `folder`: images/, labels/, clean/, torn/ (PNG) and dataset.json.

    `severity`: one of `worlds.SEVERITIES`, or several, of which each subject has the one after the last one's;
    `spacing_mm`: size of a pixel. torn/ marks the pixels that the sweep
    spoiled, 255 on 0; what was done to each subject, and where, stands in dataset.json.
    With `volumes` also volumes/ (NRRD): the voxel volume that each image is the projection of, some 15 MB each.

    Subject i has the seed 1000003 `seed` + i, so that data sets of different seeds share nobody. The folder is there
    whole or not at all.
    Raises UserError (a ValueError) where `folder` holds something already or can't be written, for fewer than two
    subjects, and for a world that there isn't.
    """
    folder, severities = Path(folder), [severity] if isinstance(severity, str) else severity
    _check(folder, subjects, seed, severities)
    drawn = {f"sim{i:04d}": (1000003 * seed + i, severities[i % len(severities)]) for i in range(subjects)}
    worlds = ", ".join(severities)
    with whole_folder(folder) as partial:
        for kind in (*KINDS, "volumes") if volumes else KINDS:
            (partial / kind).mkdir()
        known = _simulate_all(partial, drawn, progress, volumes, spacing_mm)
        train, test = split_subjects(list(drawn), seed)
        description = {
            "name": f"Simulated spine VPI, {worlds}, {subjects} subjects, seed {seed}",
            "severity": worlds,
            "classes": list(CLASSES),
            "spacing": {name: what["spacing_mm"] for name, what in known.items()},
            "train": train,
            "test": test,
            "subjects": known,
        }
        (partial / "dataset.json").write_text(json.dumps(description, indent=1), encoding="utf-8")
