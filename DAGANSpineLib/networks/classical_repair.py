"""The classical repair: what anybody would try before training a network."""

import numpy as np
import torch
from torch import Tensor, nn

from ..vpi import denormalise, interpolated, lit_body, normalise

DECIMALS = 3  # of grey levels: normalising and back changes the sixth, and an unfilled pixel is exactly zero


def repair(pixels: np.ndarray, body: np.ndarray) -> np.ndarray:
    """Fill unfilled pixels by interpolation down the column: (rows, columns) grey -> float32 of the same shape.

    Within the lit body every exactly-zero pixel gets the value between the nearest non-zero pixels above and below.
    Removes black dashes; leaves bright ones and the banding.
    """
    missing = body & (pixels == 0)
    return interpolated(pixels, missing, body & ~missing)


class ClassicalRepair(nn.Module):
    """`repair` as a restorer that learns nothing: normalised (N, 1, H, W) -> the same shape.

    It finds the lit body by itself, and so looks at the whole picture.
    """

    halo, alignment = None, 1

    def forward(self, images: Tensor) -> Tensor:
        pictures = np.round(denormalise(images[:, 0].float()).cpu().numpy(), DECIMALS)
        repaired = np.stack([repair(pixels, lit_body(pixels)) for pixels in pictures])
        return normalise(torch.from_numpy(repaired).to(images.device))[:, None]
