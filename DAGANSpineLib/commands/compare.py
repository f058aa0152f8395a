"""Compare real VPI with simulated ones, in figures and side by side."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import ImageError
from .terminal import Bar, Parser, add_output, add_seed, add_severity, at_least, complain_of_each


def add_arguments(command: Parser) -> None:
    command.add_argument("inputs", nargs="+", type=Path, metavar="VPI", help="real ones")
    add_output(command, "the table and a contact sheet")
    command.add_argument(
        "--subjects", type=at_least(2), default=40, metavar="N", help="simulated ones, 40 if not given"
    )
    add_seed(command)
    add_severity(command)


def run(arguments: argparse.Namespace) -> int:
    """Compare real VPI with simulated ones; one that can't be used doesn't stop the others."""
    from ..simulation import compare
    from ..vpi import read_vpi, refuse_unlit

    real, left_out = [], []
    for path in arguments.inputs:
        try:
            pixels = read_vpi(path).pixels
            refuse_unlit(pixels, path)
        except ImageError as error:
            left_out.append(str(error))
            continue
        real.append(pixels)
    if real:
        bar, severity = Bar("Comparing"), arguments.severity
        print(compare(real, arguments.output, arguments.subjects, arguments.seed, bar, severity=severity))
    return complain_of_each("compare", left_out)
