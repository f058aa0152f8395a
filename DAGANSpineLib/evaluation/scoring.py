"""A model on a data set: table 1's scores, and what its restoration removes and keeps."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..files import whole_folder
from ..inference import Pipeline
from ..metrics import Agreement, Patches, change_of_clean, patches
from ..networks import repair
from ..progress import Progress, unheard
from ..report import overlay
from ..segments import CLASSES
from ..spine import read
from ..training import Record, Sample
from ..vpi import write_image
from .breakdown import PLACES, by_group, by_part, groups_of, torn_part
from .curves import curves_as_markdown, has_truth, score_curves, summarise_curves
from .plots import plot_curves, plot_scores
from .similarity import psnr, similarity
from .subjects import subjects_of, usable, without
from .tables import percent, shown, table

BONES = CLASSES[1:]
WORST = 3  # cases shown as pictures
OUTPUTS = ("scores.json", "scores.md", "scores.png", "curves.png", "worst-*.png")
AVERAGE = "Average: of each picture the mean over the classes in it, true or found, then the mean over the pictures."
LABELS = ("true labels", "model's labels")  # whose curves are measured

Rivals = dict[str, dict[str, dict[str, float | None]]]  # scores of the input and of the classical repair, by subject


def evaluate(
    data: Path,
    pipeline: Pipeline,
    folder: Path,
    split: str = "test",
    progress: Progress = unheard,
    rivals: Rivals | None = None,
) -> dict[str, Any]:
    """Evaluate on the `train` or `test` subjects of a data set; writes scores.json, scores.md, scores.png, worst-*.png
    and, where the true curves are known, curves.png.

    Returns what scores.json holds. Subjects whose files can't be used are left out and named there, with the reason.
    `rivals` is filled with what doesn't depend on the model, and saves the next evaluation of the same data to find it
    out again. Raises DatasetError or OutputError.
    """
    name, records = subjects_of(data, split)
    return evaluate_records(name, records, pipeline, folder, progress, split, rivals)


def evaluate_records(
    name: str,
    records: Sequence[Record],
    pipeline: Pipeline,
    folder: Path,
    progress: Progress = unheard,
    split: str = "test",
    rivals: Rivals | None = None,
) -> dict[str, Any]:
    """The same on these subjects of a data set `name`."""
    rivals = {} if rivals is None else rivals
    rows, agreements, left_out = [], [], {}
    with whole_folder(folder, replaces=OUTPUTS) as target:
        for sample in usable(records, left_out, progress):
            row, agreement, picture = evaluate_subject(sample, pipeline, rivals)
            rows.append(row)
            agreements.append(agreement)
            write_if_worst(target, rows, picture)
        scores = summarise(rows, agreements) | {
            "data": name,
            "split": split,
            "model": {"name": pipeline.model.name, "sha256": pipeline.model.sha256},
            "subjects": rows,
            "left out": left_out,
        }
        (target / "scores.json").write_text(json.dumps(scores, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        (target / "scores.md").write_text(scores_as_markdown(scores), encoding="utf-8")
        plot_scores(scores, target / "scores.png")
        if scores["curves"]:
            plot_curves(scores, target / "curves.png")
        progress(1.0, "Done")
    return scores


def evaluate_subject(
    sample: Sample, pipeline: Pipeline, rivals: Rivals
) -> tuple[dict[str, Any], Agreement, np.ndarray]:
    """One subject's figures, pixel counts, and a picture (expert's labels beside the model's)."""
    pixels = sample.image.astype(np.float32)
    result = pipeline.run(pixels, spacing=sample.spacing)
    agreement = Agreement.of(result.labels, sample.labels)
    body = result.body
    before = patches(pixels, body)

    def scores_of(restored: np.ndarray) -> dict[str, float | None]:
        return restoration_scores(restored, pixels, sample.clean, body, before)

    if sample.subject not in rivals:
        rivals[sample.subject] = {"input": scores_of(pixels), "classical repair": scores_of(repair(pixels, body))}
    row = {
        "subject": sample.subject,
        "size": list(sample.image.shape),
        "segmentation": by_class(agreement),
        "restoration": rivals[sample.subject] | {"model": scores_of(result.restored.astype(np.float32))},
        "parts": scores_of_parts(result.labels, sample, body),
        "groups": list(groups_of(sample.known)),
        "seconds": result.seconds,
        "curves": None,
    }
    if has_truth(sample.known):
        readings = (
            read(sample.labels, body, None, sample.spacing),
            read(result.labels, body, result.probabilities, sample.spacing),
        )
        row["curves"] = {
            whose: score_curves(spine, sample.known) for whose, spine in zip(LABELS, readings, strict=True)
        }
    picture = np.concatenate([overlay(pixels, sample.labels), overlay(result.restored, result.labels)], axis=1)
    return row, agreement, picture


def restoration_scores(
    restored: np.ndarray, pixels: np.ndarray, clean: np.ndarray | None, body: np.ndarray, before: Patches
) -> dict[str, float | None]:
    """What a restoration did: corrupted patches left, largest g, change of clean patches, and PSNR and SSIM where the
    clean truth is known (both within the lit body alone, since black outside it would count as perfect).
    None stands for what the picture has no patches to measure by."""
    after = patches(restored, body)
    scores: dict[str, float | None] = {
        "corrupted patches": int(after.corrupted.sum()),
        "largest g": after.largest,
        "change of clean patches": change_of_clean(restored, pixels, before),
    }
    if clean is not None:
        truth = clean.astype(np.float32)
        scores["PSNR"] = psnr(restored, truth, body)
        scores["SSIM"] = similarity(restored, truth, body)
    return scores


