"""Tiles stacked into batches: a graphics card that computes one at a time waits more than it computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from .devices import out_of_memory
from .tiles import Tile, core_of, length

BYTES = 1024  # of a card's memory that a pixel takes, estimated: eight maps of the paper's 64 channels in 16 bits
MOST = 32  # tiles of a batch, which cancelling has to wait for; a VPI has about six


def at_once(tiles: Sequence[Tile], device: torch.device) -> int:
    """How many of these tiles, all of one size, a device computes at a time: on CUDA as many as half of the memory
    holds that nobody uses; elsewhere one, since more are no quicker there."""
    if device.type != "cuda":
        return 1
    free, _total = torch.cuda.mem_get_info(device)
    free += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)  # what torch keeps for later
    pixels = max((length(tile.outer[0]) * length(tile.outer[1]) for tile in tiles), default=1)
    return min(max(free // 2 // (BYTES * pixels), 1), MOST, max(len(tiles), 1))


def halving(
    work: Callable[[Sequence[Tile], int], list[np.ndarray]], tiles: Sequence[Tile], size: int
) -> Iterator[tuple[Tile, np.ndarray]]:
    """Each tile with what the work makes of it, so many tiles at a time; half as many from where memory lacks.

    The work is told how many are done. Raises its errors, but for those that half as many tiles may avoid.
    """
    done = 0
    while done < len(tiles):
        batch = tiles[done : done + size]
        try:
            made = work(batch, done)
        except (RuntimeError, MemoryError) as error:
            if len(batch) == 1 or not out_of_memory(error):
                raise
            size = len(batch) // 2
            continue
        yield from zip(batch, made, strict=True)
        done += len(batch)


def evened(tiles: Sequence[Tile], shape: tuple[int, int], alignment: int) -> list[Tile]:
    """The same tiles with outer parts as large as the largest, of the `padded` picture (rows, columns): the others see
    more of it."""
    extents = [extent + -extent % alignment for extent in shape]
    sizes = [max((length(tile.outer[axis]) for tile in tiles), default=0) for axis in (0, 1)]
    sizes = [size + -size % alignment for size in sizes]
    return [Tile(*zip(*map(placed, tile.outer, tile.inner, sizes, extents), strict=True)) for tile in tiles]


def placed(outer: slice, inner: slice, size: int, extent: int) -> tuple[slice, slice, slice]:
    """Outer, inner and core slices of one axis, the outer one of this size and within this extent."""
    first = min(outer.start, extent - size)
    return slice(first, first + size), inner, slice(inner.start - first, inner.stop - first)


def padded(pixels: np.ndarray, alignment: int) -> np.ndarray:
    """A picture (rows, columns) up to a multiple of the alignment, by its edge, as restorers pad it themselves."""
    return np.pad(pixels, [(0, -extent % alignment) for extent in pixels.shape], mode="edge")


def cores_of(tiles: Sequence[Tile], images: Tensor, generator: nn.Module) -> list[Tensor]:
    """What a network makes of the cores of tiles, each (rows, columns), of their outer parts (N, 1, H, W)."""
    if len(tiles) == 1:
        return [core_of(tiles[0], images, generator)[0, 0]]
    return [output[(0, *tile.core)] for tile, output in zip(tiles, generator(images), strict=True)]
