"""The U-Net, the network that most segmentations of medical pictures are measured against."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .fpn import normalised


class UNet(nn.Module):
    """Segment a normalised VPI (Ronneberger et al., MICCAI 2015, figure 1): (N, 1, H, W) -> logits (N, classes, H, W).

    On the way down, twice a 3 x 3 convolution, then max-pooling by 2; on the way up, a 2 x 2 transposed convolution
    that halves the channels, then the skip of the same level beside it, then twice a 3 x 3 convolution. Convolutions
    are padded by 1, so that the output has the input's size, and batch-normalised, as today's U-Nets are.

    `width`: channels of the finest level, twice as many on each of the `levels` below; the authors have 64, and 1024
    on the fifth. `skip`: makes, from its number of channels, what a skip passes through on its way across.
    """

    def __init__(
        self, classes: int = 4, width: int = 64, levels: int = 5, skip: Callable[[int], nn.Module] = nn.Identity
    ) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(levels)]
        self.alignment = 2 ** (levels - 1)
        self.down = nn.ModuleList(
            double_convolution(before, after) for before, after in zip((1, *widths), widths, strict=False)
        )
        self.skips = nn.ModuleList(skip(channels) for channels in widths[:-1])
        self.enlarge = nn.ModuleList(
            nn.ConvTranspose2d(2 * channels, channels, 2, stride=2) for channels in widths[-2::-1]
        )
        self.up = nn.ModuleList(double_convolution(2 * channels, channels) for channels in widths[-2::-1])
        self.classify = nn.Conv2d(width, classes, kernel_size=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")  # section 3: deviation sqrt(2 / inputs)

    def forward(self, image: Tensor) -> Tensor:
        rows, columns = image.shape[-2:]
        features = F.pad(image, (0, -columns % self.alignment, 0, -rows % self.alignment), mode="replicate")
        across = []
        for level, block in enumerate(self.down):
            features = block(F.max_pool2d(features, 2) if level else features)
            across.append(features)
        for enlarge, block, skip, kept in zip(self.enlarge, self.up, reversed(self.skips), across[-2::-1], strict=True):
            features = block(torch.cat([skip(kept), enlarge(features)], 1))
        return self.classify(features)[..., :rows, :columns]


def double_convolution(in_channels: int, out_channels: int) -> nn.Sequential:
    """Twice a 3 x 3 convolution, batch normalisation and ReLU: (N, in, H, W) -> (N, out, H, W)."""
    return nn.Sequential(*normalised(in_channels, out_channels, 3), *normalised(out_channels, out_channels, 3))
