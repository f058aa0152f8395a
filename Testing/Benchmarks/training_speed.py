"""What feeding a training costs, and how much faster a DA-GAN step of the paper's size is than with nothing tuned.

    python Testing/Benchmarks/training_speed.py
    python Testing/Benchmarks/training_speed.py --feed --preset bundled     # the first alone, of another preset
    python Testing/Benchmarks/training_speed.py --each     # besides, with one ingredient left out at a time

First, the preset's first stage as `train` runs it, on simulated subjects: making a batch alone, a step alone on a batch
that is there, and both together, in turn. Together they should take at most 1.1 times the step alone; and to keep up
with a graphics card that takes 15 to 40 ms a step, a batch should take one processor no longer.

Then the paper's networks and batch (16 patches of 96 x 96), random pixels. "Nothing tuned" is the textbook's step
(textbook.py) in torch's default memory format, with the system's memory allocation and torch's default Adam. The two
rivals of a race are processes of their own, since memory allocation can't be tuned back, and take their steps in turn,
so that a busy machine disturbs both: the ratio of the medians is what counts, not the seconds (with both processors
busy elsewhere, measure with OMP_NUM_THREADS=1). They begin with the same weights, and their first losses are compared,
so that the work is known to be equal. Only bf16, which is `train --precision bf16`, computes less exactly.

`train` doesn't compile the networks (torch.compile): of a restoring step of the preset `bundled` that saves 12 % of the
processor's time in full precision, which its 600 steps don't win back from the compilation of 47 kernels, and a C++
compiler has to be there. `--each` measures it; on a graphics card nobody has yet.
"""

from __future__ import annotations

import argparse
import itertools
import math
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace

import torch
from accelerate import Accelerator
from textbook import TextbookDAGAN, with_textbook_adam, with_textbook_attention

from DAGANSpineLib.inference.devices import keep_freed_memory
from DAGANSpineLib.model import Model
from DAGANSpineLib.simulation import write_dataset
from DAGANSpineLib.training import PRESETS, Prepared, WindowBatch, open_dataset
from DAGANSpineLib.training.dagan import DAGAN
from DAGANSpineLib.training.feed import stream
from DAGANSpineLib.training.subjects import Subjects

WINDOW = 246  # rows and columns, of pictures of 2574 x 640
PAPER = PRESETS["paper"]
COMPARED = 2  # first steps, which also choose the kernels: compared, but not timed
# of the losses, relative: Adam's first step is as large for a gradient of mere rounding errors as for any other
TOLERANCE = {"no": 1e-2, "bf16": 2e-1}


@dataclass(frozen=True)
class Tuning:
    """What is tuned; each can be left out."""

    memory_format: bool = True  # channels_last
    allocation: bool = True  # freed memory is kept
    step: bool = True  # one pass of the generator for both updates, discriminators frozen in the generator's
    attention: bool = True  # the gradient written out
    adam: bool = True  # in one pass through memory
    precision: str = "no"  # accelerate's name: the convolutions' precision is not mixed
    compiled: bool = False  # by torch.compile


UNTUNED = Tuning(memory_format=False, allocation=False, step=False, attention=False, adam=False)
RACES = {
    "nothing tuned": (UNTUNED, Tuning()),
    "nothing tuned, against bf16": (UNTUNED, Tuning(precision="bf16")),
    "default memory format": (replace(Tuning(), memory_format=False), Tuning()),
}
ONE_LEFT_OUT = {
    "default memory allocation": (replace(Tuning(), allocation=False), Tuning()),
    "textbook's step": (replace(Tuning(), step=False), Tuning()),
    "attention by autograd": (replace(Tuning(), attention=False), Tuning()),
    "default Adam": (replace(Tuning(), adam=False), Tuning()),
    "not compiled": (Tuning(), replace(Tuning(), compiled=True)),
}


def prepared(tuning: Tuning) -> DAGAN:
    """The paper's DA-GAN, ready to take steps."""
    if tuning.allocation:
        keep_freed_memory()
    torch.manual_seed(0)
    dagan = (DAGAN if tuning.step else TextbookDAGAN)(Model(PAPER.generator, PAPER.segmenter))
    if not tuning.attention:
        with_textbook_attention(dagan)
    if not tuning.adam:
        with_textbook_adam(dagan)
    if not tuning.memory_format:
        dagan.memory_format = torch.contiguous_format
    dagan.prepare(Accelerator(cpu=True, mixed_precision=tuning.precision))
    dagan.set_learning_rate(PAPER.stages[0].learning_rate)
    for network in dagan.networks.values() if tuning.compiled else ():
        network.compile()
    return dagan


def compete(tuning: Tuning, referee: Connection) -> None:
    """Take a step whenever the referee says its number, and answer with seconds, processor seconds and losses; end
    when there is no number."""
    dagan, count = prepared(tuning), PAPER.stages[0].batch
    windows, labels, still = (
        torch.randn(count, 1, WINDOW, WINDOW),
        torch.randint(4, (count, 96, 96)),
        torch.zeros(count, 2),
    )
    batch = WindowBatch(windows, still.long(), still, still + WINDOW / 97, labels, still[:, 0])
    while (step := referee.recv()) is not None:
        torch.manual_seed(step)
        begin, processor = time.perf_counter(), time.process_time()
        figures = dagan.step(batch)
        took = time.perf_counter() - begin, time.process_time() - processor
        referee.send((*took, {name: value for name, value in figures.items() if not name.endswith("accuracy")}))


