"""Noise2Self (Batson and Royer, ICML 2019; reference 6 of the paper): Table 1, "N2S"."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ..training import PatchStage, Prepared, Preset, Setting, restoring
from .blind_spots import BlindSpotLearning, direct_generator
from .budget import Budget

NEIGHBOURS = ((0.5, 1.0, 0.5), (1.0, 0.0, 1.0), (0.5, 1.0, 0.5))  # weights of the authors' public code


@dataclass(frozen=True)
class GridMask:
    """Hide one pixel of each `width` x `width`, all at the same place of their square, behind their neighbours' mean.

    The place is drawn anew for each batch.
    """

    width: int = 4

    def __call__(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        row, column = divmod(int(torch.randint(self.width**2, ())), self.width)
        grid = torch.zeros(patches.shape[-2:], dtype=torch.bool, device=patches.device)
        grid[row :: self.width, column :: self.width] = True
        spots = grid.expand_as(patches)
        return torch.where(spots, neighbour_mean(patches), patches), spots


def neighbour_mean(images: Tensor) -> Tensor:
    """The weighted mean of each pixel's eight neighbours, without the pixel itself: (N, 1, H, W) -> the same shape.

    At the border the neighbours that are missing are mirrored; the authors take black ones.
    """
    weights = images.new_tensor(NEIGHBOURS)[None, None]
    return F.conv2d(F.pad(images, (1, 1, 1, 1), mode="reflect"), weights / weights.sum())


@dataclass(frozen=True)
class Noise2SelfStage(PatchStage):
    """The generator on patches of which a grid of pixels is hidden."""

    width: int = 4

    def prepare(self, setting: Setting) -> Prepared:
        return restoring(self, setting, BlindSpotLearning(setting.model, GridMask(self.width)))


def preset(budget: Budget) -> Preset:
    """Noise2Self with Adam at 1e-3, as the authors, then the segmenter.

    The network is DA-GAN's without attention and without the shortcut, which would pass on what isn't hidden. It
    restores in a single pass with nothing hidden; the authors' public code has that beside 16 passes, each for the
    pixels of one grid.
    """
    stage = budget.restoration(Noise2SelfStage, learning_rate=budget.hastened(1e-3))
    return budget.preset(direct_generator(budget), [stage, budget.segmentation])
