"""How long `benchmark --budget paper` takes on a graphics card, by arithmetic: nothing is trained, no card is needed.

    python Testing/Benchmarks/hours.py

Prints, for each system: the operations of a step (forward once, back twice), the hours of a training, and the memory
that a step keeps for its way back. Counted on networks without weights (torch's meta device). The speed is assumed:
what the README's arithmetic for DA-GAN comes to, and no step is faster than its kernels can be launched. Discriminators
are not counted: about one per cent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from DAGANSpineLib.baselines.budget import PAPER
from DAGANSpineLib.baselines.systems import SYSTEMS, System
from DAGANSpineLib.evaluation.tables import shown, table
from DAGANSpineLib.metrics import PATCH
from DAGANSpineLib.training.dataset import Dataset, Record

SUBJECTS = 80  # to train on, of whom every tenth is held out
WINDOW = 246  # rows and columns of the windows that are cut from pictures of about 2400 x 640 pixels
CARDS = {"H100, bf16": 97e12, "2080 Ti, fp16": 16e12}  # operations a second: README, 20 ms and 0.12 s for 1.94e12
LAUNCH = 0.010  # seconds that the kernels of a step take to launch
BYTES = 2  # of a number that is kept, in half precision
JOINT = (
    "cyclegan",
    "cyclegan-without-identity",
    "da-gan",
    "without-sa",
    "without-dal",
)  # with the segmenter


@dataclass(frozen=True)
class Cost:
    """Of a step: operations, and bytes that are kept for the way back."""

    operations: float
    kept: float

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.operations + other.operations, self.kept + other.kept)

    def __mul__(self, times: float) -> Cost:
        return Cost(self.operations * times, self.kept * times)


def learning(network: nn.Module, size: int) -> Cost:
    """Of learning from one picture of so many rows and columns: forward once, back twice."""
    kept: dict[int, torch.Tensor] = {}  # by their memory, which lives as long as they do

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage()._cdata] = tensor
        return tensor

    pictures = torch.empty(2, 1, size, size, device="meta")  # batch normalisation wants two
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), FlopCounterMode(display=False) as count:
        network.train()(pictures)
    return Cost(3 * count.get_total_flops() / 2, BYTES * sum(tensor.numel() for tensor in kept.values()) / 2)


@cache
def step_of(system: System) -> list[Cost]:
    """Of a step of each stage."""
    preset, batch = system.preset(PAPER), PAPER.batch
    with torch.device("meta"):
        generator, segmenter = preset.generator.build(), preset.segmenter.build()
    segmenting = learning(segmenter, PATCH) * batch
    if not system.preset(PAPER).stages[0].restores:
        return [segmenting]
    if system.key == "wavect":
        return [learning(generator.autoencoder, PATCH) * batch, segmenting]
    if system.key not in JOINT:
        return [learning(generator, PATCH) * batch, segmenting]
    restoring = learning(generator, WINDOW) * batch
    if "cyclegan" in system.key:  # spoiled, and both back again; and what is corrupted already stays as it is
        passes = 3 if system.key == "cyclegan-without-identity" else 4
        restoring += learning(generator, PATCH) * (passes * batch / 2)
    return [restoring + segmenting]


def steps_of(system: System) -> list[int]:
    """Of each stage, with the subjects that are learnt from."""
    subjects = Dataset("80", [Record(str(index), Path("a"), Path("b")) for index in range(SUBJECTS)], [])
    learners = len(subjects.split_validation()[0])
    return [stage.steps_for(learners) for stage in system.preset(PAPER).stages]


def hours(system: System, speed: float) -> float:
    """Of one training."""
    return sum(
        steps * max(LAUNCH, cost.operations / speed)
        for steps, cost in zip(steps_of(system), step_of(system), strict=True)
    ) / 3600  # fmt: skip


def reckoned(systems: Iterable[System] = SYSTEMS) -> str:
    """The table that Resources/Benchmark/GPU.md has."""
    rows = []
    for system in systems:
        costs = step_of(system)
        rows.append(
            [
                system.name,
                " + ".join(shown(cost.operations / 1e12) for cost in costs),
                *(shown(hours(system, speed), 1) for speed in CARDS.values()),
                shown(max(cost.kept for cost in costs) / 2**30, 1),
            ]
        )
    return table(["", "operations a step, 10¹²", *(f"hours, {card}" for card in CARDS), "GB kept a step"], rows)


def main() -> None:
    print(reckoned())


if __name__ == "__main__":
    main()
