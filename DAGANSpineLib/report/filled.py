"""Where no frame was, and restoration filled the picture in: what stands there was not seen."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from ..vpi.windows import opened_upright

BLACK = 8.0  # grey levels up to here may be compression noise where no frame was
HEIGHT = 9  # rows without anything, one upon another: dashes and the lines between frames are lower
FAINT = 16.0  # grey levels that restoration adds at least
WIDE = 24  # pixels: a lower rim that restoration adds to a gap is at least as wide; those of bones' shadows are not


def filled_in(pixels: np.ndarray, restored: np.ndarray) -> np.ndarray:
    """The pixels that restoration invented, bool (rows, columns), of the picture before and after: nothing was seen in
    them, nor `HEIGHT` rows up and down, so that what stands there comes from farther away than dashes ever need.

    Bands without any frame, that is, and the rims that restoration adds to them; what is black in a bone's shadow stays
    so, and is none of it.
    """
    black, brightened = pixels <= BLACK, restored >= pixels + FAINT
    added = opened_upright(black, HEIGHT) & brightened
    if not added.any():
        return added
    parts = sitk.ConnectedComponent(sitk.GetImageFromArray(added.astype(np.uint8)), True)
    shapes = sitk.LabelShapeStatisticsImageFilter()
    shapes.Execute(parts)
    part_of = sitk.GetArrayFromImage(parts)
    chosen = np.zeros(shapes.GetNumberOfLabels() + 1, bool)
    for label in shapes.GetLabels():
        chosen[label] = shapes.GetBoundingBox(label)[2] >= WIDE
    chosen[part_of[opened_upright(black & brightened, HEIGHT)]] = True
    chosen[0] = False
    return chosen[part_of]
