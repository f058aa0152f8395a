"""Files and folders that are there whole, or not at all: written under a temporary name, then renamed."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .errors import UserError
from .texts import tr as _

PARTIAL = ".partial"  # ending of a folder that is being written


class OutputError(UserError):
    """A place that can't be written."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path in the same folder, with the same ending, that becomes `path` once all is written.

    Whatever goes wrong is passed on, and a former file stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix="".join(path.suffixes), dir=path.parent)
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        partial.chmod(0o644)
        with partial.open("rb+") as written:
            os.fsync(written.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def whole_folder(folder: Path, replaces: Sequence[str] = ()) -> Iterator[Path]:
    """A temporary folder that takes the name `folder` once all is written, and vanishes if anything goes wrong.

    A former folder of that name is replaced if it holds nothing but files of the names in `replaces` (`*` stands for
    anything): a folder that happens to have the name may hold somebody's images. Raises OutputError if it holds more,
    or if the new one can't be made, written or renamed. What a killed run left half-written of this folder goes.
    """
    refuse_others_files(folder, replaces)
    for half_written in folder.parent.glob(f".{glob.escape(folder.name)}.????????{PARTIAL}"):
        shutil.rmtree(half_written, ignore_errors=True)
    missing = [parent for parent in (folder.parent, *folder.parent.parents) if not parent.exists()]
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(PARTIAL, f".{folder.name}.", folder.parent))
    except OSError as error:
        sentence = _("The folder {folder} can't be written ({reason}).")
        raise OutputError(sentence.format(folder=folder.parent, reason=error.strerror)) from error
    try:
        yield partial
        partial.chmod(0o755)
        replace_folder(folder, partial)
    except BaseException as error:
        shutil.rmtree(partial, ignore_errors=True)
        for parent in missing:
            # what this run made goes again, unless somebody else has put something there since
            if parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()
        if isinstance(error, OSError):
            sentence = _("{folder} can't be written ({reason}).")
            raise OutputError(sentence.format(folder=folder, reason=error.strerror or error)) from error
        raise


def refuse_others_files(folder: Path, replaces: Sequence[str]) -> None:
    """Raise OutputError unless `folder` is free, or a folder of replaceable files only."""
    if folder.is_dir():
        others = [entry.name for entry in folder.iterdir() if not any(map(entry.match, replaces))]
        if others:
            sentence = _("{folder} holds other files ({name}): choose another place for the results.")
            raise OutputError(sentence.format(folder=folder, name=others[0]))
    elif folder.exists():
        raise OutputError(_("{folder} is a file: choose another place for the results.").format(folder=folder))


def replace_folder(folder: Path, by: Path) -> None:
    """Rename `by` to `folder`; a former folder of that name goes only once the new one stands."""
    if not folder.exists():
        by.replace(folder)
        return
    aside = Path(tempfile.mkdtemp(PARTIAL, f".{folder.name}.", folder.parent))
    folder.replace(aside / folder.name)
    try:
        by.replace(folder)
    except OSError:
        (aside / folder.name).replace(folder)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
