"""Where the noise is: how well the systems of a comparison segment the torn parts of the test pictures, and the rest.

    python -m DAGANSpineLib benchmark --data mixed -o comparison
    python Testing/Benchmarks/torn_parts.py --data mixed severe --comparison comparison

Over whole pictures, what restoration does for the Dice drowns in what every system sees alike. A torn part is where
torn pixels lie close; in a data set that doesn't know them, all that a corrupted patch of the input covers (g of at
least 4, every 8 pixels). "Clean truth" is the clean picture that only a simulation knows, in the place of the restored
one: what a perfect restoration would bring the vanilla FPN and DA-GAN's segmenter alone, which have learnt from torn
pictures, and DA-GAN's segmenter behind its restoration, which has learnt from restored ones. Each subject has a Dice of
its own from each training; differences have intervals over both, as in benchmark.md. Writes torn-parts-mixed.json and
.md, and so for each data set, into the comparison's folder; about half a minute a model and data set.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from DAGANSpineLib.baselines.systems import ALONE, REFERENCE, SYSTEMS, VANILLA, System
from DAGANSpineLib.commands.terminal import Bar, reported
from DAGANSpineLib.evaluation.breakdown import PLACES, torn_part
from DAGANSpineLib.evaluation.crossed import ERROR, FEWEST_SEEDS, Scores, as_scores, read_differences
from DAGANSpineLib.evaluation.job import RECORD
from DAGANSpineLib.evaluation.kept import FILE, read_kept
from DAGANSpineLib.evaluation.paired import FEWEST, LEVEL, RESAMPLES, SEED
from DAGANSpineLib.evaluation.scoring import by_class, mean
from DAGANSpineLib.evaluation.severity import OUTSIDE, called
from DAGANSpineLib.evaluation.subjects import subjects_of
from DAGANSpineLib.evaluation.tables import difference, percent, shown, table
from DAGANSpineLib.files import whole_file
from DAGANSpineLib.inference import Pipeline, labels_of
from DAGANSpineLib.metrics import Agreement
from DAGANSpineLib.report import DISCLAIMER
from DAGANSpineLib.training import RunFolder
from DAGANSpineLib.training.dataset import DatasetError, Sample, load
from DAGANSpineLib.vpi import lit_body

SHOWN_CLEAN = (VANILLA, ALONE, "da-gan")  # keys of those whose segmenters see the clean truth, too

Samples = Sequence[tuple[Sample, np.ndarray]]  # subjects, each with where it is torn


def labelled(pipeline: Pipeline, sample: Sample, clean: bool) -> np.ndarray:
    """What a model segments: the input, restored by itself, or the clean truth as it is."""
    if not clean:
        return pipeline.run(sample.image.astype(np.float32), spacing=sample.spacing).labels
    return labels_of(pipeline.segment(sample.clean, lit_body(sample.image)))


def dice(labels: np.ndarray, sample: Sample, part: np.ndarray) -> float | None:
    """Mean of the bones' Dice in per cent within a part of the picture; None where it has none, true or found."""
    return percent(by_class(Agreement.of(labels[part], sample.labels[part]))["dice"]["average"])


def of_models(paths: Sequence[Path], samples: Samples, clean: bool) -> dict[str, Scores]:
    """The Dice of each training and subject, by place; see `labelled`."""
    found: dict[str, list[list[float | None]]] = {place: [] for place in PLACES}
    for path in paths:
        pipeline, rows = Pipeline.load(path), []
        for sample, torn in samples:
            labels = labelled(pipeline, sample, clean)
            rows.append([dice(labels, sample, part) for part in (torn, ~torn)])
        for place, row in zip(PLACES, zip(*rows, strict=True), strict=True):
            found[place].append(row)
    return {place: as_scores(rows) for place, rows in found.items()}


def compared(scores: Mapping[str, Scores]) -> dict[str, dict[str, Any]]:
    """Each one's mean Dice at a place, over subjects and trainings, and how it differs from DA-GAN's; see
    `read_differences`. Who is outside the ranking differs from nobody."""
    others = {name: each for name, each in scores.items() if name not in {REFERENCE, *OUTSIDE}}
    differences = read_differences(scores[REFERENCE], others, "better", "worse")
    return {
        name: {"dice": mean(mean_of_known(row) for row in each), "difference": differences.get(name)}
        for name, each in scores.items()
    }


def mean_of_known(row: np.ndarray) -> float | None:
    """Mean over the subjects that have a Dice."""
    return mean(None if np.isnan(value) else value for value in row)


