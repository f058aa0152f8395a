"""How like a picture is to its clean truth within the body: black outside it, which every picture has, would count as
perfect."""

from __future__ import annotations

import numpy as np
import torch
from monai.metrics import PSNRMetric
from torch.nn import functional as F

TAPS, SPREAD = 11, 1.5  # of the Gaussian window, pixels (Wang et al., IEEE TIP 2004, section III B)
SMALL, LARGE = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def psnr(one: np.ndarray, two: np.ndarray, body: np.ndarray) -> float:
    """Peak signal to noise in dB over the body's pixels, of grey pictures (rows, columns), 0 to 255; infinite where
    both are the same."""
    inside = [torch.from_numpy(picture[body].astype(np.float32))[None, None] for picture in (one, two)]
    return PSNRMetric(255)(*inside).item()


def similarity(one: np.ndarray, two: np.ndarray, body: np.ndarray) -> float:
    """Mean SSIM of grey pictures (rows, columns), 0 to 255, over the windows whose middle lies in the body."""
    return float(similarity_map(one, two, body)[body].mean())


def similarity_map(one: np.ndarray, two: np.ndarray, body: np.ndarray) -> np.ndarray:
    """SSIM by pixel (Wang et al. 2004, equation 13), (rows, columns); defined where the body is.

    Of each window the pixels within the body alone are weighed, so that at its rim, too, nothing outside counts.
    """
    inside = body.astype(np.float64)
    first, second = one * inside, two * inside
    planes = np.stack([inside, first, second, first * first, second * second, first * second])
    weight, *sums = blurred(planes)
    mean, other, square, square_other, product = (total / np.maximum(weight, 1e-12) for total in sums)
    variances = (square - mean**2) + (square_other - other**2)
    covariance = product - mean * other
    index = (2 * mean * other + SMALL) * (2 * covariance + LARGE)
    return index / ((mean**2 + other**2 + SMALL) * (variances + LARGE))


def blurred(planes: np.ndarray) -> np.ndarray:
    """Each plane under the Gaussian window, zero beyond its border: (n, rows, columns) -> the same."""
    away = torch.arange(TAPS, dtype=torch.double) - TAPS // 2
    window = torch.exp(-0.5 * (away / SPREAD) ** 2)
    window /= window.sum()
    values = torch.from_numpy(planes)[:, None]
    down = F.conv2d(values, window.view(1, 1, -1, 1), padding=(TAPS // 2, 0))
    return F.conv2d(down, window.view(1, 1, 1, -1), padding=(0, TAPS // 2))[:, 0].numpy()
