"""Whether the bones found form one spine, in a figure and in sentences: against a model that always draws some."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from ..texts import tr as _
from .bone_maps import LUMBAR, THORACIC
from .bones import LEFT, Bone
from .curves import Curve
from .fit import Lines
from .ladder import Ladder

FEWEST = 5  # levels with both sides that make a spine
LEAST = 0.3  # plausibility
CERTAINTY = (0.5, 0.8)  # mean probability of the bones: what is worth nothing, and what is worth all
MOST_LEVELS = 19  # from the last cervical vertebra to a sixth lumbar one, as no sweep reaches
MOST_LEFT_OUT = 0.4  # bones that fit no spine, for each that does
OF_SIZE = 0.5  # of the usual weight: smaller ones don't count there
MOST_ACROSS = 0.15  # of the thoracic bone, what lies at the midline, where no transverse process is
MISPLACED = 5  # bones of either class in the wrong order: fewer may be single errors
BELIEVED = 0.35  # a bone's trust, from which it counts as found where it should be
BEYOND = 0.6  # of a pitch: a bone farther above or below all levels lies at none
GAP = 2  # levels in a row without a bone on one side that are worth a sentence


def plausibility_of(ladder: Ladder, lines: Lines, certainty: float) -> float:
    """How well the bones fit one spine, 0 to 1: what the ladder explains of them, how well they lie on their lines, how
    many levels there are with both sides, and how sure the model was of them (`certainty`, the mean probability)."""
    explained = ladder.explained * lines.trust[lines.trust > 0].mean()
    complete = np.sqrt(paired(ladder) / len(lines.rungs))
    sure = np.clip((certainty - CERTAINTY[0]) / (CERTAINTY[1] - CERTAINTY[0]), 0, 1)
    enough = min(paired(ladder) / (FEWEST + 2), 1)
    return float(explained * complete * enough * sure)


def paired(ladder: Ladder) -> int:
    """How many levels have both their bones."""
    return sum(len(rung.bones) == 2 for rung in ladder.rungs)


def no_vertebra() -> str:
    return _("No curves are given: no vertebra was found.")


def no_spine() -> str:
    return _("No curves are given: the bones found do not form a spine. Is this a VPI of a whole back?")


def no_processes() -> str:
    return _("No curves are given: the thoracic bones found run across the midline, as transverse processes do not.")


def reason_against(ladder: Ladder, lines: Lines, plausibility: float) -> str | None:
    """Why no curve is given, None where the bones form a spine."""
    if paired(ladder) < FEWEST:
        sentence = _("No curves are given: vertebrae found with both sides: {count}, too few for a spine.")
        return sentence.format(count=paired(ladder))
    if plausibility < LEAST:
        return no_spine()
    if is_upside_down(ladder):
        return _("No curves are given: lumbar vertebrae lie above thoracic ones. Is the picture upside down?")
    if len(lines.rungs) > MOST_LEVELS:
        sentence = _("No curves are given: vertebrae found one below the other: {count}, more than a spine has.")
        return sentence.format(count=len(lines.rungs))
    fit, left_over = bones_of_size(ladder)
    if left_over > MOST_LEFT_OUT * fit:
        sentence = _("No curves are given: beside {fit} bones that could be a spine's, {count} could not.")
        return sentence.format(fit=fit, count=left_over)
    return None


def bones_of_size(ladder: Ladder) -> tuple[int, int]:
    """How many bones the rungs take, and how many about as large as these fit none."""
    taken = [bone for rung in ladder.rungs for bone in rung.bones]
    every = [bone.weight for bone in taken]
    own = {value: [bone.weight for bone in taken if bone.value == value] for value in (THORACIC, LUMBAR)}
    least = {value: OF_SIZE * np.median(weights or every) for value, weights in own.items()}
    return len(taken), sum(bone.weight >= least[bone.value] for bone in ladder.outliers)


def is_upside_down(ladder: Ladder) -> bool:
    """Whether lumbar bones lie above thoracic ones, by the middle one of each."""
    bones = [*ladder.outliers, *(bone for rung in ladder.rungs for bone in rung.bones)]
    lumbar, thoracic = ([bone.y for bone in bones if bone.value == value] for value in (LUMBAR, THORACIC))
    return min(len(lumbar), len(thoracic)) >= MISPLACED and float(np.median(lumbar)) < float(np.median(thoracic))


@dataclass(frozen=True)
class Gap:
    """A stretch of levels, of all `names`, of which one side, or both, could not be found, as `sentence` says. `reach`:
    the levels beside it that could be others as well, as far as an end of a curve goes."""

    sentence: str
    names: Sequence[str]
    places: Sequence[int]
    reach: int

    def touches(self, curve: Curve) -> bool:
        """Whether it makes a curve uncertain."""
        upper, lower = (self.names.index(end) for end in (curve.upper, curve.lower))
        return upper - self.reach <= self.places[-1] and self.places[0] <= lower + self.reach

    def __str__(self) -> str:
        """The gap in words."""
        return self.sentence.format(upper=self.names[self.places[0]], lower=self.names[self.places[-1]])


def gaps(lines: Lines, names: Sequence[str]) -> list[Gap]:
    """Stretches of which one side, or both, could not be found."""
    left, right = (lines.trust >= BELIEVED).T
    found = []
    for missing, sentence, reach in (
        (~left & right, _("Between {upper} and {lower} the bones on the left could not be found."), 0),
        (left & ~right, _("Between {upper} and {lower} the bones on the right could not be found."), 0),
        (~left & ~right, _("Between {upper} and {lower} no bones could be found."), 1),
    ):
        runs = (list(run) for stretch, run in groupby(range(len(names)), key=missing.__getitem__) if stretch)
        found += [Gap(sentence, names, places, reach) for places in runs if len(places) >= GAP]
    return found


def left_out(ladder: Ladder, lines: Lines, names: Sequence[str]) -> Iterator[str]:
    """The bones that no level takes, or that lie off their line."""
    off = [
        bone
        for rung, trust in zip(lines.rungs, lines.trust, strict=True)
        for bone in (rung.bones if rung else ())
        if trust[0 if bone.side == LEFT else 1] < BELIEVED
    ]
    bones = [*ladder.outliers, *off]
    if bones:
        told = Counter(description(bone, lines, ladder.pitch, names) for bone in sorted(bones, key=lambda bone: bone.y))
        described = ", ".join(bone if count == 1 else f"{bone} ({count})" for bone, count in told.items())
        yield _("Not believed, since they do not fit the others: {bones}.").format(bones=described)


def description(bone: Bone, lines: Lines, pitch: float, names: Sequence[str]) -> str:
    """What and where a bone is. `pitch`: mm."""
    left = bone.side == LEFT
    if bone.value == THORACIC:
        words = _("thoracic left {where}") if left else _("thoracic right {where}")
    else:
        words = _("lumbar left {where}") if left else _("lumbar right {where}")
    return words.format(where=place_of(bone, lines, pitch, names))


def place_of(bone: Bone, lines: Lines, pitch: float, names: Sequence[str]) -> str:
    """At which level a bone lies, or beyond which."""
    if bone.y < lines.y[0] - BEYOND * pitch:
        return _("above {level}").format(level=names[0])
    if bone.y > lines.y[-1] + BEYOND * pitch:
        return _("below {level}").format(level=names[-1])
    return _("at {level}").format(level=names[int(np.abs(lines.y - bone.y).argmin())])
