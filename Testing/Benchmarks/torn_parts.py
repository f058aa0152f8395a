"""Where the noise is: how well the systems of a comparison segment the torn parts of the test pictures, and the rest.

    python -m DAGANSpineLib benchmark --data data -o comparison
    python Testing/Benchmarks/torn_parts.py --data data --comparison comparison

Over whole pictures, what restoration does for the Dice drowns in what every system sees alike. A torn part is where
torn pixels lie close; in a data set that doesn't know them, all that a corrupted patch of the input covers (g of at
least 4, every 8 pixels). "Clean truth" is the clean picture that only a simulation knows, in the place of the restored
one: what a perfect restoration would bring the vanilla FPN, which has learnt from torn pictures, and DA-GAN's
segmenter, which has learnt from restored ones. Writes torn-parts.json and torn-parts.md into the comparison's folder;
about half a minute a model.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from DAGANSpineLib.baselines.systems import REFERENCE, SYSTEMS
from DAGANSpineLib.commands.terminal import Bar, reported
from DAGANSpineLib.evaluation.breakdown import PLACES, torn_part
from DAGANSpineLib.evaluation.paired import LEVEL, RESAMPLES, SEED
from DAGANSpineLib.evaluation.subjects import subjects_of
from DAGANSpineLib.evaluation.tables import interval, shown, table
from DAGANSpineLib.files import whole_file
from DAGANSpineLib.inference import Pipeline, labels_of
from DAGANSpineLib.metrics import Agreement
from DAGANSpineLib.report import DISCLAIMER
from DAGANSpineLib.training.dataset import DatasetError, Sample, load
from DAGANSpineLib.vpi import lit_body

SHOWN_CLEAN = ("Vanilla FPN", REFERENCE)  # whose segmenters see the clean truth, too

Counts = np.ndarray  # pixels (places, subjects, 3, bones): in both, predicted, in the truth


def labelled(pipeline: Pipeline, sample: Sample, clean: bool) -> np.ndarray:
    """What a model segments: the input, restored by itself, or the clean truth as it is."""
    if not clean:
        return pipeline.run(sample.image.astype(np.float32), spacing=sample.spacing).labels
    return labels_of(pipeline.segment(sample.clean, lit_body(sample.image)))


def counted(labels: np.ndarray, sample: Sample, part: np.ndarray) -> list[np.ndarray]:
    """How labels agree with the truth within a part of the picture, in pixels."""
    agreement = Agreement.of(labels[part], sample.labels[part])
    return [agreement.both, agreement.predicted, agreement.truth]


def of_models(paths: Sequence[Path], samples: Sequence[Sample], torn: Sequence[np.ndarray], clean: bool) -> Counts:
    """What the trainings of one system count, together."""
    found = []
    for path in paths:
        pipeline = Pipeline.load(path)
        for sample, part in zip(samples, torn, strict=True):
            labels = labelled(pipeline, sample, clean)
            found.append([counted(labels, sample, place) for place in (part, ~part)])
    by_training = np.array(found).reshape(len(paths), len(samples), *np.shape(found[0]))
    return by_training.sum(0).swapaxes(0, 1)


def dice(counts: np.ndarray) -> np.ndarray:
    """Mean of the bones' Dice in per cent, of the pixels of all subjects: (…, subjects, 3, bones) -> (…)."""
    return 100 * np.nanmean(Agreement(*np.moveaxis(counts.sum(-3), -2, 0)).scores()["dice"], -1)


def compared(found: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    """The Dice at one place, and its difference from the reference's, with a paired interval over the subjects."""
    chosen = np.random.default_rng(SEED).integers(len(found), size=(RESAMPLES, len(found)))
    tail = (100 - LEVEL) / 2
    low, high = np.percentile(dice(found[chosen]) - dice(reference[chosen]), [tail, 100 - tail])
    return {
        "dice": float(dice(found)),
        "difference": float(dice(found) - dice(reference)),
        "low": float(low),
        "high": float(high),
    }


def measure(data: Path, comparison: Path) -> dict[str, Any]:
    """Every trained system of the comparison, on the test subjects that are torn somewhere. Raises DatasetError if
    there are none."""
    dataset, records = subjects_of(data, "test")
    samples = [load(record) for record in records]
    pairs = [(sample, part) for sample in samples if (part := torn_part(sample, lit_body(sample.image))).any()]
    if not pairs:
        raise DatasetError(f"No test subject of {dataset} has a corrupted patch: there is nothing to restore.")
    samples, torn = zip(*pairs, strict=True)
    known = all(sample.clean is not None for sample in samples)
    bar, found = Bar("Segmenting"), {}
    for index, system in enumerate(SYSTEMS):
        bar(index / len(SYSTEMS), system.name)
        records = sorted((comparison / "runs" / system.key).glob("seed-*/job.json"))
        models = [record.with_name("best.pt") for record in records]
        if models:
            found[system.name] = of_models(models, samples, torn, clean=False)
        if models and known and system.name in SHOWN_CLEAN:
            found[f"clean truth, segmented by {system.name}"] = of_models(models, samples, torn, clean=True)
    bar(1.0, "Done")
    return {
        "data": dataset,
        "subjects": len(samples),
        "torn share of the lit body": float(np.mean([part[lit_body(sample.image)].mean() for sample, part in pairs])),
        "systems": {
            name: {place: compared(counts[index], found[REFERENCE][index]) for index, place in enumerate(PLACES)}
            for name, counts in found.items()
        },
    }


def cells(found: dict[str, float]) -> tuple[str, str]:
    """The Dice at one place, and how far it is from the reference's."""
    difference = f"{shown(found['difference'], signed=True)} ({interval(found['low'], found['high'])})"
    return shown(found["dice"]), difference


def as_markdown(found: dict[str, Any]) -> str:
    """The table for people."""
    rows = [[name, *cells(each["torn"]), *cells(each["rest"])] for name, each in found["systems"].items()]
    return (
        f"{found['data']}: {found['subjects']} test subjects with corrupted patches, which cover "
        f"{found['torn share of the lit body']:.0%} of the lit body. Average Dice in per cent, of the pixels of all "
        f"subjects and seeds; paired differences with {LEVEL} % bootstrap intervals over the subjects ({RESAMPLES} "
        f"resamples, seed {SEED}).\n\n"
        + table(["", "torn parts", f"minus {REFERENCE}", "the rest", f"minus {REFERENCE}"], rows)
        + f"\n\n{DISCLAIMER}\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the data set of the comparison")
    parser.add_argument("--comparison", type=Path, required=True, metavar="DIR", help="the folder of `benchmark`")
    arguments = parser.parse_args()
    if not list(arguments.comparison.glob("runs/da-gan/seed-*/job.json")):
        parser.error(f"{arguments.comparison} has no trained {REFERENCE} to compare with: run benchmark first")
    found = measure(arguments.data, arguments.comparison)
    for ending, text in ((".json", json.dumps(found, indent=1) + "\n"), (".md", as_markdown(found))):
        with whole_file(arguments.comparison / f"torn-parts{ending}") as path:
            path.write_text(text, encoding="utf-8")
    print(as_markdown(found))


if __name__ == "__main__":
    sys.exit(reported("torn_parts", main))
