"""The commands, one file each: its arguments, and what it does with them."""

from . import benchmark, check, compare, evaluate, project, robustness, segment, simulate, train, versus
from .terminal import BAD_INPUT, STOPPED, Bar, Parser, complain, reported

__all__ = [
    "BAD_INPUT",
    "STOPPED",
    "Bar",
    "Parser",
    "benchmark",
    "check",
    "compare",
    "complain",
    "evaluate",
    "project",
    "reported",
    "robustness",
    "segment",
    "simulate",
    "train",
    "versus",
]
