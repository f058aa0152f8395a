"""Train a model on a data set."""

from __future__ import annotations

import argparse

from .terminal import Parser, add_data, add_output, add_precision, add_seed


def add_arguments(command: Parser) -> None:
    add_data(command)
    add_output(command, "the run folder", "RUN")
    command.add_argument("--preset", default="bundled", choices=("paper", "bundled", "smoke"))
    add_seed(command)
    add_precision(command, "of the convolutions; auto: on CUDA bf16 or, before Ampere, fp16, elsewhere full")
    command.add_argument("--resume", action="store_true", help="go on with the run in RUN")


def run(arguments: argparse.Namespace) -> int:
    """Train on a data set."""
    from ..training import PRESETS, train

    model = train(
        arguments.data,
        arguments.output,
        PRESETS[arguments.preset],
        arguments.seed,
        arguments.resume,
        name=arguments.preset,
        precision=arguments.precision,
    )
    print(f"{arguments.output / 'best.pt'}: {model.provenance}")
    return 0
