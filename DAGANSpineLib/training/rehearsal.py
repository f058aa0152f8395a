"""Simulated subjects beside a clinic's own, so that a model that learns from ten pictures doesn't forget the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from ..simulation import USUAL, write_dataset
from .dataset import Record, open_dataset
from .run import REHEARSED

SPACING_MM = 0.2  # of a pixel, as in the data sets that the bundled model learns from
# Simulated data sets have small seeds: from here on nobody is rehearsed whom one of them tests on.
SEEDS = 1_000_000


def rehearse(folder: Path, count: int, seed: int, quiet: bool) -> None:
    """Simulate so many subjects (at least 2) into a run folder, unless they are there already: as data sets of the
    bundled model's world have them, the same ones for the same seed, all of them or none."""
    if (folder / REHEARSED).is_dir():
        return
    with tqdm(desc="Simulating", total=count, leave=False, disable=quiet) as bar:

        def told(fraction: float, subject: str) -> None:
            bar.update()

        write_dataset(folder / REHEARSED, count, SEEDS + seed, told, severity=USUAL, spacing_mm=SPACING_MM)


def rehearsed(folder: Path) -> Sequence[Record]:
    """The simulated subjects of a run folder, by names that nobody of a data set has."""
    dataset = open_dataset(folder / REHEARSED)
    records = sorted(dataset.train + dataset.test, key=lambda record: record.subject)
    return [replace(record, subject=f"{REHEARSED}/{record.subject}") for record in records]
