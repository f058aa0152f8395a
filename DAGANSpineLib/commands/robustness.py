"""Score a model on pictures of other pixel sizes, with parts missing, brighter, darker, mirrored."""

from __future__ import annotations

import argparse

from .terminal import Bar, Parser, add_data, add_device, add_model, add_output, at_least, complain_of_each


def add_arguments(command: Parser) -> None:
    add_data(command)
    add_output(command, "table and contact sheet")
    add_model(command)
    command.add_argument("--subjects", type=at_least(1), metavar="N", help="the first N test subjects; without it, all")
    add_device(command)


def run(arguments: argparse.Namespace) -> int:
    """Score a model on changed pictures; a subject that can't be used doesn't stop the others."""
    from ..evaluation import robustness, robustness_as_markdown
    from ..inference import Pipeline

    pipeline = Pipeline.load(arguments.model, arguments.device)
    report = robustness(arguments.data, pipeline, arguments.output, arguments.subjects, Bar("Changing"))
    print(robustness_as_markdown(report))
    return complain_of_each("robustness", report["left out"].values())
