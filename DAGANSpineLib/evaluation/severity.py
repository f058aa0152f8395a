"""When does restoration pay? Every system on every test set, and over how much of a picture is torn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from ..baselines import ALONE, REFERENCE, SYSTEMS, VANILLA, System
from ..files import whole_file
from ..report import DISCLAIMER
from ..spine import SMALLEST
from .crossed import ERROR, FEWEST_SEEDS, Scores, as_scores, read_differences, weights
from .kept import LABELLED_BY, Kept
from .paired import FEWEST, LEVEL, RESAMPLES, SEED
from .plots import plot_severity
from .scoring import mean
from .tables import difference, percent, shown, table

POINTS = 25  # of a curve
WIDTH = 0.15  # of the kernel, as a share of the curve's extent
FARTHEST = 95  # per cent of the subjects lie within the curve's extent: beyond, there are too few
PLACES = (0.0, 0.5, 1.0)  # of the extent, where the table reads the curves

Row = Mapping[str, Any]


def dice(row: Row) -> float | None:
    return percent(row["segmentation"]["dice"]["average"])


def torn_dice(row: Row) -> float | None:
    """In the torn parts of the picture alone."""
    by_place = (row.get("parts") or {}).get("dice")
    return percent(by_place["torn"]["average"]) if by_place else None


def quality(row: Row) -> float | None:
    return row["restoration"]["model"].get("PSNR")


def angle_error(row: Row) -> float | None:
    """By how many degrees the curves of 10° and more are off, read from the model's labels; one that is missed is off
    by all of its angle. None for a subject without such a curve, or of whom none is known."""
    curves = (row.get("curves") or {}).get(LABELLED_BY)
    return mean(abs(each["cobb"] - (each["uca"] or 0.0)) for each in curves["curves"]) if curves else None


def invented(row: Row) -> float | None:
    """How many curves of 10° and more are measured that the spine hasn't, read from the model's labels; None where none
    of its curves is known."""
    curves = (row.get("curves") or {}).get(LABELLED_BY)
    return float(sum(degrees >= SMALLEST for degrees in curves["invented"])) if curves else None


def torn_share(row: Row) -> float | None:
    """How much of the lit body is torn."""
    return (row.get("parts") or {}).get("torn share")


FIGURES: dict[str, Callable[[Row], float | None]] = {
    "Dice, %": dice,
    "Dice in torn parts, %": torn_dice,
    "PSNR, dB": quality,
    "curve angles off by, °": angle_error,
    "curves invented a spine": invented,
}
OVER_SHARE = ("Dice, %", "curve angles off by, °")
MINUS = f"Dice minus {REFERENCE}'s"
BASES = {VANILLA: "minus vanilla FPN", ALONE: "minus segmenter alone"}  # who don't restore, and what is said
OUTSIDE = {system.name for system in SYSTEMS if not system.ranked}
BETTER = {"Dice, %": 1, "curve angles off by, °": -1}


def by_severity(jobs: Sequence[Kept], sets: Sequence[str]) -> dict[str, Any]:
    """Means of every system on each test set, and its curves over the torn share of all test sets' subjects."""
    return {
        "sets": {name: on_set(jobs, name) for name in sets},
        "curves": {figure: curves(jobs, sets, figure) for figure in OVER_SHARE},
    }


def on_set(jobs: Sequence[Kept], name: str) -> dict[str, Any]:
    """One test set: how torn it is, each system's figures, means over subjects and trainings, and by how much its Dice
    differs from DA-GAN's."""
    systems: dict[System, list[list[Row]]] = {}
    for job in jobs:
        systems.setdefault(job.system, []).append(job.tested(name)["subjects"])
    first = jobs[0].tested(name)
    by_dice = {system: as_scores([map(dice, rows) for rows in trainings]) for system, trainings in systems.items()}
    return {
        "data": first["data"],
        "subjects": len(first["subjects"]),
        "torn share": mean(torn_share(row) for row in first["subjects"]),
        "systems": {
            system.name: {
                figure: mean(mean(figure_of(row) for row in rows) for rows in trainings)
                for figure, figure_of in FIGURES.items()
            }
            for system, trainings in systems.items()
        },
        MINUS: minus_reference(by_dice),
    }


def minus_reference(scores: Mapping[System, Scores]) -> dict[str, Any]:
    """How the Dice of the others differ from DA-GAN's; see `read_differences`. Empty without DA-GAN. Who is outside the
    ranking is left out."""
    reference = next((each for system, each in scores.items() if system.name == REFERENCE), None)
    if reference is None:
        return {}
    others = {system.name: each for system, each in scores.items() if system.name != REFERENCE and system.ranked}
    return read_differences(reference, others, "better", "worse")


