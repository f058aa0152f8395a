"""Noise2Void (Krull et al., CVPR 2019; reference 5 of the paper): Table 1, "N2V"; and structured Noise2Void (Broaddus
et al., ISBI 2020), which hides what correlates with a pixel too."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..training import PatchStage, Prepared, Preset, Setting, restoring
from .blind_spots import BlindSpotLearning, direct_generator
from .budget import Budget

LEARNING_RATE = 4e-4
SPAN = 7  # pixels to either side: on simulated training subjects, noise this far along a row correlates by 0.1


@dataclass(frozen=True)
class BlindSpots:
    """Hide a pixel at random in each `box` x `box` behind the value of another one, at most `radius` rows and columns
    away.

    With `span`, so many pixels to its left and to its right are hidden too, behind numbers drawn uniformly from -2
    to 2, and no value is taken from them; only the spot in their middle is to be predicted.
    """

    box: int = 8  # 1.6 % of the pixels: the authors have 64 in 64 x 64
    radius: int = 5
    span: int = 0

    def __call__(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        places = self.draw(patches)
        values = patches[self.neighbours(places, patches.shape[-2:])]
        hidden, spots = patches.clone(), torch.zeros_like(patches, dtype=torch.bool)
        sample, channel, row, column = places
        for shift in (shift for side in range(1, self.span + 1) for shift in (-side, side)):
            beside = (column + shift).clamp(0, patches.shape[-1] - 1)
            hidden[sample, channel, row, beside] = 4 * torch.rand_like(values) - 2
        spots[places], hidden[places] = True, values
        return hidden, spots

    def draw(self, patches: Tensor) -> tuple[Tensor, ...]:
        """One place in each box: (N, 1, H, W) -> indices of sample, channel, row and column, (spots,) each."""
        samples, _, rows, columns = patches.shape
        boxes = torch.cartesian_prod(
            torch.arange(samples), torch.arange(0, rows, self.box), torch.arange(0, columns, self.box)
        ).to(patches.device)
        within = torch.randint(self.box, (len(boxes), 2), device=patches.device)
        row, column = (boxes[:, 1:] + within).unbind(1)
        inside = (row < rows) & (column < columns)
        sample = boxes[inside, 0]
        return sample, torch.zeros_like(sample), row[inside], column[inside]

    def neighbours(self, places: tuple[Tensor, ...], size: torch.Size) -> tuple[Tensor, ...]:
        """For each place another one within the radius and the picture, outside what is hidden with it."""
        sample, channel, row, column = places
        reach = torch.arange(-self.radius, self.radius + 1, device=row.device)
        down, across = torch.cartesian_prod(reach, reach).T
        seen = (down != 0) | (across.abs() > self.span)
        rows, columns = row[:, None] + down[seen], column[:, None] + across[seen]
        inside = (rows >= 0) & (rows < size[0]) & (columns >= 0) & (columns < size[1])
        chosen = torch.multinomial(inside.float(), 1)
        return sample, channel, rows.gather(1, chosen)[:, 0], columns.gather(1, chosen)[:, 0]


@dataclass(frozen=True)
class Noise2VoidStage(PatchStage):
    """The generator on patches with blind spots; see `BlindSpots`."""

    box: int = BlindSpots.box
    radius: int = BlindSpots.radius
    span: int = BlindSpots.span

    def prepare(self, setting: Setting) -> Prepared:
        spots = BlindSpots(self.box, self.radius, self.span)
        return restoring(self, setting, BlindSpotLearning(setting.model, spots))


def preset(budget: Budget) -> Preset:
    """Noise2Void with Adam at 4e-4, as the authors' public code, then the segmenter.

    The network is DA-GAN's without attention and without the shortcut, as theirs has none.
    """
    return preset_of(budget)


def structured(budget: Budget) -> Preset:
    """Structured Noise2Void: the mask lies along the rows, as the dashes do. Each spot hides fifteen pixels, so that
    there are fewer of them: 0.7 %."""
    return preset_of(budget, box=12, span=SPAN)


def preset_of(budget: Budget, **spots: int) -> Preset:
    """Either; `spots`: settings of `BlindSpots`."""
    stage = budget.restoration(Noise2VoidStage, learning_rate=budget.hastened(LEARNING_RATE), **spots)
    return budget.preset(direct_generator(budget), [stage, budget.segmentation])
