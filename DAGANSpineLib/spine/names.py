"""Which vertebra is which: counted from the border of thoracic and lumbar bones, T12 upward and L1 downward."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp

from ..texts import tr as _
from .bone_maps import LUMBAR

THORACIC_LEVELS, LUMBAR_LEVELS = 12, 5
CERTAIN_NAMES = 0.8  # that names can be relied on: twelve levels and five have 0.87 and more, odd ones less
# Costs, as logarithms of how much less likely a count is than the usual one:
TOO_MANY = 1.5  # for each thoracic level above T1 or lumbar one below L5
MISLABELLED = 3.0  # for a border one level off
OTHERWISE = 3.0  # for anything that is not thought of here
T12_HIDDEN, L1_HIDDEN = 0.3, 1.5  # for a level that is missing at the border: T12 is small, and often deep


@dataclass(frozen=True)
class Names:
    """Names of all levels from head to foot, their `numbers` (0 is L1, -1 is T12), `certainty` that they are right, 0
    to 1, and what to know of them."""

    names: list[str]
    numbers: list[int]
    certainty: float
    notes: list[str]


def name_of(number: int) -> str:
    """Of a level by its distance from the border: 0 is L1, -1 is T12."""
    if number < -THORACIC_LEVELS:
        return _("{ordinal} thoracic (cervical or T13)").format(ordinal=ordinal(-number))
    if number >= LUMBAR_LEVELS:
        return _("{ordinal} lumbar (L6 or sacrum)").format(ordinal=ordinal(number + 1))
    return f"L{number + 1}" if number >= 0 else f"T{THORACIC_LEVELS + 1 + number}"


def ordinal(number: int) -> str:
    """6th, 11th, 21st"""
    endings = {1: "st", 2: "nd", 3: "rd"} if number // 10 % 10 != 1 else {}
    return f"{number}{endings.get(number % 10, 'th')}"


def name_levels(values: Sequence[int | None]) -> Names:
    """Name levels by their classes from head to foot, None for one of which nothing was found."""
    counts = sorted(possible_borders(values))
    cost, border = counts[0]
    likelihood = sum(exp(cost - other) for other in (*(each for each, _border in counts), OTHERWISE))
    numbers = [place - border for place in range(len(values))]
    names = [name_of(number) for number in numbers]
    lumbar = [value == LUMBAR for value in values if value is not None]
    notes = []
    if not any(lumbar):
        notes.append(_("No lumbar vertebra was found: the lowest one is taken for T12, and the names are uncertain."))
    elif all(lumbar):
        notes.append(_("No thoracic vertebra was found: the highest one is taken for L1, and the names are uncertain."))
    odd = [number for number, name in zip(numbers, names, strict=True) if " " in name]
    for beyond in ([each for each in odd if each < 0][::-1], [each for each in odd if each > 0]):
        if len(beyond) == 1:
            notes.append(_("There is a {name}: the names may be off by one.").format(name=name_of(beyond[0])))
        elif beyond:
            sentence = _("There is a {name}, and {count} more beyond it: the names are uncertain.")
            notes.append(sentence.format(name=name_of(beyond[0]), count=len(beyond) - 1))
    certainty = 1 / likelihood if any(lumbar) and not all(lumbar) else 0.5 / likelihood
    if certainty < CERTAIN_NAMES and not notes:
        notes.append(_("Which vertebra is T12 is not certain: all names may be off by one."))
    return Names(names, numbers, certainty, notes)


def possible_borders(values: Sequence[int | None]) -> Iterator[tuple[float, int]]:
    """(cost, place) of each border that may be: the place of L1."""
    lumbar = [place for place, value in enumerate(values) if value == LUMBAR]
    thoracic = [place for place, value in enumerate(values) if value not in (None, LUMBAR)]
    first = lumbar[0] if lumbar else len(values)
    last = thoracic[-1] if thoracic else -1
    for border in range(last, first + 2):
        hidden_t12, hidden_l1 = (max(min(border, first) - last - 1, 0), max(first - max(border, last + 1), 0))
        off = max(last + 1 - border, border - first, 0)
        cost = MISLABELLED * off + T12_HIDDEN * hidden_t12 + L1_HIDDEN * hidden_l1
        cost += TOO_MANY * max(border - THORACIC_LEVELS, 0) + TOO_MANY * max(len(values) - border - LUMBAR_LEVELS, 0)
        yield cost, border
