"""Windows of the native grid, restored there and then seen at the segmenter's scale: the path of use, in training.

A window holds the paper's patch twice: 96 x 96 native pixels, which the discriminators judge, and around them what
becomes 96 x 96 pixels of the picture at 256 x 1024, which the segmenter is shown (about 240 x 240 native ones).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..metrics import PATCH
from ..vpi import NETWORK_SIZE, normalise
from .feed import Tensors
from .method import LabelledBatch
from .patches import Patched, PatchFeed


@dataclass(frozen=True)
class DrawnWindows(Tensors):
    """What a batch of windows is made of, the corrupted ones first.

    `pixels`: uint8 (2N, rows, columns). `corners`: (2N, 2), where the patch begins within its window. `offsets`,
    `scales`: (2N, 2), by axis: at which window pixel the segmenter's first one lies, and how many pixels further each
    next one. `labels`: uint8 (2N, 96, 96), at the segmenter's scale. `angles`: (2N,), radians, by which the segmenter
    sees its patch turned.
    """

    pixels: Tensor
    corners: Tensor
    offsets: Tensor
    scales: Tensor
    labels: Tensor
    angles: Tensor


@dataclass(frozen=True)
class WindowBatch(Tensors):
    """What a step learns restoration and segmentation from, end to end, on the device.

    `windows`: normalised (2N, 1, rows, columns), the corrupted ones first; `labels`: (2N, 96, 96), 0 to 3, of what
    the segmenter sees of each; the others as of `DrawnWindows`.
    """

    windows: Tensor
    corners: Tensor
    offsets: Tensor
    scales: Tensor
    labels: Tensor
    angles: Tensor

    @property
    def corrupted(self) -> Tensor:
        """The corrupted patches, (N, 1, 96, 96)."""
        return self.cut(self.windows).chunk(2)[0]

    @property
    def clean(self) -> Tensor:
        """The clean patches, (N, 1, 96, 96)."""
        return self.cut(self.windows).chunk(2)[1]

    def cut(self, windows: Tensor) -> Tensor:
        """The native patches within windows: (2N, 1, rows, columns) -> (2N, 1, 96, 96)."""
        reach = torch.arange(PATCH, device=windows.device)
        rows, columns = (self.corners[:, axis, None] + reach for axis in (0, 1))
        each = torch.arange(len(windows), device=windows.device)[:, None, None]
        return windows[each, 0, rows[:, :, None], columns[:, None, :]][:, None]

    def seen(self, windows: Tensor) -> Tensor:
        """Windows as the segmenter sees them: (2N, 1, rows, columns) -> (2N, 1, 96, 96)."""
        down, across = (
            shrinking(self.offsets[:, axis], self.scales[:, axis], extent)
            for axis, extent in enumerate(windows.shape[-2:])
        )
        return turned(down.to(windows) @ windows[:, 0] @ across.to(windows).mT, self.angles, "bilinear")[:, None]

    def labelled(self) -> LabelledBatch:
        """The windows as they are, for a segmenter alone."""
        return LabelledBatch(self.seen(self.windows), self.labels)


def shrinking(offsets: Tensor, scales: Tensor, extent: int) -> Tensor:
    """The antialiased resize of torch along an axis, as matrices: (n,), (n,) -> (n, 96, extent).

    Pixel i of the outcome is a triangle's mean around `offset + i * scale`, as wide as `scale` to either side.
    """
    middles = offsets[:, None] + scales[:, None] * torch.arange(PATCH, device=offsets.device)
    away = (torch.arange(extent, device=offsets.device) - middles[:, :, None]).abs()
    weights = (1 - away / scales.clamp(min=1)[:, None, None]).clamp(min=0)
    return weights / weights.sum(2, keepdim=True)


def turned(pictures: Tensor, angles: Tensor, mode: str) -> Tensor:
    """Each picture turned about its middle, mirrored beyond its border: (n, rows, columns), (n,) radians -> the same.
    `mode`: "bilinear" or "nearest"."""
    sine, cosine, still = angles.sin(), angles.cos(), torch.zeros_like(angles)
    turns = torch.stack([cosine, -sine, still, sine, cosine, still], 1).view(-1, 2, 3)
    grid = F.affine_grid(turns, [len(pictures), 1, *pictures.shape[1:]], align_corners=False)
    options = {"mode": mode, "padding_mode": "reflection", "align_corners": False}
    return F.grid_sample(pictures[:, None], grid.to(pictures), **options)[:, 0]


class WindowFeed(PatchFeed):
    """Batches of windows around corrupted and clean patches: the same patches as those of `PatchFeed`, mirrored alike.

    The segmenter's patch is any that holds the native one, or lies in it where pictures are smaller than 256 x 1024.
    """

    def __init__(
        self,
        patched: Sequence[Patched],
        batch: int,
        seed: int,
        matched: bool = True,
        degrees: float = 0.0,
        pictures: Sequence[np.ndarray] | None = None,
    ) -> None:
        """`degrees`: by how much at most the segmenter sees its patch turned. Restoration sees no turned picture: to
        turn one is to blur the dashes. `pictures`: what windows are cut from instead, uint8 (rows, columns) at native
        size; which patches there are, and which are alike, is told by the originals all the same."""
        super().__init__(patched, batch, seed, matched)
        self.degrees = degrees
        self.pictures = [picture.image for picture in patched] if pictures is None else pictures
        shapes = np.array([picture.image.shape for picture in patched])
        scales = shapes.max(0) / NETWORK_SIZE
        # beside 95 steps, the first and the last triangle reach over one each, and over their pixels' halves
        self.size = tuple(max(PATCH + 4, ceil((PATCH + 1) * scale) + 2) for scale in scales)

    def draw(self, step: int, process: int = 0) -> DrawnWindows:
        random = np.random.default_rng([self.seed, step, process])
        places = self._places(random)
        drawn = [
            self._window(*place, random, mirrored)
            for *place, mirrored in zip(places.picture, places.corner, random.random(len(places)) < 0.5, strict=True)
        ]
        pixels, corners, offsets, scales, labels = (np.stack(column) for column in zip(*drawn, strict=True))
        angles = np.radians(random.uniform(-self.degrees, self.degrees, len(places)))
        return DrawnWindows(
            torch.from_numpy(pixels),
            torch.from_numpy(corners),
            torch.from_numpy(offsets).float(),
            torch.from_numpy(scales).float(),
            torch.from_numpy(labels),
            torch.from_numpy(angles).float(),
        )

    def finish(self, drawn: DrawnWindows) -> WindowBatch:
        return WindowBatch(
            normalise(drawn.pixels[:, None].float()),
            drawn.corners,
            drawn.offsets,
            drawn.scales,
            turned(drawn.labels.float(), drawn.angles, "nearest").long(),
            drawn.angles,
        )

    def _window(
        self, owner: int, corner: np.ndarray, random: np.random.Generator, mirrored: bool
    ) -> tuple[np.ndarray, ...]:
        """Pixels, the patch's corner, offsets, scales and labels of one window."""
        picture, all_labels = self.pictures[owner], self.patched[owner].labels
        shape = np.array(picture.shape)
        scales = shape / NETWORK_SIZE
        first = seen_corner(corner, scales, random)
        middles = (first + 0.5) * scales - 0.5  # of the segmenter's first pixel, in native ones
        reach = np.floor(np.minimum(middles - np.maximum(scales, 1), corner)).astype(int)
        start = np.clip(reach, 0, np.maximum(shape - self.size, 0))
        pixels = picture[tuple(slice(at, at + size) for at, size in zip(start, self.size, strict=True))]
        lacking = np.array(self.size) - pixels.shape
        if lacking.any():
            pixels = np.pad(pixels, [(0, more) for more in lacking], mode="edge")
        rows, columns = (((first[axis] + np.arange(PATCH) + 0.5) * scales[axis]).astype(int) for axis in (0, 1))
        labels = all_labels[rows[:, None], columns[None, :]]
        within, offsets = corner - start, middles - start
        if mirrored:
            pixels, labels = pixels[:, ::-1], labels[:, ::-1]
            within[1] = self.size[1] - PATCH - within[1]
            offsets[1] = self.size[1] - 1 - offsets[1] - (PATCH - 1) * scales[1]
        return pixels, within, offsets, scales, labels


def seen_corner(corner: np.ndarray, scales: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Where the segmenter's patch begins at 256 x 1024, rows and columns: anywhere around a native patch at this
    corner, or within it where pictures are smaller; `scales`: native pixels to one of the segmenter's."""
    ends = np.sort([np.ceil((corner + PATCH) / scales - PATCH), np.floor(corner / scales)], axis=0)
    low, high = np.clip(ends, 0, np.array(NETWORK_SIZE) - PATCH).astype(int)
    return random.integers(low, high + 1)


class SeenFeed(WindowFeed):
    """What the segmenter sees of the windows, for the segmenter alone: of pictures that are restored already."""

    def finish(self, drawn: DrawnWindows) -> LabelledBatch:
        return super().finish(drawn).labelled()
