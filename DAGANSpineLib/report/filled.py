"""Where no frame was, and restoration filled the picture in: what stands there was not seen."""

from __future__ import annotations

import numpy as np

from ..vpi import DARK

HEIGHT = 9  # rows without anything, one upon another: dashes and the lines between frames are lower
FAINT = 16.0  # grey levels that restoration adds at least


def filled_in(pixels: np.ndarray, restored: np.ndarray) -> np.ndarray:
    """The pixels that restoration invented, bool (rows, columns), of the picture before and after: nothing was seen in
    them, nor `HEIGHT` rows up and down, so that what stands there comes from farther away than dashes ever need.

    Bands without any frame, that is; what is black in a bone's shadow stays so, and is none of it.
    """
    return opened_upright((pixels <= DARK) & (restored >= pixels + FAINT), HEIGHT)


def opened_upright(mask: np.ndarray, height: int) -> np.ndarray:
    """The mask, boolean (rows, columns), where it is at least an odd `height` of rows high; beyond the picture it goes
    on. As ITK's opening by a box, and many times as fast."""
    border = (height // 2, height // 2), (0, 0)
    core = windows_joined(np.pad(mask, border, constant_values=True), height, np.logical_and)
    return windows_joined(np.pad(core, border), height, np.logical_or)


def windows_joined(mask: np.ndarray, height: int, join: np.ufunc) -> np.ndarray:
    """All windows of this many rows joined: (rows, columns) -> (rows - height + 1, columns)."""
    reach = 1
    while reach < height:
        step = min(reach, height - reach)
        mask, reach = join(mask[:-step], mask[step:]), reach + step
    return mask
