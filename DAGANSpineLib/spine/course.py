"""How the tilt runs along a spine: from one end vertebra to the next, wherever those are.

By definition the tilt is largest at an end vertebra and passes over to the other side until the next: here by the
simplest course that does, a cubic with a level tangent at both ends. Beyond the outermost ones it falls back towards
level, for a head is carried over a pelvis. Where the end vertebrae are, nobody knows beforehand, and the sweep needn't
have reached the outermost: all places that are far enough apart are tried, each as likely as any other, and the ones
that the bones speak for are taken (by their evidence; MacKay, Neural Comput 1992). A small deviation of each level from
that course is left free.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, pairwise
from math import comb

import numpy as np

MOST_COURSES = 20_000  # to choose from: what has many more levels than a spine does with fewer end vertebrae
ENDS = (2, 3, 4)  # how many end vertebrae: of one to three curves
APART = 3  # levels from one to the next at least
BEYOND = 2  # levels beyond those that were seen, where one more may lie at either end
SETTLED = 2.5  # levels from the outermost to where the tilt no longer changes
SIZE, LEVEL = np.radians(14.0), np.radians(5.0)  # standard deviations of a tilt at an end vertebra, and settled
OWN = np.radians(0.8)  # of one level from the course
SHARED, REACH = np.radians(1.2), 1.2  # of neighbours alike, over so many levels


@dataclass(frozen=True)
class Course:
    """Slopes (levels,), and what their covariance is computed from once it is asked for, in the end: all `likely`
    courses, as bases (courses, levels, turns), how precisely their turns are known, how likely they are, and how far
    they are from the likeliest; what is left `free` to each level, and how much of the course the slopes `keep`."""

    slope: np.ndarray
    likely: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
    free: np.ndarray
    keep: np.ndarray

    @property
    def covariance(self) -> np.ndarray:
        """Of the slopes, (levels, levels); it knows of the other courses, as far as they are likely."""
        bases, inner, weight, away = self.likely
        spread = np.einsum("m,mij->ij", weight, bases @ np.linalg.solve(inner, bases.transpose(0, 2, 1)))
        spread += away.T @ (away * weight[:, None])
        return self.keep @ spread @ self.keep.T + self.keep @ self.free


def likeliest_course(precision: np.ndarray, towards: np.ndarray) -> Course:
    """The course that what was seen makes likeliest.

    What was seen: `precision` (levels, levels) of the slopes and, times their values, `towards` (levels,).
    """
    bases = courses(len(towards))
    apart = np.arange(len(towards)) - np.arange(len(towards))[:, None]
    free = SHARED**2 * np.exp(-0.5 * (apart / REACH) ** 2) + OWN**2 * np.eye(len(towards))
    taken = np.linalg.inv(np.eye(len(towards)) + precision @ free)
    precision, towards = taken @ precision, taken @ towards  # of the course itself, deviations integrated out
    usual = np.array([LEVEL, *[SIZE] * max(ENDS), LEVEL])
    inner = bases.transpose(0, 2, 1) @ precision @ bases + np.diag(usual**-2)
    pull = towards @ bases
    turns = np.linalg.solve(inner, pull[..., None])[..., 0]
    log_evidence = ((pull * turns).sum(1) - np.linalg.slogdet(inner)[1]) / 2
    best = int(log_evidence.argmax())
    weight = np.exp(log_evidence - log_evidence[best])
    weight /= weight.sum()
    found = (bases @ turns[..., None])[..., 0]
    heavy = weight > 1e-3 * weight[best]
    return Course(
        slope=found[best] + free @ (towards - precision @ found[best]),
        likely=(bases[heavy], inner[heavy], weight[heavy], found[heavy] - found[best]),
        free=free,
        keep=np.eye(len(towards)) - free @ precision,
    )


@lru_cache(maxsize=8)
def courses(levels: int) -> np.ndarray:
    """All courses: (courses, levels, 2 + the most ends), what the tilt where it settles above, at each end vertebra and
    where it settles below adds to each level's."""
    bases = []
    for count in ENDS:
        if comb(levels + 2 * BEYOND, count) <= MOST_COURSES:
            places = combinations(range(-BEYOND, levels + BEYOND), count)
            bases += [basis(ends, levels) for ends in places if possible(ends, levels)]
    return np.array(bases)


def possible(ends: tuple[int, ...], levels: int) -> bool:
    """Whether end vertebrae lie far enough from each other, and all but the first and the last were seen."""
    seen = all(0 <= end < levels for end in ends[1:-1]) and ends[0] < levels and ends[-1] >= 0
    return seen and all(below - above >= APART for above, below in pairwise(ends))


def basis(ends: tuple[int, ...], levels: int) -> np.ndarray:
    """(levels, 2 + the most ends), as `courses` has it."""
    places = (ends[0] - SETTLED, *ends, ends[-1] + SETTLED)
    of_each = np.stack([np.interp(np.arange(levels), places, turn) for turn in np.eye(len(places))], axis=1)
    found = np.zeros((levels, 2 + max(ENDS)))
    found[:, [*range(len(ends) + 1), -1]] = of_each**2 * (3 - 2 * of_each)
    return found
