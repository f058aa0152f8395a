"""CycleGAN's networks: the residual generator, and the PatchGAN discriminator."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..vpi import DEVIATION, denormalise

SPREAD = 0.02  # of the discriminator's initial weights


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions around which the signal passes: (N, C, H, W) -> the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect"),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect"),
        )

    def forward(self, features: Tensor) -> Tensor:
        return features + self.residual(features)


class ResidualGenerator(nn.Module):
    """Carry a VPI from one domain to another (Zhu et al., ICCV 2017, appendix 7.2, after Johnson et al., ECCV 2016):
    normalised grey (N, 1, H, W) -> the same shape.

    A 7 x 7 convolution, two that halve, residual blocks, two that double, and a 7 x 7 one. Otherwise than there, what
    they give is added to the picture, the hyperbolic tangent at their end bounding that to what lies between black and
    white, and there is no instance normalisation: behind a padded convolution it takes
    brightness and contrast out before anything nonlinear has seen them, G(a x + b) = G(x), and nothing could bring them
    back. In its place the weights begin at sizes that keep the signal's (He et al., ICCV 2015), the blocks' smaller
    (Zhang et al., ICLR 2019), the last ones at zero: an untrained generator gives its picture back.

    `width`: channels after the first convolution, 64 in the paper; `blocks`: 9 in the paper, for large pictures.
    """

    alignment = 4

    def __init__(self, width: int = 64, blocks: int = 9) -> None:
        super().__init__()
        deep = 4 * width
        self.blocks = blocks
        self.layers = nn.Sequential(
            *activated(nn.Conv2d(1, width, 7, padding=3, padding_mode="reflect")),
            *activated(nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)),
            *activated(nn.Conv2d(2 * width, deep, 3, stride=2, padding=1)),
            *(ResidualBlock(deep) for _ in range(blocks)),
            *activated(doubling(deep, 2 * width)),
            *activated(doubling(2 * width, width)),
            nn.Conv2d(width, 1, 7, padding=3, padding_mode="reflect"),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)
        for module in self.modules():
            if isinstance(module, ResidualBlock):
                module.residual[-1].weight.data /= blocks**0.5
        nn.init.zeros_(self.layers[-1].weight)

    @property
    def halo(self) -> int:
        """How far an output pixel looks, rounded up to the alignment: 84 pixels for nine blocks.

        The convolutions of 7 x 7 reach 3 pixels, those that halve 1 and 2, each block twice 4, those that double 2
        and 1.
        """
        reach = 3 + 1 + 2 + 8 * self.blocks + 2 + 1 + 3
        return reach + -reach % self.alignment

    def forward(self, image: Tensor) -> Tensor:
        rows, columns = image.shape[-2:]
        whole = F.pad(image, (0, -columns % self.alignment, 0, -rows % self.alignment), mode="replicate")
        return image + (255 / DEVIATION) * torch.tanh(self.layers(whole)[..., :rows, :columns])


def activated(convolution: nn.Module) -> tuple[nn.Module, nn.Module]:
    """A convolution, and what isn't negative of it."""
    return convolution, nn.ReLU(inplace=True)


class PatchDiscriminator(nn.Module):
    """Does each 70 x 70 pixels of a picture come from the domain? (N, 1, H, W) normalised -> scores (N, 1, h, w).

    The PatchGAN of Isola et al. (CVPR 2017) and Zhu et al. (ICCV 2017, appendix 7.2): 4 x 4 convolutions, three of
    stride 2 and two of stride 1, instance normalisation in between; least squares takes the scores as they are.

    `width`: channels after the first convolution, 64 in the paper.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        leaky = nn.LeakyReLU(0.2, inplace=True)
        self.layers = nn.Sequential(
            nn.Conv2d(1, width, 4, stride=2, padding=1),
            leaky,
            *normalised(nn.Conv2d(width, 2 * width, 4, stride=2, padding=1), leaky),
            *normalised(nn.Conv2d(2 * width, 4 * width, 4, stride=2, padding=1), leaky),
            *normalised(nn.Conv2d(4 * width, 8 * width, 4, padding=1), leaky),
            nn.Conv2d(8 * width, 1, 4, padding=1),
        )
        initialise(self)

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(to_unit(images))


def normalised(convolution: nn.Module, activation: nn.Module) -> tuple[nn.Module, ...]:
    """A convolution, instance normalisation without weights of its own, an activation."""
    return convolution, nn.InstanceNorm2d(convolution.out_channels), activation


def doubling(in_channels: int, out_channels: int) -> nn.ConvTranspose2d:
    """A 3 x 3 transposed convolution to twice the size."""
    return nn.ConvTranspose2d(in_channels, out_channels, 3, stride=2, padding=1, output_padding=1)


def initialise(network: nn.Module) -> None:
    """Weights from a narrow normal distribution and no biases, as in the paper (section 7.1)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, SPREAD)
            nn.init.zeros_(module.bias)


def to_unit(images: Tensor) -> Tensor:
    """Normalised grey -> -1, black, to 1, white, as the authors have it."""
    return denormalise(images) / 127.5 - 1
