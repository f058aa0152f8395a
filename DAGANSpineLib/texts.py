"""What the library says to people: in English, or in the language of the program that it is a part of.

Nothing here knows of Slicer, since the library stands without it: the module installs Slicer's translator.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable

Translator = Callable[[str, str], str]  # (path of the source file that says it, English text) -> what is said


def untranslated(source: str, text: str) -> str:
    """The translator where nobody has installed another one."""
    return text


_translator: Translator = untranslated


def install(translator: Translator) -> None:
    """Let this translator, which any thread may call, have all texts from now on."""
    global _translator
    _translator = translator


def tr(text: str) -> str:
    """A text as people are to read it; fields in braces, `{name}`, are filled in afterwards.

    Imported as `_`: by `_("…")`, with the file that says it, Slicer's tools find what there is to translate. It is
    called when the text is said, for the language is not known before. A translation with other fields, which could not
    be filled in, is not used.
    """
    translated = _translator(sys._getframe(1).f_code.co_filename, text)
    if fields(translated) != fields(text):
        logging.warning("The translation of '%s' has other fields, and is not used: '%s'", text, translated)
        return text
    return translated


def fields(text: str) -> set[str]:
    """All fields in braces, and braces that are none."""
    return set(re.findall(r"\{[^{}]*\}|[{}]", text))
