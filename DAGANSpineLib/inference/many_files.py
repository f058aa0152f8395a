"""Many files in one go: which they are, some at a time, a table and contact sheets of all."""

from __future__ import annotations

import csv
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import OutputError, plain_text, unusable, whole_file
from ..progress import Cancelled, Progress, unheard
from ..report import cell, curve_cells, pages_in, write_contact_sheets
from ..segments import SEGMENTS
from ..vpi import ENDINGS, STREAMS, is_dicom, volume_series
from .crew import Crew, Room, Told
from .one_file import former_report, name_of, segment_file
from .pipeline import Pipeline

SUMMARY = "summary.csv"
NAMED = 3  # of many names, in a sentence
FIGURES = ("components", "area_pixels", "area_mm2")
COLUMNS = (
    "file",
    "curves",
    "largest_uca_deg",
    "plausibility",
    "names",
    *(f"{segment.name.lower()}_{figure}" for segment in SEGMENTS for figure in FIGURES),
    "corrupted_before",
    "corrupted_after",
    "patches",
    "largest_g_before",
    "largest_g_after",
    "change_of_clean",
    "warnings",
    "seconds",
    "error",
)


@dataclass(frozen=True)
class Outcome:
    """What became of a file: its report, or the sentence that says why there is none. `kept`: by an earlier run."""

    path: Path
    report: dict[str, Any] | None = None
    error: str = ""
    kept: bool = False


def find_images(inputs: Iterable[Path], output: Path) -> tuple[list[Path], list[str]]:
    """The files to work on, and notes on what lies in the folders but is left out.

    A file stands for itself. A folder stands for the images directly in it, by name; its sub-folders may hold labels or
    results and are not entered, hidden files and segmentations (.seg.nrrd) are none. A folder of DICOM slices that make
    one volume stands for that. Raises UserError for a folder
    without images, for the folder that the results go into, and where two files would have the same results folder.
    """
    files, notes = [], []
    for path in inputs:
        if not path.is_dir():
            files.append(path)
            continue
        if path.resolve() == output.resolve():
            raise UserError(f"The results can't go into {path}, where the images are: choose another folder for them.")
        entries = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
        images = [entry for entry in entries if is_image(entry)]
        slices = volume_series(images)
        if slices and slices == images:
            files.append(path)
            notes += left_out(path, [entry for entry in entries if entry not in images])
            continue
        if slices:
            notes.append(
                f"{len(slices)} files of {path} are slices of volumes, and left out ({shortened(slices)}): give each "
                "volume a folder of its own."
            )
            entries = [entry for entry in entries if entry not in slices]
            images = [entry for entry in images if entry not in slices]
        notes += left_out(path, [entry for entry in entries if entry not in images])
        if not images:
            raise UserError(" ".join([f"There are no images in {path}.", *left_out(path, entries)]))
        files += images
    files = list(dict.fromkeys(files))
    names = Counter(map(folder_of, files))
    shared = next((name for name in map(folder_of, files) if names[name] > 1), None)
    if shared is not None:
        twice = [str(path) for path in files if folder_of(path) == shared]
        raise UserError(
            f"Several inputs are called {name_of(Path(twice[0]))}: their results would overwrite each other "
            f"({shortened(twice)}). Rename some, or give each an output folder of its own."
        )
    return files, notes


def folder_of(path: Path) -> str:
    """The results folder's name as file systems may take it: many know no capitals, nor how an accent was typed."""
    return unicodedata.normalize("NFC", name_of(path)).casefold()


def is_image(path: Path) -> bool:
    """Whether a file is meant to be an image: by the ending of its name, or as DICOM, which often has none."""
    if not path.is_file() or path.name.lower().endswith(".seg.nrrd"):
        return False
    return (path.name.lower().endswith(ENDINGS) and path.suffix.lower() != ".dcm") or is_dicom(path)


def left_out(folder: Path, entries: Sequence[Path]) -> list[str]:
    """Sentences on what a folder holds besides images."""
    folders = [entry.name for entry in entries if entry.is_dir()]
    others = [entry.name for entry in entries if not entry.is_dir()]
    notes = [f"Sub-folders of {folder} are not entered: {shortened(folders)}; give them as inputs."] if folders else []
    return notes + ([f"Not images, left out of {folder}: {shortened(others)}."] if others else [])


def shortened(names: Sequence[str | Path]) -> str:
    """The first names, and how many there are more."""
    more = len(names) - NAMED
    return ", ".join(plain_text(getattr(name, "name", name)) for name in names[:NAMED]) + (
        f" and {more} more" if more > 0 else ""
    )


