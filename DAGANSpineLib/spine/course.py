"""How the tilt runs along a spine: from one end vertebra to the next, wherever those are.

By definition the tilt is largest at an end vertebra and passes over to the other side until the next: here by the
simplest course that does, a cubic with a level tangent at both ends; beyond the outermost ones it stays as it is.
Where the end vertebrae are, nobody knows beforehand: all places that are far enough apart are tried, few before many,
and the one that the bones speak for is taken (by its evidence; MacKay, Neural Comput 1992). A small deviation of each
level from that course is left free.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, pairwise
from math import comb

import numpy as np

MOST_COURSES = 20_000  # to choose from: what has many more levels than a spine does with fewer turns
MOST_TURNS = 6  # end vertebrae of three curves, and where the tilt settles above and below them
APART, APART_OUTSIDE = 3, 2  # levels from one to the next, and from the outermost to where it settles
SIZE = np.radians(14.0)  # standard deviation of a tilt at a turn
OWN = np.radians(0.8)  # of one level from the course
SHARED, REACH = np.radians(1.2), 1.2  # of neighbours alike, over so many levels


@dataclass(frozen=True)
class Course:
    """Slopes (levels,) and their covariance (levels, levels)."""

    slope: np.ndarray
    covariance: np.ndarray


def likeliest_course(precision: np.ndarray, towards: np.ndarray) -> Course:
    """The course that what was seen makes likeliest; its covariance knows of the others, as far as they are likely.

    What was seen: `precision` (levels, levels) of the slopes and, times their values, `towards` (levels,).
    """
    bases, log_prior = courses(len(towards))
    apart = np.arange(len(towards)) - np.arange(len(towards))[:, None]
    free = SHARED**2 * np.exp(-0.5 * (apart / REACH) ** 2) + OWN**2 * np.eye(len(towards))
    taken = np.linalg.inv(np.eye(len(towards)) + precision @ free)
    precision, towards = taken @ precision, taken @ towards  # of the course itself, deviations integrated out
    inner = bases.transpose(0, 2, 1) @ precision @ bases + np.eye(bases.shape[2]) / SIZE**2
    pull = towards @ bases
    turns = np.linalg.solve(inner, pull[..., None])[..., 0]
    log_evidence = log_prior + ((pull * turns).sum(1) - np.linalg.slogdet(inner)[1]) / 2
    best = int(log_evidence.argmax())
    weight = np.exp(log_evidence - log_evidence[best])
    weight /= weight.sum()
    found = (bases @ turns[..., None])[..., 0]
    heavy = weight > 1e-3 * weight[best]
    bases, inner, weight, away = bases[heavy], inner[heavy], weight[heavy], found[heavy] - found[best]
    spread = np.einsum("m,mij->ij", weight, bases @ np.linalg.solve(inner, bases.transpose(0, 2, 1)))
    spread += away.T @ (away * weight[:, None])
    keep = np.eye(len(towards)) - free @ precision
    return Course(
        slope=found[best] + free @ (towards - precision @ found[best]),
        covariance=keep @ spread @ keep.T + free - free @ precision @ free,
    )


@lru_cache(maxsize=8)
def courses(levels: int) -> tuple[np.ndarray, np.ndarray]:
    """All courses: (courses, levels, MOST_TURNS), what each turn's tilt adds to each level's, and the logarithm of how
    likely each is beforehand: each number of turns alike."""
    bases, log_prior = [], []
    for count in range(1, MOST_TURNS + 1):
        if not 0 < comb(levels, count) <= MOST_COURSES:
            break
        places = [place for place in combinations(range(levels), count) if far_apart(place)]
        places = places if count > 1 else places[:1]  # one turn is none: the same tilt everywhere
        bases += [basis(place, levels) for place in places]
        log_prior += [-np.log(max(len(places), 1))] * len(places)
    return np.array(bases), np.array(log_prior)


def far_apart(places: tuple[int, ...]) -> bool:
    """Whether turns lie far enough from each other."""
    gaps = [below - above for above, below in pairwise(places)]
    return all(gap >= APART for gap in gaps[1:-1]) and all(gap >= APART_OUTSIDE for gap in (*gaps[:1], *gaps[-1:]))


def basis(places: tuple[int, ...], levels: int) -> np.ndarray:
    """(levels, MOST_TURNS): how much each turn's tilt counts at each level."""
    found = np.zeros((levels, MOST_TURNS))
    at = np.arange(levels)
    for turn in range(len(places)):
        values = np.interp(at, places, np.eye(len(places))[turn])
        found[:, turn] = values**2 * (3 - 2 * values)
    return found