def curves(jobs: Sequence[Kept], sets: Sequence[str], figure: str) -> dict[str, Any] | None:
    """A figure over the torn share, one curve a system, with a band over subjects and trainings, and its differences
    from those that don't restore: the vanilla FPN, which is as costly as DA-GAN, and DA-GAN's segmenter alone. None
    where too few subjects are known, or (nearly) all are torn alike."""
    trainings: dict[System, list[list[Row]]] = {}
    for job in jobs:
        trainings.setdefault(job.system, []).append([row for name in sets for row in job.tested(name)["subjects"]])
    shares = as_scores([map(torn_share, next(iter(trainings.values()))[0])])[0]
    scores = {system: as_scores([map(FIGURES[figure], rows) for rows in each]) for system, each in trainings.items()}
    known = ~np.isnan(shares) & ~np.isnan(np.concatenate(list(scores.values()))).any(0)
    if known.sum() < FEWEST:
        return None
    shares, scores = shares[known], {system: values[:, known] for system, values in scores.items()}
    grid = np.linspace(shares.min(), np.percentile(shares, FARTHEST), POINTS)
    if np.ptp(grid) == 0:
        return None
    lines = {system: line_of(number, scores[system], shares, grid) for number, system in enumerate(scores)}
    bases = {words: line for key, words in BASES.items() for system, line in lines.items() if system.key == key}
    found = {}
    for system, line in lines.items():
        found[system.name] = {"mean": line.mean.tolist(), **line.band()}
        for words, base in bases.items():
            if base is line or not system.ranked:
                continue
            difference = line.minus(base)
            around = difference.band()
            found[system.name][words] = {"mean": difference.mean.tolist(), **around}
            if system.name == REFERENCE:  # of all the others, some would seem better by chance alone
                ahead = np.array(around["low"]) > 0 if BETTER[figure] > 0 else np.array(around["high"]) < 0
                found[system.name][words]["ahead from"] = first_of_lasting(grid, ahead & difference.tells)
    return {"subjects": int(known.sum()), "torn share": grid.tolist(), "systems": found}


@dataclass(frozen=True)
class Line:
    """A figure, or its difference from another system's, at each place of the grid: its mean; that of resampled
    subjects and trainings, (RESAMPLES, places); by system, that of each training, (trainings, places); and how many
    subjects there are about a place."""

    mean: np.ndarray
    samples: np.ndarray
    by_training: tuple[np.ndarray, ...]
    around: np.ndarray

    def minus(self, other: Line) -> Line:
        """The difference, subject by subject."""
        trainings = self.by_training + other.by_training
        return Line(self.mean - other.mean, self.samples - other.samples, trainings, self.around)

    @property
    def tells(self) -> bool:
        """Whether there are trainings enough: from a single one nobody knows how far the next one lies."""
        return min(map(len, self.by_training)) >= FEWEST_SEEDS

    def band(self) -> dict[str, list[float]]:
        """The ends of the interval at each place, as much wider as in `crossed_difference` where trainings are few."""
        tails = stats.norm.sf(stats.t.isf((100 - LEVEL) / 200, self.freedom()))
        return {
            name: [float(np.quantile(at, share)) for at, share in zip(self.samples.T, shares, strict=True)]
            for name, shares in (("low", tails), ("high", 1 - tails))
        }

    def freedom(self) -> np.ndarray:
        """How well the scatter at each place is known: over each system's trainings, and the rest over subjects."""
        several = [each for each in self.by_training if len(each) > 1]
        parts = [(each.var(0, ddof=1) / len(each), len(each) - 1) for each in several]
        rest = self.samples.var(0) - sum(variance for variance, _ in parts)
        parts.append((np.maximum(rest, 0), np.maximum(self.around - 1, 1)))
        total = sum(variance for variance, _ in parts)
        doubt = sum(variance**2 / freedom for variance, freedom in parts)
        return np.maximum(total**2 / np.maximum(doubt, 1e-300), 1)


