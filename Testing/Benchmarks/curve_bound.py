"""How well curves could be measured at all: what their bones tell of them, if all else were known.

    daganspine simulate -o test --severity mild --subjects 109 --seed 0
    daganspine simulate -o other --severity mild --subjects 100 --seed 77
    python Testing/Benchmarks/curve_bound.py --learn test --data test other

A simulated vertebra's processes and lumps lie some millimetres off the line that its tilt would have them on, as
patients' do, and its shadows' outlines wander. So a single line scatters about the tilt, and the middle between left
and right about the midline, whose slope departs from the tilt. How far, is learnt from the training subjects of
`--learn` (the slope's departure is taken from the simulation). An estimator that knows these scatters, which bone is
whose, which levels the end vertebrae are and how the tilt runs between them, has nothing to find but each end
vertebra's tilt: the best linear one is generalised least squares with their usual size for a prior. How far that is
off, on subjects from which nothing was learnt (the test subjects of `--learn`, all of the others), nothing that must
find all this in the labels can be expected to stay below. Prints a table, with what `spine.read` makes of the same
true labels; some half a second a subject.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from DAGANSpineLib.commands.terminal import Bar  # noqa: E402
from DAGANSpineLib.evaluation.curves import score_curves, true_curves, visible_levels  # noqa: E402
from DAGANSpineLib.evaluation.tables import table  # noqa: E402
from DAGANSpineLib.simulation.anatomy import (  # noqa: E402
    LINE_DEVIATION_DEG,
    LINE_DEVIATION_MM,
    LINE_SHARE,
    THORACIC,
    tilt_along,
)
from DAGANSpineLib.spine import SMALLEST, read  # noqa: E402
from DAGANSpineLib.training import load, open_dataset  # noqa: E402
from DAGANSpineLib.training.dataset import Record, Sample  # noqa: E402
from DAGANSpineLib.vpi import lit_body  # noqa: E402

SETTLED_MM = 60.0  # from the outermost end vertebra to where the simulated tilt settles
LEAN_DEG = 1.2  # standard deviation of what all vertebrae lean alike
FREEDOM = 10.0  # of Student's t: what contradicts all else loses weight, as in the reading
ROUNDS = 5
STEP_MM = 4.0  # of the grid on which the midline's slope is summed up
ANYWHERE_MM = 100.0  # standard deviation of where a midline begins
ALONE, LINES, MIDDLES, READING = WAYS = (
    "the end vertebrae's own lines",
    "the best of all lines",
    "the best of all lines and middles",
    "the reading",
)


@dataclass(frozen=True)
class Truth:
    """A subject's vertebrae from head to foot, as far as they were swept: `names`; `y`, mm, and `tilt`, degrees, of
    all; `ends`: y of its end vertebrae, mm; `midline`: its x at each, mm; `line`, `middle`: tilt of the line through
    its labelled bones, degrees, and x between them, mm, nan where one is missing."""

    names: list[str]
    y: np.ndarray
    tilt: np.ndarray
    ends: np.ndarray
    midline: np.ndarray
    line: np.ndarray
    middle: np.ndarray

    @property
    def thoracic(self) -> np.ndarray:
        return np.array([name in THORACIC for name in self.names])

    def basis(self, y: np.ndarray) -> np.ndarray:
        """(places, ends + 1): what each end vertebra's tilt, and a lean of the whole spine, add to the tilt at `y`."""
        each = [tilt_along(y, self.ends, unit, SETTLED_MM) for unit in np.eye(len(self.ends))]
        return np.stack([*each, np.ones_like(y)], axis=1)


def truth_of(sample: Sample) -> Truth:
    """What is known of a simulated subject, and its true lines."""
    known, spacing = sample.known, float(sample.known["spacing_mm"][0])
    centres = {name: np.array(at) * spacing for name, at in known["vertebra_centres"].items()}
    curves = known["curves"]
    ends = [curves[0]["upper"], *(curve["lower"] for curve in curves)]
    names = visible_levels(known)
    y = np.array([centres[name][0] for name in names])
    down, across = (np.array(known["centreline"]) * spacing).T
    bones = [true_bones(sample, name, centres) for name in names]
    left, right = (np.array(side) for side in zip(*bones, strict=True))
    return Truth(
        names=names,
        y=y,
        tilt=np.array([known["vertebra_tilt_deg"][name] for name in names]),
        ends=np.array([centres[name][0] for name in ends]),
        midline=np.interp(y, down, across),
        line=np.degrees(np.arctan2(left[:, 0] - right[:, 0], right[:, 1] - left[:, 1])),
        middle=(left[:, 1] + right[:, 1]) / 2 * spacing,
    )


