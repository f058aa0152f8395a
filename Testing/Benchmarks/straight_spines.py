"""Whether curves are seen in spines that have none: straight ones, simulated, and read.

    python Testing/Benchmarks/straight_spines.py

A data set has few straight spines. Here as many are simulated as are asked for, of each world: no two of their
vertebrae are tilted against each other by more than 6°. They are read from the true labels and from the model's. Prints
a table: in how many no curve of 15° or more is seen, and none of 10° or more, of those that were taken for a spine at
all; the largest curve that was seen. Some seconds a spine.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from DAGANSpineLib.commands.terminal import Bar, at_least, reported  # noqa: E402
from DAGANSpineLib.evaluation.curves import CLEAR  # noqa: E402
from DAGANSpineLib.evaluation.tables import shown, table  # noqa: E402
from DAGANSpineLib.inference import Pipeline  # noqa: E402
from DAGANSpineLib.simulation import SEVERITIES, Subject, simulate_subject  # noqa: E402
from DAGANSpineLib.spine import SMALLEST, Spine, read  # noqa: E402

WHOSE = "true labels", "model's labels"
SEED = 15  # of the first spine, times the factor that keeps data sets' subjects apart: nothing was learnt from these

Angle = float | None  # degrees, 0 for no curve; None where the bones form no spine


def largest(spine: Spine) -> Angle:
    """The largest curve of `SMALLEST` degrees or more."""
    return None if spine.curves is None else max((curve.uca_deg for curve in spine.curves), default=0.0)


def angles_of(subject: Subject, pipeline: Pipeline) -> tuple[Angle, Angle]:
    """The largest curve that is seen in the true labels, and in the model's."""
    spacing = tuple(subject.known["spacing_mm"])
    result = pipeline.run(subject.vpi.astype(np.float32), spacing=spacing)
    true = read(subject.labels, result.body, None, spacing)
    return largest(true), largest(read(result.labels, result.body, result.probabilities, spacing))


def row_of(world: str, whose: str, angles: Sequence[Angle]) -> list[str]:
    """A line of the table."""
    given = [angle for angle in angles if angle is not None]
    shares = (
        shown(100 * float(np.mean([angle < limit for angle in given])) if given else None, 1)
        for limit in (CLEAR, SMALLEST)
    )
    seen = f"{max(given):.1f}" if any(given) else "–"
    return [world, whose, str(len(angles)), str(len(angles) - len(given)), *shares, seen]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--spines", type=at_least(1), default=60, help="of each world (default: 60)")
    parser.add_argument("--severity", nargs="+", default=["mild", "mixed"], choices=SEVERITIES, help="the worlds")
    parser.add_argument("--model", type=Path, help="a model file (default: the bundled one)")
    arguments = parser.parse_args()
    pipeline, bar, rows = Pipeline.load(arguments.model), Bar("Reading"), []
    total = len(arguments.severity) * arguments.spines
    for place, world in enumerate(arguments.severity):
        found = []
        for index in range(arguments.spines):
            bar((place * arguments.spines + index) / total, f"{world}, spine {index + 1}")
            subject = simulate_subject(1000003 * SEED + index, severity=world, curves=0)
            found.append(angles_of(subject, pipeline))
        rows += [row_of(world, *each) for each in zip(WHOSE, zip(*found, strict=True), strict=True)]
    bar.clear()
    columns = ("no spine", f"no curve of {CLEAR}° or more, %", f"none of {SMALLEST:.0f}° or more, %", "largest, °")
    print(table(["world", "labels", "straight spines", *columns], rows))


if __name__ == "__main__":
    sys.exit(reported("straight_spines", main))