def scores_of_parts(labels: np.ndarray, sample: Sample, body: np.ndarray) -> dict[str, Any]:
    """How much of the lit body is torn, and the Dice there and in the rest of the picture."""
    torn = torn_part(sample, body)
    counted = (Agreement.of(labels[part], sample.labels[part]) for part in (torn, ~torn))
    return {
        "torn share": float(torn[body].mean()) if body.any() else 0.0,
        "dice": {place: by_class(agreement)["dice"] for place, agreement in zip(PLACES, counted, strict=True)},
    }


def by_class(agreement: Agreement) -> dict[str, dict[str, float | None]]:
    """Table 1's scores by class, and "average", the mean of the classes; None for a class that nobody has."""
    scores = {}
    for score, values in agreement.scores().items():
        known = (None if np.isnan(value) else float(value) for value in values)
        by_bone = dict(zip(BONES, known, strict=True))
        scores[score] = by_bone | {"average": mean(by_bone.values())}
    return scores


def mean(values: Iterable[float | None]) -> float | None:
    """Mean of those that exist; None if none does."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def summarise(rows: list[dict[str, Any]], agreements: list[Agreement]) -> dict[str, Any]:
    """Means over the subjects, and scores of the pooled pixels."""
    return means_of(rows) | {
        "pooled": by_class(sum(agreements[1:], agreements[0])),
        "parts": by_part(rows, mean),
        "groups": by_group(rows, mean),
        "curves": curves_of(rows),
    }


def means_of(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Segmentation's and restoration's means over the subjects, of the average too: see `AVERAGE`."""
    per_image = {
        score: {name: mean(row["segmentation"][score][name] for row in rows) for name in (*BONES, "average")}
        for score in rows[0]["segmentation"]
    }
    # a data set may have the clean truth of some subjects only
    names = max((list(row["restoration"]["input"]) for row in rows), key=len)
    restoration = {
        restored: {name: mean(row["restoration"][restored].get(name) for row in rows) for name in names}
        for restored in rows[0]["restoration"]
    }
    return {"per image": per_image, "restoration": restoration}


def curves_of(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The curves of the subjects whose true ones are known, by whose labels were read; None where nobody's are."""
    known = [row for row in rows if row["curves"]]
    shares = [row["parts"]["torn share"] for row in known]
    summary = {whose: summarise_curves([row["curves"][whose] for row in known], shares) for whose in LABELS}
    return summary if known else None


def scores_as_markdown(scores: dict[str, Any]) -> str:
    """The tables for people, in the layout of table 1."""
    columns = ("lumbar", "thoracic", "rib", "average")
    model = scores["model"]
    agreement = [
        [kind] + [" / ".join(shown(percent(values[column])) for values in scores[kind].values()) for column in columns]
        for kind in ("per image", "pooled")
    ]
    names = list(scores["restoration"]["input"])
    restoration = [
        [restored] + [shown(values[name], 4 if name == "SSIM" else 2) for name in names]
        for restored, values in scores["restoration"].items()
    ]
    parts = (
        f"{scores['data']}, {scores['split']} split, {len(scores['subjects'])} subjects; "
        f"model {model['name']}, sha256 {model['sha256'][:12]}…",
        *without(scores["left out"]),
        table(["Dice / Jaccard / pixel accuracy, %", *columns], agreement),
        AVERAGE,
        table(["restoration, mean over subjects", *names], restoration),
        *breakdown_as_markdown(scores, columns),
        *(curves_as_markdown(scores["curves"]) if scores["curves"] else ()),
    )
    return "\n\n".join(parts) + "\n"


def breakdown_as_markdown(scores: dict[str, Any], columns: Sequence[str]) -> Iterator[str]:
    """The tables of torn parts and of groups of subjects, where there are any."""
    parts, groups = scores["parts"], scores["groups"]
    if parts:
        lines = [[place, *dice_cells(parts["dice"][place], columns)] for place in PLACES]
        share = f"{parts['torn share']:.0%} of the lit body of {parts['subjects']} subjects"
        yield table([f"Dice, %, where the picture is torn ({share})", *columns], lines)
    if groups:
        lines = [[name, str(group["subjects"]), *dice_cells(group["dice"], columns)] for name, group in groups.items()]
        yield table(["Dice, %, mean over the subjects of a group", "subjects", *columns], lines)


def dice_cells(dice: dict[str, float | None], columns: Sequence[str]) -> list[str]:
    return [shown(percent(dice[column])) for column in columns]


def average_dice(row: dict[str, Any]) -> float | None:
    return row["segmentation"]["dice"]["average"]


def write_if_worst(folder: Path, rows: list[dict[str, Any]], picture: np.ndarray) -> None:
    """Keep pictures of the lowest average Dice so far, expert's labels left, the model's right."""
    scored = [row for row in rows if average_dice(row) is not None]
    worst = sorted(scored, key=average_dice)[:WORST]
    if rows[-1] in worst:
        image = sitk.GetImageFromArray(picture, isVector=True)
        write_image(image, folder / f"worst-{rows[-1]['subject']}.png")
    for row in rows:
        if row not in worst:
            (folder / f"worst-{row['subject']}.png").unlink(missing_ok=True)