def models_of(comparison: Path) -> tuple[dict[System, list[Path]], list[str]]:
    """Of each system the models of its finished trainings, in the tables' order; and a sentence for each whose scores
    are known, but some of whose models are not there."""
    kept = read_kept(comparison / FILE)[1] if (comparison / FILE).is_file() else []
    models, sentences = {}, []
    for system in SYSTEMS:
        folders = (record.parent for record in (comparison / "runs" / system.key).glob(f"seed-*/{RECORD}"))
        finished = {folder.name: RunFolder(folder).best for folder in folders}
        there = {name: path for name, path in finished.items() if path.is_file()}
        known = {f"seed-{each.seed}" for each in kept if each.system == system} | finished.keys()
        if gone := sorted(known - there.keys()):
            left = f"measured with {len(there)} of {len(known)} trainings" if there else "left out"
            sentences.append(f"{system.name}: the models of {', '.join(gone)} are not there any more; {left}.")
        if there:
            models[system] = [there[name] for name in sorted(there)]
    return models, sentences


def measure(data: Path, models: Mapping[System, Sequence[Path]]) -> dict[str, Any]:
    """Trained systems, on a data set's test subjects that are torn somewhere. Raises DatasetError if there are none."""
    dataset, records = subjects_of(data, "test")
    loaded = [load(record) for record in records]
    bodies = {sample.subject: lit_body(sample.image) for sample in loaded}
    parts = ((sample, torn_part(sample, bodies[sample.subject])) for sample in loaded)
    samples = [(sample, torn) for sample, torn in parts if torn.any()]
    if not samples:
        raise DatasetError(f"No test subject of {dataset} has a corrupted patch: there is nothing to restore.")
    known = all(sample.clean is not None for sample, _ in samples)
    bar, found = Bar(f"Segmenting {data.name}"), {}
    for index, (system, paths) in enumerate(models.items()):
        bar(index / len(models), system.name)
        found[system.name] = of_models(paths, samples, clean=False)
        if known and system.key in SHOWN_CLEAN:
            found[f"clean truth, segmented by {system.name}"] = of_models(paths, samples, clean=True)
    bar(1.0, "Done")
    by_place = {place: compared({name: each[place] for name, each in found.items()}) for place in PLACES}
    return {
        "data": dataset,
        "subjects": len(samples),
        "torn share of the lit body": float(np.mean([torn[bodies[sample.subject]].mean() for sample, torn in samples])),
        "trainings": {name: len(each[PLACES[0]]) for name, each in found.items()},
        "systems": {name: {place: by_place[place][name] for place in PLACES} for name in found},
    }


def cells(found: Mapping[str, Any]) -> tuple[str, str]:
    """The Dice at one place, and how far it is from the reference's."""
    return shown(found["dice"]), difference(found["difference"])


def as_markdown(found: Mapping[str, Any], without: Sequence[str] = ()) -> str:
    """The table for people, and in sentences who is left out."""
    rows = [
        [called(name), *cells(each["torn"]), *cells(each["rest"]), str(found["trainings"][name])]
        for name, each in found["systems"].items()
    ]
    said = ["\n".join(f"- {sentence}" for sentence in without)] if without else []
    about = (
        f"{found['data']}: {found['subjects']} test subjects with torn parts, which cover "
        f"{found['torn share of the lit body']:.0%} of the lit body. Average Dice in per cent, means over subjects and "
        f"trainings; differences with {LEVEL} % bootstrap intervals over both ({RESAMPLES} resamples, seed {SEED}; "
        f"fewer than {FEWEST_SEEDS} trainings of either, or than {FEWEST} subjects, have none). Bold: shown, which is "
        f"p below {ERROR:.2f} after Holm's correction for the lines of the table. All systems segment a picture and "
        "its mirror image, and average the two answers. In brackets: outside any ranking."
    )
    header = ["", "torn parts", f"minus {REFERENCE}", "the rest", f"minus {REFERENCE}", "trainings"]
    return "\n\n".join([about, table(header, rows), *said, DISCLAIMER]) + "\n"


def write(found: Mapping[str, Any], without: Sequence[str], folder: Path, name: str) -> str:
    """Write both files of a data set of this name; returns the text."""
    text = as_markdown(found, without)
    record = json.dumps(found | {"without": list(without)}, indent=1, ensure_ascii=False) + "\n"
    for ending, content in ((".json", record), (".md", text)):
        with whole_file(folder / f"torn-parts-{name}{ending}") as path:
            path.write_text(content, encoding="utf-8")
    return text


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data",
        type=Path,
        nargs="+",
        required=True,
        metavar="DIR",
        help="data sets, whose names are those of the files",
    )
    parser.add_argument("--comparison", type=Path, required=True, metavar="DIR", help="the folder of `benchmark`")
    chosen = parser.parse_args(arguments)
    names = [path.resolve().name for path in chosen.data]
    if len(set(names)) < len(names):
        parser.error("two of these data sets have one and the same name, and so would their files")
    models, without = models_of(chosen.comparison)
    if REFERENCE not in (system.name for system in models):
        parser.error(f"{chosen.comparison} has no trained {REFERENCE} to compare with: run benchmark first")
    for data, name in zip(chosen.data, names, strict=True):
        print(write(measure(data, models), without, chosen.comparison, name))


if __name__ == "__main__":
    sys.exit(reported("torn_parts", main))
