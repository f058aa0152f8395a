"""Files of a data set that are exchanged all at once, or not at all, whatever stops it: a full disk, the user, a kill.

Its list, `dataset.json`, never names a subject whose files are not all there, and all its own. What a killed process
had begun is taken back before the next exchange.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ..files import OutputError, full, is_full_disk, refuse_name
from ..records import kept_json
from ..texts import tr as _

LIST = "dataset.json"
BEGUN = ".keeping"  # a folder in the data set's, there only while files are exchanged
NEW, FORMER = "new", "former"  # in it: what was written, and what had to make room
PLAN, MEANWHILE = "plan.json", "meanwhile.json"  # beside them; where there is a plan, some files may have moved already


@contextmanager
def exchange(folder: Path, names: Sequence[str], meanwhile: str | None) -> Iterator[Path]:
    """A folder to write a new list and some of the files `names` (paths within `folder`) into; once all is written,
    they take the places of the former ones, and those of `names` that were not written are gone.

    `meanwhile`: what the list says while its files are exchanged; None leaves it alone. If anything goes wrong,
    `folder` is as it was; one that was not there is made, and gone again. Raises OutputError where it can't be written;
    whatever else is raised is passed on.
    """
    refuse_name(folder)
    made, begun = not os.path.exists(folder), folder / BEGUN
    try:
        folder.mkdir(exist_ok=True)
        take_back(folder)
        (begun / NEW).mkdir(parents=True)
        yield begun / NEW
        move(folder, names, meanwhile)
    except BaseException as error:
        with suppress(OSError, OutputError):  # what can't be taken back now, is before the next exchange
            take_back(folder)
            if made:
                folder.rmdir()
        if isinstance(error, OSError) or is_full_disk(error):
            raise unwritable(folder, error) from error
        raise
    shutil.rmtree(begun, ignore_errors=True)


def move(folder: Path, names: Sequence[str], meanwhile: str | None) -> None:
    """Bring what was written to its places, by renaming alone, which needs no more room."""
    begun, every = folder / BEGUN, [*names, LIST]
    plan = {
        "written": [name for name in every if (begun / NEW / name).exists()],
        "former": [name for name in every if (folder / name).exists()],
        "folders": sorted({str(Path(name).parent) for name in names if not (folder / name).parent.exists()}),
    }
    for name in every:
        (begun / FORMER / name).parent.mkdir(parents=True, exist_ok=True)
    if LIST in plan["former"]:
        shutil.copyfile(folder / LIST, begun / FORMER / LIST)
    for path, text in ((MEANWHILE, meanwhile), (NEW + PLAN, json.dumps(plan))):
        (begun / path).write_text(text or "", encoding="utf-8")
    for path in filter(Path.is_file, begun.rglob("*")):
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    (begun / (NEW + PLAN)).replace(begun / PLAN)
    if meanwhile is not None:
        (begun / MEANWHILE).replace(folder / LIST)
    for name in names:
        if name in plan["former"]:
            (folder / name).replace(begun / FORMER / name)
        if name in plan["written"]:
            (folder / name).parent.mkdir(exist_ok=True)
            (begun / NEW / name).replace(folder / name)
    (begun / NEW / LIST).replace(folder / LIST)
    (begun / PLAN).unlink()


def is_begun(folder: Path) -> bool:
    """Whether an exchange is under way in this folder, or one that was stopped is still to be taken back."""
    return os.path.exists(folder / BEGUN)


def take_back(folder: Path) -> None:
    """Let a data set be as it was before an exchange that something has stopped; nothing where none was begun. However
    often this is stopped itself, it can be done again. Raises OutputError."""
    begun = folder / BEGUN
    try:
        if os.path.isfile(begun / PLAN):
            move_back(folder, kept_json((begun / PLAN).read_text(encoding="utf-8")))
            (begun / PLAN).unlink()
    except OSError as error:
        raise unwritable(folder, error) from error
    shutil.rmtree(begun, ignore_errors=True)


def move_back(folder: Path, plan: dict[str, list[str]]) -> None:
    """Undo what `move` has done so far, as it was planned."""
    begun = folder / BEGUN
    for name in plan["written"]:
        if name not in plan["former"] and not (begun / NEW / name).exists():
            (folder / name).unlink(missing_ok=True)
    for name in plan["former"]:
        if (begun / FORMER / name).exists():
            (begun / FORMER / name).replace(folder / name)
    for name in plan["folders"]:
        with suppress(OSError):
            (folder / name).rmdir()


def unwritable(folder: Path, error: BaseException) -> OutputError:
    """What to say of a folder that refused something, or found no room for it."""
    if is_full_disk(error):
        return full(folder)
    sentence = _("{folder} can't be written ({reason}).")
    return OutputError(sentence.format(folder=folder, reason=getattr(error, "strerror", None) or error))
