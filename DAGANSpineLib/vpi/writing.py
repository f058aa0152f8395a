"""Images that are written to their end: ITK's writers don't say where a full disk has cut one off."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import SimpleITK as sitk

from ..errors import ImageError
from .foreign import silenced
from .headers import header_of, refuse_incomplete
from .reading import kind_of

PNGS_END = b"IEND\xaeB`\x82"


def write_image(image: sitk.Image, path: Path) -> None:
    """Write an image, compressed: as PNG, NRRD, NIfTI or MetaImage, by the ending. Raises OSError where there is no
    room for all of it."""
    trouble = None
    with silenced():
        try:
            sitk.WriteImage(image, str(path), useCompression=True)
        except RuntimeError as error:
            trouble = error
    if trouble is not None or not is_whole(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from trouble


def is_whole(path: Path) -> bool:
    """Whether a file that was written holds all that it promises."""
    kind = kind_of(path)
    if kind == "raster":
        with path.open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - len(PNGS_END), 0))
            return file.read() == PNGS_END
    try:
        refuse_incomplete(path, header_of(path, kind))
    except (ImageError, KeyError):  # KeyError: of no kind, for want of its first bytes
        return False
    return True
