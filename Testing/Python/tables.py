"""The tables that runs leave behind."""

import csv

from DAGANSpineLib.inference.many_files import SUMMARY


def summary(folder):
    with (folder / SUMMARY).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def logged(folder) -> list[list[str]]:
    """The rows of a training's `metrics.csv`, its header first."""
    with (folder / "metrics.csv").open(newline="") as lines:
        return list(csv.reader(lines))
