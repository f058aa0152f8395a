"""What a sweep shows only a part of: a spine, and a curve that goes on where no vertebra was found any more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..texts import tr as _
from .curves import ACCEPTED, Curve
from .level import Level
from .names import LUMBAR_LEVELS, THORACIC_LEVELS

STILL = 1.5  # degrees from a level to the next: where tilts grow more slowly, they are nearly at their largest
OVER = 2  # levels over which that is asked: the last one alone is fitted as if the tilt had come to its largest there
FEW = 12  # levels: fewer are but a part of a spine
HIGHEST, LOWEST = -THORACIC_LEVELS, LUMBAR_LEVELS - 1  # numbers of T1 and L5


def where_it_goes_on(levels: Sequence[Level], curves: Sequence[Curve]) -> Iterator[tuple[str, list[Curve]]]:
    """Where curves may go on, and be larger by more than is accepted, beyond the levels that were found, from head to
    foot: up to the last of them the tilt still grows. A sentence for each such end, and the curves that end there."""
    if len(levels) <= OVER:
        return
    above = _(
        "{level} is the uppermost vertebra that was found, and up to there the spine tilts more and more: a curve may "
        "go on above, and be larger."
    )
    below = _(
        "{level} is the lowest vertebra that was found, and down to there the spine tilts more and more: a curve may "
        "go on below, and be larger."
    )
    for end, sentence, inward, beyond in (
        ("upper", above, levels, levels[0].number - HIGHEST),
        ("lower", below, levels[::-1], LOWEST - levels[-1].number),
    ):
        if still_grows(inward[: OVER + 1], beyond):
            near = {level.name for level in inward[:OVER]}
            yield sentence.format(level=inward[0].name), [curve for curve in curves if getattr(curve, end) in near]


def still_grows(last: Sequence[Level], beyond: int) -> bool:
    """Whether the tilt still changes over the last levels, the outermost first, and may do so `beyond` them, over so
    many more that the spine has."""
    growth = abs(last[0].tilt_deg - last[-1].tilt_deg) / abs(last[0].number - last[-1].number)
    return growth >= STILL and growth * beyond >= ACCEPTED


def parts_unseen(levels: Sequence[Level]) -> Iterator[str]:
    """A sentence where the levels found are but a part of a spine, and curves may lie beyond them."""
    if levels[-1].number - levels[0].number + 1 < FEW:
        sentence = _("Only {upper} – {lower} were found: of a curve above or below them nothing is known.")
        yield sentence.format(upper=levels[0].name, lower=levels[-1].name)