def race(rivals: Sequence[Tuning], steps: int) -> list[tuple[float, float]]:
    """Medians of (seconds, processor seconds) of a step, by rival. Raises ArithmeticError if they compute different
    things."""
    context, ends = multiprocessing.get_context("spawn"), []
    for tuning in rivals:
        ours, theirs = context.Pipe()
        context.Process(target=compete, args=(tuning, theirs), daemon=True).start()
        ends.append(ours)
    taken: list[list[tuple[float, float]]] = [[] for _ in rivals]
    tolerance = max(TOLERANCE[tuning.precision] for tuning in rivals)
    for step in range(COMPARED + steps):
        answers = []
        for end in ends:
            end.send(step)
            answers.append(end.recv())
        if step < COMPARED:
            compare([losses for *_, losses in answers], tolerance)
        else:
            for column, (*took, _) in zip(taken, answers, strict=True):
                column.append(tuple(took))
        print(f"\rRound {step + 1} of {COMPARED + steps}", end="", file=sys.stderr, flush=True)
    print("\r\x1b[K", end="", file=sys.stderr)
    for end in ends:
        end.send(None)
    return [tuple(statistics.median(column) for column in zip(*rows, strict=True)) for rows in taken]


def compare(losses: Sequence[dict[str, float]], tolerance: float) -> None:
    """Raise ArithmeticError unless all rivals' losses are the first one's."""
    for name, expected in losses[0].items():
        if not all(math.isclose(others[name], expected, rel_tol=tolerance) for others in losses):
            raise ArithmeticError(f"The rivals compute different things: {losses}")


def prepared_stage(name: str, data: Path) -> Prepared:
    """The first stage of a preset, as `train` prepares it."""
    preset, learners = PRESETS[name], open_dataset(data).train
    model = Model(preset.generator, preset.segmenter)
    setting = SimpleNamespace(
        model=model,
        subjects=Subjects(learners, [], learners[:1], []),
        seed=0,
        quiet=True,
        share=lambda batch: batch,
    )
    return preset.stages[0].prepare(setting)


def feed_and_step(stage: Prepared, rounds: int, steps: int, workers: int) -> dict[str, tuple[float, float]]:
    """Medians over rounds of (seconds, processor seconds of this process) a step: of the feed, the step, and both."""
    method, device = stage.method, stage.method.accelerator.device
    there = stage.feed.finish(stage.feed.draw(0).to(device))
    alone, numbers = itertools.count(), range((COMPARED + rounds) * steps)
    with closing(stream(stage.feed, numbers, 0, device, workers)) as batches:
        acts = {
            "feed alone": lambda: stage.feed(next(alone)),
            "step alone": lambda: method.step(there),
            "both": lambda: method.step(next(batches)),
        }
        turns = [{name: timed(act, steps) for name, act in acts.items()} for _ in range(COMPARED + rounds)]
    return {
        name: tuple(map(statistics.median, zip(*(turn[name] for turn in turns[COMPARED:]), strict=True)))
        for name in acts
    }


def timed(act: Callable[[], object], times: int) -> tuple[float, float]:
    """(seconds, processor seconds of this process) of an act done so many times, each."""
    begin, processor = time.perf_counter(), time.process_time()
    for _ in range(times):
        act()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return (time.perf_counter() - begin) / times, (time.process_time() - processor) / times


def show_feed(arguments: argparse.Namespace) -> None:
    """Measure feed and step, and print them."""
    cpu = not torch.cuda.is_available()
    if cpu:
        keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        data = arguments.data or Path(folder) / "data"
        if not arguments.data:
            write_dataset(data, subjects=4, seed=0)
        stage = prepared_stage(arguments.preset, data)
    stage.method.prepare(Accelerator(cpu=cpu, mixed_precision="no" if arguments.precision == "full" else "bf16"))
    taken = feed_and_step(stage, arguments.steps, 1 if cpu else 20, arguments.workers)
    whole, busy = taken["step alone"]
    print(f"{arguments.preset + ', a step':28} seconds   ratio   processor seconds   ratio")
    for name, (seconds, processor) in taken.items():
        print(f"{name:28} {seconds:7.3f}  {seconds / whole:6.3f}   {processor:17.3f}  {processor / busy:6.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=7, help="of each rival, 7 if not given")
    parser.add_argument("--each", action="store_true", help="show what each ingredient gains, too")
    parser.add_argument("--feed", action="store_true", help="show what feeding costs, and nothing else")
    parser.add_argument("--preset", choices=PRESETS, default="paper", help="whose feed, paper if not given")
    parser.add_argument("--data", type=Path, help="a data set for the feed, four simulated subjects if not given")
    parser.add_argument("--precision", choices=("full", "bf16"), default="full", help="of the step that is fed")
    parser.add_argument("--workers", type=int, default=0, help="processes that make batches ahead, 0 if not given")
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # or the threads of a waiting rival keep a processor busy
    show_feed(arguments)
    if arguments.feed:
        return
    print(f"{'seconds a step':28}    then   tuned   ratio   ratio of processor seconds")
    for name, rivals in (RACES | (ONE_LEFT_OUT if arguments.each else {})).items():
        slow, fast = race(rivals, arguments.steps)
        print(f"{name:28}  {slow[0]:6.2f}  {fast[0]:6.2f}  {slow[0] / fast[0]:6.2f}   {slow[1] / fast[1]:6.2f}")


if __name__ == "__main__":
    main()
