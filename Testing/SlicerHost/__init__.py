"""Slicer without its window: slicer-core's MRML and logics, PySide6's widgets, and the thin rest between them."""

from .host import Host, start

__all__ = ["Host", "start"]
