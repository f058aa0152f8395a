"""Texts that fit a narrow panel, whatever names and paths are in them."""

import re

WIDEST = 24  # letters in a row, which a panel of 344 pixels has room for
BREAK = "\u200b"  # where a line may end, without a space


def wrappable(text):
    """Let a word that is too wide for the panel, a path or a file's name, go on in the next line."""
    return re.sub(rf"(\S{{{WIDEST}}})(?=\S)", rf"\1{BREAK}", text)
