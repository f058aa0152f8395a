"""How long a VPI takes, beside the authors' way and the arithmetic's limit, and the peak memory of each.

    python Testing/Benchmarks/pipeline_speed.py --picture vpi.png
    python Testing/Benchmarks/pipeline_speed.py --slim --rounds 5
    python Testing/Benchmarks/pipeline_speed.py --model other.pt

Each way runs in a process of its own, whose peak memory is measured; rounds are interleaved, and the least seconds
count. `authors`: a generator 64/128/256 over the whole picture, then the FPN at 256 x 1024, in torch's usual memory
format. `squares`: the model in tiles of 256 x 256, as before tiles lay on the lit body. `ours`: as installed, without
loading. `limit`: the multiply-adds of ours, had it no margins, at the rate of a large matrix product; no restoration
with this arithmetic is quicker. Speed doesn't depend on weights: the authors' are random, and so are those of `--slim`.
Linux and macOS only (peak memory).
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from DAGANSpineLib.inference import Pipeline, pipeline  # noqa: E402
from DAGANSpineLib.inference.tiles import Tile, core_of, span, tiles_of  # noqa: E402
from DAGANSpineLib.model import Model, load_model  # noqa: E402
from DAGANSpineLib.model.shapes import GeneratorShape, PanopticFPNShape  # noqa: E402
from DAGANSpineLib.networks import resize, shrink  # noqa: E402
from DAGANSpineLib.projection import read_input  # noqa: E402
from DAGANSpineLib.vpi import NETWORK_SIZE, lit_body, normalise  # noqa: E402

SAMPLE = ROOT / "Resources" / "SampleData" / "simulated-single-curve.png"
SLIM = GeneratorShape((16, 48, 128), unshuffled=True)
SQUARE, MATRIX = 256, 2048  # pixels; rows and columns of the matrix product


def squares(body: np.ndarray, generator: torch.nn.Module) -> list[Tile]:
    """Squares of the picture that meet the body, as tiles."""
    down, across = (
        [span(start, start + SQUARE, extent, generator.halo) for start in range(0, extent, SQUARE)]
        for extent in body.shape
    )
    tiles = [Tile(*zip(rows, columns, strict=True)) for rows in down for columns in across]
    return [tile for tile in tiles if body[tile.inner].any()]


def model_of(choice: Path | bool | None) -> Model:
    """The model of a file, the bundled one for None; for True, that with the slim generator and random weights."""
    if choice is not True:
        return load_model(choice)
    model = load_model(None)
    model.generator = SLIM.build().eval()
    return model


def authors(pixels: np.ndarray, choice: Path | bool | None) -> Callable[[], object]:
    """The authors' way, ready to run."""
    generator, segmenter = GeneratorShape().build().eval(), PanopticFPNShape(depth=50).build().eval()

    def run() -> torch.Tensor:
        with torch.no_grad():
            restored = generator(torch.from_numpy(normalise(pixels))[None, None].float())
            return resize(segmenter(shrink(restored, NETWORK_SIZE)).softmax(1), pixels.shape).argmax(1)

    return run


def in_squares(pixels: np.ndarray, choice: Path | bool | None) -> Callable[[], object]:
    pipeline.tiles_of = squares
    return ours(pixels, choice)


def ours(pixels: np.ndarray, choice: Path | bool | None) -> Callable[[], object]:
    ready = Pipeline(model_of(choice), "cpu")
    return lambda: ready.run(pixels)


def limit(pixels: np.ndarray, choice: Path | bool | None) -> Callable[[], object]:
    """Matrix products with as many multiply-adds as ours needs at least."""
    model, (rows, columns) = model_of(choice), NETWORK_SIZE
    needed = lit_body(pixels).sum() * flops(model.generator, 1, 256, 256) / 256**2
    needed += flops(model.segmenter, 2, rows, columns)
    one = torch.ones(MATRIX, MATRIX)

    def run() -> None:
        for _ in range(round(needed / (2 * MATRIX**3))):
            one @ one

    print(f"to compute: {needed / 1e9:.0f} GFLOP", flush=True)
    return run


def flops(network: torch.nn.Module, *shape: int, tile: Tile | None = None) -> int:
    """Floating-point operations of a batch (pictures, rows, columns), of a tile's core alone where one is given; a
    multiply-add is two."""
    pictures = torch.zeros(shape[0], 1, *shape[1:])
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(pictures) if tile is None else core_of(tile, pictures, network)
    return counter.get_total_flops()


def serve(way: str, picture: Path, choice: Path | bool | None, threads: int, pipe: object) -> None:
    """Run once for each word that comes through the pipe: (seconds, peak MB)."""
    torch.set_num_threads(threads)
    run = WAYS[way](read_input(picture)[0].pixels, choice)
    while pipe.recv():
        begin = time.perf_counter()
        run()
        unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
        pipe.send((time.perf_counter() - begin, peak))


WAYS = {"authors": authors, "squares": in_squares, "ours": ours, "limit": limit}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", type=Path, default=SAMPLE, help="a VPI (default: a bundled simulated one)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--model", type=Path, help="a model file (default: the bundled one)")
    parser.add_argument("--slim", action="store_true", help="with the slim generator, of random weights")
    arguments = parser.parse_args()
    choice = True if arguments.slim else arguments.model
    body = lit_body(read_input(arguments.picture)[0].pixels)
    generator = model_of(choice).generator
    needed = body.sum() * flops(generator, 1, 256, 256) / 256**2
    for name, tiles in {"squares": squares(body, generator), "ours": tiles_of(body, generator)}.items():
        share = sum(flops(generator, 1, *body[tile.outer].shape, tile=tile) for tile in tiles) / needed
        print(f"{name}: {len(tiles)} tiles compute {share:.2f} x the lit body")
    context, pipes, found = multiprocessing.get_context("spawn"), {}, {way: [] for way in WAYS}
    for way in WAYS:
        pipes[way], other = context.Pipe()
        options = way, arguments.picture, choice, arguments.threads, other
        context.Process(target=serve, args=options, daemon=True).start()
    for _ in range(arguments.rounds):
        for way, pipe in pipes.items():
            pipe.send(True)
            found[way].append(pipe.recv())
    for pipe in pipes.values():
        pipe.send(False)
    quickest = {way: min(seconds for seconds, _ in runs) for way, runs in found.items()}
    print(f"{'':8} {'seconds':>8} {'x ours':>7} {'peak memory':>12}   with {arguments.threads} threads")
    for way, runs in found.items():
        print(f"{way:8} {quickest[way]:8.2f} {quickest[way] / quickest['ours']:7.2f} {runs[-1][1]:9.0f} MB")


if __name__ == "__main__":
    main()
