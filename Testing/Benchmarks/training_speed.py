"""How much faster a DA-GAN step of the paper's size is than the same step with nothing tuned.

    python Testing/Benchmarks/training_speed.py

The paper's networks and batch (16 patches of 96 x 96), random pixels. Tuned and untuned steps alternate, so that a
busy machine disturbs both; the medians' ratio is what counts, not the seconds.
"""

import argparse
import statistics
import time

import torch
from accelerate import Accelerator

from DAGANSpineLib.model import Model
from DAGANSpineLib.training.dagan import DAGAN
from DAGANSpineLib.training.method import Batch
from DAGANSpineLib.training.presets import PRESETS

PAPER = PRESETS["paper"]


def method(memory_format: torch.memory_format) -> DAGAN:
    """The paper's DA-GAN, ready to take steps."""
    torch.manual_seed(0)
    dagan = DAGAN(Model(PAPER.generator, PAPER.segmenter))
    dagan.memory_format = memory_format
    dagan.prepare(Accelerator(cpu=True))
    dagan.set_learning_rate(PAPER.stages[0].learning_rate)
    return dagan


def seconds(dagan: DAGAN, batch: Batch) -> float:
    """How long one step takes."""
    begin = time.perf_counter()
    dagan.step(batch)
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=7, help="of each kind")
    steps = parser.parse_args().steps
    half = PAPER.stages[0].batch // 2
    patches, labels = torch.randn(2, half, 1, 96, 96), torch.randint(4, (2, half, 96, 96))
    batch = Batch(patches[0], labels[0], patches[1], labels[1])
    rivals = {"tuned": method(torch.channels_last), "untuned": method(torch.contiguous_format)}
    for dagan in rivals.values():
        dagan.step(batch)  # the first step also chooses its kernels
    taken = {name: [] for name in rivals}
    for _ in range(steps):
        for name, dagan in rivals.items():
            taken[name].append(seconds(dagan, batch))
    medians = {name: statistics.median(values) for name, values in taken.items()}
    for name, median in medians.items():
        print(f"{name}: {median:.2f} s a step (median of {steps})")
    print(f"tuned is {medians['untuned'] / medians['tuned']:.2f} times as fast")


if __name__ == "__main__":
    main()
