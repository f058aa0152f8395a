"""Files and folders that are there whole, or not at all: written under a temporary name, then renamed."""

from __future__ import annotations

import errno
import glob
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .errors import UserError
from .texts import tr as _

PARTIAL = ".partial"  # ending of a folder that is being written
LONGEST = 100  # bytes of a name that a temporary one takes over: file systems allow 255
LONGEST_ENDING = 12  # characters: what is longer is a name with a dot in it
# what is in libraries' RuntimeErrors for a full disk: ITK's, torch's
UNWRITABLE = re.compile(r"itk::ERROR|ITK\sERROR|FileWriter|StreamWriter|iostream\serror|unexpected\spos|No\sspace")
NO_ROOM = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}  # Windows knows no quotas
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}


class OutputError(UserError):
    """A place that can't be written."""


class FullDiskError(OutputError):
    """A place that has no room left."""


def is_full_disk(error: BaseException) -> bool:
    """Whether this is what somebody says of a disk without room."""
    if isinstance(error, RuntimeError):
        return UNWRITABLE.search(str(error)) is not None
    return isinstance(error, FullDiskError) or (isinstance(error, OSError) and error.errno in NO_ROOM)


def full(path: Path) -> FullDiskError:
    """What to say of a file or folder that found no room."""
    return FullDiskError(_("{path} can't be written: is the disk full?").format(path=path))


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path in the same folder, with the same ending, that becomes `path` once all is written.

    Whatever goes wrong is passed on, a library's word for a full disk as OutputError, and a former file stays as it
    was.
    """
    refuse_name(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    suffix = "".join(each for each in path.suffixes[-2:] if len(each) < LONGEST_ENDING).lower()  # ITK knows no .NII.GZ
    try:
        handle, name = tempfile.mkstemp(suffix, f".{shortened(path.stem)}.", path.parent)
    except OSError as error:
        error.filename = str(path)
        raise
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        partial.chmod(0o644)
        with partial.open("rb+") as written:
            os.fsync(written.fileno())
        partial.replace(path)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, name):
            error.filename = str(path)
        if isinstance(error, RuntimeError) and is_full_disk(error):
            raise full(path) from error
        raise


@contextmanager
def whole_folder(folder: Path, replaces: Sequence[str] = ()) -> Iterator[Path]:
    """A temporary folder that takes the name `folder` once all is written, and vanishes if anything goes wrong.

    A former folder of that name is replaced if it holds nothing but files of the names in `replaces` (`*` stands for
    anything), and most of these: a folder that happens to have the name may hold somebody's images, and one of ours
    somebody's labels. Raises OutputError if it holds more, or if the new one can't be made, written or renamed, which
    is asked before any work. What a killed run left half-written of this folder goes. A run that lives, and whose
    half-written folder another one so removed, raises OutputError.
    """
    folder = Path(os.path.abspath(folder))
    refuse_name(folder)
    refuse_others_files(folder, replaces)
    hidden = f".{shortened(folder.name)}."
    for half_written in folder.parent.glob(f"{glob.escape(hidden)}????????{PARTIAL}"):
        shutil.rmtree(half_written, ignore_errors=True)
    missing = [parent for parent in (folder.parent, *folder.parent.parents) if not parent.exists()]
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(PARTIAL, hidden, folder.parent))
    except OSError as error:
        sentence = _("The folder {folder} can't be written ({reason}).")
        raise OutputError(sentence.format(folder=folder.parent, reason=error.strerror)) from error
    try:
        yield partial
        partial.chmod(0o755)
        replace_folder(folder, partial)
    except BaseException as error:
        taken = not partial.is_dir()
        shutil.rmtree(partial, ignore_errors=True)
        for parent in missing:
            # what this run made goes again, unless somebody else has put something there since
            if parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()
        if taken and (isinstance(error, OSError) or is_full_disk(error)):
            sentence = _("Somebody else has begun to write {folder} too: choose another place for the results.")
            raise OutputError(sentence.format(folder=folder)) from error
        if is_full_disk(error):
            raise full(folder) from error
        if isinstance(error, OSError):
            sentence = _("{folder} can't be written ({reason}).")
            raise OutputError(sentence.format(folder=folder, reason=error.strerror or error)) from error
        raise


def refuse_others_files(folder: Path, replaces: Sequence[str]) -> None:
    """Raise OutputError unless `folder` is free, or a folder of replaceable files only that can be replaced."""
    if folder.is_dir():
        entries = sorted(folder.iterdir())
        others = [each.name for each in entries if each.is_dir() or not any(map(each.match, replaces))]
        ours = [name for name in replaces if "*" not in name]
        if entries and not others and 2 * sum((folder / name).exists() for name in ours) < len(ours):
            others = [entries[0].name]
        if os.path.ismount(folder) or folder.resolve() in (Path.cwd(), *Path.cwd().parents):
            sentence = _("{folder} is in use and can't be replaced: name a new folder in it for the results.")
            raise OutputError(sentence.format(folder=folder))
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
    aside = Path(tempfile.mkdtemp(PARTIAL, f".{shortened(folder.name)}.", folder.parent))
    folder.replace(aside / folder.name)
    try:
        by.replace(folder)
    except OSError:
        (aside / folder.name).replace(folder)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def refuse_name(path: Path) -> None:
    """Raise OutputError for a path that is not UTF-8, as from old archives: libraries end the process over it."""
    if plain_text(str(path)) != str(path):
        sentence = _("{path} has a name that is not UTF-8: choose another place for the results.")
        raise OutputError(sentence.format(path=plain_text(str(path))))


def unusable(error: OSError, otherwise: object) -> str:
    """A sentence for a file, `otherwise` unless the error names one, that can't be read or written."""
    sentence = _("{path} can't be read or written: {reason}.")
    return plain_text(sentence.format(path=error.filename or otherwise, reason=error.strerror or error))


def plain_text(name: str) -> str:
    """A path as text that can be written: what is not UTF-8 in it becomes question marks."""
    return name.encode("utf-8", "replace").decode("utf-8")


def shortened(name: str) -> str:
    """The beginning of a long name, up to a whole letter: half of one is no UTF-8, over which ITK ends the process."""
    return plain_text(name).encode()[:LONGEST].decode(errors="ignore")


def portable_name(name: str) -> str:
    """A name that a folder may have on every system: no letters that one forbids, no device of Windows', not too long.

    Different long names stay different.
    """
    clean = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", plain_text(name)).rstrip(" .") or "image"
    if clean.partition(".")[0].strip().lower() in RESERVED:
        clean = f"{clean}_"
    if len(clean.encode()) > 2 * LONGEST:
        mark = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:8]
        clean = clean.encode()[: 2 * LONGEST - 9].decode(errors="ignore") + "-" + mark
    return clean
