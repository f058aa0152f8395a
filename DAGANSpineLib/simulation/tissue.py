"""What stands under each point of the skin: layer by layer down to the bone's bright surface and the shadow behind it.

Grey levels as the scanner stores them, 0 to 255. In every column of voxels the slab's mean is the VPI's grey: the
layers give the slab its relief, and their amplitude is fitted to the mean.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from .back import Slab

SKIN_MM, FASCIA_MM, BONE_LINE_MM = 1.6, 0.7, 0.9  # how thick the bright layers are
SKIN, FAT, FASCIA, SHADOW = 240.0, 45.0, 150.0, 4.0  # grey
REVERBERATION = 40.0  # grey: as bright as a shadow gets beside a slab that is not black
BLEND_MM = 4.0  # above and below the slab, over which what it shows passes into the layers as they are
CHUNK = 16  # rows at a time, which keeps the work within the processor's cache
TILE = (128, 128, 64)  # of the texture, which repeats itself; its depth is a power of two


@dataclass(frozen=True)
class Columns:
    """The columns of voxels, by what is known of each: float32 (rows, columns), mm and grey levels.

    `skin`: from the centre of the first voxel in depth to the skin. `fascia` and `bone`: their depths under the skin.
    `reflection`: how bright the bone's surface is, 0 to 1. `muscle`: the grey of the muscle hereabouts. `slab`: the
    mean over the slab; 0 where nothing was swept.
    """

    skin: np.ndarray
    fascia: np.ndarray
    bone: np.ndarray
    reflection: np.ndarray
    muscle: np.ndarray
    slab: np.ndarray

    def rows(self, rows: slice) -> "Columns":
        """The same of some rows, (rows, columns, 1) each."""
        return Columns(*(getattr(self, field.name)[rows, :, None] for field in fields(self)))


def muscle_texture(rng: np.random.Generator, spacing: tuple[float, float, float]) -> np.ndarray:
    """A block of muscle, float32 of shape `TILE`, of mean 1, that can be laid end to end in each direction.

    Its fibres run along the spine: 4 mm long, 1.5 mm wide, 0.6 mm deep.
    """
    block = rng.standard_normal(TILE).astype(np.float32)
    for axis, grain in enumerate((4.0, 1.5, 0.6)):
        width = max(1, round(grain / spacing[axis]))
        for _ in range(2):
            block = sum(np.roll(block, shift, axis) for shift in range(width))
    texture = np.exp(0.35 * block / block.std())
    return texture / texture.mean()


def fill(
    columns: Columns, slab: Slab, spacing: tuple[float, float, float], depth: int, rng: np.random.Generator
) -> Iterator[tuple[slice, np.ndarray]]:
    """Row by row: some rows, and their voxels, uint8 (rows, columns, depth), 0 where nothing was swept or there is air.

    `spacing`: mm between rows, columns, depths.
    """
    texture = muscle_texture(rng, spacing)
    size = spacing[2]
    for first in range(0, len(columns.skin), CHUNK):
        rows = slice(first, min(first + CHUNK, len(columns.skin)))
        here = columns.rows(rows)
        # share of a voxel that lies shallower than the edge of a layer: clip(shallower + edge / size, 0, 1)
        under = np.arange(depth, dtype=np.float32) * size - here.skin
        shallower = 0.5 - under / size
        grey = _layers(here, shallower, size)
        grey *= _texture_at(texture, here, first, depth, size)
        grey += _bone_line(here, shallower, size)
        _fit_slab(grey, here, slab, size)
        air = np.clip(shallower, 0, 1)
        grey *= 1 - np.clip(shallower + SKIN_MM / size, 0, 1)
        grey += SKIN * (np.clip(shallower + SKIN_MM / size, 0, 1) - air)
        # 1 is the darkest that was swept: 0 says "not filled"
        grey = np.clip(np.rint(grey), 1, 255) * (air < 1) * (here.slab > 0)
        yield rows, grey.astype(np.uint8)


def _layers(columns: Columns, shallower: np.ndarray, size: float) -> np.ndarray:
    """Grey of fat, fascia, muscle and the shadow behind bone, (rows, columns, depth), from the skin on."""
    lit = columns.muscle / 100
    greys = (FAT * lit, FASCIA * lit, columns.muscle, SHADOW)
    edges = (columns.fascia, columns.fascia + FASCIA_MM, columns.bone)
    grey = np.full(shallower.shape, SHADOW, np.float32)
    for upper, lower, edge in zip(greys[:-1], greys[1:], edges, strict=True):
        share = np.clip(shallower + edge / size, 0, 1)
        share *= upper - lower
        grey += share
    return grey


def _bone_line(columns: Columns, shallower: np.ndarray, size: float) -> np.ndarray:
    """The bright line of the bone's surface, (rows, columns, depth), added to what is there."""
    line = np.clip(shallower + (columns.bone + BONE_LINE_MM) / size, 0, 1)
    line -= np.clip(shallower + columns.bone / size, 0, 1)
    line *= 300 * (1 - np.exp(-4 * columns.reflection * columns.muscle / 100))
    return line


def _texture_at(texture: np.ndarray, columns: Columns, first: int, depth: int, size: float) -> np.ndarray:
    """The texture of some rows from `first` on, (rows, columns, depth); its layers lie parallel to the skin."""
    down, across, deep = texture.shape
    rows, width, _ = columns.skin.shape
    skin = np.rint(columns.skin / size).astype(np.int32)
    index = (np.arange(depth, dtype=np.int32) - skin) & (deep - 1)
    start = (np.arange(first, first + rows) % down)[:, None] * across + np.arange(width) % across
    index += (start * deep).astype(np.int32)[..., None]
    return texture.ravel()[index]


def _fit_slab(grey: np.ndarray, columns: Columns, slab: Slab, size: float) -> None:
    """Scale `grey` (rows, columns, depth), in place, so that its mean over the slab is that of the columns."""
    margin = slab.depth_mm - BLEND_MM
    count = int(np.ceil((slab.thickness_mm + 2 * BLEND_MM) / size)) + 2
    first = np.floor((columns.skin + margin) / size).astype(np.intp)
    index = np.clip(first, 0, grey.shape[2] - count) + np.arange(count)
    band = np.take_along_axis(grey, index, axis=2)
    under = (index * size - columns.skin).astype(np.float32)
    share = np.clip(0.5 + (slab.floor_mm - under) / size, 0, 1) - np.clip(0.5 + (slab.depth_mm - under) / size, 0, 1)

    wanted = columns.slab
    gain = wanted * share.sum(2, keepdims=True) / np.maximum((share * band).sum(2, keepdims=True), 1e-3)
    within = gain * band
    # as much contrast within the slab as leaves its brightest voxel at 255
    excess = np.maximum((within * (share > 0)).max(2, keepdims=True) - wanted, 1e-3)
    within = wanted + np.minimum((255 - wanted) / excess, 1) * (within - wanted)
    away = np.maximum(slab.depth_mm - under, under - slab.floor_mm)
    around = np.clip(gain * band, 0.6 * band, np.maximum(1.7 * band, REVERBERATION))
    around = band + (around - band) * np.clip(1 - away / BLEND_MM, 0, 1)
    np.put_along_axis(grey, index, np.where(share > 0, within, around), axis=2)
