"""What each convolution reaches of a large matrix product's rate, on one core, and what isn't convolution.

    python Testing/Benchmarks/layer_speed.py --picture vpi.png

Of the bundled model, restoring the picture's largest tile and segmenting it. Prints a table: multiply-adds (a GFLOP is
half of 10⁹), milliseconds of processor, the least of several, and the rate by that of the matrix product which
`pipeline_speed.py` takes for the limit. "the rest" is what a network's time is beyond its convolutions: attention,
pooling, interpolation, normalisation, sums.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from DAGANSpineLib.inference.tiles import core_of, length, tiles_of  # noqa: E402
from DAGANSpineLib.model import load_model  # noqa: E402
from DAGANSpineLib.projection import read_input  # noqa: E402
from DAGANSpineLib.vpi import NETWORK_SIZE, lit_body, normalise  # noqa: E402

SAMPLE = ROOT / "Resources" / "SampleData" / "simulated-single-curve.png"
MATRIX = 2048  # rows and columns, as in pipeline_speed.py

Layer = tuple[str, nn.Conv2d, Tensor]  # a convolution's name, and what it is given


def least(act: Callable[[], object], times: int) -> float:
    """Processor seconds, the least of so many times."""
    found = []
    for _ in range(times):
        begin = time.thread_time()
        act()
        found.append(time.thread_time() - begin)
    return min(found)


def layers_of(network: nn.Module, act: Callable[[], object]) -> list[Layer]:
    """The convolutions that take part when a network acts, in their order."""
    found: list[Layer] = []
    handles = [
        layer.register_forward_hook(lambda layer, given, _, name=name: found.append((name, layer, given[0].clone())))
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Conv2d)
    ]
    act()
    for handle in handles:
        handle.remove()
    return found


def operations(layer: nn.Conv2d, output: Tensor) -> int:
    """Floating-point operations; a multiply-add is two."""
    return 2 * layer.weight[0].numel() * output.numel()


def show(title: str, network: nn.Module, act: Callable[[], object], rate: float, times: int) -> None:
    """A table of a network's convolutions, of those of one shape together."""
    by_shape: dict[tuple, list[float]] = {}
    for name, layer, given in layers_of(network, act):
        kind = name.split(".")[0], layer.in_channels, layer.out_channels, layer.kernel_size[0], *given.shape[-2:]
        figures = operations(layer, layer(given)), least(lambda layer=layer, given=given: layer(given), times)
        by_shape[kind] = [a + b for a, b in zip(by_shape.get(kind, (0, 0)), figures, strict=True)]
    print(f"\n| {title} | channels | kernel | pixels | GFLOP | ms | of the product's rate |")
    print("|---|---|---|---|---|---|---|")
    for (part, before, after, kernel, rows, columns), (flop, seconds) in by_shape.items():
        shape = f"{before} -> {after} | {kernel} x {kernel} | {rows} x {columns}"
        print(f"| {part} | {shape} | {flop / 1e9:.2f} | {1e3 * seconds:.1f} | {flop / seconds / rate:.2f} |")
    flop, seconds = (sum(column) for column in zip(*by_shape.values(), strict=True))
    whole = least(act, times)
    print(f"| all convolutions | | | | {flop / 1e9:.2f} | {1e3 * seconds:.1f} | {flop / seconds / rate:.2f} |")
    print(f"| the rest | | | | | {1e3 * (whole - seconds):.1f} | |")
    print(f"| together | | | | {flop / 1e9:.2f} | {1e3 * whole:.1f} | {flop / whole / rate:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", type=Path, default=SAMPLE, help="a VPI (default: a bundled simulated one)")
    parser.add_argument("--times", type=int, default=7)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    pixels, model = read_input(arguments.picture)[0].pixels, load_model(None)
    generator, segmenter = (each.to(memory_format=torch.channels_last) for each in model.networks)
    tiles = tiles_of(lit_body(pixels), generator)
    tile = max(tiles, key=lambda each: length(each.outer[0]) * length(each.outer[1]))
    part = torch.from_numpy(normalise(pixels[tile.outer])).float()[None, None]
    pictures = torch.rand(2, 1, *NETWORK_SIZE).contiguous(memory_format=torch.channels_last)
    one = torch.ones(MATRIX, MATRIX)
    with torch.inference_mode():
        rate = 2 * MATRIX**3 / least(lambda: one @ one, arguments.times)
        print(f"The matrix product: {rate / 1e9:.0f} GFLOP a second.")
        show("restoring", generator, lambda: core_of(tile, part, generator), rate, arguments.times)
        show("segmenting", segmenter, lambda: segmenter(pictures), rate, arguments.times)


if __name__ == "__main__":
    main()
