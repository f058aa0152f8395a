"""Train a model on a data set."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError
from .terminal import Bar, Parser, add_data, add_output, add_precision, add_seed, at_least

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
    command.add_argument(
        "--rehearse",
        type=at_least(2),
        default=0,
        metavar="N",
        help="learn from so many simulated subjects, made now, beside the data set's, so that less is forgotten",
    )
    command.add_argument(
        "--self-training",
        action="store_true",
        help="learn to segment subjects without labels from the labels that the model of --from is sure of",
    )
    add_seed(command)
    add_precision(command, "of the convolutions; auto: on CUDA bf16 or, before Ampere, fp16, elsewhere full")
    command.add_argument(
        "--folds",
        type=at_least(2),
        metavar="K",
        help="cross-validate instead: train K times, and test each labelled subject by the model that hasn't seen it",
    )
    command.add_argument("--resume", action="store_true", help="go on with the run, or the folds, in RUN")


def run(arguments: argparse.Namespace) -> int:
    """Train on a data set, or cross-validate how well that goes."""
    from ..evaluation import cross_validate, folds_as_markdown
    from ..training import PRESETS, Aid, train

    ancestor = ancestor_of(arguments)
    preset = arguments.preset or ("adapt" if ancestor else "bundled")
    settings = {
        "preset": PRESETS[preset],
        "seed": arguments.seed,
        "resume": arguments.resume,
        "name": preset,
        "precision": arguments.precision,
        "ancestor": ancestor,
        "aid": Aid(arguments.rehearse, arguments.self_training),
    }
    if arguments.folds:
        summary = cross_validate(arguments.data, arguments.output, arguments.folds, **settings, bar=Bar)
        print(folds_as_markdown(summary))
        return 0
    model = train(arguments.data, arguments.output, **settings)
    print(f"{arguments.output / 'best.pt'}: {model.provenance}")
    return 0


def ancestor_of(arguments: argparse.Namespace) -> Ancestor | None:
    """The model that the training begins from, if it is to. Raises ModelError."""
    if arguments.self_training and (arguments.ancestor is None or arguments.anew):
        raise UserError("--self-training learns from a model's own labels: give a whole one with --from.")
    if arguments.ancestor is None:
        if arguments.anew:
            raise UserError("--anew says what --from leaves behind: give the model that --from begins from, too.")
        return None
    from ..training import Ancestor

    return Ancestor.load(None if arguments.ancestor == BUNDLED else Path(arguments.ancestor), arguments.anew)