def segment_files(
    paths: Sequence[Path],
    folder: Path,
    pipeline: Pipeline,
    resume: bool = False,
    progress: Progress = unheard,
    tell: Callable[[Outcome], None] = lambda outcome: None,
    spacing: tuple[float, float] | None = None,
    crew: Crew | None = None,
) -> list[Outcome]:
    """Restore and segment files, some at a time; a bad one doesn't stop the others.

    Results go into `folder`/NAME for each. Of more than one file there are also `folder`/summary.csv, brought up to
    date after each, and, in the end, contact sheets. With `resume`, results that the same model made of the same
    content are kept. `progress` hears of all files as one run, from one thread at a time, `tell` of each outcome as it
    comes. `spacing`: mm, down and across, of pixels of pictures that don't know theirs. `crew`: how many files at a
    time, None for what suits this computer. Raises OutputError if `folder` holds a summary of somebody else's; what
    `progress` raises stops the run and leaves whole what is done.
    """
    several = len(paths) > 1
    if several:
        refuse_others_summary(folder)
    reports = {path: former_report(path, folder, pipeline, spacing) for path in paths} if resume else {}
    outcomes = {path: Outcome(path, report, kept=True) for path, report in reports.items() if report is not None}
    for outcome in outcomes.values():
        tell(outcome)
    waiting = [path for path in paths if path not in outcomes]
    told, room = Told(progress, {path: plain_text(path.name) for path in waiting}), Room()

    def work(path: Path) -> Outcome:
        outcome = attempt(path, folder, pipeline, partial(told.hear, path), spacing, room)
        told.end(path, bool(outcome.error))
        return outcome

    def note(path: Path, outcome: Outcome) -> None:
        with STREAMS:
            outcomes[path] = outcome
            if several:
                write_summary([outcomes[path] for path in paths if path in outcomes], folder)
            tell(outcome)

    try:
        (crew or Crew.of(len(waiting))).do(work, waiting, note, told.stop)
    except Cancelled as cancelled:  # also of a hand that another's trouble stopped, and that was the first to end
        raise (told.stopped or cancelled) from None
    every = [outcomes[path] for path in paths]
    if several:
        write_summary(every, folder)
        overlays = [folder / name_of(path) / "overlay.png" for path in paths]
        shown = [overlay if outcome.report else None for overlay, outcome in zip(overlays, every, strict=True)]
        write_contact_sheets([(name_of(path), overlay) for path, overlay in zip(paths, shown, strict=True)], folder)
    return every


def attempt(
    path: Path, folder: Path, pipeline: Pipeline, progress: Progress, spacing: tuple[float, float] | None, room: Room
) -> Outcome:
    """One file's outcome, whatever it holds."""
    try:
        return Outcome(path, segment_file(path, folder, pipeline, progress, spacing, room))
    except Cancelled:
        raise
    except UserError as error:
        return Outcome(path, error=" ".join(str(error).split()))
    except OSError as error:  # of a disk, or a file that is gone meanwhile
        return Outcome(path, error=unusable(error, path))
    except Exception as error:  # or one file that nobody foresaw would cost the night's run
        what = " ".join(f"{type(error).__name__}: {error}".split())
        return Outcome(path, error=f"{path} can't be worked on ({what}).")


def refuse_others_summary(folder: Path) -> None:
    """Raise OutputError if a summary or contact sheets lie in `folder` that no batch has written."""
    summary = folder / SUMMARY
    if summary.exists():
        with summary.open(encoding="utf-8-sig", errors="replace") as file:
            others = [] if file.readline().strip() == ",".join(COLUMNS) else [summary]
    else:
        others = list(pages_in(folder))
    if others:
        raise OutputError(f"{folder} holds other files ({others[0].name}): choose another place for the results.")


def write_summary(outcomes: Sequence[Outcome], folder: Path) -> None:
    """One line per file; spreadsheets tell by the mark at its begin that it is UTF-8."""
    with (
        whole_file(folder / SUMMARY) as partial,
        partial.open("w", encoding="utf-8-sig", newline="") as file,
    ):
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(map(row_of, outcomes))


def row_of(outcome: Outcome) -> dict[str, Any]:
    """A file's line in the summary; what is not known stays empty."""
    if outcome.report is None:
        return {"file": cell(outcome.path), "error": cell(outcome.error)}
    report = outcome.report
    extents = {
        f"{name}_{figure}": values.get(figure) for name, values in report["classes"].items() for figure in FIGURES
    }
    return {
        "file": cell(outcome.path),
        **curve_cells(report),
        **extents,
        "corrupted_before": report["corrupted patches"]["before"],
        "corrupted_after": report["corrupted patches"]["after"],
        "patches": report["corrupted patches"]["of"],
        "largest_g_before": report["largest g"]["before"],
        "largest_g_after": report["largest g"]["after"],
        "change_of_clean": report["change of clean patches"],
        "warnings": cell(" ".join(report["warnings"])),
        "seconds": round(sum(report["seconds"].values()), 1),
    }
