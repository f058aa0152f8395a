"""Train a model on a data set."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError
from .terminal import Parser, add_data, add_output, add_precision, add_seed

if TYPE_CHECKING:
    from ..training import Ancestor

BUNDLED = "bundled"  # in the place of a model file


def add_arguments(command: Parser) -> None:
    add_data(command)
    add_output(command, "the run folder", "RUN")
    command.add_argument(
        "--preset",
        choices=("paper", "bundled", "renewed", "segmenter", "adapt", "smoke"),
        help="if not given, bundled, or with --from adapt",
    )
    command.add_argument(
        "--from",
        dest="ancestor",
        metavar="MODEL",
        help="begin from a model, with its networks and their shapes: bundled, or a model file",
    )
    command.add_argument(
        "--anew",
        default=[],
        nargs="+",
        choices=("generator", "segmenter"),
        help="of --from: the networks that begin from nothing all the same, with the preset's shapes",
    )
    add_seed(command)
    add_precision(command, "of the convolutions; auto: on CUDA bf16 or, before Ampere, fp16, elsewhere full")
    command.add_argument("--resume", action="store_true", help="go on with the run in RUN")


def run(arguments: argparse.Namespace) -> int:
    """Train on a data set."""
    from ..training import PRESETS, train

    ancestor = ancestor_of(arguments)
    preset = arguments.preset or ("adapt" if ancestor else "bundled")
    model = train(
        arguments.data,
        arguments.output,
        PRESETS[preset],
        arguments.seed,
        arguments.resume,
        name=preset,
        precision=arguments.precision,
        ancestor=ancestor,
    )
    print(f"{arguments.output / 'best.pt'}: {model.provenance}")
    return 0


def ancestor_of(arguments: argparse.Namespace) -> Ancestor | None:
    """The model that the training begins from, if it is to. Raises ModelError."""
    if arguments.ancestor is None:
        if arguments.anew:
            raise UserError("--anew says what --from leaves behind: give the model that --from begins from, too.")
        return None
    from ..training import Ancestor

    return Ancestor.load(None if arguments.ancestor == BUNDLED else Path(arguments.ancestor), arguments.anew)
