"""Tiles laid on the lit body, so that a restorer with a finite view computes little else."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from torch import Tensor, nn

from ..vpi import runs

# pixels of a tile: larger ones save margins, but take memory, and time for it (Testing/Benchmarks)
LIMIT = 250_000
UNIT, STEP = 4, 32  # columns and rows, in pixels, of the grid that tiles lie on


@dataclass(frozen=True)
class Tile:
    """Part of a picture: `outer` is what the network sees, `inner` what it is responsible for, `core` the same
    within the outer part; each a pair of slices (rows, columns)."""

    outer: tuple[slice, slice]
    inner: tuple[slice, slice]
    core: tuple[slice, slice]


def core_of(tile: Tile, image: Tensor, generator: nn.Module) -> Tensor:
    """What a network makes of the core of a tile, (N, 1, rows, columns), of its outer part (N, 1, H, W); without what
    only the margin needs, if it can leave that out."""
    if "core" in inspect.signature(generator.forward).parameters:
        return generator(image, core=tile.core)
    return generator(image)[(..., *tile.core)]


Run = tuple[int, int]  # first column or row, and the one after the last
Strip = tuple[Run, Sequence[Run]]  # rows, and its pieces' columns


def tiles_of(body: np.ndarray, generator: nn.Module, limit: int = LIMIT) -> list[Tile]:
    """Cover a body, boolean (rows, columns), with tiles whose margins make the network's output that of the whole
    picture; with one tile, if the network looks at all of it (`RestorerShape`).

    Of all ways to cut the picture into strips, the one with the fewest pixels to compute, by dynamic programming: the
    best cover down to a band of rows is that of some band above it, and one more strip. A tile exceeds `limit` pixels
    only where a single band of a single column of cells does, with its margins.
    """
    halo = generator.halo
    if halo is None:
        whole = slice(0, body.shape[0]), slice(0, body.shape[1])
        return [Tile(whole, whole, whole)]
    unit, step = (max(size, generator.alignment) for size in (UNIT, STEP))  # all are powers of two
    bands = [runs_of(band, unit) for band in cells(body, step, unit)]
    best: list[tuple[int, list[Strip]]] = [(0, [])]  # pixels and strips, down to each band
    for stop in range(1, len(bands) + 1):
        runs: list[Run] = []
        least, chosen = None, []
        for start in range(stop - 1, -1, -1):
            runs = united(runs + bands[start], 2 * halo)
            rows = seen((start * step, stop * step), body.shape[0], halo)
            pieces = list(pieces_of(runs, rows, unit, halo, limit))
            areas = [rows * seen(piece, body.shape[1], halo) for piece in pieces]
            pixels = sum(areas)
            if least is not None and (pixels > least or max(areas, default=0) > limit):
                break  # and a taller strip has only more
            if least is None or best[start][0] + pixels < least:
                least = best[start][0] + pixels
                chosen = [*best[start][1], ((start * step, stop * step), pieces)]
        best.append((least, chosen))
    return [tile_of(rows, piece, body.shape, halo) for rows, pieces in best[-1][1] for piece in pieces]


def cells(body: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Which cells of this size the body meets: boolean, one value per cell; those at the ends may be smaller."""
    down, across = (np.arange(0, extent, size) for extent, size in zip(body.shape, (rows, columns), strict=True))
    return np.logical_or.reduceat(np.logical_or.reduceat(body, down, axis=0), across, axis=1)


def runs_of(band: np.ndarray, unit: int) -> list[Run]:
    """The runs of a band of cells, in pixels."""
    return [(run.start * unit, run.stop * unit) for run in runs(band)]


def united(runs: Sequence[Run], gap: int) -> list[Run]:
    """Runs with those made one whose gap is not wider than this: their margins would overlap."""
    made: list[Run] = []
    for start, stop in sorted(runs):
        if made and start - made[-1][1] <= gap:
            made[-1] = made[-1][0], max(made[-1][1], stop)
        else:
            made.append((start, stop))
    return made


def pieces_of(runs: Sequence[Run], rows: int, unit: int, halo: int, limit: int) -> Iterator[Run]:
    """Runs, cut into about equal pieces where a tile of so many rows would exceed the limit."""
    widest = max(limit // rows - 2 * halo, unit) // unit  # in cells
    for start, stop in runs:
        count = (stop - start) // unit
        pieces = -(-count // widest)
        cuts = [start + count * index // pieces * unit for index in range(pieces + 1)]
        yield from pairwise(cuts)


def length(part: slice) -> int:
    return part.stop - part.start


def seen(run: Run, extent: int, halo: int) -> int:
    """How many pixels a run has with its margins, within the picture."""
    return min(run[1] + halo, extent) - max(run[0] - halo, 0)


def tile_of(rows: Run, columns: Run, shape: tuple[int, int], halo: int) -> Tile:
    """The tile that is responsible for these pixels of a picture."""
    return Tile(*zip(span(*rows, shape[0], halo), span(*columns, shape[1], halo), strict=True))


def span(start: int, stop: int, extent: int, halo: int) -> tuple[slice, slice, slice]:
    """Outer, inner and core slices of one axis."""
    first, stop = max(start - halo, 0), min(stop, extent)
    return slice(first, min(stop + halo, extent)), slice(start, stop), slice(start - first, stop - first)
