"""Where a slab lies: a cut through a volume from head to feet, with the skin and the slab drawn in. Numpy only."""

from __future__ import annotations

import numpy as np

from .projector import Projector, Slab

SKIN = (255, 210, 0)  # of its line, red, green, blue
SLAB = (0, 200, 255)  # of the slab, over the grey
OPACITY = 0.45


def cut(projector: Projector, slab: Slab, column: int | None = None) -> np.ndarray:
    """The cut along a column of the picture: uint8 (rows, depth, 3), skin on the left, it and the slab coloured.

    `column`: the middle of what is filled, if not given.
    """
    if column is None:
        column = middle_column(projector)
    grey = projector.voxels[:, column].astype(np.float32)
    picture = np.repeat(grey[..., None], 3, 2)
    size = projector.spacing[2]
    depth = np.arange(grey.shape[1]) - projector.skin_mm[:, column, None] / size
    within = (depth >= slab.depth_mm / size) & (depth <= slab.floor_mm / size)
    picture[within] = (1 - OPACITY) * picture[within] + OPACITY * np.array(SLAB)
    picture[np.abs(depth) <= 1] = SKIN
    return np.rint(picture).astype(np.uint8)


def middle_column(projector: Projector) -> int:
    """The column in the middle of what is filled."""
    some = projector.voxels[:: max(1, projector.voxels.shape[0] // 100), :, :: max(1, projector.voxels.shape[2] // 50)]
    filled = (some > 0).any(axis=(0, 2)).nonzero()[0]
    return int(filled.mean()) if filled.size else projector.voxels.shape[1] // 2
