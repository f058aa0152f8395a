"""Figures as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, without a line's end behind it."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows))


def shown(value: float | None, digits: int = 2, signed: bool = False) -> str:
    """A figure with so many decimals, with its sign if asked for; a dash where there is none."""
    return "–" if value is None else f"{value:{'+' if signed else ''}.{digits}f}"


def interval(low: float | None, high: float | None, digits: int = 2) -> str:
    """Of a difference; a dash where there is none."""
    return "–" if low is None else f"{shown(low, digits, signed=True)} to {shown(high, digits, signed=True)}"


def difference(found: Mapping[str, Any] | None, digits: int = 2) -> str:
    """Mean and interval of a difference; bold where it is shown."""
    if found is None:
        return "–"
    words = f"{shown(found['mean'], digits, signed=True)} ({interval(found['low'], found['high'], digits)})"
    return f"**{words}**" if found["reading"] in ("better", "worse") else words


def percent(share: float | None) -> float | None:
    """A share as a percentage, if it exists."""
    return None if share is None else 100 * share
