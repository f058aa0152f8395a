"""Doors of rooms that open at once: what stands behind one is imported when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any


def on_demand(room: str, files: dict[str, tuple[str, ...]]) -> Callable[[str], Any]:
    """The `__getattr__` of a room (PEP 562): for each of its files the names that others may use.

    For rooms that need torch or the packages of training: who asks for one light name must not wait for these, or may
    not have them. No file may be called as a name that it gives, for the file would hide the name.
    """
    file_of = {name: file for file, names in files.items() for name in names}

    def __getattr__(name: str) -> Any:
        if name not in file_of:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        return getattr(import_module(f"{room}.{file_of[name]}"), name)

    return __getattr__
