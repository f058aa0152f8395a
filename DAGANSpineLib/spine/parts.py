"""What a sweep shows only a part of: a spine, and a curve that goes on where no vertebra was found any more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..texts import tr as _
from .curves import ACCEPTED, Curve
from .level import Level
from .names import LUMBAR_LEVELS, THORACIC_LEVELS

STILL = 2.0  # degrees from a level to the next: where tilts grow more slowly, they are nearly at their largest
FEW = 12  # levels: fewer are but a part of a spine
HIGHEST, LOWEST = -THORACIC_LEVELS, LUMBAR_LEVELS - 1  # numbers of T1 and L5


def where_it_goes_on(curve: Curve, levels: Sequence[Level]) -> Iterator[str]:
    """Why a curve may be larger than it is measured, by more than is accepted: its end is the last level that was
    found, and no end vertebra, for up to there the tilt still grows. A sentence for each end. `levels`: from head to
    foot, two or more."""
    top, bottom = levels[0], levels[-1]
    if curve.upper == top.name and still_grows(top, levels[1], top.number - HIGHEST):
        yield _(
            "{level} is the uppermost vertebra that was found, and up to there the spine tilts more and more: a curve "
            "may go on above, and be larger."
        ).format(level=top.name)
    if curve.lower == bottom.name and still_grows(bottom, levels[-2], LOWEST - bottom.number):
        yield _(
            "{level} is the lowest vertebra that was found, and down to there the spine tilts more and more: a curve "
            "may go on below, and be larger."
        ).format(level=bottom.name)


def still_grows(end: Level, neighbour: Level, beyond: int) -> bool:
    """Whether the tilt grows up to the last level, and may do so `beyond` it, over so many more that the spine has."""
    growth = abs(end.tilt_deg - neighbour.tilt_deg) / abs(end.number - neighbour.number)
    return growth >= STILL and growth * beyond >= ACCEPTED


def parts_unseen(levels: Sequence[Level]) -> Iterator[str]:
    """A sentence where the levels found are but a part of a spine, and curves may lie beyond them."""
    if levels[-1].number - levels[0].number + 1 < FEW:
        sentence = _("Only {upper} – {lower} were found: of a curve above or below them nothing is known.")
        yield sentence.format(upper=levels[0].name, lower=levels[-1].name)
