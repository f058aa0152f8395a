"""What a model file says of itself, read in milliseconds and without torch, whatever the file's size."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..texts import tr as _

FORMAT = 1
LARGEST = 1 << 24  # bytes of what a file says of itself: ours say some hundred kB
BUNDLED = Path(__file__).resolve().parents[2] / "Resources" / "Models" / "DAGANSpine.pt"
KEYS = frozenset(("format", "configuration", "classes", "provenance", "generator", "segmenter"))


class ModelError(UserError):
    """A model file that can't be used; the text says why and what to do."""


@dataclass(frozen=True)
class ModelCard:
    """Where a model comes from, in the file's own words.

    `name`: the file's. `provenance`: texts and numbers under the names that training gave them ("preset", "data",
    "subjects", "validation dice" and the like); any of them may be missing.
    """

    name: str
    provenance: dict[str, Any]


def read_card(path: Path | None = None) -> ModelCard:
    """The card of a model file, of the bundled one for None.

    Raises ModelError if the file is missing, cut off, of another kind or of another format. Its weights are not read.
    """
    path = Path(path or BUNDLED)
    return _card(path, state_of(path))


@lru_cache(maxsize=8)  # of files as they are now: a panel asks at each of its changes
def _card(path: Path, _state: tuple[int, int] | None) -> ModelCard:
    try:
        content = Skeleton.of(path)
    except OSError as error:
        raise unreadable(path, error) from error
    except Exception as error:  # whatever foreign bytes lead zipfile and pickle to
        raise damaged(path) from error
    return ModelCard(path.name, checked(content, path)["provenance"])


def state_of(path: Path) -> tuple[int, int] | None:
    """When the file was written (ns) and its bytes, which tell a retrained model from the former; None without one."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size


def checked(content: Any, path: Path) -> dict[str, Any]:
    """The content of a model file, if it is one. Raises ModelError."""
    sentence = _("{path} is not a DAGANSpine model: choose the best.pt of a training run.")
    foreign = ModelError(sentence.format(path=path))
    if not isinstance(content, dict) or "format" not in content:
        raise foreign
    if content["format"] != FORMAT:
        raise ModelError(
            _(
                "{path} has model format {format}, and this version reads format {known}: choose another model, or "
                "install the version of DAGANSpine that made this one."
            ).format(path=path, format=content["format"], known=FORMAT)
        )
    if not content.keys() >= KEYS or not isinstance(content["provenance"], dict):
        raise foreign
    return content


def unreadable(path: Path, error: OSError) -> ModelError:
    """The sentence for a file that is not there or can't be opened."""
    if isinstance(error, (FileNotFoundError, NotADirectoryError, IsADirectoryError)):
        return ModelError(_("There is no model file {path}: {remedy}.").format(path=path, remedy=remedy(path)))
    sentence = _("The model file {path} can't be read ({reason}): {remedy}.")
    return ModelError(sentence.format(path=path, reason=error.strerror, remedy=remedy(path)))


def damaged(path: Path) -> ModelError:
    """The sentence for a file that is not what torch wrote."""
    sentence = _("{path} is not a DAGANSpine model, or it is damaged: {remedy}.")
    return ModelError(sentence.format(path=path, remedy=remedy(path)))


def remedy(path: Path) -> str:
    """What to do about such a file, as the end of a sentence."""
    return _("install the extension again") if path == BUNDLED else _("copy it again, or choose another file")


class Absent:
    """Stands for a tensor, and for whatever else is not plain data."""

    def __new__(cls, *_arguments: Any, **_settings: Any) -> Absent:
        return super().__new__(cls)

    def __setstate__(self, state: Any) -> None:
        """Holds nothing."""


class Skeleton(pickle._Unpickler):  # the one in C can be made to ask for all of a computer's memory
    """What torch.save pickled, without its tensors. Imports nothing and calls nothing, so that no file can do harm."""

    @classmethod
    def of(cls, path: Path) -> Any:
        """The skeleton of a file: a zip archive with one pickle beside the tensors' bytes."""
        with zipfile.ZipFile(path) as archive:
            name = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            if archive.getinfo(name).file_size > LARGEST:
                raise zipfile.BadZipFile(name)
            return cls(io.BytesIO(archive.read(name))).load()

    def find_class(self, module: str, name: str) -> type:
        return OrderedDict if (module, name) == ("collections", "OrderedDict") else Absent

    def persistent_load(self, identifier: Any) -> None:
        """Where the bytes of a tensor lie."""
