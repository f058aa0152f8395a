"""Compare real VPI with simulated ones, in figures and side by side."""

from __future__ import annotations

import argparse
from pathlib import Path

from .terminal import Bar, Parser, add_output, add_seed, add_severity, at_least


def add_arguments(command: Parser) -> None:
    command.add_argument("inputs", nargs="+", type=Path, metavar="VPI", help="real ones")
    add_output(command, "the table and a contact sheet")
    command.add_argument(
        "--subjects", type=at_least(2), default=40, metavar="N", help="simulated ones, 40 if not given"
    )
    add_seed(command)
    add_severity(command)


def run(arguments: argparse.Namespace) -> int:
    """Compare real VPI with simulated ones."""
    from ..simulation import compare
    from ..vpi import read_vpi

    real = [read_vpi(path).pixels for path in arguments.inputs]
    print(
        compare(
            real, arguments.output, arguments.subjects, arguments.seed, Bar("Comparing"), severity=arguments.severity
        )
    )
    return 0
