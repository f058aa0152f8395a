"""daganspine COMMAND, or python -m DAGANSpineLib COMMAND: the list of commands, and errors as one sentence."""

from __future__ import annotations

import io
import sys

from .commands import (
    Parser,
    benchmark,
    check,
    compare,
    evaluate,
    project,
    reported,
    robustness,
    segment,
    simulate,
    train,
    versus,
)
from .report import DISCLAIMER

# in the order of a researcher's work
COMMANDS = (segment, project, simulate, compare, check, train, evaluate, versus, robustness, benchmark)
NEED_TRAINING = ("check", "train", "evaluate", "benchmark", "versus", "robustness")  # the packages of the extra [train]


def build_parser() -> Parser:
    """The parser of all commands; `help` of each is what its file says of itself."""
    parser = Parser(prog="daganspine", description=f"Restore and segment spine VPI. {DISCLAIMER}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for each in COMMANDS:
        sentence = each.__doc__.strip().rstrip(".")
        command = commands.add_parser(each.__name__.rpartition(".")[2], help=sentence[0].lower() + sentence[1:])
        each.add_arguments(command)
        command.set_defaults(run=each.run)
    return parser


def main() -> int:
    """Run the command that the arguments name; returns the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # Windows' encodings for files and pipes lack arrows
    arguments = build_parser().parse_args()
    extra = "[train]" if arguments.command in NEED_TRAINING else ""
    return reported(arguments.command, lambda: arguments.run(arguments), extra)


if __name__ == "__main__":
    sys.exit(main())
