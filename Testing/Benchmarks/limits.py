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

Prints three tables; some seven seconds of a processor a subject.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from torch import nn

from DAGANSpineLib.commands.terminal import Bar, reported
from DAGANSpineLib.evaluation.paired import paired_difference
from DAGANSpineLib.evaluation.tables import interval, shown, table
from DAGANSpineLib.inference import Pipeline, labels_of
from DAGANSpineLib.metrics import Agreement
from DAGANSpineLib.networks import repair, resize, shrink
from DAGANSpineLib.segments import CLASSES
from DAGANSpineLib.training import Record, Sample, load, open_dataset
from DAGANSpineLib.vpi import NETWORK_SIZE, bridged, gaps_of, lit_body

RESOLUTIONS = {"256 x 1024": 1, "64 x 256": 4}  # by how many times coarser than the network's input
SHIFT = 0.02  # of a picture's height and width
SMALLER = 0.04  # margin on each side, of height and width
DISTANCES = ((1, 1), (2, 3), (4, 11), (12, 23), (24, 10**6))  # pixels up or down to the nearest filled one

Margins = tuple[tuple[int, int], tuple[int, int]]  # pixels: above and below, left and right
NONE: Margins = ((0, 0), (0, 0))


def dice(labels: np.ndarray, truth: np.ndarray) -> float:
    """Average over the classes, in per cent."""
    return 100 * float(np.nanmean(Agreement.of(labels, truth).scores()["dice"]))


def there_and_back(truth: np.ndarray, coarser: int) -> np.ndarray:
    """Labels (rows, columns) as the network could give them at best, at a `coarser` resolution than its input's."""
    one_hot = torch.from_numpy(np.eye(len(CLASSES), dtype=np.float32)[truth]).permute(2, 0, 1)[None]
    small = shrink(one_hot, [size // coarser for size in NETWORK_SIZE])
    return resize(resize(small, NETWORK_SIZE), truth.shape)[0].argmax(0).numpy()


class Once(nn.Module):
    """A segmenter that looks once: its answer to the mirrored picture is the mirrored answer."""

    def __init__(self, segmenter: nn.Module) -> None:
        super().__init__()
        self.segmenter = segmenter

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        seen = self.segmenter(images[:1])
        return torch.cat([seen, seen.flip(-1)])


def seen_within(pipeline: Pipeline, restored: np.ndarray, body: np.ndarray, margins: Margins) -> np.ndarray:
    """The pipeline's answer, float32 (4, rows, columns), to a restored picture with black margins."""
    (above, _below), (left, _right) = margins
    rows, columns = restored.shape
    probabilities = pipeline.segment(np.pad(restored, margins), np.pad(body, margins))
    return probabilities[:, above : above + rows, left : left + columns]


def answers(
    pipeline: Pipeline, single: Pipeline, restored: np.ndarray, body: np.ndarray
) -> dict[str, list[np.ndarray]]:
    """By how the segmenter looks at a picture, the answers that are averaged. `single`: a pipeline that looks once."""
    down, across = (round(SHIFT * size) for size in restored.shape)
    smaller = tuple((round(SMALLER * size),) * 2 for size in restored.shape)
    mirrored = [seen_within(pipeline, restored, body, NONE)]
    sides = ((down, 0), (across, 0)), ((0, down), (0, across))
    shifted = [seen_within(pipeline, restored, body, each) for each in sides]
    return {
        "mirrored": mirrored,
        "once": [seen_within(single, restored, body, NONE)],
        "mirrored, shifted": mirrored + shifted,
        "mirrored, smaller": [*mirrored, seen_within(pipeline, restored, body, smaller)],
    }


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


@dataclass
class Measured:
    """Of one data set: each subject's Dice by what was done, and by distance how many pixels are unfilled and the
    squared errors of both repairs, summed."""

    dice: dict[str, list[float]]
    sums: np.ndarray

    @classmethod
    def of(cls, records: Sequence[Record], pipeline: Pipeline, single: Pipeline, bar: Bar) -> Measured:
        found = cls(defaultdict(list), np.zeros((len(DISTANCES), 3)))
        for index, record in enumerate(records):
            bar(index / len(records), record.subject)
            found.add(load(record), pipeline, single)
        bar.clear()
        return found

    def add(self, sample: Sample, pipeline: Pipeline, single: Pipeline) -> None:
        pixels, body = sample.image.astype(np.float32), lit_body(sample.image)
        restored = pipeline.restore(pixels, body)  # as the segmenter sees it
        for name, coarser in RESOLUTIONS.items():
            self.dice[name].append(dice(there_and_back(sample.labels, coarser), sample.labels))
        for name, several in answers(pipeline, single, restored, body).items():
            self.dice[name].append(dice(labels_of(np.mean(several, axis=0)), sample.labels))
        self.sums += list(
            errors(sample, bridged(restored, gaps_of(pixels, body), body), repair(sample.image, body), body)
        )

    def looks(self) -> Iterator[list[str]]:
        for name in [name for name in self.dice if name not in RESOLUTIONS]:
            apart = paired_difference(self.dice["mirrored"], self.dice[name])
            difference = f"{shown(apart.mean, signed=True)} ({interval(apart.low, apart.high)})"
            yield [name, shown(np.mean(self.dice[name])), "" if name == "mirrored" else difference]

    def distances(self) -> Iterator[list[str]]:
        for (nearest, farthest), (pixels, *squares) in zip(DISTANCES, self.sums, strict=True):
            span = f"{nearest} and more" if farthest == DISTANCES[-1][1] else f"{nearest} to {farthest}"
            yield [span, f"{int(pixels)}", *(shown(np.sqrt(each / pixels)) if pixels else "–" for each in squares)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="data sets with the clean truth")
    parser.add_argument("--model", type=Path, help="a model file (default: the bundled one)")
    parser.add_argument("--subjects", type=int, help="of each data set (default: all of its test subjects)")
    arguments = parser.parse_args()
    pipeline, single = (Pipeline.load(arguments.model) for _ in range(2))
    single.model.segmenter = Once(single.model.segmenter)
    found = {
        folder.name: Measured.of(
            open_dataset(folder).test[: arguments.subjects], pipeline, single, Bar(f"Measuring {folder.name}")
        )
        for folder in arguments.data
    }
    kept = [[name, *(shown(np.mean(each.dice[size])) for size in RESOLUTIONS)] for name, each in found.items()]
    looks = [[name, *row] for name, each in found.items() for row in each.looks()]
    filled = [[name, *row] for name, each in found.items() for row in each.distances()]
    print(table(["labels brought there and back", *RESOLUTIONS], kept), end="\n\n")
    print(table(["data", "the segmenter looks", "average Dice, %", "minus mirrored"], looks), end="\n\n")
    print(table(["data", "pixels to the nearest filled one", "unfilled", "error, restored", "classical"], filled))


if __name__ == "__main__":
    sys.exit(reported("limits", main))
