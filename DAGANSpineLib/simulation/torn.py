"""Which pixels of a picture the sweep spoiled."""

import numpy as np

# Grey levels by which a pixel has to differ from the clean picture to count as torn: twice what usual banding does.
SPOILT = 32


def torn_pixels(vpi: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """The pixels that the sweep spoiled: left unfilled, filled beyond what it reached, or changed by more than usual
    banding does. uint8 (rows, columns) each, 0 where nothing is -> bool."""
    return ((vpi > 0) != (clean > 0)) | (np.abs(vpi.astype(np.int16) - clean) > SPOILT)
