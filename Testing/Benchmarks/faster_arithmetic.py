"""What cheaper arithmetic would save in restoration, and what it would do to the labels: why it is done in float32.

    daganspine simulate -o data --subjects 500 --seed 1
    python Testing/Benchmarks/faster_arithmetic.py --data data --subjects 20

`bfloat16`: autocast, as on a graphics card. `int8`: torch's static quantisation of all double convolutions, attention
in float32; ranges are those of the data set's first training subjects. `int8, finest in float32`: all but the level
that has most of the pixels. `TorchScript`: traced, frozen and optimised for inference, in float32. What each restores
is segmented in float32. Prints a table: processor seconds of float32 by those of the way, the least of `--rounds` for
each subject, taken in turns; Dice to float32's labels, the least of subjects and bones and the mean; Dice to the truth,
the mean of subjects and bones, %; grey levels within the lit body that differ, on average and at most.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
import torch.ao.quantization as quantization
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from DAGANSpineLib.commands.terminal import Bar  # noqa: E402
from DAGANSpineLib.inference import Pipeline, labels_of  # noqa: E402
from DAGANSpineLib.metrics import Agreement  # noqa: E402
from DAGANSpineLib.networks.generator import DoubleConvolution  # noqa: E402
from DAGANSpineLib.training import load, open_dataset  # noqa: E402
from DAGANSpineLib.vpi import lit_body  # noqa: E402

ENGINE = "x86"  # torch's quantised convolutions; others are for other processors
TRACED = 64  # pixels of the square that is traced, of any size later

Picture = tuple[np.ndarray, np.ndarray]  # grey, float32, and its lit body, both (rows, columns)


class Quantised(nn.Module):
    """A double convolution in int8, its attention in float32; still in float32 until `quantised` has seen pictures."""

    def __init__(self, block: DoubleConvolution) -> None:
        super().__init__()
        *convolutions, self.attention = copy.deepcopy(block)
        self.enter, self.leave = quantization.QuantStub(), quantization.DeQuantStub()
        self.convolutions = quantization.fuse_modules(nn.Sequential(*convolutions).eval(), [["0", "1"], ["2", "3"]])
        self.qconfig, self.attention.qconfig = quantization.get_default_qconfig(ENGINE), None

    def forward(self, features: Tensor) -> Tensor:
        return self.attention(self.leave(self.convolutions(self.enter(features))))


def replaced(generator: nn.Module, by: Callable[[nn.Module], nn.Module]) -> None:
    """Replace the blocks of a generator."""
    for blocks in (generator.down, generator.up):
        for index, block in enumerate(blocks):
            blocks[index] = by(block)


def quantised(pipeline: Pipeline, pictures: list[Picture], finest: bool = True) -> Pipeline:
    """A pipeline with its blocks in int8, of the ranges that these pictures have; all, or all but the finest."""
    torch.backends.quantized.engine = ENGINE
    generator = pipeline.model.generator

    def chosen(block: nn.Module) -> bool:
        return isinstance(block, DoubleConvolution) and (finest or block[0].out_channels > generator.widths[0])

    replaced(generator, lambda block: quantization.prepare(Quantised(block).eval()) if chosen(block) else block)
    for pixels, body in pictures:
        pipeline.restore(pixels, body)
    replaced(generator, lambda block: quantization.convert(block) if isinstance(block, Quantised) else block)
    return pipeline


def scripted(pipeline: Pipeline) -> Pipeline:
    """A pipeline with its blocks as TorchScript."""

    def frozen(block: nn.Module) -> nn.Module:
        if not isinstance(block, DoubleConvolution):
            return block
        seen = torch.zeros(1, block[0].in_channels, TRACED, TRACED).contiguous(memory_format=torch.channels_last)
        return torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(block, seen, check_trace=False)))

    with torch.no_grad():
        replaced(pipeline.model.generator, frozen)
    return pipeline


def in_bfloat16(pipeline: Pipeline) -> Pipeline:
    @contextlib.contextmanager
    def inference() -> Iterator[None]:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            yield

    pipeline._inference = inference
    return pipeline


def dice(labels: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Of each bone; 1 where both pictures lack it."""
    return np.nan_to_num(Agreement.of(labels, truth).scores()["dice"], nan=1.0)


def measured(ways: dict[str, Pipeline], pictures: list[Picture], rounds: int) -> tuple[dict, dict]:
    """The processor seconds of each way, summed over the pictures, and what it restores of each."""
    seconds, restored = dict.fromkeys(ways, 0.0), {name: [] for name in ways}
    bar = Bar("Restoring")
    for number, picture in enumerate(pictures):
        bar(number / len(pictures), f"{number + 1} of {len(pictures)}")
        least = dict.fromkeys(ways, np.inf)
        for _ in range(rounds):
            for name, pipeline in ways.items():
                begin = time.process_time()
                result = pipeline.restore(*picture)
                least[name] = min(least[name], time.process_time() - begin)
                restored[name][number:] = [result]
        for name, taken in least.items():
            seconds[name] += taken
    bar.clear()
    return seconds, restored


class Restored:
    """Restored pictures, uint8 (rows, columns), and the labels that a pipeline draws in them."""

    def __init__(self, restored: list[np.ndarray], pictures: list[Picture], segmenting: Pipeline) -> None:
        self.labels = [
            labels_of(segmenting.segment(each, body)) for each, (_, body) in zip(restored, pictures, strict=True)
        ]
        self.greys = np.concatenate(
            [each[body].astype(int) for each, (_, body) in zip(restored, pictures, strict=True)]
        )

    def beside(self, exact: Restored, truths: list[np.ndarray]) -> str:
        """Dice to the labels of the exact ones and to the true ones, and how far greys are from the exact."""
        same = np.array([dice(*pair) for pair in zip(self.labels, exact.labels, strict=True)])
        true = 100 * np.mean([dice(*pair) for pair in zip(self.labels, truths, strict=True)])
        differ = np.abs(self.greys - exact.greys)
        return f"{same.min():.4f} | {same.mean():.4f} | {true:.2f} | {differ.mean():.3f} | {differ.max()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="a data set")
    parser.add_argument("--subjects", type=int, default=20, help="of its test subjects")
    parser.add_argument("--ranges", type=int, default=5, help="training subjects that int8's ranges are those of")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--model", type=Path, help="a model file (default: the bundled one)")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # of the ways that torch is about to leave
    torch.set_num_threads(arguments.threads)
    dataset = open_dataset(arguments.data)
    seen, tested = (
        [load(record) for record in records]
        for records in (dataset.train[: arguments.ranges], dataset.test[: arguments.subjects])
    )
    seen, pictures = (
        [(sample.image.astype(np.float32), lit_body(sample.image)) for sample in part] for part in (seen, tested)
    )

    def fresh() -> Pipeline:
        return Pipeline.load(arguments.model, "cpu")

    ways = {
        "float32": fresh(),
        "bfloat16": in_bfloat16(fresh()),
        "int8": quantised(fresh(), seen),
        "int8, finest in float32": quantised(fresh(), seen, finest=False),
        "TorchScript": scripted(fresh()),
    }
    seconds, restored = measured(ways, pictures, arguments.rounds)
    print("| restored in | speed | Dice to float32, least | mean | to the truth | greys differ, mean | most |")
    print("|---|---|---|---|---|---|---|")
    exact = Restored(restored["float32"], pictures, ways["float32"])
    for name in ways:
        figures = Restored(restored[name], pictures, ways["float32"]).beside(exact, [each.labels for each in tested])
        print(f"| {name} | {seconds['float32'] / seconds[name]:.2f} x | {figures} |")


if __name__ == "__main__":
    main()
