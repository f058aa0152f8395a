"""How well a model bears what hospitals do to a picture: its Dice under each change, beside that of the picture as it
is."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..files import whole_folder
from ..inference import Pipeline
from ..metrics import Agreement
from ..progress import Progress, unheard
from ..report import overlay
from ..training import Sample
from ..vpi import grey
from .changes import CHANGES
from .paired import LEVEL, RESAMPLES, SEED, paired_difference
from .plots import plot_sheet
from .scoring import by_class
from .subjects import subjects_of, usable, without
from .tables import interval, percent, shown, table

OUTPUTS = ("robustness.json", "robustness.md", "sheet.png")
COLUMNS = ("lumbar", "thoracic", "rib", "average")
UNCHANGED = "as it is"


def robustness(
    data: Path, pipeline: Pipeline, folder: Path, subjects: int | None = None, progress: Progress = unheard
) -> dict[str, Any]:
    """Evaluate on the first test subjects of a data set (all for None) under each change; writes robustness.json,
    robustness.md and sheet.png, which shows the first of them.

    Returns what robustness.json holds. Raises DatasetError or OutputError.
    """
    name, records = subjects_of(data, "test")
    records = records[:subjects]
    rows, left_out, sheet = [], {}, {}
    with whole_folder(folder, replaces=OUTPUTS) as target:
        for sample in usable(records, left_out, unheard):
            begun = (len(rows) + len(left_out)) / len(records)
            row, pictures = under_each_change(
                sample, pipeline, lambda part, doing, begun=begun: progress(begun + part / len(records), doing)
            )
            rows.append(row)
            sheet = sheet or {f"truth, {sample.subject}": overlay(sample.image, sample.labels)} | pictures
        report = {
            "data": name,
            "model": {"name": pipeline.model.name, "sha256": pipeline.model.sha256},
            "bootstrap": {"resamples": RESAMPLES, "seed": SEED, "interval, per cent": LEVEL},
            "changes": {name: summarise([row["dice"][name] for row in rows]) for name in rows[0]["dice"]},
            "subjects": rows,
            "left out": left_out,
        }
        text = json.dumps(report, indent=1, ensure_ascii=False)
        (target / "robustness.json").write_text(text + "\n", encoding="utf-8")
        (target / "robustness.md").write_text(robustness_as_markdown(report), encoding="utf-8")
        plot_sheet(sheet, f"{name}: one subject as {pipeline.model.name} restores and labels it", target / "sheet.png")
        progress(1.0, "Done")
    return report


def under_each_change(
    sample: Sample, pipeline: Pipeline, progress: Progress
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """One subject's Dice under each change, and how each looks, restored and with its labels.

    Each has two: that of the changed picture, measured on its own grid, and that of the labels found in the picture
    as it is, changed alongside. So what is cut off counts in neither.
    """
    progress(0.0, f"{sample.subject}, {UNCHANGED}")
    result = pipeline.run(sample.image.astype(np.float32), spacing=sample.spacing)
    dice = {UNCHANGED: scores(result.labels, result.labels, sample.labels)}
    pictures = {UNCHANGED: overlay(result.restored, result.labels)}
    for index, (name, change) in enumerate(CHANGES.items(), start=1):
        progress(index / (len(CHANGES) + 1), f"{sample.subject}, {name}")
        pixels, (truth, unchanged) = change(sample.image, (sample.labels, result.labels))
        # as a file of it would be read: without its background
        changed = pipeline.run(grey(pixels), spacing=pixel_size(sample, pixels))
        dice[name] = scores(changed.labels, unchanged, truth)
        pictures[name] = overlay(changed.restored, changed.labels)
    return {"subject": sample.subject, "dice": dice}, pictures


def pixel_size(sample: Sample, changed: np.ndarray) -> tuple[float, float] | None:
    """Of a changed picture, mm between rows and columns: it is as wide as the sample's, whatever its pixels are. None
    where the sample's is unknown."""
    if sample.spacing is None:
        return None
    larger = sample.image.shape[1] / changed.shape[1]
    return sample.spacing[0] * larger, sample.spacing[1] * larger


def scores(changed: np.ndarray, unchanged: np.ndarray, truth: np.ndarray) -> dict[str, dict[str, float | None]]:
    """Dice by class of both label pictures, all (rows, columns) on the changed grid."""
    return {
        "changed": by_class(Agreement.of(changed, truth))["dice"],
        "unchanged": by_class(Agreement.of(unchanged, truth))["dice"],
    }


def summarise(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """By class the paired difference between the changed picture and the unchanged one, over the subjects."""
    found = {}
    for name in COLUMNS:
        difference = paired_difference(*([row[kind][name] for row in rows] for kind in ("unchanged", "changed")))
        found[name] = difference and asdict(difference) | {"reading": difference.reading("higher", "lower")}
    return found


def robustness_as_markdown(report: dict[str, Any]) -> str:
    """One line for each change."""
    model = report["model"]
    rows = []
    for name, found in report["changes"].items():
        cells = [shown(found[column] and percent(found[column]["other"])) for column in COLUMNS]
        rows.append([name, *cells, *(["", "", ""] if name == UNCHANGED else difference_cells(found["average"]))])
    parts = (
        f"{report['data']}, test split, {len(report['subjects'])} subjects; model {model['name']}, "
        f"sha256 {model['sha256'][:12]}…",
        *without(report["left out"]),
        table(["Dice, %, mean over subjects", *COLUMNS, "average, difference", f"{LEVEL} % interval", "reading"], rows),
        "The difference is that from the labels found in the picture as it is, on the same part of the same subjects: "
        "what is cut off or black counts in neither. "
        f"Intervals are bootstrapped over the subjects ({RESAMPLES} resamples, seed {SEED}).",
    )
    return "\n\n".join(parts) + "\n"


def difference_cells(found: dict[str, Any] | None) -> list[str]:
    """Mean, interval and reading of a difference."""
    if found is None:
        return ["–", "–", "no subject has any bone there"]
    mean, low, high = (percent(found[key]) for key in ("mean", "low", "high"))
    return [shown(mean, signed=True), interval(low, high), found["reading"]]
