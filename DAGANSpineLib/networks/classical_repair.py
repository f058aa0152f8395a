"""The classical repair: what anybody would try before training a network."""

import numpy as np
import torch
from torch import Tensor, nn

from ..vpi import denormalise, lit_body, normalise

DECIMALS = 3  # of grey levels: normalising and back changes the sixth, and an unfilled pixel is exactly zero


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


class ClassicalRepair(nn.Module):
    """`repair` as a restorer that learns nothing: normalised (N, 1, H, W) -> the same shape.

    It finds the lit body by itself, and so looks at the whole picture.
    """

    halo, alignment = None, 1

    def forward(self, images: Tensor) -> Tensor:
        pictures = np.round(denormalise(images[:, 0].float()).cpu().numpy(), DECIMALS)
        repaired = np.stack([repair(pixels, lit_body(pixels)) for pixels in pictures])
        return normalise(torch.from_numpy(repaired).to(images.device))[:, None]
