"""An autoencoder whose pooling loses nothing: the Haar transform, and its inverse on the way back."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .generator import DoubleConvolution

# rows: mean, change across, change down, both; columns: the four pixels of a 2 x 2 block, row by row.
# Orthogonal and symmetric, so that it is its own inverse.
HAAR = torch.tensor([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]) / 2


def pool(features: Tensor) -> tuple[Tensor, Tensor]:
    """One level of the Haar transform: (N, C, 2H, 2W) -> low band (N, C, H, W), high bands (N, 3C, H, W)."""
    blocks = F.pixel_unshuffle(features, 2).unflatten(1, (-1, 4))
    bands = torch.einsum("ij,ncjhw->ncihw", HAAR.to(features), blocks)
    return bands[:, :, 0], bands[:, :, 1:].flatten(1, 2)


def unpool(low: Tensor, high: Tensor) -> Tensor:
    """The inverse of `pool`."""
    bands = torch.cat([low[:, :, None], high.unflatten(1, (-1, 3))], 2)
    blocks = torch.einsum("ij,ncjhw->ncihw", HAAR.to(low), bands)
    return F.pixel_shuffle(blocks.flatten(1, 2), 2)


class HaarAutoencoder(nn.Module):
    """Take a picture apart into bands of features, and put it together again (Yoo et al., ICCV 2019, figure 3).

    The low band passes on to the next level, the high bands skip to the unpooling of their own. The authors' encoder
    is a VGG that has seen a million photographs; this one learns with its decoder.

    `widths`: channels of each level, finest first. Pictures are (N, 1, H, W) with sides that are multiples of
    2^(levels - 1).
    """

    def __init__(self, widths: Sequence[int] = (64, 128, 256)) -> None:
        super().__init__()
        widths = tuple(widths)
        self.down = nn.ModuleList(
            DoubleConvolution(before, width, attention=False)
            for before, width in zip((1, *widths), widths, strict=False)
        )
        self.up = nn.ModuleList(
            DoubleConvolution(deep, shallow, attention=False)
            for deep, shallow in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.picture = nn.Conv2d(widths[0], 1, 3, padding=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)
        self.channels = (*(3 * width for width in widths[:-1]), widths[-1])  # of each of the bands

    def encode(self, image: Tensor) -> list[Tensor]:
        """The high bands of each level, finest first, and then the features of the deepest."""
        bands, features = [], image
        for block in self.down[:-1]:
            features, high = pool(block(features))
            bands.append(high)
        return [*bands, self.down[-1](features)]

    def decode(self, bands: Sequence[Tensor]) -> Tensor:
        """The inverse of `encode`, as far as it has been learnt."""
        *highs, features = bands
        for block, high in zip(self.up, reversed(highs), strict=True):
            features = unpool(block(features), high)
        return self.picture(features)

    def forward(self, image: Tensor) -> Tensor:
        return self.decode(self.encode(image))
