"""The field of view: the grid of pixels, and how far along and across the back the probe was moved."""

from dataclasses import dataclass, replace

import numpy as np

from .anatomy import Spine
from .coupling import OffBack
from .sweep import Sweep
from .texture import smooth_line


@dataclass(frozen=True)
class Field:
    """The field of view: mm per pixel; where each column and row lies in the spine's millimetres, and how far the probe
    reached to the `left` and `right` in each row; the `first` and the `last` row that it swept.
    """

    spacing: float
    x_mm: np.ndarray
    y_mm: np.ndarray
    left: np.ndarray
    right: np.ndarray
    first: int
    last: int

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.y_mm), len(self.x_mm)

    def pixel(self, y: float, x: float) -> list[float]:
        """[row, column] of a point in the spine's millimetres, to a hundredth of a pixel."""
        return [round(float((y - self.y_mm[0]) / self.spacing), 2), round(float((x - self.x_mm[0]) / self.spacing), 2)]


def frame_spine(rng: np.random.Generator, spine: Spine, spacing: float, missing: float | None) -> Field:
    """Lay the grid over the spine and the probe's path along it, without `missing` of its length at head or foot."""
    if missing is None:
        missing = float(rng.uniform(0.0, 0.2)) if rng.random() < 0.25 else 0.0
    length = spine.y[-1] + 25
    head, foot = (missing, 0.0) if rng.random() < 0.5 else (0.0, missing)
    start = rng.uniform(-25, 8) + head * length
    stop = spine.y[-1] + rng.uniform(15, 72) - foot * length
    above, below = int(rng.uniform(20, 130)), int(rng.uniform(8, 80))
    swept = int((stop - start) / spacing)
    rows = above + swept + below
    y_mm = start + (np.arange(rows) - above) * spacing

    # The probe wanders sideways, roughly with the spine.
    middle = rng.uniform(0.6, 1.0) * np.interp(y_mm, spine.line_y, spine.line_x) + rng.normal(0, 2)
    middle += rng.uniform(0.5, 2.5) * smooth_line(rng, rows, 90 / spacing)
    middle += rng.uniform(0.3, 1.3) * smooth_line(rng, rows, 20 / spacing)
    half = rng.uniform(33, 46)
    # The voxel grid is laid around everything that was reached, with some room.
    leftmost, rightmost = middle.min() - half - rng.uniform(6, 22), middle.max() + half + rng.uniform(6, 22)
    x_mm = np.arange(leftmost, rightmost, spacing)
    left = middle - half + rng.uniform(0, 1.5) * smooth_line(rng, rows, 60)
    right = middle + half + rng.uniform(0, 1.5) * smooth_line(rng, rows, 60)
    return Field(spacing, x_mm, y_mm, left, right, above, above + swept)


def lit_body(rng: np.random.Generator, field: Field, sweep: Sweep) -> np.ndarray:
    """Pixels the sweep reached, (rows, columns) bool; a frame's own place is uncertain by a pixel or so."""
    rows = field.shape[0]
    shake = rng.uniform(0.03, 0.2) * rng.standard_normal(rows) + 0.12 * smooth_line(rng, rows, 5)
    body = (field.x_mm >= (field.left + shake)[:, None]) & (field.x_mm <= (field.right + shake)[:, None])
    # The first and the last frame bound the body above and below, inclined as they are.
    down = np.arange(rows)[:, None]
    body &= down >= np.rint(sweep.line(np.searchsorted(sweep.position, field.first)))
    body &= down <= np.rint(sweep.line(np.searchsorted(sweep.position, field.last - 1)))
    return body


def off_the_back(field: Field, off: OffBack | None) -> Field:
    """The field with the width that frames have where the probe is off the back."""
    if off is None:
        return field
    down = np.arange(field.shape[0])
    wider = off.wider_mm * (down < off.edge if off.head else down >= off.edge)
    return replace(field, left=field.left - wider, right=field.right + wider)
