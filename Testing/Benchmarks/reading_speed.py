"""How long curves take to be read off a native VPI's labels: `python Testing/Benchmarks/reading_speed.py`.

A drawn spine of 2 500 x 600 pixels, with and without a model's probabilities; each the least of several, by the clock
and of the processor. On a busy machine the clock says little.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Python")]

from drawn_spine import S_SHAPED, DrawnSpine  # noqa: E402

from DAGANSpineLib.spine import read  # noqa: E402

ROUNDS = 5


def seconds(*arguments: np.ndarray | None) -> tuple[float, float]:
    """The least time of several readings, by the clock and of the processor; the first, which builds what is kept,
    doesn't count."""
    read(*arguments)
    found = []
    for _round in range(ROUNDS):
        clock, processor = time.perf_counter(), time.process_time()
        read(*arguments)
        found.append((time.perf_counter() - clock, time.process_time() - processor))
    return tuple(map(min, zip(*found, strict=True)))


def main() -> None:
    labels = DrawnSpine(S_SHAPED, spacing=(0.19, 0.19)).labels()
    probabilities = np.stack([0.95 * (labels == value) for value in range(4)]).astype(np.float32)
    said = "{:.2f} s by the clock, {:.2f} s of the processor"
    print(f"{labels.shape[0]} x {labels.shape[1]} pixels:", said.format(*seconds(labels)))
    print("with probabilities:", said.format(*seconds(labels, None, probabilities)))


if __name__ == "__main__":
    main()
