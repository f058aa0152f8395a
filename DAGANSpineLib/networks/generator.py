"""The generator: a small U-Net with spatial attention that paints over structured noise."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from .attention import spatial_attention


class DoubleConvolution(nn.Sequential):
    """Twice a 3 x 3 convolution and a ReLU, then spatial attention: (N, in, H, W) -> (N, out, H, W)."""

    def __init__(self, in_channels: int, out_channels: int, attention: bool) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, 3, padding=1),
            nn.ReLU(inplace=True),
            spatial_attention(attention),
        )


class Generator(nn.Module):
    """Restore a VPI (DA-GAN, section 2 and figure 2): normalised grey (N, 1, H, W) -> the same shape.

    A U-Net whose skips are added, not concatenated, and whose output is a correction added to its input. Without
    normalisation layers its receptive field is finite, so that tiles with a margin of `halo` pixels, aligned to
    `alignment`, give the output of the whole image.

    `widths`: channels of each level, finest first; the paper's are 64, 128, 256. `residual=False`: the output is the
    restored picture itself, for what is learnt from hidden pixels, which such a shortcut would show.
    """

    def __init__(self, widths: Sequence[int] = (64, 128, 256), attention: bool = True, residual: bool = True) -> None:
        super().__init__()
        self.widths, self.residual = tuple(widths), residual
        self.down = nn.ModuleList(
            DoubleConvolution(before, width, attention)
            for before, width in zip((1, *self.widths), self.widths, strict=False)
        )
        pairs = list(zip(self.widths[:0:-1], self.widths[-2::-1], strict=True))
        self.enlarge = nn.ModuleList(nn.ConvTranspose2d(deep, shallow, 2, stride=2) for deep, shallow in pairs)
        self.up = nn.ModuleList(DoubleConvolution(shallow, shallow, attention) for _, shallow in pairs)
        self.correction = nn.Conv2d(self.widths[0], 1, kernel_size=1)

    @property
    def alignment(self) -> int:
        """Tiles begin at multiples of this many pixels, or max-pooling would see another grid."""
        return 2 ** (len(self.widths) - 1)

    @property
    def halo(self) -> int:
        """How far an output pixel looks, rounded up to the alignment: 23 -> 24 pixels for three levels.

        At the level of scale s, each of two convolutions on the way down and two on the way up (the deepest level
        has only those down) reaches s pixels further, and max-pooling s / 2 beyond.
        """
        deepest = self.alignment
        reach = 2 * (2 * deepest - 1) + 2 * (deepest - 1) + (deepest - 1)
        return reach + -reach % deepest

    def forward(self, image: Tensor) -> Tensor:
        rows, columns = image.shape[-2:]
        features = F.pad(image, (0, -columns % self.alignment, 0, -rows % self.alignment), mode="replicate")
        skips = []
        for level, block in enumerate(self.down):
            features = block(F.max_pool2d(features, 2) if level else features)
            skips.append(features)
        for enlarge, block, skip in zip(self.enlarge, self.up, skips[-2::-1], strict=True):
            features = block(enlarge(features) + skip)
        output = self.correction(features)[..., :rows, :columns]
        return image + output if self.residual else output
