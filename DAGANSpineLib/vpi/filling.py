"""What stands where no frame was: interpolated down the columns, between what was seen above and below."""

import numpy as np

from .windows import sideways

BESIDE = 3  # rows above and below a gap, which restoration darkens beside its black: interpolated, too


def interpolated(pixels: np.ndarray, missing: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Fill `missing` pixels of a picture from the nearest `known` ones above and below: grey (rows, columns), both
    masks bool of that size -> float32. A column of which nothing is known stays as it is."""
    filled = np.array(pixels, dtype=np.float32)
    rows = np.arange(len(pixels))
    for column in np.flatnonzero(missing.any(0)):
        there, gap = np.flatnonzero(known[:, column]), missing[:, column]
        if len(there):
            filled[gap, column] = np.interp(rows[gap], there, pixels[there, column])
    return filled


def bridged(restored: np.ndarray, gaps: np.ndarray, body: np.ndarray) -> np.ndarray:
    """A restored picture, uint8 (rows, columns), with the gaps of the sweep, bool as `gaps_of` finds them, filled in
    between what is seen of the lit body, bool, above and below."""
    if not gaps.any():
        return restored
    missing = (body | gaps) & sideways(gaps.T, BESIDE).T
    return interpolated(restored, missing, body & ~missing).round().astype(np.uint8)
