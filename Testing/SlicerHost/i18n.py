"""`slicer.i18n`: what Qt's translators make of a text, which must be plain text with named fields."""

from __future__ import annotations

import contextlib
import inspect
import re
import types
from collections.abc import Iterator
from pathlib import Path

import slicer
from PySide6 import QtCore


def tr(text: str) -> str:
    return translate(getContext(inspect.getsourcefile(inspect.currentframe().f_back)), text)


def translate(context: str, text: str) -> str:
    if re.search(r"\{\d*\}", text):
        raise ValueError(f"Translators need names in the braces: {text}")
    return slicer.app.translate(context, text)


def getContext(sourceFile: str) -> str:
    """The file's name; for a file of a package, after that of its folder."""
    path = Path(sourceFile)
    if not path.is_file():
        raise ValueError(f"Slicer finds no context for {sourceFile}")
    return f"{path.parent.name}.{path.stem}" if (path.parent / "__init__.py").is_file() else path.stem


class LongTexts(QtCore.QTranslator):
    """A language whose words are half as long again as the module's English ones; fields and markup stay."""

    def isEmpty(self) -> bool:
        return False

    def translate(self, context: str, text: str, disambiguation: str | None = None, n: int = -1) -> str | None:
        if context.startswith(("Q", "q")):  # Qt's own and Slicer's
            return None
        return re.sub(r"\{[^}]*\}|<[^>]*>|&\w+;|[^\W\d_]+", lambda found: lengthened(found.group()), text)


def lengthened(part: str) -> str:
    """A word with its first half said again; what is no word stays as it is."""
    return part + part[: (len(part) + 1) // 2].lower() if part.isalpha() else part


@contextlib.contextmanager
def long_texts() -> Iterator[None]:
    """The module's texts are half as long again meanwhile, as in many a translation."""
    translator = LongTexts()
    QtCore.QCoreApplication.installTranslator(translator)
    try:
        yield
    finally:
        QtCore.QCoreApplication.removeTranslator(translator)


def as_module() -> types.ModuleType:
    module = types.ModuleType("slicer.i18n")
    module.tr, module.translate, module.getContext = tr, translate, getContext
    return module
