"""Write a data set of simulated spines."""

from __future__ import annotations

import argparse

from .terminal import Bar, Parser, add_output, add_seed, add_severity, at_least


def add_arguments(command: Parser) -> None:
    add_output(command, "an empty or new folder")
    command.add_argument(
        "--subjects", type=at_least(2), default=109, metavar="N", help="109 if not given, as in the paper"
    )
    add_seed(command)
    add_severity(command, several=True)
    command.add_argument(
        "--volumes", action="store_true", help="also write volumes/ID.nrrd, the voxels that each VPI is made of"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write a data set of simulated spines."""
    from ..simulation import write_dataset

    write_dataset(
        arguments.output, arguments.subjects, arguments.seed, Bar("Simulating"), arguments.volumes, arguments.severity
    )
    print(f"{arguments.output}: {arguments.subjects} simulated spines, {', '.join(arguments.severity)}")
    return 0
