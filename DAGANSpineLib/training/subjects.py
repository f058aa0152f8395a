"""Who a training learns from, and who it is judged by: a data set's own subjects, with labels or without, and those
that come to help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from .dataset import VALIDATION_SHARE, Dataset, Record, hold_out

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Subjects:
    """Subjects by kind. `labelled` by experts; `unlabelled`; `guessed`: labelled by the model that the training begins
    from; `rehearsed`: simulated. `held_out` judge segmentation, and with `held_out_unlabelled` restoration."""

    labelled: Sequence[Record]
    unlabelled: Sequence[Record]
    held_out: Sequence[Record]
    held_out_unlabelled: Sequence[Record]
    guessed: Sequence[Record] = ()
    rehearsed: Sequence[Record] = ()

    @classmethod
    def of(cls, dataset: Dataset) -> Subjects:
        """A data set's own."""
        labelled, held_out = dataset.split_validation()
        unlabelled, judges = hold_out(dataset.unlabelled)
        if labelled and len(dataset.unlabelled) < VALIDATION_SHARE:  # who is labelled judges well enough
            unlabelled, judges = dataset.unlabelled, []
        return cls(labelled, unlabelled, held_out, judges)

    def with_guessed(self, guessed: Sequence[Record]) -> Subjects:
        """The same after a model has labelled some of the unlabelled. Where no expert has labelled anybody, some of
        them judge segmentation."""
        names = {record.subject for record in guessed}
        unlabelled = [record for record in self.unlabelled if record.subject not in names]
        if self.labelled:
            return replace(self, unlabelled=unlabelled, guessed=guessed)
        learners, held_out = hold_out(list(guessed))
        return replace(self, unlabelled=unlabelled, guessed=learners, held_out=held_out)

    def counted(self) -> dict[str, int]:
        """How many there are, as a model's provenance says it."""
        counts = {
            "subjects": len(self.labelled),
            "validation subjects": len(self.held_out),
            "subjects without labels": len(self.unlabelled) + len(self.held_out_unlabelled),
            "subjects labelled by the model it began from": len(self.guessed),
            "simulated subjects beside them": len(self.rehearsed),
        }
        return {name: count for name, count in counts.items() if count or name in ("subjects", "validation subjects")}

    @property
    def learners(self) -> list[Record]:
        """Those that segmentation learns from."""
        return [*self.labelled, *self.guessed, *self.rehearsed]

    @property
    def draws(self) -> list[int]:
        """The learners' places in `learners`, as often as they have to be there for each kind to be met as often."""
        places = iter(range(len(self.learners)))
        return evenly([[next(places) for record in kind] for kind in (self.labelled, self.guessed, self.rehearsed)])

    @property
    def pictures(self) -> list[list[Record]]:
        """Those that restoration learns from: the data set's own, and the rehearsed."""
        return [[*self.labelled, *self.guessed, *self.unlabelled], list(self.rehearsed)]


def evenly(kinds: Sequence[Sequence[Thing]]) -> list[Thing]:
    """Things of all kinds, fewer ones repeated, so that whoever draws at random meets each kind about as often: ten
    labelled pictures count for as much as a hundred simulated ones."""
    most = max(map(len, kinds))
    return [thing for kind in kinds if kind for _ in range(round(most / len(kind))) for thing in kind]
