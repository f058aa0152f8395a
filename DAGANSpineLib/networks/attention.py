"""Spatial attention, the unit that lets generator and discriminators look at the corrupted pixels."""

import torch
from torch import Tensor, nn


class SpatialAttention(nn.Module):
    """Rescale each pixel by how salient it is (DA-GAN, section 2.2).

    (N, C, H, W) -> (N, C, H, W). The heat map is one 1 x 1 convolution over the channel mean and the channel
    maximum; the residual keeps the signal where the map is dark.
    """

    def __init__(self) -> None:
        super().__init__()
        self.compress = nn.Conv2d(2, 1, kernel_size=1)

    def heat_map(self, features: Tensor) -> Tensor:
        """How salient each pixel is: (N, C, H, W) -> (N, 1, H, W), within 0 and 1."""
        average, maximum = features.mean(1, keepdim=True), features.amax(1, keepdim=True)
        return torch.sigmoid(self.compress(torch.cat([average, maximum], 1)))

    def forward(self, features: Tensor) -> Tensor:
        return features + features * self.heat_map(features)


def spatial_attention(present: bool) -> nn.Module:
    """A spatial attention unit, or the identity for the ablation "without SA" (Table 1)."""
    return SpatialAttention() if present else nn.Identity()
