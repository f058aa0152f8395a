"""Compare evaluations of the same subjects, one against the others."""

from __future__ import annotations

import argparse
from pathlib import Path

from .terminal import Parser, add_output


def add_arguments(command: Parser) -> None:
    command.add_argument(
        "scores", nargs="+", type=Path, metavar="SCORES", help="what evaluate wrote: the reference, then the others"
    )
    add_output(command, "tables and a plot")


def run(arguments: argparse.Namespace) -> int:
    """Compare evaluations of the same subjects."""
    from ..evaluation import versus, versus_as_markdown

    print(versus_as_markdown(versus(arguments.scores, arguments.output)))
    return 0
