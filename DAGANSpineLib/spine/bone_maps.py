"""The labels on a coarse grid in millimetres: as fine as a spine needs, and the same for pictures of any size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RIB, THORACIC, LUMBAR = 1, 2, 3
CLASSES = THORACIC, LUMBAR  # ribs say nothing of the levels that these don't
BANDS = 24  # across the picture, each about a vertebra high
ACROSS = 110  # cells over the swept back, of some 80 mm
DOWN = 1200  # cells over the picture's height at most
END = 0.045  # of the swept back's width, some 4 mm: a bone that is drawn nearer to the sweep's end is cut off by it


@dataclass(frozen=True)
class BoneMaps:
    """How much of each cell is bone, where it lies, and where the swept back is.

    `share`: float32 (2, rows, columns), of thoracic and lumbar bone, 0 to 1; `certainty`: mean probability of these.
    `y` (rows,), `x` (columns,): the cells' centres, mm, and `step` their size (down, across); pixels instead of mm
    where the spacing is unknown. `beside` (rows, columns): ribs and transverse processes, which lie beside the midline,
    0 to 1. `middle` (rows,) and `width`: of the swept back, mm; `end` (rows, columns): its last cells toward head and
    foot. `likely` (2, rows, columns): how likely thoracic and lumbar bone is, nan where none is labelled; None where
    that is not known. `block`: a cell's pixels, down and across.
    """

    share: np.ndarray
    certainty: float
    y: np.ndarray
    x: np.ndarray
    step: tuple[float, float]
    beside: np.ndarray
    middle: np.ndarray
    width: float
    end: np.ndarray
    likely: np.ndarray | None
    block: tuple[int, int]

    def of(self, value: int) -> np.ndarray:
        """(rows, columns) of the class with this label."""
        return self.share[CLASSES.index(value)]


def map_bones(
    labels: np.ndarray, body: np.ndarray | None, probabilities: np.ndarray | None, spacing: tuple[float, float]
) -> BoneMaps | None:
    """From labels (rows, columns), the lit body (the same), class probabilities (4, rows, columns) and mm; None where
    no vertebra is labelled at all."""
    bones = labels > 0
    if not np.isin(labels, CLASSES).any():
        return None
    back = bones if body is None or not body.any() else body
    width = width_of(back)
    cell = max(width * spacing[1] / ACROSS, len(labels) * spacing[0] / DOWN, *spacing)
    blocks = tuple(max(1, round(cell / size)) for size in spacing)
    share, certainty = np.stack([block_means(labels == value, blocks) for value in CLASSES]), 1.0
    likely = None
    if probabilities is not None:
        means = np.stack([block_means(probabilities[value], blocks) for value in CLASSES])
        certainty = float(np.average(means, weights=share))
        likely = np.where(share > 0, means / block_means(np.ones(labels.shape, bool), blocks), np.nan)
        share *= means
    y, x = (
        ((np.arange(count) + 0.5) * block - 0.5) * size
        for count, block, size in zip(share.shape[1:], blocks, spacing, strict=True)
    )
    step = blocks[0] * spacing[0], blocks[1] * spacing[1]
    swept = block_means(back, blocks)
    depth = max(1, round(END * width * spacing[1] / step[0]))
    end = np.zeros(swept.shape, bool) if back is bones else ends_of(swept > 0.5, depth)
    beside = block_means((labels == RIB) | (labels == THORACIC), blocks)
    middle = middle_of(swept, x)
    return BoneMaps(share, certainty, y, x, step, beside, middle, width * spacing[1], end, likely, blocks)


def ends_of(swept: np.ndarray, depth: int) -> np.ndarray:
    """The first and the last `depth` cells of each column of a mask (rows, columns)."""
    counted = np.cumsum(swept, 0)
    return swept & ((counted <= depth) | (counted > counted[-1] - depth))


def width_of(back: np.ndarray) -> float:
    """How wide a mask (rows, columns) is, in columns: in most of `BANDS` across the picture, from its first to its last
    pixel, for bones alone leave gaps."""
    extents = []
    for band in np.array_split(back, BANDS):
        columns = np.flatnonzero(band.any(0))
        if columns.size:
            extents.append(columns[-1] - columns[0] + 1)
    return float(np.percentile(extents, 75))


def block_means(picture: np.ndarray, blocks: tuple[int, int]) -> np.ndarray:
    """Means over blocks (rows, columns) of a picture, float32; what is left over at its end is filled up with 0."""
    rows, columns = (-(-size // block) for size, block in zip(picture.shape, blocks, strict=True))
    if blocks == (1, 1):
        return picture.astype(np.float32)
    padded = np.zeros((rows * blocks[0], columns * blocks[1]), np.float32)
    padded[: picture.shape[0], : picture.shape[1]] = picture
    down = padded.reshape(rows, blocks[0], -1).sum(1)
    return down.reshape(rows, columns, blocks[1]).sum(2) / (blocks[0] * blocks[1])


def middle_of(back: np.ndarray, x: np.ndarray) -> np.ndarray:
    """x of the swept back's middle in each row (rows,): between its edges, over some rows' width smoothed."""
    inside = back > 0.5
    reached = inside.any(1)
    first, last = inside.argmax(1), inside.shape[1] - 1 - inside[:, ::-1].argmax(1)
    rows = np.arange(len(back))
    if not reached.any():
        return np.full(len(back), x.mean())
    middle = np.interp(rows, rows[reached], (x[first] + x[last])[reached] / 2)
    half = max(1, round(len(x) * 0.25))  # a lone bone at one side doesn't move it
    padded = np.pad(middle, half, mode="edge")
    total = np.cumsum(np.concatenate([[0.0], padded]))
    return (total[2 * half + 1 :] - total[: -2 * half - 1]) / (2 * half + 1)
