"""How spines are varied: drawn for each picture on the CPU, done to all pictures of a batch at once on the device.

What varies is what differs from clinic to clinic and from child to child: side, posture, how much of the spine was
swept, gain, grey curve, sharpness, noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .feed import Tensors

TURN = 5.0  # degrees, to either side
ZOOM, SHIFT = np.array([0.3, 0.2]), np.array([150.0, 20.0])  # rows and columns: shares, pixels
GAMMA, GAIN = (0.5, 2.0), (0.6, 1.4)
SIGMA = (0.3, 1.5)  # pixels
NOISE = 8.0  # grey levels, of the largest standard deviation
REACH = 6  # pixels, of the blur: four of the largest standard deviations


@dataclass(frozen=True)
class Variation(Tensors):
    """How each of N pictures is varied.

    `places`: (N, 2, 3), where what is seen lies in the picture, as `affine_grid` takes it. `gammas`, `gains`: (N,).
    `blurred`: (k,), which pictures are blurred, by `sigmas`: (k, 2), rows and columns. `noisy`: (m,), which have
    `noise`: (m, 1, rows, columns), grey levels, added.
    """

    places: Tensor
    gammas: Tensor
    gains: Tensor
    blurred: Tensor
    sigmas: Tensor
    noisy: Tensor
    noise: Tensor

    def apply(self, images: Tensor, labels: Tensor, rows: int) -> tuple[Tensor, Tensor]:
        """Grey pictures (N, 1, ., columns), 0 to 255, and their labels (N, ., columns) -> the same with so many rows,
        both moved alike, the pictures' greys varied."""
        grid = F.affine_grid(self.places, [len(images), 1, rows, images.shape[-1]], align_corners=False)
        images = F.grid_sample(images, grid, mode="bilinear", align_corners=False)
        labels = F.grid_sample(labels[:, None].float(), grid, mode="nearest", align_corners=False)[:, 0]
        images = curved(images, self.gammas) * self.gains[:, None, None, None]
        images[self.blurred] = blurred(images[self.blurred], self.sigmas)
        images[self.noisy] += self.noise
        return images.clamp(0, 255), labels.long()


def draw_variation(random: np.random.Generator, first: np.ndarray, rows: int, size: tuple[int, int]) -> Variation:
    """For pictures of a size, (rows, columns), of which `rows` from the `first` (N,) on are seen."""
    count = len(first)
    moved, bent, scaled, soft, noisy = (random.random((count, 1)) < share for share in (0.9, 0.7, 0.7, 0.3, 0.3))
    angles = np.radians(random.uniform(-TURN, TURN, (count, 1))) * moved
    shifts, zooms = (random.uniform(-most, most, (count, 2)) * moved for most in (SHIFT, ZOOM))
    places = posed(random.random(count) < 0.5, angles[:, 0], shifts, 1 + zooms) @ cropped(first, rows, size[0])
    gammas, gains = (
        np.where(chosen, random.uniform(*bounds, (count, 1)), 1)[:, 0]
        for chosen, bounds in ((bent, GAMMA), (scaled, GAIN))
    )
    deviations = random.uniform(0, NOISE, (noisy.sum(), 1, 1, 1)).astype(np.float32)
    return Variation(
        for_grid(places, rows, size),
        torch.from_numpy(gammas).float(),
        torch.from_numpy(gains).float(),
        torch.from_numpy(np.flatnonzero(soft)),
        torch.from_numpy(random.uniform(*SIGMA, (soft.sum(), 2))).float(),
        torch.from_numpy(np.flatnonzero(noisy)),
        torch.from_numpy(deviations * random.standard_normal((noisy.sum(), 1, rows, size[1]), dtype=np.float32)),
    )


def still(first: np.ndarray, rows: int, size: tuple[int, int]) -> Variation:
    """Pictures as they are, of which `rows` from the `first` (N,) on are seen."""
    ones, none = torch.ones(len(first)), torch.zeros(0, dtype=torch.long)
    places = for_grid(cropped(first, rows, size[0]), rows, size)
    return Variation(places, ones, ones, none, torch.zeros(0, 2), none, torch.zeros(0, 1, rows, size[1]))


def posed(mirrored: np.ndarray, angles: np.ndarray, shifts: np.ndarray, zooms: np.ndarray) -> np.ndarray:
    """Where pixels are taken from, as matrices (N, 3, 3) over (row, column, 1), counted from the pictures' middles:
    zoomed, shifted, turned by (N,) radians, and the picture itself mirrored."""
    poses = np.tile(np.eye(3), (len(angles), 1, 1))
    sine, cosine = np.sin(angles), np.cos(angles)
    turns = np.stack([cosine, -sine, sine, cosine], 1).reshape(-1, 2, 2)
    poses[:, :2, :2] = turns * zooms[:, None, :]
    poses[:, :2, 2] = (turns @ shifts[:, :, None])[:, :, 0]
    poses[mirrored, 1] *= -1
    return poses


def cropped(first: np.ndarray, rows: int, full: int) -> np.ndarray:
    """The same for `rows` of a `full` number of them, from the `first` (N,) on."""
    places = np.tile(np.eye(3), (len(first), 1, 1))
    places[:, 0, 2] = first + (rows - full) / 2
    return places


def for_grid(places: np.ndarray, rows: int, size: tuple[int, int]) -> Tensor:
    """(N, 3, 3) in pixels -> (N, 2, 3), columns before rows, in units of half the picture's size, and of half of what
    is seen of it."""
    inner = np.array([rows, size[1], 2.0])
    outer = np.array(size)[:, None]
    return torch.from_numpy((places[:, :2] * inner / outer)[:, ::-1][:, :, [1, 0, 2]].copy()).float()


def curved(images: Tensor, gammas: Tensor) -> Tensor:
    """Each picture's greys, from its darkest to its brightest one, to the power of its gamma: (N, 1, rows, columns),
    (N,) -> the same."""
    darkest, brightest = (extreme(images, dim=(1, 2, 3), keepdim=True) for extreme in (torch.amin, torch.amax))
    extent = (brightest - darkest).clamp(min=1e-6)
    return ((images - darkest) / extent).pow(gammas[:, None, None, None]) * extent + darkest


def blurred(images: Tensor, sigmas: Tensor) -> Tensor:
    """Each picture blurred by Gaussians of its own along rows and columns: (k, 1, rows, columns), (k, 2) -> the
    same."""
    if not len(images):
        return images
    edges = torch.arange(-REACH - 0.5, REACH + 1, device=images.device)
    shares = torch.special.ndtr(edges / sigmas[:, :, None]).diff(dim=2)  # of a Gaussian, in each pixel
    down, across = shares[:, None, 0, :, None], shares[:, None, 1, None, :]
    stacked = images.transpose(0, 1)
    for kernel, padding in ((down, (REACH, 0)), (across, (0, REACH))):
        stacked = F.conv2d(stacked, kernel, padding=padding, groups=len(images))
    return stacked.transpose(0, 1)
