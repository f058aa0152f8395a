"""Reading by ITK, whose warnings are refusals."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import ImageError
from ..texts import tr as _
from .foreign import silenced
from .refusals import damaged, odd_pixels, refuse_size

TROUBLE = re.compile(r"fail|error|corrupt|premature|complete|truncat|unexpected|mismatch|cannot", re.I)


def read_by(plain: Path, reader: str, path: Path) -> sitk.Image:
    """Read the file `plain` by one of ITK's readers; sentences call it `path`. Raises ImageError."""
    each = sitk.ImageFileReader()
    each.SetImageIO(reader)
    each.SetFileName(str(plain))
    error = None
    with silenced() as printed:
        try:
            each.ReadImageInformation()
            refuse_size(each.GetSize(), bytes_of(each))
            image = each.Execute()
        except RuntimeError as raised:
            error = raised
    if error is not None or TROUBLE.search(printed.text):
        raise trouble_of(str(error), path) from error
    if not np.isfinite([*image.GetDirection(), *image.GetOrigin(), *image.GetSpacing()]).all():
        raise crooked(path)
    return image


def bytes_of(reader: sitk.ImageFileReader) -> int:
    """Bytes of a pixel that a reader has the header of."""
    kind = reader.GetPixelID()
    channels = [reader.GetNumberOfComponents()] if "vector" in sitk.GetPixelIDValueAsString(kind) else []
    one = sitk.Image([1, 1], kind, *channels)
    return one.GetSizeOfPixelComponent() * one.GetNumberOfComponentsPerPixel()


def trouble_of(message: str, path: Path) -> ImageError:
    """ITK's error as a sentence."""
    if "PixelType" in message:
        return odd_pixels(path)
    if not re.search("orthonormal|direction|determinant", message, re.I):
        return damaged(path)
    return crooked(path)


def crooked(path: Path) -> ImageError:
    """For axes that nobody can lay a picture along."""
    sentence = _(
        "{path} has axes that don't stand at right angles (sheared, or not numbers): resample it, or correct its "
        "directions."
    )
    return ImageError(sentence.format(path=path))
