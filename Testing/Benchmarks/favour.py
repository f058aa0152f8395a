"""By how much a bone is favoured against the background: what that does to the Dice.

    daganspine simulate -o mild --subjects 109 --seed 0 --severity mild
    daganspine simulate -o severe --subjects 109 --seed 0 --severity severe
    python Testing/Benchmarks/favour.py --data mild severe

Of each data set's training subjects, which the bundled model has not learnt from, the first ones; its test subjects
have no part in the decision. Prints a table: average Dice, %, and its classes'.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from DAGANSpineLib.commands.terminal import Bar, reported  # noqa: E402
from DAGANSpineLib.inference import Pipeline, labels_of  # noqa: E402
from DAGANSpineLib.metrics import Agreement  # noqa: E402
from DAGANSpineLib.segments import CLASSES  # noqa: E402
from DAGANSpineLib.training import load, open_dataset  # noqa: E402

FAVOURS = (1.0, 1.5, 2.0, 3.0, 4.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="data sets")
    parser.add_argument("--model", type=Path, help="a model file (default: the bundled one)")
    parser.add_argument("--subjects", type=int, default=16, help="of each data set")
    arguments = parser.parse_args()
    pipeline = Pipeline.load(arguments.model)
    print(f"| data | favour | average | {' | '.join(CLASSES[1:])} |\n|---|---|---|---|---|---|")
    for folder in arguments.data:
        records = open_dataset(folder).train[: arguments.subjects]
        found: dict[float, list[np.ndarray]] = {favour: [] for favour in FAVOURS}
        bar = Bar("Segmenting")
        for index, record in enumerate(records):
            bar(index / len(records), record.subject)
            sample = load(record)
            probabilities = pipeline.run(sample.image.astype(np.float32), spacing=sample.spacing).probabilities
            for favour, scores in found.items():
                scores.append(Agreement.of(labels_of(probabilities, favour), sample.labels).scores()["dice"])
        bar.clear()
        for favour, scores in found.items():
            dice = 100 * np.nanmean(scores, 0)
            print(f"| {folder.name} | {favour:g} | {' | '.join(f'{value:.2f}' for value in (dice.mean(), *dice))} |")


if __name__ == "__main__":
    sys.exit(reported("favour", main))
