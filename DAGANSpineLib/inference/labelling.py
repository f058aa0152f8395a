"""From class probabilities to labels."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

# So many times its probability a bone counts against the background. The Dice is greatest where a pixel is a bone's not
# from an even chance on, but from half of the Dice that can be had (Lipton et al., Optimal thresholding of classifiers
# to maximize F1, 2014): some 0.8 here, and less where pictures are torn. Testing/Benchmarks/favour.py measures it.
FAVOUR = 2.0
# Of a piece, this much has to be likelier than the background without favour, too: a bone may grow by it, not appear.
SURE_PART = 0.5


def labels_of(probabilities: np.ndarray, favour: float = FAVOUR) -> np.ndarray:
    """The class of each pixel, uint8 (rows, columns), of class probabilities, float32 (4, rows, columns): the likeliest
    bone, unless the background is more than `favour` times as likely."""
    background, likeliest, *others = probabilities
    labels = np.uint8(1)
    for label, bone in enumerate(others, 2):  # several times as fast as numpy's argmax of three
        labels = np.where(bone > likeliest, np.uint8(label), labels)
        likeliest = np.maximum(likeliest, bone)
    return np.where(favour * likeliest > background, labels, np.uint8(0))


def without_doubtful(probabilities: np.ndarray, sure_part: float = SURE_PART) -> np.ndarray:
    """Class probabilities, float32 (4, rows, columns), where a piece of bone that stands by favour alone is less likely
    than is drawn; no surer of the background than before, for self-training learns from what a model is sure of."""
    pieces = sitk.ConnectedComponent(sitk.GetImageFromArray((labels_of(probabilities) > 0).astype(np.uint8)))
    numbers = sitk.GetArrayFromImage(pieces)
    sure = np.bincount(numbers.ravel(), labels_of(probabilities, 1.0).ravel() > 0)
    doubtful = sure < sure_part * np.bincount(numbers.ravel())
    doubtful[0] = False
    background, bones = probabilities[:1], probabilities[1:]
    undrawn = np.minimum(bones, background / (2 * FAVOUR))
    return np.concatenate([background, np.where(doubtful[numbers], undrawn, bones)])
