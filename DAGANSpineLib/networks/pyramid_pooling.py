"""Pyramid pooling, which tells every pixel what the picture around it and the picture as a whole look like."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .fpn import normalised
from .resizing import resize

BINS = (1, 2, 3, 6)


class PyramidPooling(nn.Module):
    """Add to features their means over ever finer grids (Zhao et al., CVPR 2017, figure 3), as the skips of PPMU do
    (Shahin et al., ISBI 2019): (N, C, H, W) -> the same shape.

    The means over 1 x 1, 2 x 2, 3 x 3 and 6 x 6 bins each pass a 1 x 1 convolution to a quarter of the channels, are
    brought back to H x W and laid beside the features; a 3 x 3 convolution makes C channels of them all. The 1 x 1
    convolutions are not normalised: one bin is one number a picture, and too few for batch statistics.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        quarter = channels // len(BINS)
        self.branches = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, quarter, kernel_size=1), nn.ReLU(inplace=True)) for _ in BINS
        )
        self.merge = nn.Sequential(*normalised(channels + quarter * len(BINS), channels, 3))

    def forward(self, features: Tensor) -> Tensor:
        size = features.shape[-2:]
        context = [
            resize(branch(pooled(features, bins)), size) for branch, bins in zip(self.branches, BINS, strict=True)
        ]
        return self.merge(torch.cat([features, *context], 1))


def pooled(features: Tensor, bins: int) -> Tensor:
    """Means over bins x bins parts of the picture: (N, C, H, W) -> (N, C, bins, bins).

    Where the bins don't divide the size they overlap by a pixel, as in torch's adaptive pooling, which not all
    devices have for such sizes.
    """
    down, across = (averaging(extent, bins).to(features) for extent in features.shape[-2:])
    return down @ features @ across.T


def averaging(extent: int, bins: int) -> Tensor:
    """The matrix (bins, extent) that averages over pixels floor(i · extent / bins) to ceil((i + 1) · extent / bins)."""
    bin_ = torch.arange(bins)[:, None]
    pixel = torch.arange(extent)[None]
    within = (pixel >= bin_ * extent // bins) & (pixel < -(-(bin_ + 1) * extent // bins))
    return within / within.sum(1, keepdim=True)
