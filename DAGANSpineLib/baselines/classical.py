"""The classical repair: what anybody would try before training a network."""

import numpy as np


def repair(pixels: np.ndarray, body: np.ndarray) -> np.ndarray:
    """Fill unfilled pixels by interpolation down the column: (rows, columns) grey -> float32 of the same shape.

    Within the lit body every exactly-zero pixel gets the value between the nearest non-zero pixels above and below.
    Removes black dashes; leaves bright ones and the banding.
    """
    repaired = np.array(pixels, dtype=np.float32)
    missing = body & (pixels == 0)
    rows = np.arange(len(pixels))
    for column in np.flatnonzero(missing.any(0)):
        known = np.flatnonzero(body[:, column] & ~missing[:, column])
        if len(known):
            gaps = missing[:, column]
            repaired[gaps, column] = np.interp(rows[gaps], known, pixels[known, column])
    return repaired
