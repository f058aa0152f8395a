"""What other scanners, hands and programs would have made of a picture, as far as one can tell from the picture: each
the plainest form of what `simulation` does to the sweep and the slab themselves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk
import torch

from ..networks import shrink
from ..simulation import MARKS, Landmarks, draw_marks
from ..vpi import lit_body

BACKGROUND = 45  # grey of the window around a screenshot
BAND, SLANT, ASIDE = 0.015, 0.04, 0.02  # of the rows; rows a column; of the columns
CONSOLE_COLUMNS, CONSOLE_BLUR = 250, 0.7  # columns of the whole picture; standard deviation in these
PORTABLE_GAIN, PORTABLE_POWER, SIDE_LOSS = 1.3, 1.6, 0.6  # beyond 255 saturates; of grey; left of the right side's grey
PERIOD, GAP = 8, 2  # rows from one black line to the next, and of a line
NEAR, DEEP = 0.5, 1.5  # times as deep as they are shadows in layers near the skin and far from it
MUSCLE = 81  # rows and columns about a pixel whose brightest part is taken for muscle
SEED = 0  # of the marks

Pictures = tuple[np.ndarray, list[np.ndarray]]


def on_grey(pixels: np.ndarray, labels: Sequence[np.ndarray]) -> Pictures:
    """A screenshot's background, which is not black."""
    return np.where(lit_body(pixels), pixels, BACKGROUND).astype(np.uint8), list(labels)


def marked(pixels: np.ndarray, labels: Sequence[np.ndarray]) -> Pictures:
    """With lines, crosses, figures and level arrows drawn into it."""
    body = lit_body(pixels)
    rows = np.flatnonzero(body.any(1))
    edges = np.zeros((len(pixels), 2), int)
    edges[rows, 0] = body[rows].argmax(1)
    edges[rows, 1] = body.shape[1] - 1 - body[rows, ::-1].argmax(1)
    stops = rows[np.linspace(0.05 * len(rows), 0.95 * len(rows), 17).astype(int)]
    middle = [[float(row), float(edges[row].mean())] for row in stops]
    names = [f"T{number}" for number in range(1, 13)] + [f"L{number}" for number in range(1, 6)]
    landmarks = Landmarks(
        dict(zip(names, middle, strict=True)), {name: (-1) ** at * 8.0 for at, name in enumerate(names)}, middle, edges
    )
    drawn = pixels.copy()
    draw_marks(np.random.default_rng(SEED), (drawn,), landmarks, MARKS)
    return drawn, list(labels)


def with_band(pixels: np.ndarray, labels: Sequence[np.ndarray]) -> Pictures:
    """Without any frame over some rows at mid-height, slanted; below them all lies further right."""
    rows, columns = pixels.shape
    line = 0.5 * rows + SLANT * (np.arange(columns) - columns / 2)
    down, height = np.arange(rows)[:, None], max(BAND * rows, 1)
    missing, below = (down >= line) & (down < line + height), down >= line + height
    by = max(round(ASIDE * columns), 1)

    def torn(picture: np.ndarray) -> np.ndarray:
        moved = np.pad(picture, ((0, 0), (by, 0)))[:, :columns]
        return np.where(missing, 0, np.where(below, moved, picture)).astype(picture.dtype)

    return torn(pixels), [torn(label) for label in labels]


def on_console(pixels: np.ndarray, labels: Sequence[np.ndarray]) -> Pictures:
    """Smooth, and of few and large pixels."""
    columns = min(CONSOLE_COLUMNS, pixels.shape[1])
    size = [round(pixels.shape[0] * columns / pixels.shape[1]), columns]
    small = shrink(torch.from_numpy(pixels).float()[None, None], size)[0, 0].numpy()
    soft = sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(small), CONSOLE_BLUR))
    places = [((np.arange(new) + 0.5) * old / new).astype(int) for new, old in zip(size, pixels.shape, strict=True)]
    return as_bytes(soft), [label[np.ix_(*places)] for label in labels]


def on_portable(pixels: np.ndarray, labels: Sequence[np.ndarray]) -> Pictures:
    """Hard, its right side darker, with black lines over a fifth of its height."""
    rows, columns = pixels.shape
    hard = 255 * np.minimum(PORTABLE_GAIN * pixels / 255, 1) ** PORTABLE_POWER
    hard *= np.interp(np.arange(columns), [0.5 * columns, columns], [1, SIDE_LOSS])
    down = np.arange(rows)[:, None] - SLANT * np.arange(columns)
    torn = (np.abs(np.arange(rows)[:, None] / rows - 0.45) < 0.1) & (down % PERIOD < GAP)
    return as_bytes(np.where(torn, 0, hard)), list(labels)


def in_layer(shadows: float, pixels: np.ndarray) -> np.ndarray:
    """As a layer shows it in which shadows are so many times as deep, (rows, columns) grey."""
    body = lit_body(pixels)
    soft = sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(pixels.astype(np.float32)), 4))
    around = sitk.GrayscaleDilate(sitk.GetImageFromArray(soft), [MUSCLE // 2] * 2, sitk.sitkBox)
    muscle = np.maximum(sitk.GetArrayFromImage(around), 1)
    shadow = np.clip(1 - soft / muscle, 0, 1)
    factor = np.maximum(1 - shadows * shadow, 0.02) / np.maximum(1 - shadow, 0.02)
    return np.where(body, pixels * factor, pixels)


def as_bytes(pixels: np.ndarray) -> np.ndarray:
    return pixels.clip(0, 255).round().astype(np.uint8)
