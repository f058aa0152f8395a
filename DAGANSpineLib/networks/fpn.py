"""The segmenter: a panoptic feature pyramid network over a residual network, in plain torch.

Written out because the clinician's machine has torch and nothing above it; the tests hold it against MONAI's.
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from .resizing import resize


def convolution(in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """A convolution without bias, as it stands before batch normalisation."""
    return nn.Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2, bias=False)


def normalised(in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    """Convolution, batch normalisation, ReLU."""
    return [
        convolution(in_channels, out_channels, kernel, stride),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    ]


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions around which the signal passes (He et al., CVPR 2016, figure 2)."""

    expansion = 1

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            *normalised(in_channels, channels, 3, stride),
            convolution(channels, channels, 3),
            nn.BatchNorm2d(channels),
        )
        self.shortcut = shortcut(in_channels, channels, stride)

    def forward(self, features: Tensor) -> Tensor:
        return F.relu(self.residual(features) + self.shortcut(features))


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 (which carries the stride), 1 x 1 convolutions (He et al., CVPR 2016, figure 5)."""

    expansion = 4

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            *normalised(in_channels, channels, 1),
            *normalised(channels, channels, 3, stride),
            convolution(channels, channels * self.expansion, 1),
            nn.BatchNorm2d(channels * self.expansion),
        )
        self.shortcut = shortcut(in_channels, channels * self.expansion, stride)

    def forward(self, features: Tensor) -> Tensor:
        return F.relu(self.residual(features) + self.shortcut(features))


def shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """The identity, or a 1 x 1 projection where the shape changes."""
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    return nn.Sequential(convolution(in_channels, out_channels, 1, stride), nn.BatchNorm2d(out_channels))


LAYOUTS = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
}


class ResNet(nn.Module):
    """A residual network, version 1c: (N, 1, H, W) -> four feature maps at strides 4, 8, 16, 32.

    Version 1c, the default of MMSegmentation, has three 3 x 3 convolutions where He et al. have one of 7 x 7.

    `depth`: 18, 34, 50 or 101; `width`: channels of the first stage before expansion, 64 in the literature.
    """

    def __init__(self, depth: int = 50, width: int = 64) -> None:
        super().__init__()
        if depth not in LAYOUTS:
            raise ValueError(f"There is no ResNet-{depth} here: choose one of {', '.join(map(str, LAYOUTS))}.")
        block, counts = LAYOUTS[depth]
        self.stem = nn.Sequential(
            *normalised(1, width // 2, 3, stride=2),
            *normalised(width // 2, width // 2, 3),
            *normalised(width // 2, width, 3),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        self.stages = nn.ModuleList()
        channels = width
        for level, count in enumerate(counts):
            blocks = []
            for index in range(count):
                stride = 2 if level and not index else 1
                blocks.append(block(channels, width * 2**level, stride))
                channels = width * 2**level * block.expansion
            self.stages.append(nn.Sequential(*blocks))
        self.channels = tuple(width * 2**level * block.expansion for level in range(len(counts)))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, image: Tensor) -> list[Tensor]:
        features, outputs = self.stem(image), []
        for stage in self.stages:
            features = stage(features)
            outputs.append(features)
        return outputs


class FPN(nn.Module):
    """A feature pyramid (Lin et al., CVPR 2017): every level learns what the coarser ones know.

    Feature maps at strides 4 to 32 -> as many maps of `channels` channels at the same strides: 1 x 1 laterals,
    nearest-neighbour top-down sum, 3 x 3 outputs.
    """

    def __init__(self, in_channels: Sequence[int], channels: int = 256) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(nn.Conv2d(width, channels, 1) for width in in_channels)
        self.outputs = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in in_channels)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        levels = [lateral(level) for lateral, level in zip(self.laterals, features, strict=True)]
        for coarse in range(len(levels) - 1, 0, -1):
            fine = levels[coarse - 1]
            levels[coarse - 1] = fine + F.interpolate(levels[coarse], size=fine.shape[-2:], mode="nearest")
        return [output(level) for output, level in zip(self.outputs, levels, strict=True)]


class PanopticFPN(nn.Module):
    """Segment a normalised VPI (Kirillov et al., CVPR 2019, figure 3): (N, 1, H, W) -> logits (N, classes, H, W).

    Each pyramid level is brought to stride 4 by convolutions and doublings, the levels are added, and one 1 x 1
    convolution names the class of each pixel.
    """

    def __init__(self, classes: int = 4, depth: int = 50, width: int = 64, pyramid: int = 256, head: int = 128) -> None:
        super().__init__()
        self.backbone = ResNet(depth, width)
        self.neck = FPN(self.backbone.channels, pyramid)
        self.scale_heads = nn.ModuleList(scale_head(pyramid, head, level) for level in range(4))
        self.dropout = nn.Dropout2d(0.1)
        self.classify = nn.Conv2d(head, classes, kernel_size=1)

    def forward(self, image: Tensor) -> Tensor:
        levels = [head(level) for head, level in zip(self.scale_heads, self.neck(self.backbone(image)), strict=True)]
        finest = levels[0].shape[-2:]
        total = sum(resize(level, finest) for level in levels)
        return resize(self.classify(self.dropout(total)), image.shape[-2:])


def scale_head(pyramid: int, channels: int, level: int) -> nn.Sequential:
    """From stride 4 · 2^level to stride 4: for levels 0 to 3, 1, 1, 2, 3 convolutions, each before a doubling."""
    layers: list[nn.Module] = []
    for index in range(max(1, level)):
        layers += normalised(channels if index else pyramid, channels, 3)
        if level:
            layers.append(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False))
    return nn.Sequential(*layers)
