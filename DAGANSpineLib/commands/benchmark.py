"""Train and evaluate every system of the paper's table 1, side by side; go on with what was interrupted."""

from __future__ import annotations

import argparse
from pathlib import Path

from .terminal import (
    STOPPED,
    Bar,
    Parser,
    add_data,
    add_device,
    add_output,
    add_precision,
    at_least,
    complain,
    complain_of_each,
)

EPILOG = "Under torchrun processes share the jobs: torchrun --nproc-per-node 2 -m DAGANSpineLib benchmark ..."


def add_arguments(command: Parser) -> None:
    command.epilog = EPILOG
    add_data(command)
    add_output(command, "run folders, tables, plot and gallery")
    command.add_argument(
        "--systems", nargs="+", metavar="SYSTEM", help="some of them, such as da-gan n2v; without it, all"
    )
    command.add_argument(
        "--seeds",
        nargs="+",
        type=at_least(0),
        metavar="S",
        help="of the trainings, such as 0 1 2; without it, five or three of each, as its row needs",
    )
    command.add_argument(
        "--also",
        nargs="+",
        type=Path,
        default=[],
        metavar="DIR",
        help="further data sets, on whose test subjects all models are tested, too",
    )
    tuning = command.add_mutually_exclusive_group()
    tuning.add_argument(
        "--tune",
        action="store_true",
        help="first the same small search for every system's learning rate and weight, on held-out training subjects",
    )
    tuning.add_argument("--tuning", type=Path, metavar="FILE", help="what such a search found: its tuning.json")
    command.add_argument(
        "--budget",
        default="laptop",
        choices=("paper", "long", "laptop", "smoke"),
        help="paper: its schedule, for a GPU; laptop: slimmer and shorter, some hours on two cores; long: four times "
        "as long as that; smoke: to see that all runs",
    )
    add_device(command)
    add_precision(command, "of training; see train")


def run(arguments: argparse.Namespace) -> int:
    """Train and evaluate every system of Table 1; one that fails doesn't stop the others."""
    from ..baselines import BUDGETS
    from ..evaluation import benchmark, named

    try:
        without = benchmark(
            arguments.data,
            arguments.output,
            named(arguments.systems),
            arguments.seeds,
            BUDGETS[arguments.budget],
            arguments.device,
            arguments.precision,
            tell=lambda line: print(line, flush=True),
            bar=Bar,
            also=arguments.also,
            tune=arguments.tune,
            tuning=arguments.tuning,
        )
    except KeyboardInterrupt:
        complain("benchmark", "Stopped: the same command goes on from here.")
        return STOPPED
    if without is None:  # another process has the last word
        return 0
    table = arguments.output / "benchmark.md"
    print(f"See {table}" if table.is_file() else "Nothing has a result, so that there is no table.")
    return complain_of_each("benchmark", (f"{name} has no result: {reason}" for name, reason in without.items()))
