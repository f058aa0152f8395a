"""Random fields of a chosen grain: the raw material of tissue, outlines and gain.

Everything here is elementwise (gathers, products, sums in a fixed order), so that a seed gives the same field on every
platform: no matrix product, whose order of summation is the machine's own.
"""

import numpy as np


def cubic_upsample(values: np.ndarray, size: int, axis: int) -> np.ndarray:
    """Stretch `values` along `axis` to `size` samples by uniform cubic B-splines (C2, smooth and local).

    The first and last coefficients stand just outside the result; at least four are needed.
    """
    knots = values.shape[axis]
    if knots < 4:
        raise ValueError(f"A cubic spline needs at least 4 coefficients, not {knots}.")
    position = np.arange(size) * ((knots - 3) / max(size - 1, 1))
    index = np.minimum(position.astype(np.intp), knots - 4)
    t = position - index
    weights = ((1 - t) ** 3 / 6, (3 * t**3 - 6 * t**2 + 4) / 6, (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6, t**3 / 6)
    shape = [1] * values.ndim
    shape[axis] = size
    result = None
    for j, weight in enumerate(weights):
        term = np.take(values, index + j, axis=axis)
        term *= weight.reshape(shape)
        result = term if result is None else np.add(result, term, out=result)
    return result


def smooth_field(rng: np.random.Generator, shape: tuple[int, int], grain: tuple[float, float]) -> np.ndarray:
    """Normal noise of about zero mean and unit variance whose features are `grain` (rows, columns) pixels in size."""
    knots = tuple(max(4, round(size / step) + 3) for size, step in zip(shape, grain, strict=True))
    field = cubic_upsample(rng.standard_normal(knots), shape[0], 0)
    # A uniform cubic B-spline of unit white noise has a mean variance of 0.4794 in each direction.
    return cubic_upsample(field, shape[1], 1) / 0.4794


def smooth_line(rng: np.random.Generator, size: int, grain: float) -> np.ndarray:
    """The same along one direction: `size` samples, features of `grain` samples."""
    knots = max(4, round(size / grain) + 3)
    return cubic_upsample(rng.standard_normal(knots), size, 0) / 0.4794**0.5


def vary(rng: np.random.Generator, spread: float) -> float:
    """A factor about 1, normal with standard deviation `spread`, cut off at two and a half of them."""
    return float(np.clip(rng.normal(1, spread), 1 - 2.5 * spread, 1 + 2.5 * spread))