def line_of(number: int, scores: Scores, shares: np.ndarray, grid: np.ndarray) -> Line:
    """The kernel-weighted mean of scores (trainings, subjects) at each place of the grid (Nadaraya, Theory Probab.
    Appl. 1964). Every system has the same subjects resampled, so that differences are paired; `number` keeps its
    trainings' draws apart from others'."""
    width = WIDTH * np.ptp(grid)
    kernel = np.exp(-0.5 * ((grid[:, None] - shares) / width) ** 2)  # places, subjects
    chosen = weights(np.random.default_rng(SEED), len(shares))
    of_trainings = weights(np.random.default_rng([SEED, number]), len(scores)) @ scores
    samples = (chosen * of_trainings) @ kernel.T / np.maximum(chosen @ kernel.T, 1e-300)
    weight = kernel.sum(1)
    by_training = scores @ kernel.T / weight
    return Line(by_training.mean(0), samples, (by_training,), weight**2 / (kernel**2).sum(1))


def first_of_lasting(grid: np.ndarray, ahead: np.ndarray) -> float | None:
    """From where on it is so up to the end of the grid; None if it isn't so at the end."""
    if not ahead[-1]:
        return None
    behind = np.flatnonzero(~ahead)
    return float(grid[behind[-1] + 1 if len(behind) else 0])


def severity_as_markdown(found: Mapping[str, Any]) -> str:
    """The tables for people."""
    parts = ["# By severity"]
    for each in found["sets"].values():
        rows = [
            [called(name), *(shown(figures[one]) for one in FIGURES), difference(each[MINUS].get(name))]
            for name, figures in each["systems"].items()
        ]
        torn = "" if each["torn share"] is None else f", of the lit body {each['torn share']:.1%} torn"
        parts += [f"**{each['data']}**: {each['subjects']} test subjects{torn}", table(["", *FIGURES, MINUS], rows)]
    parts.append(
        "Means over subjects and trainings. A curve of 10° or more that is missed is off by all of its angle; one that "
        "is measured where the spine has none is invented. All "
        "systems segment a picture and its mirror image, and average the two answers. Differences with "
        f"{LEVEL} % bootstrap intervals over subjects and trainings ({RESAMPLES} resamples, seed {SEED}); bold: shown, "
        f"which is p below {ERROR:.2f} after Holm's correction for the systems of the table, and at least {FEWEST} "
        "subjects differ. In brackets: outside any ranking."
    )
    for figure, curve in found["curves"].items():
        if curve:
            parts += over_share(figure, curve)
    return "\n\n".join([*parts, DISCLAIMER]) + "\n"


def called(name: str) -> str:
    """A system's name, in brackets where it is outside the ranking."""
    return f"({name})" if name in OUTSIDE else name


def over_share(figure: str, curve: Mapping[str, Any]) -> Iterable[str]:
    """A figure's curves, read at their beginning, middle and end."""
    grid, places = curve["torn share"], [round(place * (POINTS - 1)) for place in PLACES]
    rows = []
    for name, line in curve["systems"].items():
        cells = (f"{line['mean'][at]:.2f} ({line['low'][at]:.2f} to {line['high'][at]:.2f})" for at in places)
        rows.append([called(name), *cells])
    yield f"## {figure}, over how much of the lit body is torn"
    yield table(["", *(f"{grid[at]:.1%}" for at in places)], rows)
    yield (
        f"Kernel-weighted means of {curve['subjects']} test subjects, with pointwise {LEVEL} % bands over subjects and "
        f"trainings ({RESAMPLES} resamples, seed {SEED}; wider where these are few, as Student's t is). Shown for "
        f"{REFERENCE}, and asked of it alone: where the band of its difference leaves out 0 and does so up to the end; "
        f"fewer than {FEWEST_SEEDS} trainings of either can't tell."
    )
    yield from (sentence(figure, curve, words) for words in BASES.values())


def sentence(figure: str, curve: Mapping[str, Any], words: str) -> str:
    """From where on DA-GAN is better than one that doesn't restore; than its own segmenter alone: from where on its
    restoration pays."""
    difference, other = curve["systems"].get(REFERENCE, {}).get(words), words.removeprefix("minus ")
    if difference is None:
        return f"{REFERENCE} and the {other} are not both among the systems."
    whose = f"{REFERENCE}'s restoration" if words == BASES[ALONE] else REFERENCE
    if difference["ahead from"] is None:
        return f"Nowhere is it shown that {whose} improves this figure on the {other}'s."
    return (
        f"Where {difference['ahead from']:.1%} of the lit body or more is torn, {whose} is shown to improve this "
        f"figure on the {other}'s."
    )


def write_severity(found: Mapping[str, Any], folder: Path) -> None:
    """Write severity.md and, where there are curves, severity.png."""
    with whole_file(folder / "severity.md") as path:
        path.write_text(severity_as_markdown(found), encoding="utf-8")
    if any(found["curves"].values()):
        with whole_file(folder / "severity.png") as path:
            plot_severity(found, path, REFERENCE, OUTSIDE)
