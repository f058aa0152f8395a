"""Where no frame was, and restoration filled the picture in: what stands there was not seen."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from ..vpi import opened_upright

BLACK = 8.0  # grey levels up to here may be compression noise where no frame was
HEIGHT = 9  # rows without anything, one upon another: dashes and the lines between frames are lower
BACK = 1700, 440  # lit rows or columns of a back in pixels of 0.2 mm: in larger ones fewer rows stand for `HEIGHT`,
LOWEST = 5  # down to so many
FAINT = 16.0  # grey levels that restoration adds at least
WIDE = 24  # pixels: a lower rim that restoration adds to a gap is at least as wide; those of bones' shadows are not


def filled_in(pixels: np.ndarray, restored: np.ndarray) -> np.ndarray:
    """The pixels that restoration invented, bool (rows, columns), of the picture before and after: nothing was seen in
    them, nor `HEIGHT` rows up and down, so that what stands there comes from farther away than dashes ever need.

    Bands without any frame, that is, and the rims that restoration adds to them; what is black in a bone's shadow stays
    so, and is none of it.
    """
    black, brightened = pixels <= BLACK, restored >= pixels + FAINT
    height = height_in((~black).any(1).sum(), (~black).any(0).sum())
    added = opened_upright(black, height) & brightened
    if not added.any():
        return added
    parts = sitk.ConnectedComponent(sitk.GetImageFromArray(added.astype(np.uint8)), True)
    shapes = sitk.LabelShapeStatisticsImageFilter()
    shapes.Execute(parts)
    part_of = sitk.GetArrayFromImage(parts)
    chosen = np.zeros(shapes.GetNumberOfLabels() + 1, bool)
    for label in shapes.GetLabels():
        chosen[label] = shapes.GetBoundingBox(label)[2] >= WIDE
    chosen[part_of[opened_upright(black & brightened, height)]] = True
    chosen[0] = False
    return chosen[part_of]


def height_in(rows: int, columns: int) -> int:
    """How many rows stand for `HEIGHT` in a picture of so many lit rows and columns: an odd number."""
    share = max(rows / BACK[0], columns / BACK[1])
    return int(np.clip(HEIGHT * share, LOWEST, HEIGHT) - 1) // 2 * 2 + 1
