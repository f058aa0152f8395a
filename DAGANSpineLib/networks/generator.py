"""The generator: a small U-Net with spatial attention that paints over structured noise."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..vpi import filled_pixels
from .attention import spatial_attention
from .regions import Region, cut, doubled, levels, whole

REACH = 2  # pixels that a double convolution looks around


class DoubleConvolution(nn.Sequential):
    """Twice a 3 x 3 convolution and a ReLU, then spatial attention: (N, in, H, W) -> (N, out, H, W)."""

    def __init__(self, in_channels: int, out_channels: int, attention: bool) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, 3, padding=1),
            nn.ReLU(inplace=True),
            spatial_attention(attention, inplace=True),
        )


class Generator(nn.Module):
    """Restore a VPI (DA-GAN, section 2 and figure 2): normalised grey (N, 1, H, W) -> the same shape.

    A U-Net whose skips are added, not concatenated, and whose output is a correction added to its input. Without
    normalisation layers its receptive field is finite, so that tiles with a margin of `halo` pixels, aligned to
    `alignment`, give the output of the whole image.

    `widths`: channels of each level, finest first; the paper's are 64, 128, 256. `residual=False`: the output is the
    restored picture itself, for what is learnt from hidden pixels, which such a shortcut would show. `upsampling`: see
    `enlarging`. `unshuffled`: the second level sees the picture's own pixels, four to one, instead of pooled features,
    and on the way down the finest is a single convolution: where it is slim, most of the work is done at a quarter of
    the pixels, and nothing of the picture is lost for it (Shi et al., CVPR 2016, turned round). `masked`: it sees a
    second picture, of where no frame filled the first.
    """

    def __init__(
        self,
        widths: Sequence[int] = (64, 128, 256),
        attention: bool = True,
        residual: bool = True,
        upsampling: str = "bilinear",
        unshuffled: bool = False,
        masked: bool = False,
    ) -> None:
        super().__init__()
        self.widths, self.residual, self.unshuffled = tuple(widths), residual, unshuffled
        self.upsampling, self.masked = upsampling, masked
        seen, (finest, *deeper) = 1 + masked, self.widths
        self.down = nn.ModuleList(
            [nn.Conv2d(seen, finest, 3, padding=1) if unshuffled else DoubleConvolution(seen, finest, attention)]
        )
        for before, width in zip((4 * seen if unshuffled else finest, *deeper), deeper, strict=False):
            self.down.append(DoubleConvolution(before, width, attention))
        pairs = list(zip(self.widths[:0:-1], self.widths[-2::-1], strict=True))
        self.enlarge = nn.ModuleList(enlarging(upsampling, deep, shallow) for deep, shallow in pairs)
        self.up = nn.ModuleList(DoubleConvolution(shallow, shallow, attention) for _, shallow in pairs)
        self.correction = nn.Conv2d(finest, 1, kernel_size=1)

    @property
    def alignment(self) -> int:
        """Tiles begin at multiples of this many pixels, or max-pooling would see another grid."""
        return 2 ** (len(self.widths) - 1)

    @property
    def halo(self) -> int:
        """How far an output pixel looks, rounded up to the alignment: 26 -> 28 pixels for three levels.

        At the level of scale s, each of two convolutions on the way down and two on the way up (the deepest level
        has only those down) reaches s pixels further, max-pooling s / 2 beyond, and bilinear upsampling as much.
        """
        deepest = self.alignment
        pooling = (deepest - 1) * (2 if self.upsampling == "bilinear" else 1)
        reach = 2 * (2 * deepest - 1) + 2 * (deepest - 1) + pooling
        return reach + -reach % deepest

    def forward(self, image: Tensor, core: Region | None = None) -> Tensor:
        """`core`: the rows and columns that are wanted, all for None: (N, 1, H, W) -> (N, 1, rows, columns). Each level
        computes what those see of it, instead of the margin that the deepest needs."""
        rows, columns = image.shape[-2:]
        padded = F.pad(image, (0, -columns % self.alignment, 0, -rows % self.alignment), mode="replicate")
        if self.masked:
            padded = torch.cat([padded, (~filled_pixels(padded)).to(padded)], 1)
        wanted = core or whole(image)
        plan = levels(wanted, whole(padded), len(self.widths), REACH, pooled=not self.unshuffled)
        features, skips = cut(padded, plan[0].entry, of=plan[0].all), []
        for level, (block, known) in enumerate(zip(self.down, plan, strict=True)):
            if level == 1 and self.unshuffled:
                features = F.pixel_unshuffle(cut(padded, doubled(known.entry), of=plan[0].all), 2)
            elif level:
                features = F.max_pool2d(features, 2)
            features = cut(block(features), known.left, of=known.entry)
            skips.append(cut(features, known.meet, of=known.left))
        coarser = plan[-1]
        for enlarge, block, skip, known in zip(self.enlarge, self.up, skips[-2::-1], plan[-2::-1], strict=True):
            enlarged = cut(enlarge(features), known.meet, of=doubled(coarser.given))
            features = cut(block(enlarged + skip), known.given, of=known.meet)
            coarser = known
        output = self.correction(features)
        return cut(image, wanted, of=whole(image)) + output if self.residual else output


def enlarging(upsampling: str, deep: int, shallow: int) -> nn.Module:
    """From one level to the next finer one: (N, deep, H, W) -> (N, shallow, 2H, 2W).

    "bilinear" mixes the channels and then interpolates; the finer level's 3 x 3 convolutions follow. "transposed" is
    the 2 x 2 transposed convolution of the authors' later public code: each of its four weights makes pixels of its
    own, which nothing keeps alike, so that a faint grid of period 2 remains (Odena et al., Distill 2016).
    """
    if upsampling == "transposed":
        return nn.ConvTranspose2d(deep, shallow, 2, stride=2)
    if upsampling != "bilinear":
        raise ValueError(f"There is no upsampling {upsampling} here: choose bilinear or transposed.")
    return nn.Sequential(nn.Conv2d(deep, shallow, 1), nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False))
