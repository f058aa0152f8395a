"""JSON files that people may have written or changed: plain data of the shape that is needed, or a sentence.

A schema of a few lines, since Slicer has no package for that, and reports are read on the clinician's path.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import UserError

LARGEST = 1 << 26  # bytes: what we write has some kB, and a run's longest record a few MB


class RecordError(UserError):
    """A JSON file that doesn't hold what is needed; the text names the file and says what is wrong with it."""


def read_json(path: Path, error: type[UserError] = RecordError) -> Any:
    """What a JSON file holds, compressed if it is called so (`.gz`). Raises `error` with a sentence for whatever is no
    JSON, or can't be read."""
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            content = file.read(LARGEST + 1)  # of what may unpack to very much more
        if len(content) > LARGEST:
            raise error(f"{path} is too large for what it should hold.")
        return json.loads(content.decode("utf-8-sig"))
    except (gzip.BadGzipFile, zlib.error, EOFError) as trouble:
        raise error(f"{path} is damaged: it can't be unpacked.") from trouble
    except UnicodeDecodeError as trouble:
        raise error(f"{path} is no text in UTF-8: save it as such.") from trouble
    except OSError as trouble:
        raise error(f"{path} can't be read: {trouble.strerror or trouble}.") from trouble
    except RecursionError as trouble:
        raise error(f"{path} is nested too deeply to be read.") from trouble
    except json.JSONDecodeError as trouble:
        raise error(f"{path} is no JSON: {trouble}.") from trouble
    except ValueError as trouble:
        if isinstance(trouble, UserError):
            raise
        raise error(f"{path} holds a number that is too long to be read.") from trouble


def kept_json(text: str | None) -> Any:
    """What a text holds that was kept with something else; None for no text, and for whatever is no JSON."""
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return None


def check_record(
    record: Any, needed: Mapping[str, Any], path: Path, error: type[UserError] = RecordError, where: str = ""
) -> None:
    """Raise `error` unless `record` is an object with these keys, each of its type or types; `where`: within the file.

    A truth value is no number.
    """
    place = f"{path}, {where}," if where else str(path)
    if not isinstance(record, dict):
        raise error(f"{place} must hold one object, with {', '.join(needed) or 'settings'} in it.")
    for name, kind in needed.items():
        if name not in record:
            raise error(f"{place} lacks {name}.")
        value = record[name]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind not in (bool, object)):
            raise error(f"{place} says {name} in a way that can't be used: {str(value)[:40]}.")
