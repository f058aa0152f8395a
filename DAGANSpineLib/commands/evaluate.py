"""Score a model on a data set."""

from __future__ import annotations

import argparse

from .terminal import Bar, Parser, add_data, add_device, add_model, add_output, complain_of_each


def add_arguments(command: Parser) -> None:
    add_data(command)
    add_output(command, "scores, plot and worst cases")
    add_model(command)
    command.add_argument("--split", default="test", choices=("train", "test"))
    add_device(command)


def run(arguments: argparse.Namespace) -> int:
    """Score a model on a data set; a subject that can't be used doesn't stop the others."""
    from ..evaluation import evaluate, scores_as_markdown
    from ..inference import Pipeline

    pipeline = Pipeline.load(arguments.model, arguments.device)
    scores = evaluate(arguments.data, pipeline, arguments.output, arguments.split, Bar("Evaluating"))
    print(scores_as_markdown(scores))
    return complain_of_each("evaluate", scores["left out"].values())
