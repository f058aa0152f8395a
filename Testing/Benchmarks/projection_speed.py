"""How long the projection of a large volume takes, and how much memory.

    python Testing/Benchmarks/projection_speed.py
    python Testing/Benchmarks/projection_speed.py --shape 300 300 1500 --type int16

A simulated back of this many voxels (depth, columns, rows), stored in three orders of its axes and projected at several
depths, each time in a process of its own, whose memory beside the voxels is measured. Seconds are medians; those of the
processor say what an idle machine would need.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from DAGANSpineLib.projection import Projector, Slab  # noqa: E402
from DAGANSpineLib.projection.projector import METHODS  # noqa: E402
from DAGANSpineLib.simulation import simulate_subject, simulate_volume  # noqa: E402

ORDERS = {"rows, columns, depth": (0, 1, 2), "depth, columns, rows": (2, 1, 0), "columns, depth, rows": (1, 2, 0)}
DEPTHS, THICKNESSES = (4.0, 8.0, 12.0, 16.0, 20.0), (3.0, 20.0)  # mm
SEED = 2


def simulated(shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A simulated volume of (rows, columns, depth) voxels, cut or padded by a few, and its (4, 4) to LPS."""
    subject = simulate_subject(SEED)
    coarse = simulate_volume(subject, (1.0, 1.0, 1.0))
    # a hair larger, so that there is rather too much than too little to cut
    spacing = tuple(0.998 * extent / wanted for extent, wanted in zip(coarse.voxels.shape, shape, strict=True))
    volume = simulate_volume(subject, spacing)
    voxels = np.zeros(shape, np.uint8)
    part = tuple(slice(min(pair)) for pair in zip(shape, volume.voxels.shape, strict=True))
    voxels[part] = volume.voxels[part]
    return voxels, volume.index_to_lps


class Memory:
    """The most memory that this process has had beyond what it had at first, bytes; from Linux's /proc."""

    def __init__(self) -> None:
        self.before, self.most, self.ended = self.now(), 0, threading.Event()
        self.watch = threading.Thread(target=self.run, daemon=True)
        self.watch.start()

    @staticmethod
    def now() -> int:
        fields = Path("/proc/self/status").read_text(encoding="utf-8").split()
        return 1024 * int(fields[fields.index("RssAnon:") + 1])

    def run(self) -> None:
        while not self.ended.wait(0.002):
            self.most = max(self.most, self.now() - self.before)


def measure(path: Path, index_to_lps: np.ndarray) -> dict[str, tuple[float, float]]:
    """Seconds, and processor seconds, of the first pass and of changes; prints the memory of both beside the voxels."""
    voxels, memory = np.load(path), Memory()
    projector, *taken = timed(lambda: Projector.of(voxels, index_to_lps))
    figures = {"first pass": tuple(taken)}
    print(f"  memory of the first pass, MB: {memory.most / 2**20:.0f}")
    memory.most = 0
    for method in METHODS:
        for thickness in THICKNESSES:
            slabs = [Slab(depth, thickness, method) for depth in DEPTHS]
            each = [timed(lambda slab=slab: projector.project(slab))[1:] for slab in slabs]
            figures[f"{method} of {thickness:g} mm"] = tuple(map(statistics.median, zip(*each, strict=True)))
    print(f"  memory of a change, MB: {memory.most / 2**20:.0f}", flush=True)
    return figures


def timed(work: Callable[[], object]) -> tuple[object, float, float]:
    """What `work` returns, the seconds it takes, and those of the processor."""
    begin, processor = time.perf_counter(), time.process_time()
    made = work()
    return made, time.perf_counter() - begin, time.process_time() - processor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", type=int, nargs=3, default=(300, 300, 1500), help="depth, columns, rows")
    parser.add_argument("--type", default="uint8", choices=("uint8", "int16", "float32"))
    arguments = parser.parse_args()
    voxels, to_lps = simulated(tuple(arguments.shape[::-1]))
    with tempfile.TemporaryDirectory() as folder:
        for name, order in ORDERS.items():
            path = Path(folder) / "voxels.npy"
            np.save(path, np.ascontiguousarray(voxels.transpose(order)).astype(arguments.type))
            print(f"stored as {name}:", flush=True)
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                figures = pool.apply(measure, (path, to_lps[:, [*order, 3]]))
            for what, (seconds, processor) in figures.items():
                print(f"  {what}: {seconds:.2f} s, of the processor {processor:.2f} s", flush=True)


if __name__ == "__main__":
    main()
