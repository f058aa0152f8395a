"""What commands share on a terminal: their parser, a progress bar, complaints, arguments that several have."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

from ..errors import UserError
from ..files import unusable

BAD_INPUT = 2  # exit status for bad arguments or input
STOPPED = 130  # exit status after Ctrl-C, as shells count


class Parser(argparse.ArgumentParser):
    """Bad arguments are one line on standard error."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {message}. See {self.prog} --help\n")


class Bar:
    """A progress line on a terminal, with the remaining time; silent where nobody watches."""

    def __init__(self, label: str) -> None:
        self.label, self.begin = label, time.monotonic()
        self.heard = sys.stderr.isatty()

    def __call__(self, fraction: float, message: str) -> None:
        if not self.heard:
            return
        elapsed = time.monotonic() - self.begin
        remaining = f", {duration(elapsed * (1 - fraction) / fraction)} left" if 0.02 < fraction < 1 else ""
        end = "\n" if fraction >= 1 else ""
        print(f"\r\x1b[K{self.label}: {fraction:4.0%} {message}{remaining}", end=end, file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Make room for another line."""
        if self.heard:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Seconds as people say them: 47 s, 2 min."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def complain(command: str, error: object) -> None:
    """One line on standard error."""
    print(f"{command}: {' '.join(str(error).split())}", file=sys.stderr)


def reported(command: str, work: Callable[[], int | None], extra: str = "") -> int:
    """Do a command's work; returns the exit status. What goes wrong by no fault of the program is one line on standard
    error. `extra`: which of the project's extras, such as [train], holds the packages that the command needs."""
    try:
        return work() or 0
    except UserError as error:
        complain(command, error)
    except ModuleNotFoundError as error:
        complain(command, f"The Python package {error.name} is missing: pip install -e '.{extra}' brings it.")
    except OSError as error:
        complain(command, unusable(error, "A file"))
    except KeyboardInterrupt:
        complain(command, "Stopped.")
        return STOPPED
    return BAD_INPUT


def complain_of_each(command: str, reasons: Iterable[str]) -> int:
    """Complain of all that a command had to do without; returns its exit status."""
    reasons = list(reasons)
    for reason in reasons:
        complain(command, reason)
    return BAD_INPUT if reasons else 0


def at_least(smallest: int) -> Callable[[str], int]:
    """An argument type: whole numbers from `smallest` on."""

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < smallest:
            raise argparse.ArgumentTypeError(f"{text} is no whole number from {smallest} on")
        return int(text)

    return number


def millimetres(text: str) -> tuple[float, float]:
    """An argument type: a pixel size, between rows and between columns, or one number for both."""
    try:
        sizes = [float(each) for each in text.split(",")]
    except ValueError:
        sizes = []
    if len(sizes) not in (1, 2) or not all(0.01 <= size <= 10 for size in sizes):
        raise argparse.ArgumentTypeError(
            f"{text} is no pixel size in mm, such as 0.25, or 0.3,0.25 between rows and between columns"
        )
    return sizes[0], sizes[-1]


def add_output(command: Parser, what: str, metavar: str = "DIR") -> None:
    command.add_argument("-o", "--output", type=Path, required=True, metavar=metavar, help=what)


def add_data(command: Parser) -> None:
    command.add_argument("--data", type=Path, required=True, metavar="DIR", help="a data set")


def add_model(command: Parser) -> None:
    command.add_argument("--model", type=Path, metavar="FILE", help="a model file; without it, the bundled one")


def add_device(command: Parser) -> None:
    command.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))


def add_seed(command: Parser) -> None:
    command.add_argument("--seed", type=at_least(0), default=0, metavar="S")


def add_severity(command: Parser, several: bool = False) -> None:
    how_far = (
        "how far scans go wrong, mixed if not given; former: the first data sets' world, mild, with labels at half the "
        "depth and spines whose vertebrae tilt as their midline runs"
    )
    command.add_argument(
        "--severity",
        default=["mixed"] if several else "mixed",
        nargs="+" if several else None,
        choices=("mild", "mixed", "severe", "former"),
        help=f"{how_far}; of several, one subject after the other is of the next" if several else how_far,
    )


def add_precision(command: Parser, what: str) -> None:
    command.add_argument("--precision", default="auto", choices=("auto", "full", "bf16", "fp16"), help=what)
