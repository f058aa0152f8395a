"""Restore and segment VPI files."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..report import DISCLAIMER, curves_in_words
from .terminal import BAD_INPUT, STOPPED, Bar, Parser, add_device, add_model, add_output, complain, millimetres

if TYPE_CHECKING:
    from ..inference import Outcome

EPILOG = (
    "What report.json counts: patches of 96 x 96 pixels, every 32 pixels, at least 80 percent of them within the lit "
    "body; g is the mean vertical edge of a patch (equation 1 of the paper). Corrupted: g of at least 4; clean: g of "
    "at most 2. The change of clean patches is the mean difference in grey levels, after the same vertical Gaussian "
    "(sigma 3 pixels) on input and output. No border is left out. Curves: angles between the "
    "lines of the end levels (ultrasound curve angle); the "
    "spinous process angle beside it is that of the midline; 10 degrees and more are listed. Convexity is to the "
    "picture's left or right. Confidence: how probably the angle is true within 5 degrees."
)


def add_arguments(command: Parser) -> None:
    command.epilog = EPILOG
    command.add_argument(
        "inputs",
        nargs="+",
        type=Path,
        metavar="INPUT",
        help="PNG, JPEG, TIFF, NRRD, NIfTI, MHA, DICOM, or folders of them (their sub-folders are not entered)",
    )
    add_output(command, "results go to DIR/NAME/; of several inputs also DIR/summary.csv and DIR/contact-sheet-01.png")
    command.add_argument(
        "--resume", action="store_true", help="keep results that the same model has made of the same content"
    )
    command.add_argument(
        "--spacing",
        type=millimetres,
        metavar="MM[,MM]",
        help="pixel size of pictures that don't know theirs, such as PNG: one number, or two, between rows and columns",
    )
    add_model(command)
    add_device(command)


def run(arguments: argparse.Namespace) -> int:
    """Restore and segment each input; a bad one doesn't stop the others."""
    from ..inference import SUMMARY, Pipeline, find_images, segment_files

    paths, notes = find_images(arguments.inputs, arguments.output)
    for note in notes:
        print(f"Note: {note}", flush=True)
    pipeline, bar, outcomes = Pipeline.load(arguments.model, arguments.device), Bar("Segmenting"), []

    def tell(outcome: Outcome) -> None:
        outcomes.append(outcome)
        if not outcome.kept:
            bar.clear()
            tell_outcome(outcome, arguments.output)

    try:
        every = segment_files(paths, arguments.output, pipeline, arguments.resume, bar, tell, arguments.spacing)
    except KeyboardInterrupt:
        bar.clear()
        if len(paths) == 1:
            raise
        done = sum(outcome.report is not None for outcome in outcomes)
        complain("segment", f"Stopped: {done} of {len(paths)} files are done; with --resume the rest follows.")
        return STOPPED
    failed = [outcome.path.name for outcome in every if outcome.error]
    if len(every) > 1:
        kept = sum(outcome.kept for outcome in every)
        already = f" ({kept} by an earlier run)" if kept else ""
        print(f"{len(every) - len(failed)} of {len(every)} files are done{already}: see {arguments.output / SUMMARY}")
        if failed:
            complain("segment", f"Without results: {', '.join(failed)}.")
    if not failed:
        print(DISCLAIMER)
    return BAD_INPUT if failed else 0


def tell_outcome(outcome: Outcome, folder: Path) -> None:
    """A file's results in a line, and what to know about them; or why there are none."""
    from ..inference import name_of

    if outcome.report is None:
        complain("segment", outcome.error)
        return
    report = outcome.report
    found = ", ".join(f"{values['components']} {name}" for name, values in report["classes"].items())
    print(
        f"{folder / name_of(outcome.path)}: {restoration_in_words(report)}; segments: {found}; "
        f"{sum(report['seconds'].values()):.1f} s on {report['device']}"
    )
    print(f"  Curves: {curves_in_words(report['curves'])}")
    for warning in report["warnings"]:
        print(f"  Note: {warning}")
    sys.stdout.flush()


def restoration_in_words(report: dict[str, Any]) -> str:
    """What restoration removed, and what it changed where nothing was to be removed."""
    corrupted, largest, change = (report[key] for key in ("corrupted patches", "largest g", "change of clean patches"))
    words = f"corrupted patches {corrupted['before']} → {corrupted['after']}"
    if largest["before"] is not None:
        words += f", largest g {largest['before']} → {largest['after']}"
    if change is not None:
        words += f", clean patches changed by {change} grey levels"
    return words
