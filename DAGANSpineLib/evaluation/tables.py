"""Figures as Markdown."""

from __future__ import annotations

from collections.abc import Sequence


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, without a line's end behind it."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows))


def shown(value: float | None, digits: int = 2, signed: bool = False) -> str:
    """A figure with so many decimals, with its sign if asked for; a dash where there is none."""
    return "–" if value is None else f"{value:{'+' if signed else ''}.{digits}f}"


def percent(value: float | None, digits: int = 2, signed: bool = False) -> str:
    """A share as a percentage, without the sign %."""
    return shown(None if value is None else 100 * value, digits, signed)
