"""Whether it is said that the end of a sweep cuts a curve: pictures cut between two vertebrae, and read.

    daganspine simulate -o test --severity mild --subjects 109 --seed 0
    python Testing/Benchmarks/cut_sweeps.py --data test

Each test subject's true labels are cut above some vertebrae, and below others, as if the sweep had begun or ended
there. Of the curves that lose more than 5° by that, counts those of which something is said: the curve that is measured
at that end is called uncertain, or, where none is measured, a sentence says that one may go on. Prints a table, beside
it how many curves of the whole pictures are called uncertain for the same; a third of a second a reading.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from DAGANSpineLib.commands.terminal import Bar  # noqa: E402
from DAGANSpineLib.evaluation.curves import true_curves, visible_levels  # noqa: E402
from DAGANSpineLib.evaluation.tables import table  # noqa: E402
from DAGANSpineLib.spine import ACCEPTED, CERTAIN, Spine, read  # noqa: E402
from DAGANSpineLib.spine.parts import OVER, where_it_goes_on  # noqa: E402
from DAGANSpineLib.training import load, open_dataset  # noqa: E402
from DAGANSpineLib.training.dataset import Sample  # noqa: E402

WHOLE, ABOVE, BELOW = "the whole sweep", "cut above {level}", "cut below {level}"
PLACES = [("T4", ABOVE), ("T6", ABOVE), ("T8", ABOVE), ("T10", BELOW), ("T12", BELOW), ("L2", BELOW)]

COLUMNS = {
    "curves": "curves measured",
    "called cut": "called uncertain for it",
    "cut": f"true curves that lose more than {ACCEPTED:.0f}°",
    "measured": "of these measured",
    "said": "of these said",
}


def parts_of(known: Mapping[str, Any]) -> Iterator[tuple[str, tuple[int, int]]]:
    """How a subject's picture is cut, and which rows are left of it, from the first to the one after the last; only
    where the sweep reached farther."""
    levels, rows = visible_levels(known), {name: row for name, (row, _column) in known["vertebra_centres"].items()}
    first, last = map(int, known["swept_rows"])
    yield WHOLE, (first, last)
    for level, how in PLACES:
        if level in (levels[0], levels[-1]) or level not in levels:
            continue
        place = levels.index(level)
        other = levels[place - 1 if how == ABOVE else place + 1]
        between = round((rows[level] + rows[other]) / 2)
        yield how.format(level=level), (between, last) if how == ABOVE else (first, between)


def counts_of(spine: Spine, known: Mapping[str, Any], rows: tuple[int, int]) -> Counter[str]:
    """Of one reading: the curves that the end of these rows cuts, of which something is said, and those that are called
    uncertain for it though nothing of them is cut."""
    found: Counter[str] = Counter()
    sentences = dict(where_it_goes_on(spine.levels, spine.curves or ()))
    near = {level.name for level in (*spine.levels[:OVER], *spine.levels[-OVER:])}
    at_an_end = [curve for curve in spine.curves or () if near & {curve.upper, curve.lower}]
    for curve in true_curves({**known, "swept_rows": rows})[0]:
        side = "right" if curve["degrees"] > 0 else "left"
        if abs(curve["whole"]) - abs(curve["degrees"]) > ACCEPTED:
            own = [each for each in at_an_end if each.convex == side]
            found["cut"] += 1
            found["said"] += any(each.confidence < CERTAIN for each in own) if own else bool(sentences)
            found["measured"] += bool(own)
    found["curves"] = len(spine.curves or ())
    found["called cut"] = len({curve for cut in sentences.values() for curve in cut})
    return found


def readings_of(sample: Sample) -> Iterator[tuple[str, Counter[str]]]:
    """What is counted in each part of a subject's true labels."""
    known = sample.known
    for how, (first, last) in parts_of(known):
        labels = np.where(np.isin(np.arange(len(sample.labels)), np.arange(first, last))[:, None], sample.labels, 0)
        body = np.zeros(labels.shape, bool)
        body[first:last] = True
        yield how, counts_of(read(labels, body, None, tuple(known["spacing_mm"])), known, (first, last))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="data set whose test subjects are cut")
    arguments = parser.parse_args()
    records, bar = open_dataset(arguments.data).test, Bar("Cutting")
    found = {WHOLE: Counter(), **{how.format(level=level): Counter() for level, how in PLACES}}
    for index, record in enumerate(records):
        bar(index / len(records), record.subject)
        for how, counts in readings_of(load(record)):
            found[how] += counts
    bar.clear()
    rows = [[how, *(str(counts[what]) for what in COLUMNS)] for how, counts in found.items()]
    total = sum((counts for how, counts in found.items() if how != WHOLE), Counter())
    rows.append(["**all that are cut**", *(str(total[what]) for what in COLUMNS)])
    print(f"{len(records)} subjects:\n")
    print(table(["", *COLUMNS.values()], rows))


if __name__ == "__main__":
    main()
