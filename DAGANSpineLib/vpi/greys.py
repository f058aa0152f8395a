"""Any picture as grey, 0 to 255."""

from __future__ import annotations

import numpy as np

from ..errors import ImageError
from ..texts import tr as _

LUMINANCE = (0.30, 0.59, 0.11)  # of red, green, blue
SMALLEST = 32  # rows or columns: the segmenter halves its input five times


def grey(picture: np.ndarray) -> np.ndarray:
    """Any picture as grey: (rows, columns) or (rows, columns, channels) -> float32 (rows, columns), 0 to 255.

    Colour becomes luminance (opacity is left out). Values that fit 0 to 255 stay as they are, and fractions within 0
    and 1 become that range. Deeper values (12 or 16 bits) are scaled so that the brightest pixel becomes 255, since
    files don't say how many bits their scanner used.
    Raises ImageError for pictures that hold no VPI.
    """
    picture = np.asarray(picture)
    if picture.ndim not in (2, 3) or (picture.ndim == 3 and picture.shape[2] > 4):
        sentence = _("A VPI is one picture; this has {count} dimensions: {shape}.")
        raise ImageError(sentence.format(count=picture.ndim, shape=picture.shape))
    rows, columns = picture.shape[:2]
    if min(rows, columns) < SMALLEST:
        raise ImageError(
            _(
                "This picture is {columns} × {rows} pixels (width × height): too small for a VPI, "
                "which has at least {smallest} × {smallest}."
            ).format(columns=columns, rows=rows, smallest=SMALLEST)
        )
    if np.issubdtype(picture.dtype, np.complexfloating):
        raise ImageError(_("This picture has complex numbers as pixels; a VPI is grey."))
    if not np.isfinite(picture).all():
        raise ImageError(_("Some pixels are not numbers (NaN or infinite). Export the picture again without them."))
    fraction = np.issubdtype(picture.dtype, np.floating)
    pixels = picture.astype(np.float32)
    if pixels.ndim == 3:
        colours = pixels.shape[2] >= 3
        pixels = pixels[..., :3] @ np.float32(LUMINANCE) if colours else pixels[..., 0]
    lowest, highest = float(pixels.min()), float(pixels.max())
    if lowest == highest:
        raise ImageError(_("This picture is empty: every pixel has the same value."))
    if lowest < 0:
        pixels, highest = pixels - lowest, highest - lowest
    if highest > 255:
        pixels = pixels * (255 / highest)
    elif fraction and highest <= 1:
        pixels = pixels * 255
    return np.ascontiguousarray(pixels, dtype=np.float32)
