"""`slicer.i18n`: what Qt's translators make of a text, which must be plain text with named fields."""

from __future__ import annotations

import inspect
import re
import types
from pathlib import Path

import slicer


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


def as_module() -> types.ModuleType:
    module = types.ModuleType("slicer.i18n")
    module.tr, module.translate, module.getContext = tr, translate, getContext
    return module
