"""What limits the bundled model: its resolution, how often it looks, how far its generator sees.

    daganspine simulate -o mixed --subjects 109 --seed 0
    daganspine simulate -o severe --subjects 109 --seed 0 --severity severe
    python Testing/Benchmarks/limits.py --data mixed severe

Of each data set's test subjects:

- the Dice that labels keep which are brought to the network's 256 x 1024 pixels, or to its head's quarter of that, and
  back;
- the Dice of the segmenter that looks once, that averages with the mirrored picture (as the pipeline does), and that
  averages over shifted and over smaller pictures as well, with the paired difference from the pipeline's;
- where no frame was, the restored picture's error by how far the nearest filled pixel of the column lies, in grey
  levels (root of the mean square), beside the classical repair's, which interpolates down the columns.

Prints three tables; about ten seconds a subject.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch

from DAGANSpineLib.commands.terminal import Bar, reported
from DAGANSpineLib.evaluation.paired import paired_difference
from DAGANSpineLib.evaluation.tables import interval, shown, table
from DAGANSpineLib.inference import Pipeline, labels_of
from DAGANSpineLib.metrics import Agreement
from DAGANSpineLib.networks import resize, shrink
from DAGANSpineLib.networks.classical_repair import ClassicalRepair
from DAGANSpineLib.segments import CLASSES
from DAGANSpineLib.training import Sample, load, open_dataset
from DAGANSpineLib.vpi import NETWORK_SIZE, denormalise, normalise

SHIFT = 0.02  # of a picture's height and width
SMALLER = 0.04  # margin on each side, of height and width
DISTANCES = ((1, 1), (2, 3), (4, 11), (12, 23), (24, 10**6))  # pixels up or down to the nearest filled one


def dice(labels: np.ndarray, truth: np.ndarray) -> float:
    """Average over the classes, in per cent."""
    return 100 * float(np.nanmean(Agreement.of(labels, truth).scores()["dice"]))


def there_and_back(truth: np.ndarray, coarser: int) -> np.ndarray:
    """Labels (rows, columns) as the network could give them at best, at a `coarser` resolution than its input's."""
    one_hot = torch.from_numpy(np.eye(len(CLASSES), dtype=np.float32)[truth]).permute(2, 0, 1)[None]
    small = shrink(one_hot, [size // coarser for size in NETWORK_SIZE])
    return resize(resize(small, NETWORK_SIZE), truth.shape)[0].argmax(0).numpy()


def seen_with(pipeline: Pipeline, sides: Sequence[float]) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """The pipeline's answer to a picture with black margins: above, below, left and right, of its height and width."""

    def answer(restored: np.ndarray, body: np.ndarray) -> np.ndarray:
        rows, columns = restored.shape
        sizes = rows, rows, columns, columns
        above, below, left, right = (round(share * size) for share, size in zip(sides, sizes, strict=True))
        margins = (above, below), (left, right)
        answers = pipeline.segment(np.pad(restored, margins), np.pad(body, margins))
        return answers[:, above : above + rows, left : left + columns]

    return answer


def once(pipeline: Pipeline) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """The segmenter's answer to the picture as it is, not mirrored."""

    def answer(restored: np.ndarray, body: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            small = shrink(torch.from_numpy(normalise(restored).astype(np.float32))[None, None], NETWORK_SIZE)
            return resize(pipeline.model.segmenter(small).softmax(1), restored.shape)[0].numpy()

    return answer


def ways(pipeline: Pipeline) -> dict[str, list[Callable[[np.ndarray, np.ndarray], np.ndarray]]]:
    """How the segmenter may look at a picture: the answers that are averaged."""
    usual = [seen_with(pipeline, (0, 0, 0, 0))]
    shifted = [seen_with(pipeline, sides) for sides in ((SHIFT, 0, SHIFT, 0), (0, SHIFT, 0, SHIFT))]
    smaller = [seen_with(pipeline, (SMALLER,) * 4)]
    return {
        "mirrored": usual, "once": [once(pipeline)], "mirrored, shifted": usual + shifted,
        "mirrored, smaller": usual + smaller,
    }  # fmt: skip


def errors(sample: Sample, restored: np.ndarray, repaired: np.ndarray, body: np.ndarray) -> Iterator[tuple]:
    """By distance: how many unfilled pixels, and the squared errors of both, summed."""
    unfilled = (sample.image == 0) & body
    filled = sitk.GetImageFromArray((~unfilled).astype(np.uint8))
    filled.SetSpacing((1e6, 1.0))  # columns far apart: up and down alone
    distance = sitk.GetArrayFromImage(sitk.SignedMaurerDistanceMap(filled, False, False, True))
    for nearest, farthest in DISTANCES:
        here = unfilled & (distance >= nearest - 0.5) & (distance < farthest + 0.5)
        truth = sample.clean[here].astype(float)
        yield here.sum(), ((restored[here] - truth) ** 2).sum(), ((repaired[here] - truth) ** 2).sum()


def repaired_classically(pixels: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        tensor = torch.from_numpy(normalise(pixels).astype(np.float32))[None, None]
        return denormalise(ClassicalRepair()(tensor)[0, 0].numpy())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="data sets with the clean truth")
    parser.add_argument("--model", type=Path, help="a model file (default: the bundled one)")
    parser.add_argument("--subjects", type=int, help="of each data set (default: all of its test subjects)")
    arguments = parser.parse_args()
    pipeline = Pipeline.load(arguments.model)
    looks = ways(pipeline)
    kept, seen, filled = [], [], []
    for folder in arguments.data:
        records, bar = open_dataset(folder).test[: arguments.subjects], Bar(folder.name)
        scores = {name: [] for name in ("256 x 1024", "64 x 256", *looks)}
        sums = np.zeros((len(DISTANCES), 3))
        for index, record in enumerate(records):
            bar(index / len(records), record.subject)
            sample = load(record)
            result = pipeline.run(sample.image.astype(np.float32))
            for name, coarser in (("256 x 1024", 1), ("64 x 256", 4)):
                scores[name].append(dice(there_and_back(sample.labels, coarser), sample.labels))
            for name, answers in looks.items():
                mean = np.mean([answer(result.restored, result.body) for answer in answers], axis=0)
                scores[name].append(dice(labels_of(mean), sample.labels))
            sums += list(errors(sample, result.restored, repaired_classically(sample.image), result.body))
        bar.clear()
        kept.append([folder.name, *(shown(np.mean(scores[name])) for name in ("256 x 1024", "64 x 256"))])
        for name in looks:
            difference = paired_difference(scores["mirrored"], scores[name])
            apart = f"{shown(difference.mean, signed=True)} ({interval(difference.low, difference.high)})"
            seen.append([folder.name, name, shown(np.mean(scores[name])), "" if name == "mirrored" else apart])
        for (nearest, farthest), (pixels, ours, classical) in zip(DISTANCES, sums, strict=True):
            span = f"{nearest} – {farthest}" if farthest < DISTANCES[-1][1] else f"{nearest} and more"
            roots = [shown(np.sqrt(total / pixels)) if pixels else "–" for total in (ours, classical)]
            filled.append([folder.name, span, f"{int(pixels)}", *roots])
    print(table(["labels brought to", "256 x 1024, and back", "64 x 256, and back"], kept), end="\n\n")
    print(table(["data", "the segmenter looks", "average Dice, %", "minus mirrored"], seen), end="\n\n")
    print(table(["data", "pixels to the nearest filled one", "unfilled", "error, restored", "classical"], filled))


if __name__ == "__main__":
    sys.exit(reported("limits", main))
