"""Where no frame was, and restoration filled the picture in: what stands there was not seen."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from ..vpi import DARK

HEIGHT = 9  # rows without anything, one upon another: dashes and the lines between frames are lower
FAINT = 16.0  # grey levels that restoration adds at least


def filled_in(pixels: np.ndarray, restored: np.ndarray) -> np.ndarray:
    """The pixels that restoration invented, bool (rows, columns), of the picture before and after: nothing was seen in
    them, nor `HEIGHT` rows up and down, so that what stands there comes from farther away than dashes ever need.

    Bands without any frame, that is; what is black in a bone's shadow stays so, and is none of it.
    """
    painted = (pixels <= DARK) & (restored >= pixels + FAINT)
    upright = [0, HEIGHT // 2]  # columns, rows to either side
    opened = sitk.BinaryMorphologicalOpening(sitk.GetImageFromArray(painted.astype(np.uint8)), upright, sitk.sitkBox)
    return sitk.GetArrayFromImage(opened) > 0
