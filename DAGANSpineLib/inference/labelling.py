"""From class probabilities to labels."""

from __future__ import annotations

import numpy as np

# So many times its probability a bone counts against the background. The Dice is greatest where a pixel is a bone's not
# from an even chance on, but from half of the Dice that can be had (Lipton et al., Optimal thresholding of classifiers
# to maximize F1, 2014): some 0.8 here, and less where pictures are torn. Testing/Benchmarks/favour.py measures it.
FAVOUR = 2.0


def labels_of(probabilities: np.ndarray, favour: float = FAVOUR) -> np.ndarray:
    """The class of each pixel, uint8 (rows, columns), of class probabilities, float32 (4, rows, columns): the likeliest
    bone, unless the background is more than `favour` times as likely."""
    background, bones = probabilities[0], probabilities[1:]
    return np.where(favour * bones.max(0) > background, bones.argmax(0) + 1, 0).astype(np.uint8)
