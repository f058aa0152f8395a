"""Bilinear resizing, with torch's align_corners off everywhere."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F


def resize(images: Tensor, size: Sequence[int]) -> Tensor:
    """(N, C, H, W) -> (N, C, *size). Nothing to do where the size fits."""
    if tuple(images.shape[-2:]) == tuple(size):
        return images
    return F.interpolate(images, size=tuple(size), mode="bilinear", align_corners=False)


def shrink(images: Tensor, size: Sequence[int]) -> Tensor:
    """(N, C, H, W) -> (N, C, *size), averaging over the pixels that fall together."""
    return F.interpolate(images, size=tuple(size), mode="bilinear", align_corners=False, antialias=True)
