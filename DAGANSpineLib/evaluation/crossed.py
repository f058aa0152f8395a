"""Is one system better than another, whoever is tested and whichever training it was? Differences with intervals over
subjects and seeds, both resampled (the pigeonhole bootstrap of Owen, Ann. Appl. Stat. 2007), and Holm's correction."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np
from scipy import stats

from .paired import FEWEST, LEVEL, RESAMPLES, ROUNDING, SEED

ERROR = 1 - LEVEL / 100  # of the differences that are said to be shown, the share of chance that is put up with
FEWEST_SEEDS = 2  # of each: from a single training nobody knows how far the next one lies

Name = TypeVar("Name", bound=Hashable)
Scores = np.ndarray  # (seeds, subjects) of one system, NaN where there is none


@dataclass(frozen=True)
class Crossed:
    """The other minus the reference, means over the subjects of which all trainings of both are known.

    `seeds`: how many trainings (reference, other). `low`, `high`: the interval; `p`: how likely so large a difference
    is by chance, from two sides; None with too few subjects or trainings. `larger`, `smaller`: how many subjects have
    a larger or a smaller mean over the trainings in the other.
    """

    subjects: int
    seeds: tuple[int, int]
    reference: float
    other: float
    mean: float
    low: float | None
    high: float | None
    p: float | None
    larger: int
    smaller: int


def crossed_difference(reference: Scores, other: Scores) -> Crossed | None:
    """Compare two systems on the same subjects in the same order; None where no subject is known of all trainings.

    Subjects are the same for both, trainings each system's own. Of n, n - 1 are drawn each time, so that the resampled
    means scatter as means of n do (Rao and Wu, JASA 1988); and since few trainings tell their own scatter badly, the
    interval is as much wider as Student's t is than the normal distribution (the expanded percentile interval of
    Hesterberg, Am. Stat. 2015), with the degrees of freedom of Welch and Satterthwaite.
    """
    known = ~(np.isnan(reference).any(0) | np.isnan(other).any(0))
    if not known.any():
        return None
    ours, theirs = reference[:, known], other[:, known]
    by_subject = theirs.mean(0) - ours.mean(0)
    by_subject = np.where(np.isclose(theirs.mean(0), ours.mean(0), rtol=ROUNDING, atol=0), 0, by_subject)
    low = high = p = None
    if len(by_subject) >= FEWEST and min(len(ours), len(theirs)) >= FEWEST_SEEDS:
        low, high, p = interval_of(ours, theirs)
    return Crossed(
        subjects=len(by_subject),
        seeds=(len(ours), len(theirs)),
        reference=float(ours.mean()),
        other=float(theirs.mean()),
        mean=float(by_subject.mean()),
        low=low,
        high=high,
        p=p,
        larger=int((by_subject > 0).sum()),
        smaller=int((by_subject < 0).sum()),
    )


def interval_of(ours: Scores, theirs: Scores) -> tuple[float, float, float]:
    """Low and high end of the difference's interval, and p."""
    resampled, mean = resampled_differences(ours, theirs), theirs.mean() - ours.mean()
    if np.ptp(resampled) <= ROUNDING * abs(mean):  # no subject, no training differs from the others
        return float(mean), float(mean), float(abs(mean) <= ROUNDING * abs(ours.mean()))
    freedom = degrees_of_freedom(ours, theirs)
    tail = stats.norm.sf(stats.t.isf((100 - LEVEL) / 200, freedom))
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return float(low), float(high), min(1.0, float(2 * stats.t.sf(away_from_zero(resampled, mean), freedom)))


def away_from_zero(resampled: np.ndarray, mean: float) -> float:
    """By how many standard deviations a difference is off 0: as many as have the share of resampled means beyond 0 in
    the normal distribution; where none is beyond, of which their number is all that one learns, as it is measured."""
    beyond = min((resampled <= 0).sum(), (resampled >= 0).sum())
    counted = float(stats.norm.isf(min(0.5, (beyond + 1) / (RESAMPLES + 1))))
    return counted if beyond else max(counted, abs(float(mean)) / float(resampled.std()))


def resampled_differences(ours: Scores, theirs: Scores) -> np.ndarray:
    """Differences of the means of resampled subjects and trainings, (RESAMPLES,)."""
    random = np.random.default_rng(SEED)
    subjects = weights(random, ours.shape[1])
    means = [
        np.einsum("bs,sn,bn->b", weights(random, len(scores)), scores, subjects, optimize=True)
        for scores in (ours, theirs)
    ]
    return means[1] - means[0]


def weights(random: np.random.Generator, count: int) -> np.ndarray:
    """How much each of so many counts in each resample, (RESAMPLES, count), where one less than all are drawn."""
    drawn = max(count - 1, 1)
    return random.multinomial(drawn, np.full(count, 1 / count), RESAMPLES) / drawn


def degrees_of_freedom(ours: Scores, theirs: Scores) -> float:
    """How well the difference's scatter is known: over subjects, and over each system's trainings."""
    parts = [(np.var(theirs.mean(0) - ours.mean(0), ddof=1) / ours.shape[1], ours.shape[1] - 1)]
    parts += [(np.var(scores.mean(1), ddof=1) / len(scores), len(scores) - 1) for scores in (ours, theirs)]
    total = sum(variance for variance, _ in parts)
    return total**2 / sum(variance**2 / freedom for variance, freedom in parts)


def holm(values: Mapping[Name, float | None]) -> dict[Name, float | None]:
    """Each p as it is where all are looked at together (Holm, Scand. J. Statist. 1979); None stays."""
    known = [name for name, p in sorted(values.items(), key=lambda each: each[1] or 0.0) if p is not None]
    corrected, largest = dict.fromkeys(values), 0.0
    for place, name in enumerate(known):
        p = values[name]
        largest = max(largest, min(1.0, p * (len(known) - place)))
        corrected[name] = largest
    return corrected


def as_scores(by_seed: Sequence[Iterable[float | None]]) -> Scores:
    """Figures by training and subject, as an array."""
    return np.array([[np.nan if value is None else value for value in row] for row in by_seed], dtype=float)


def read_differences(
    reference: Scores, others: Mapping[Name, Scores], larger: str, smaller: str
) -> dict[Name, dict[str, Any]]:
    """How the others differ from the reference, as plain values, where that is known: `Crossed`, p corrected for how
    many are looked at, and what that says, in words for a larger and for a smaller figure."""
    found = {name: crossed_difference(reference, scores) for name, scores in others.items()}
    corrected = holm({name: each and each.p for name, each in found.items()})
    return {
        name: asdict(each)
        | {"corrected p": corrected[name], "reading": reading(each, corrected[name], larger, smaller)}
        for name, each in found.items()
        if each is not None
    }


def reading(found: Crossed, corrected: float | None, larger: str, smaller: str) -> str:
    """What a difference says, in words for a larger and for a smaller figure."""
    if corrected is None:
        return f"fewer than {FEWEST} subjects or {FEWEST_SEEDS} trainings can't tell"
    if corrected >= ERROR or found.larger + found.smaller < FEWEST:
        return "no difference shown"
    return larger if found.mean > 0 else smaller
