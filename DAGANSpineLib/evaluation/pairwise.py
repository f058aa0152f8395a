"""Evaluations of the same subjects against each other: what one model does better than another, and what is chance."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError
from ..files import whole_folder
from ..records import read_json
from .paired import FEWEST, LEVEL, RESAMPLES, SEED, paired_difference
from .plots import plot_differences
from .tables import interval, percent, shown, table

OUTPUTS = ("versus.json", "versus.md", "versus.png")
SAME = 1e-3  # by what share figures of one and the same picture may differ between machines

Row = dict[str, Any]  # a subject in scores.json


class VersusError(UserError):
    """Evaluations that can't be compared; the text says which, and why."""


@dataclass(frozen=True)
class Figure:
    """A figure of each subject, with how many decimals it is written, and which way is better."""

    name: str
    of: Callable[[Row], float | None]
    digits: int = 2
    better: int = 1


def dice(name: str) -> Callable[[Row], float | None]:
    return lambda row: percent(row["segmentation"]["dice"][name])


def restoration(name: str) -> Callable[[Row], float | None]:
    return lambda row: row["restoration"]["model"].get(name)


FIGURES = (
    *(Figure(f"Dice {name}, %", dice(name)) for name in ("lumbar", "thoracic", "rib", "average")),
    Figure("PSNR, dB", restoration("PSNR")),
    Figure("SSIM", restoration("SSIM"), digits=4),
    Figure("corrupted patches", restoration("corrupted patches"), better=-1),
)


def versus(paths: Sequence[Path], folder: Path) -> dict[str, Any]:
    """Compare evaluations (scores.json, or the folders that hold one) with the first of them; writes versus.json,
    versus.md and versus.png.

    Returns what versus.json holds. Raises VersusError or OutputError.
    """
    if len(paths) < 2:
        raise VersusError("One evaluation can't be compared: give the reference, then at least one other.")
    paths = [path / "scores.json" if path.is_dir() else path for path in paths]
    runs = [read_scores(path) for path in paths]
    names = names_of(paths)
    for run, path in zip(runs[1:], paths[1:], strict=True):
        same_subjects(runs[0], run, paths[0], path)
    reference, *others = [list(rows_by_subject(run).values()) for run in runs]
    comparison = {
        "data": runs[0]["data"],
        "split": runs[0]["split"],
        "subjects": len(reference),
        "bootstrap": {"resamples": RESAMPLES, "seed": SEED, "interval, per cent": LEVEL},
        "reference": {"name": names[0], "model": runs[0]["model"]},
        "others": [
            {"name": name, "model": run["model"], "differences": differences(reference, rows)}
            for name, run, rows in zip(names[1:], runs[1:], others, strict=True)
        ],
    }
    with whole_folder(folder, replaces=OUTPUTS) as target:
        text = json.dumps(comparison, indent=1, ensure_ascii=False)
        (target / "versus.json").write_text(text + "\n", encoding="utf-8")
        (target / "versus.md").write_text(versus_as_markdown(comparison), encoding="utf-8")
        plot_differences(comparison, target / "versus.png")
    return comparison


def read_scores(path: Path) -> dict[str, Any]:
    """What `evaluate` wrote. Raises VersusError."""
    try:
        scores = read_json(path, VersusError)
        for figure in FIGURES:
            for row in scores["subjects"]:
                figure.of(row)
        scores["data"], scores["split"], scores["model"]
    except VersusError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise VersusError(f"{path} is no scores.json of this version: run evaluate again ({error!r}).") from error
    return scores


def rows_by_subject(scores: dict[str, Any]) -> dict[str, Row]:
    """In an order that is the same for the same subjects."""
    return {row["subject"]: row for row in sorted(scores["subjects"], key=lambda row: row["subject"])}


def same_subjects(first: dict[str, Any], second: dict[str, Any], first_path: Path, second_path: Path) -> None:
    """Raise VersusError unless both evaluations saw the same pictures: the same names, and the same input behind
    them."""
    ours, theirs = rows_by_subject(first), rows_by_subject(second)
    alone = sorted(set(ours) ^ set(theirs))
    if alone:
        raise VersusError(
            f"{first_path} and {second_path} are not of the same subjects: {alone[0]} is in one only "
            f"({len(alone)} such). Evaluate both models on one data set."
        )
    for subject, row in ours.items():
        inputs = [restored["restoration"]["input"] for restored in (row, theirs[subject])]
        known = [[inputs[0][name], inputs[1].get(name)] for name in inputs[0]]
        if not all(same(*pair) for pair in known):
            raise VersusError(
                f"{first_path} and {second_path} are not of the same pictures: the input of {subject} differs. "
                "Evaluate both models on one data set."
            )


def same(one: float | None, other: float | None) -> bool:
    return one == other if None in (one, other) else bool(np.isclose(one, other, rtol=SAME, atol=SAME))


def names_of(paths: Sequence[Path]) -> list[str]:
    """What is different in the paths: runs/full/scores.json and runs/without/scores.json -> full, without."""
    if len(set(paths)) < len(paths):
        raise VersusError("The same evaluation is given twice: each can be compared with others only.")
    parts = [path.parts for path in paths]
    begin, end = common(parts), common([part[::-1] for part in parts])
    return ["/".join(part[begin : len(part) - end]) or str(path) for part, path in zip(parts, paths, strict=True)]


def common(sequences: Sequence[Sequence[str]]) -> int:
    """How many parts all begin with."""
    shortest = min(map(len, sequences))
    return next((i for i in range(shortest) if len({each[i] for each in sequences}) > 1), shortest)


def differences(reference: Sequence[Row], rows: Sequence[Row]) -> dict[str, Any]:
    """By figure the paired difference and how it is read; figures that nobody has are left out."""
    found = {}
    for figure in FIGURES:
        difference = paired_difference(map(figure.of, reference), map(figure.of, rows))
        if difference is not None:
            words = ("better", "worse")[:: figure.better]
            found[figure.name] = asdict(difference) | {"reading": difference.reading(*words)}
    return found


def line(figure: Figure, found: dict[str, Any]) -> list[str]:
    """The cells of one figure."""
    return [
        figure.name,
        shown(found["reference"], figure.digits),
        shown(found["other"], figure.digits),
        shown(found["mean"], figure.digits, signed=True),
        interval(found["low"], found["high"], figure.digits),
        f"{found['larger']} / {found['smaller']}",
        found["reading"],
    ]


def versus_as_markdown(comparison: dict[str, Any]) -> str:
    """A table for each evaluation that is compared with the reference."""
    reference = comparison["reference"]["name"]
    parts = [
        f"{comparison['data']}, {comparison['split']} split, {comparison['subjects']} subjects; differences from "
        f"{reference}, subject by subject."
    ]
    for other in comparison["others"]:
        found = other["differences"]
        rows = [line(figure, found[figure.name]) for figure in FIGURES if figure.name in found]
        header = ["", reference, other["name"], "difference", f"{LEVEL} % interval", "higher / lower in", "reading"]
        parts += [f"**{other['name']}**", table(header, rows)]
    parts.append(
        f"Mean paired differences with {LEVEL} % bootstrap intervals over the subjects ({RESAMPLES} resamples, seed "
        f"{SEED}); where an interval contains 0, or fewer than {FEWEST} subjects differ, no difference is shown. One "
        "line in twenty shows a difference by chance alone. The intervals hold for these trained models; another "
        "training of the same method differs too."
    )
    return "\n\n".join(parts) + "\n"
