"""Is one better than the other, on the same subjects? Paired differences with bootstrap intervals over the subjects
(Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES, SEED = 10_000, 0
LEVEL = 95  # per cent of the resampled means lie within the interval
ROUNDING = 1e-5  # of a figure: as much differs where the same network computes with another number of threads
FEWEST = 6  # subjects that differ: five agree by chance more often than one time in twenty (2 / 2⁵), so can't tell


@dataclass(frozen=True)
class Difference:
    """The other minus the reference, over the subjects of which both are known.

    `low`, `high`: the interval of the mean difference; None with fewer than FEWEST subjects. `larger`, `smaller`: how
    many subjects have a larger or a smaller figure in the other.
    """

    subjects: int
    reference: float
    other: float
    mean: float
    low: float | None
    high: float | None
    larger: int
    smaller: int

    @property
    def sign(self) -> int:
        """1 or -1 where the interval leaves out 0 and enough subjects differ; 0 where no difference is shown."""
        if self.low is None or self.high is None or self.larger + self.smaller < FEWEST:
            return 0
        return int(self.low > 0) - int(self.high < 0)

    def reading(self, larger: str, smaller: str) -> str:
        """What the interval says, in words for a larger and for a smaller figure."""
        if self.low is None:
            return f"fewer than {FEWEST} subjects can't tell"
        return {0: "no difference shown", 1: larger, -1: smaller}[self.sign]


def mean_interval(values: Sequence[float]) -> tuple[float, float] | tuple[None, None]:
    """The interval of the mean of figures of different subjects; None and None with fewer than FEWEST."""
    if len(values) < FEWEST:
        return None, None
    chosen = np.random.default_rng(SEED).integers(len(values), size=(RESAMPLES, len(values)))
    tail = (100 - LEVEL) / 2
    low, high = np.percentile(np.asarray(values, dtype=float)[chosen].mean(1), [tail, 100 - tail])
    return float(low), float(high)


def paired_difference(reference: Iterable[float | None], other: Iterable[float | None]) -> Difference | None:
    """Compare figures of the same subjects in the same order; None where no subject has both."""
    pairs = [pair for pair in zip(reference, other, strict=True) if None not in pair]
    if not pairs:
        return None
    first, second = np.array(pairs, dtype=float).T
    differences = np.where(np.isclose(first, second, rtol=ROUNDING, atol=0), 0, second - first)
    low, high = mean_interval(differences)
    return Difference(
        subjects=len(pairs),
        reference=float(first.mean()),
        other=float(second.mean()),
        mean=float(differences.mean()),
        low=low,
        high=high,
        larger=int((differences > 0).sum()),
        smaller=int((differences < 0).sum()),
    )
