"""Cross-validation, for data sets too small to give a test split away: every labelled subject is tested on once, by a
model that has never seen it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError
from ..files import whole_file
from ..inference import Pipeline
from ..progress import Progress, unheard
from ..records import read_json
from ..training import Aid, Ancestor, Dataset, Preset, Record, RunFolder, open_dataset, train
from .paired import FEWEST, LEVEL, RESAMPLES, SEED, mean_interval
from .pairwise import FIGURES
from .scoring import evaluate_records
from .tables import percent, shown, table

PLAN, SUMMARY, SCORES = "plan.json", ("folds.json", "folds.md"), "scores"
SHARED = "shared"  # what all folds learn from beside the data set


class FoldsError(UserError):
    """A cross-validation that can't be done as asked; the text says why and what to do."""


def cross_validate(
    data: Path,
    folder: Path,
    folds: int,
    preset: Preset,
    seed: int = 0,
    resume: bool = False,
    name: str = "",
    precision: str = "auto",
    ancestor: Ancestor | None = None,
    aid: Aid | None = None,
    tell: Callable[[str], None] = print,
    bar: Callable[[str], Progress] = lambda label: unheard,
    quiet: bool = False,
) -> dict[str, Any]:
    """Train once for each fold, on the labelled subjects to train on that lie in the others, and test on those in it;
    writes fold-N/ (a run folder, with scores/ in it), folds.json and folds.md, and returns what folds.json holds.

    Subjects to test on are left alone, those without labels are learnt from in each fold. Who lies in which fold
    depends on `seed` alone. The rest is as of `train`; `tell` gets a line for each fold, `bar` makes a progress
    function under a label. Raises DatasetError, FoldsError, and what `train` does.
    """
    dataset = open_dataset(data)
    plan = {"data": dataset.name, "seed": seed, "folds": names_of(parts_of(dataset, folds, seed))}
    admit(folder, plan, resume)
    aid = replace(aid or Aid(), folder=folder / SHARED)
    rows = []
    for number, tested in enumerate(parts_of(dataset, folds, seed), 1):
        fold = of_fold(dataset, tested, f"fold {number} of {folds}")
        run = folder / f"fold-{number}"
        begun = RunFolder(run).configuration.is_file()
        tell(f"Fold {number} of {folds}: {len(fold.train)} labelled subjects to train on, {len(tested)} to test on")
        model = train(fold, run, preset, seed, begun, name, precision, quiet=quiet, ancestor=ancestor, aid=aid)
        if not (run / SCORES / "scores.json").is_file():
            evaluate_records(fold.name, tested, Pipeline(model), run / SCORES, bar(f"Fold {number}"))
        rows += [row | {"fold": number} for row in read_json(run / SCORES / "scores.json", FoldsError)["subjects"]]
    summary = plan | {"subjects": len(rows), "figures": figures_of(rows), "by fold": by_fold(rows)}
    write(folder, summary)
    return summary


def parts_of(dataset: Dataset, folds: int, seed: int) -> list[list[Record]]:
    """The labelled subjects to train on, dealt out at random to so many folds. Raises FoldsError."""
    if not 2 <= folds <= len(dataset.train):
        raise FoldsError(
            f"{dataset.name} has {len(dataset.train)} labelled subjects to train on: there can be 2 to as many folds, "
            f"not {folds}."
        )
    order = np.random.default_rng(seed).permutation(len(dataset.train))
    return [[dataset.train[index] for index in sorted(order[first::folds])] for first in range(folds)]


def names_of(parts: list[list[Record]]) -> list[list[str]]:
    return [[record.subject for record in part] for part in parts]


def of_fold(dataset: Dataset, tested: list[Record], name: str) -> Dataset:
    """The data set with these subjects to test on, and the other labelled ones to train on."""
    others = [record for record in dataset.train if record not in tested]
    return replace(dataset, name=f"{dataset.name}, {name}", train=others, test=tested)


def admit(folder: Path, plan: dict[str, Any], resume: bool) -> None:
    """Begin a cross-validation in a folder, or go on with the same. Raises FoldsError."""
    path = folder / PLAN
    if path.is_file():
        if not resume:
            raise FoldsError(
                f"{folder} holds a cross-validation: add --resume to go on with it, or choose another folder."
            )
        if read_json(path, FoldsError) != plan:
            raise FoldsError(f"{folder} holds a cross-validation of other folds or subjects: choose another folder.")
        return
    if resume:
        raise FoldsError(f"{folder} holds no cross-validation to resume.")
    if folder.is_dir() and any(folder.iterdir()):
        raise FoldsError(f"{folder} holds other files: choose another folder for the cross-validation.")
    with whole_file(path) as partial:
        partial.write_text(json.dumps(plan, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def figures_of(rows: list[dict[str, Any]]) -> dict[str, dict[str, float | None]]:
    """Of each figure the mean over all subjects, and its interval; figures that nobody has are left out."""
    known = {figure.name: [value for value in map(figure.of, rows) if value is not None] for figure in FIGURES}
    found = {}
    for name, values in known.items():
        if values:
            low, high = mean_interval(values)
            found[name] = {"mean": float(np.mean(values)), "low": low, "high": high}
    return found


def by_fold(rows: list[dict[str, Any]]) -> list[float | None]:
    """The mean of the average Dice, %, in each fold."""
    folds: dict[int, list[float]] = {}
    for row in rows:
        dice = percent(row["segmentation"]["dice"]["average"])
        folds.setdefault(row["fold"], []).extend([] if dice is None else [dice])
    return [float(np.mean(values)) if values else None for values in folds.values()]


def write(folder: Path, summary: dict[str, Any]) -> None:
    """folds.json and folds.md."""
    texts = json.dumps(summary, indent=1, ensure_ascii=False) + "\n", folds_as_markdown(summary)
    for name, text in zip(SUMMARY, texts, strict=True):
        with whole_file(folder / name) as partial:
            partial.write_text(text, encoding="utf-8")


def folds_as_markdown(summary: dict[str, Any]) -> str:
    """The table for people."""
    digits = {figure.name: figure.digits for figure in FIGURES}
    lines = [
        [name, *(shown(each[key], digits[name]) for key in ("mean", "low", "high"))]
        for name, each in summary["figures"].items()
    ]
    folds = ", ".join(shown(value) for value in summary["by fold"])
    return (
        "\n\n".join(
            [
                f"{summary['data']}, cross-validation: {len(summary['folds'])} folds, {summary['subjects']} subjects, "
                "each tested on by a model that has not seen it.",
                table(["", "mean", f"{LEVEL} %, from", "to"], lines),
                f"Average Dice of the folds, %: {folds}.",
                f"Bootstrap intervals over the subjects ({RESAMPLES} resamples, seed {SEED}; none of fewer than "
                f"{FEWEST}). The folds' models learnt from much the same subjects: another draw of subjects may differ "
                "more.",
            ]
        )
        + "\n"
    )
