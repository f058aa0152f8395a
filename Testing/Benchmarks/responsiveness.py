"""Whether Slicer's window goes on while the module works: from click to result, in the host.

    python Testing/Benchmarks/responsiveness.py
    python Testing/Benchmarks/responsiveness.py --picture vpi.png --clicks 3

A Qt timer ticks every 10 ms. Its longest silence is how long the window once stood still: it would not have repainted,
nor heard a click. Ahead of the first click the user looks at the image, while the panel imports PyTorch and loads the
model, in a process that has done neither: line 0. With `--at-once` the first click comes before that.
Where the machine has other work, it stands still for longer than its thread computes: the processor time within the
longest block is printed beside it. Exit status 1 if a limit is exceeded. Linux and macOS only (peak memory).
"""

from __future__ import annotations

import argparse
import itertools
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing")]

import SlicerHost  # noqa: E402

HOST = SlicerHost.start()  # before anything that imports slicer's modules

import SimpleITK  # noqa: E402
import slicer  # noqa: E402
from PySide6 import QtCore  # noqa: E402

SAMPLE = ROOT / "Resources" / "SampleData" / "simulated-single-curve.png"
TICK = 10  # ms
AFTERWARDS = 1.0  # s in which the views settle
SECONDS, FIRST, BLOCK, MEMORY = 15.0, 1.3, 0.5, 1536  # limits: s of a click, x the second's, s, MB


@dataclass(frozen=True)
class Click:
    """`seconds` from click to result; `block`: the longest that the window stood still, in seconds, `computing`: how
    much of it its thread had a processor, and `during` which message of the panel; `memory`: the process's peak, in MB.
    """

    seconds: float
    block: float
    computing: float
    during: str
    memory: int


def open_panel(picture: Path) -> object:
    """The module's panel with this picture chosen."""
    HOST.load(ROOT / "DAGANSpine" / "DAGANSpine.py")
    pixels = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(picture)))
    slicer.util.addVolumeFromArray(pixels[np.newaxis], np.diag([-1.0, -1.0, 1.0, 1.0]), picture.stem)
    panel = HOST.open("DAGANSpine")
    slicer.app.processEvents()
    return panel


def look(panel: object) -> None:
    """Look at the panel until torch has said which devices there are."""
    while not panel.logic.devices:
        slicer.app.processEvents()


def click(panel: object) -> None:
    """Click the button. Raises RuntimeError if there is no result."""
    panel.ui.runButton.click()
    if not panel.ui.statusLabel.text.startswith("Done"):
        raise RuntimeError(panel.ui.statusLabel.text)


def watched(act: Callable[[object], None], panel: object) -> Click:
    """Do this with the panel, and watch until the views have settled."""
    ticks = []

    def tick() -> None:
        ticks.append((time.monotonic(), time.thread_time(), panel.ui.statusLabel.text))

    timer = QtCore.QTimer()
    timer.timeout.connect(tick)
    timer.start(TICK)
    tick()
    begin = time.monotonic()
    act(panel)
    seconds = time.monotonic() - begin
    while time.monotonic() < begin + seconds + AFTERWARDS:
        slicer.app.processEvents()
    timer.stop()
    first, second = max(itertools.pairwise(ticks), key=lambda pair: pair[1][0] - pair[0][0])
    return Click(seconds, second[0] - first[0], second[1] - first[1], first[2], peak_memory())


def peak_memory() -> int:
    """MB that this process has ever had in memory."""
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit // 2**20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", type=Path, default=SAMPLE, help="a VPI (default: a bundled simulated one)")
    parser.add_argument("--clicks", type=int, default=2)
    parser.add_argument("--at-once", action="store_true", help="click before anything is loaded")
    arguments = parser.parse_args()
    panel, made = open_panel(arguments.picture), []
    print(f"{'click':>5} {'seconds':>8} {'longest block':>14} {'computing':>10} {'peak memory':>12}  block during")
    for number in range(arguments.at_once, arguments.clicks + 1):
        made.append(watched(click if number else look, panel))
        blocked = f"{made[-1].block:12.2f} s {made[-1].computing:8.2f} s"
        during = made[-1].during or ("the click" if number else "looking")
        print(f"{number:5} {made[-1].seconds:8.1f} {blocked} {made[-1].memory:9} MB  {during}")
    clicks = made[not arguments.at_once :]
    kept = all(each.block <= BLOCK and each.memory <= MEMORY for each in made)
    kept &= all(each.seconds <= SECONDS for each in clicks[arguments.at_once :])
    if len(clicks) > 1 and not arguments.at_once:
        kept &= clicks[0].seconds <= FIRST * clicks[1].seconds
        print(f"The first click takes {clicks[0].seconds / clicks[1].seconds:.2f} x the second's time.")
    limits = f"{SECONDS:.0f} s (first {FIRST} x second), {BLOCK} s, {MEMORY} MB"
    print(f"Limits: {limits}: {'kept' if kept else 'exceeded'}.")
    return int(not kept)


if __name__ == "__main__":
    sys.exit(main())
