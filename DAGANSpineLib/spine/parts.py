"""What a sweep shows only a part of: a spine, and a curve that goes on where no vertebra was found any more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..texts import tr as _
from .curves import Curve
from .level import Level
from .names import LUMBAR_LEVELS, THORACIC_LEVELS

STILL = 2.0  # degrees from a level to the next: where tilts grow more slowly, they are nearly at their largest
FEW = 12  # levels: fewer are but a part of a spine
HIGHEST, LOWEST = -THORACIC_LEVELS, LUMBAR_LEVELS - 1  # numbers of T1 and L5


def where_it_goes_on(curve: Curve, levels: Sequence[Level]) -> Iterator[str]:
    """Why a curve may be larger than it is measured: its end is the last level that was found, and no end vertebra, for
    up to there the tilt still grows; in a sentence for each end. `levels`: from head to foot, two or more."""
    top, bottom = levels[0], levels[-1]
    if curve.upper == top.name and top.number > HIGHEST and growth(top, levels[1]) >= STILL:
        yield _(
            "{level} is the uppermost vertebra that was found, and up to there the spine tilts more and more: a curve "
            "may go on above, and be larger."
        ).format(level=top.name)
    if curve.lower == bottom.name and bottom.number < LOWEST and growth(bottom, levels[-2]) >= STILL:
        yield _(
            "{level} is the lowest vertebra that was found, and down to there the spine tilts more and more: a curve "
            "may go on below, and be larger."
        ).format(level=bottom.name)


def growth(end: Level, neighbour: Level) -> float:
    """By how much the tilt changes from the last level but one to the last, degrees a level."""
    return abs(end.tilt_deg - neighbour.tilt_deg) / abs(end.number - neighbour.number)


def parts_unseen(levels: Sequence[Level]) -> Iterator[str]:
    """A sentence where the levels found are but a part of a spine, and curves may lie beyond them."""
    if levels[-1].number - levels[0].number + 1 < FEW:
        sentence = _("Only {upper} – {lower} were found: of a curve above or below them nothing is known.")
        yield sentence.format(upper=levels[0].name, lower=levels[-1].name)
