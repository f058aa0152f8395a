"""Whether missing and invented bones turn curves: true labels, spoilt at random, and read again.

    daganspine simulate -o test --severity mild --subjects 109 --seed 0
    python Testing/Benchmarks/spoilt_bones.py --data test

Of each test subject's true labels a fifth of the vertebrae's blobs and lumps is taken away, and five blobs as large as
its usual ones, thoracic or lumbar, are put anywhere among the others, within the lit body; by several draws. Prints how
far curves of 10° and more are off, how many are missed and invented, and how plausible the spines are, as labelled and
spoilt; a third of a second a reading.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from scipy import ndimage

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from DAGANSpineLib.commands.terminal import Bar  # noqa: E402
from DAGANSpineLib.evaluation.curves import score_curves, summarise_curves  # noqa: E402
from DAGANSpineLib.evaluation.tables import shown, table  # noqa: E402
from DAGANSpineLib.spine import read  # noqa: E402
from DAGANSpineLib.training import load, open_dataset  # noqa: E402
from DAGANSpineLib.training.dataset import Sample  # noqa: E402
from DAGANSpineLib.vpi import lit_body  # noqa: E402

VERTEBRAE = 2, 3  # labels of thoracic and lumbar bone
GONE, INVENTED = 0.2, 5  # share of the bones taken away, and how many are invented


def spoilt(labels: np.ndarray, body: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Labels (rows, columns) with `GONE` of the vertebrae's bones less, and `INVENTED` more within `body`, bool (rows,
    columns)."""
    bones = [
        (value, pieces == piece)
        for value in VERTEBRAE
        for pieces, count in [ndimage.label(labels == value)]
        for piece in range(1, count + 1)
    ]
    changed = labels.copy()
    for place in random.permutation(len(bones))[: round(GONE * len(bones))]:
        changed[bones[place][1]] = 0
    rows = np.flatnonzero(np.isin(labels, VERTEBRAE).any(1))
    reach = np.isin(np.arange(len(labels)), np.arange(rows[0], rows[-1] + 1))
    places = np.argwhere(body & reach[:, None])
    y, x = np.ogrid[: labels.shape[0], : labels.shape[1]]
    radius = np.sqrt(np.median([bone.sum() for _value, bone in bones]) / np.pi)
    for row, column in random.choice(places, INVENTED):
        changed[(y - row) ** 2 + (x - column) ** 2 < radius**2] = random.choice(VERTEBRAE)
    return changed


def readings_of(sample: Sample, draws: int, seed: int) -> list[dict]:
    """The curves' scores of a subject's labels: as they are first, then of each draw."""
    body, random = lit_body(sample.image.astype(np.float32)), np.random.default_rng(seed)
    every = [sample.labels, *(spoilt(sample.labels, body, random) for _draw in range(draws))]
    spacing = tuple(sample.known["spacing_mm"])
    return [score_curves(read(labels, body, None, spacing), sample.known) for labels in every]


def row_of(name: str, scores: list[dict], plain: list[dict]) -> list[str]:
    """A line of the table. `plain`: the scores of the labels as they are."""
    found = summarise_curves(scores, [0] * len(scores))
    falls = [one["plausibility"] < other["plausibility"] for one, other in zip(scores, plain, strict=True)]
    return [
        name,
        shown(found["all"]["mean absolute error"]),
        str(found["all"]["missed"]),
        str(sum(found["invented by size"].values())),
        str(found["spines given no curves"]),
        shown(float(np.mean([score["plausibility"] for score in scores]))),
        "–" if scores is plain else f"{sum(falls)} of {len(falls)}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="data set whose test subjects are spoilt")
    parser.add_argument("--draws", type=int, default=5)
    arguments = parser.parse_args()
    records, bar, found = open_dataset(arguments.data).test, Bar("Spoiling"), []
    for index, record in enumerate(records):
        bar(index / len(records), record.subject)
        found.append(readings_of(load(record), arguments.draws, index))
    bar.clear()
    plain, *draws = map(list, zip(*found, strict=True))
    rows = [row_of("as labelled", plain, plain)]
    rows += [row_of(f"spoilt, draw {number}", scores, plain) for number, scores in enumerate(draws, 1)]
    curves = len([curve for score in plain for curve in score["curves"]])
    print(f"{len(records)} subjects, {curves} curves; of the bones {GONE:.0%} taken away, {INVENTED} invented:\n")
    header = ["mean absolute error, °", "missed", "invented", "no spine", "plausibility", "falls in"]
    print(table(["", *header], rows))
    error = [summarise_curves(scores, [0] * len(scores))["all"]["mean absolute error"] for scores in (plain, *draws)]
    print(f"\nMean error of all draws minus that as labelled: {np.mean(error[1:]) - error[0]:+.2f}°")


if __name__ == "__main__":
    main()
