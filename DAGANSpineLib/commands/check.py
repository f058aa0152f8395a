"""Look for unusable files in a data set."""

from __future__ import annotations

import argparse

from .terminal import Bar, Parser, add_data, complain_of_each


def add_arguments(command: Parser) -> None:
    add_data(command)


def run(arguments: argparse.Namespace) -> int:
    """Look through a data set before training on it."""
    from ..training import check

    findings = check(arguments.data, Bar("Checking"))
    status = complain_of_each("check", findings.troubles)
    dataset = findings.dataset
    print(
        f"{dataset.name}: usable subjects: {len(dataset.train)} to train on, {len(dataset.test)} to test on, "
        f"{len(dataset.unlabelled)} without labels; troubles: {len(findings.troubles) or 'none'}"
    )
    for note in findings.notes:
        print(f"  Note: {note}")
    return status