def true_bones(sample: Sample, name: str, centres: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Where a vertebra's own left and right bones lie, (row, column) each; nan where one of them isn't drawn."""
    bones = sample.known["bones"]
    if name not in THORACIC and bones.get(name, {}).get("drawn"):
        return halves(sample, name, centres)
    sides = [bones.get(f"{name} {side}", {}) for side in ("left", "right")]
    if not all(side.get("drawn") and side.get("centre") for side in sides):
        return np.full(2, np.nan), np.full(2, np.nan)
    return np.array(sides[0]["centre"]), np.array(sides[1]["centre"])


def halves(sample: Sample, name: str, centres: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Centres (row, column) of a labelled lump's halves, parted where the vertebra's own middle is, and square to its
    true tilt; nan where the sweep cuts one off."""
    spacing = float(sample.known["spacing_mm"][0])
    pitches = np.gradient([centre[0] for centre in centres.values()]) / spacing
    reach = pitches[list(centres).index(name)] / 2
    row, column = centres[name] / spacing
    tilt = np.radians(sample.known["vertebra_tilt_deg"][name])
    first = max(int(row - 2 * reach), 0)
    rows, columns = np.nonzero(sample.labels[first : int(row + 2 * reach)] == 3)
    rows = rows + first
    u = (columns - column) * np.cos(tilt) - (rows - row) * np.sin(tilt)
    v = (columns - column) * np.sin(tilt) + (rows - row) * np.cos(tilt)
    own = np.abs(v) < reach
    left, right = (
        np.array([rows[half].mean(), columns[half].mean()]) if half.any() else np.full(2, np.nan)
        for half in (own & (u < 0), own & (u >= 0))
    )
    return left, right


@dataclass(frozen=True)
class Scatter:
    """Standard deviations: of thoracic and lumbar lines about the tilt, degrees, of the middles between their bones
    about the midline, mm, and of end vertebrae's tilts, degrees."""

    lines: tuple[float, float]
    middles: tuple[float, float]
    ends: float


def learn(truths: Sequence[Truth]) -> Scatter:
    """The scatters in some subjects; by the median deviation, which the few bones that are cut off don't move."""
    thoracic = np.concatenate([truth.thoracic for truth in truths])
    line = np.concatenate([truth.line - truth.tilt for truth in truths])
    middle = np.concatenate([truth.middle - truth.midline for truth in truths])
    ends = np.concatenate([np.interp(truth.ends, truth.y, truth.tilt) for truth in truths])
    of_each = [tuple(robust_deviation(off[part]) for part in (thoracic, ~thoracic)) for off in (line, middle)]
    return Scatter(*of_each, ends=float(np.sqrt((ends**2).mean())))


def robust_deviation(values: np.ndarray) -> float:
    """Standard deviation of normal values, by the median of what is not nan."""
    return float(1.4826 * np.nanmedian(np.abs(values - np.nanmedian(values))))


def best_tilts(truth: Truth, scatter: Scatter, middles: bool) -> np.ndarray:
    """The tilts (levels,), degrees, that all lines, and the `middles` between bones, make likeliest."""
    seen = np.flatnonzero(~np.isnan(truth.line))
    deviation = np.where(truth.thoracic, *scatter.lines)[seen]
    basis = truth.basis(truth.y)
    prior = np.diag([*[scatter.ends**-2] * len(truth.ends), LEAN_DEG**-2])
    weights, turns = np.ones(len(seen)), np.zeros(len(prior))
    for _ in range(ROUNDS):
        precision = weights / deviation**2
        normal = prior + (basis[seen].T * precision) @ basis[seen]
        right = (basis[seen].T * precision) @ truth.line[seen]
        if middles:
            follows, target, covariance = midline_equations(truth, scatter, turns)
            told = np.linalg.solve(covariance, np.c_[follows, target])
            normal += follows.T @ told[:, :-1]
            right += follows.T @ told[:, -1]
        turns = np.linalg.solve(normal, right)
        off = (truth.line - basis @ turns)[seen] / deviation
        weights = (FREEDOM + 1) / (FREEDOM + off**2)
    return basis @ turns


def midline_equations(truth: Truth, scatter: Scatter, turns: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the middles say of the end vertebrae's tilts, linear around `turns`: (middles, ends + 1) factors, targets in
    mm, and their covariance, of the midline's own ways and of the middles' scatter."""
    seen = np.flatnonzero(~np.isnan(truth.middle))
    fine = np.arange(truth.y[0], truth.y[-1], STEP_MM)
    tilts, share = truth.basis(fine) @ turns, np.mean(LINE_SHARE)
    tangent = np.tan(np.radians(share * tilts))
    above = np.clip(truth.y[seen, None] - fine, 0, STEP_MM)  # mm of each step that lie above a level
    turning = above * np.radians(1 + tangent**2)  # mm to the side, for each degree of slope
    follows = share * turning @ truth.basis(fine)
    target = truth.middle[seen] - truth.middle[seen].mean() - above @ tangent + follows @ turns
    apart = (fine - fine[:, None]) / LINE_DEVIATION_MM
    own = LINE_DEVIATION_DEG**2 * np.exp(-0.75 * apart**2)  # of a cubic B-spline's noise
    own += np.ptp(LINE_SHARE) ** 2 / 12 * np.outer(tilts, tilts)
    middles = np.diag(np.where(truth.thoracic, *scatter.middles)[seen] ** 2)
    return follows, target, turning @ own @ turning.T + middles + ANYWHERE_MM**2


def errors_of(sample: Sample, scatter: Scatter) -> dict[str, list[float]]:
    """By way of measuring: measured minus true angle of each curve, degrees; nan where it is missed."""
    truth, known = truth_of(sample), sample.known
    ways = {ALONE: truth.line, LINES: best_tilts(truth, scatter, False), MIDDLES: best_tilts(truth, scatter, True)}
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    for curve in true_curves(known)[0]:
        if abs(curve["degrees"]) >= SMALLEST:
            upper, lower = (truth.names.index(curve[end]) for end in ("upper", "lower"))
            for way, tilts in ways.items():
                found[way].append(np.sign(curve["degrees"]) * (tilts[upper] - tilts[lower] - curve["degrees"]))
    spine = read(sample.labels, lit_body(sample.image.astype(np.float32)), None, tuple(known["spacing_mm"]))
    scored = score_curves(spine, known)["curves"]
    found[READING] = [np.nan if row["uca"] is None else row["uca"] - row["cobb"] for row in scored]
    return found


def row_of(way: str, errors: Sequence[float]) -> list[str]:
    off = np.array(errors)[~np.isnan(errors)]
    error = np.abs(off)
    return [way, str(len(off)), f"{error.mean():.2f} ± {error.std() / np.sqrt(len(off)):.2f}", f"{off.mean():+.2f}"]


def learnt_from(records: Sequence[Record]) -> Scatter:
    """The scatters in a data set's subjects, a bar meanwhile."""
    bar, truths = Bar("Learning"), []
    for index, record in enumerate(records):
        bar(index / len(records), record.subject)
        truths.append(truth_of(load(record)))
    bar.clear()
    return learn(truths)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--learn", type=Path, required=True, help="data set whose training subjects give the scatters")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="data sets to measure curves in")
    arguments = parser.parse_args()
    scatter = learnt_from(open_dataset(arguments.learn).train)
    for region, line, middle in zip(("Thoracic", "Lumbar"), scatter.lines, scatter.middles, strict=True):
        print(f"{region} lines scatter by {line:.2f}°, their middles by {middle:.2f} mm.")
    for folder in arguments.data:
        dataset = open_dataset(folder)
        records = dataset.test + ([] if folder.resolve() == arguments.learn.resolve() else dataset.train)
        found: dict[str, list[float]] = {way: [] for way in WAYS}
        bar = Bar("Measuring")
        for index, record in enumerate(records):
            bar(index / len(records), record.subject)
            for way, errors in errors_of(load(record), scatter).items():
                found[way] += errors
        bar.clear()
        print(f"\n{dataset.name}, {len(records)} subjects:\n")
        print(table(["", "curves", "mean absolute error, °", "bias, °"], [row_of(*each) for each in found.items()]))


if __name__ == "__main__":
    main()
