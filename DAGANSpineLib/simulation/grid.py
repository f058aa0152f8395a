"""Grids of other pixel sizes."""

import numpy as np


def pool(picture: np.ndarray, step: tuple[float, float]) -> np.ndarray:
    """Sums of a picture, (rows, columns), over cells of `step` (rows, columns) pixels, fractions of pixels included."""
    for axis, size in enumerate(step):
        values = np.moveaxis(picture, axis, 0).astype(np.float64)
        edges = np.minimum(np.arange(np.ceil(len(values) / size - 1e-9) + 1) * size, len(values))
        whole = np.minimum(edges.astype(np.intp), len(values) - 1)
        total = np.concatenate([np.zeros_like(values[:1]), values.cumsum(0)])
        sums = total[whole] + (edges - whole)[:, None] * values[whole]
        picture = np.moveaxis(np.diff(sums, axis=0), 0, axis)
    return picture
