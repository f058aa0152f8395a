"""What the networks see of a picture: its greys, and the size that the segmenter works at; and how large a back is."""

import numpy as np

MEAN, DEVIATION = 75.99, 84.15  # of the published training images' grey values; networks see (x - MEAN) / DEVIATION
NETWORK_SIZE = (1024, 256)  # rows, columns that the segmenter sees (DA-GAN, section 3.1)
BACK_MM = 150.0, 900.0  # height of a lit body: from a child's spine, in part, to the tallest back


def height_mm(body: np.ndarray, row_mm: float) -> float:
    """From the first to the last row of a lit body, boolean (rows, columns), not empty."""
    return float(np.ptp(np.flatnonzero(body.any(1))) + 1) * row_mm


def is_a_backs(height: float) -> bool:
    """Whether a back may be so high, mm; otherwise the pixels are not as large as a file says."""
    return BACK_MM[0] <= height <= BACK_MM[1]


def normalise(pixels):
    """Grey 0 to 255 -> what the networks see; arrays and tensors alike."""
    return (pixels - MEAN) / DEVIATION


def denormalise(values):
    """The inverse of `normalise`; arrays and tensors alike."""
    return values * DEVIATION + MEAN


def filled_pixels(images):
    """Where a normalised picture was filled: array or tensor -> bool, the same shape. Within the lit body 0 means that
    no frame was there, and nothing was observed."""
    return images > normalise(0.5)
