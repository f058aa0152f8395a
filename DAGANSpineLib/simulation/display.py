"""What programs make of a picture when it is exported: a grey background, and what people have drawn into it.

Lines with round ends along the midline and across end vertebrae, crosses on processes, figures of angles, arrows to
levels at the border. In colour on the screen, in grey here. Neither restoration nor labels follow them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

# The window's own grey around the picture, grey levels.
BACKGROUND = (30, 60)
# Luminance of what is drawn: white, yellow, cyan, green, orange, magenta, red, grey.
COLOURS = (255, 226, 178, 150, 160, 105, 76, 128)
# Beside the picture's width: how thick lines are and how high figures.
THICK, HIGH = (0.003, 0.009), (0.02, 0.05)

# Figures as strokes, on a lattice of 2 x 4 (across, down).
STROKES = {
    "0": "00 20 24 04 00", "1": "01 20 24", "2": "00 20 22 02 04 24", "3": "00 20 24 04|22 02", "4": "00 02 22|20 24",
    "5": "20 00 02 22 24 04", "6": "20 00 04 24 22 02", "7": "00 20 14", "8": "00 20 24 04 00|02 22",
    "9": "22 02 00 20 24 04", ".": "14 14", "T": "00 20|10 14", "L": "00 04 24",
    "\N{DEGREE SIGN}": "00 10 11 01 00",
}  # fmt: skip

Box = dict[str, list[int]]  # the first and the last of the "rows" and of the "columns" that a mark reaches


@dataclass(frozen=True)
class Pen:
    """Draws into `picture`, uint8 (rows, columns), in a `grey`, `thick` pixels; `drawn`: the corners of each stroke
    since it was lifted, [[first row, first column], [last row, last column]]."""

    picture: np.ndarray
    grey: int
    thick: float
    drawn: list[np.ndarray] = field(default_factory=list)

    def line(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """A straight line with round ends, (row, column) to (row, column)."""
        (r0, c0), (r1, c1) = start, end
        room = self.thick + 1
        top, left = (max(int(min(pair) - room), 0) for pair in ((r0, r1), (c0, c1)))
        bottom, right = (int(max(pair) + room) + 2 for pair in ((r0, r1), (c0, c1)))
        part = self.picture[top:bottom, left:right]
        if part.size == 0:
            return
        down, across = np.ogrid[top : top + part.shape[0], left : left + part.shape[1]]
        length = max((r1 - r0) ** 2 + (c1 - c0) ** 2, 1e-9)
        along = np.clip(((down - r0) * (r1 - r0) + (across - c0) * (c1 - c0)) / length, 0, 1)
        away = np.hypot(down - r0 - along * (r1 - r0), across - c0 - along * (c1 - c0))
        cover = np.clip(self.thick / 2 + 0.5 - away, 0, 1)
        part[:] = np.rint(part + cover * (self.grey - part.astype(float)))
        rows, columns = (np.flatnonzero((cover > 0).any(axis)) for axis in (1, 0))
        if rows.size:
            self.drawn.append(np.array([[top + rows[0], left + columns[0]], [top + rows[-1], left + columns[-1]]]))

    def lift(self) -> list[Box]:
        """Ends a mark: its box, none where it lies outside the picture."""
        if not self.drawn:
            return []
        first, last = np.min(self.drawn, (0, 1)).tolist(), np.max(self.drawn, (0, 1)).tolist()
        self.drawn.clear()
        return [{"rows": [first[0], last[0]], "columns": [first[1], last[1]]}]

    def knob(self, at: tuple[float, float]) -> None:
        """A round end."""
        replace(self, thick=2.6 * self.thick).line(at, at)

    def write(self, text: str, at: tuple[float, float], high: float) -> None:
        """Figures, `high` pixels, from the upper left corner (row, column) on, or where they fit into the picture."""
        cell = high / 4
        at = (at[0], float(np.clip(at[1], 1, max(self.picture.shape[1] - 3.2 * cell * len(text) - 1, 1))))
        for place, figure in enumerate(text):
            for stroke in STROKES[figure].split("|"):
                points = [(at[0] + cell * int(p[1]), at[1] + cell * (3.2 * place + int(p[0]))) for p in stroke.split()]
                for start, end in pairwise(points):
                    self.line(start, end)

    def cross(self, at: tuple[float, float], size: float) -> None:
        for sign in (-1, 1):
            self.line((at[0] - size, at[1] - sign * size), (at[0] + size, at[1] + sign * size))

    def arrow(self, tip: tuple[float, float], length: float) -> None:
        """A level arrow that points to the right for a positive length, else to the left."""
        row, column = tip
        self.line((row, column - length), tip)
        for sign in (-1, 1):
            self.line((row + sign * 0.35 * abs(length), column - 0.4 * length), tip)


@dataclass(frozen=True)
class Landmarks:
    """What people draw at, in pixels: the vertebrae's centres by level, [row, column]; their tilts, degrees; the
    midline, [row, column] each; the lit edges of each row, columns."""

    centres: dict[str, list[float]]
    tilts: dict[str, float]
    midline: list[list[float]]
    edges: np.ndarray


def draw_marks(
    rng: np.random.Generator, pictures: tuple[np.ndarray, ...], at: Landmarks, kinds: Sequence[str] = ()
) -> dict[str, list[Box]]:
    """Draw the same marks into each of the pictures, uint8 (rows, columns), in place; returns which of `MARKS` were
    drawn, those named, or some, and where each mark of these kinds is."""
    width = pictures[0].shape[1]
    thick, high = max(rng.uniform(*THICK) * width, 1.2), max(rng.uniform(*HIGH) * width, 7.0)
    pens = [Pen(picture, int(rng.choice(COLOURS)), thick) for picture in pictures[:1]]
    pens += [Pen(picture, pens[0].grey, thick) for picture in pictures[1:]]
    some = [kind for kind in MARKS if rng.random() < 0.55] or [str(rng.choice(list(MARKS)))]
    boxes: dict[str, list[Box]] = {}
    for kind in kinds or some:
        drawing = rng.integers(2**32)  # each picture gets the same
        drawn = [MARKS[kind](np.random.Generator(np.random.PCG64(drawing)), pen, at, high) for pen in pens]
        boxes[kind] = boxes.get(kind, []) + drawn[0]
    return boxes


def _midline(rng: np.random.Generator, pen: Pen, at: Landmarks, high: float) -> list[Box]:
    """Straight lines along the midline, from one knob to the next."""
    stops = np.sort(rng.choice(len(at.midline), min(int(rng.integers(2, 6)), len(at.midline)), replace=False))
    points = [tuple(np.array(at.midline[stop]) + rng.normal(0, 0.15 * high, 2)) for stop in stops]
    for start, end in pairwise(points):
        pen.line(start, end)
    for point in points:
        pen.knob(point)
    return pen.lift()


def _angles(rng: np.random.Generator, pen: Pen, at: Landmarks, high: float) -> list[Box]:
    """Lines across two end vertebrae, and their angle beside them."""
    levels = sorted(rng.choice(list(at.centres), 2, replace=False), key=lambda level: at.centres[level][0])
    reach = rng.uniform(0.15, 0.3) * pen.picture.shape[1]
    boxes = []
    for level in levels:
        (row, column), tilt = at.centres[level], np.radians(-at.tilts[level])
        ends = [(row + side * reach * np.sin(tilt), column + side * reach * np.cos(tilt)) for side in (-1, 1)]
        pen.line(*ends)
        for end in ends:
            pen.knob(end)
        boxes += pen.lift()
    angle = abs(at.tilts[levels[0]] - at.tilts[levels[1]])
    middle = np.mean([at.centres[level][0] for level in levels])
    column = rng.choice([0.04, 0.75]) * pen.picture.shape[1]
    pen.write(f"{angle:.1f}\N{DEGREE SIGN}", (middle, column), high)
    return boxes + pen.lift()


def _crosses(rng: np.random.Generator, pen: Pen, at: Landmarks, high: float) -> list[Box]:
    """Crosses on the midline or beside it."""
    aside = rng.choice([0.0, 0.12]) * pen.picture.shape[1]
    boxes = []
    for level in rng.choice(list(at.centres), int(rng.integers(2, min(10, len(at.centres)))), replace=False):
        row, column = at.centres[level]
        for side in (-1, 1) if aside else (0,):
            pen.cross((row, column + side * aside), 0.3 * high)
            boxes += pen.lift()
    return boxes


def _levels(rng: np.random.Generator, pen: Pen, at: Landmarks, high: float) -> list[Box]:
    """Arrows at the border, from the names of some levels to the body."""
    side = rng.choice([-1, 1])
    boxes = []
    for level in sorted({"T1", "L5", str(rng.choice(list(at.centres)))} & set(at.centres)):
        row = int(np.clip(at.centres[level][0], 0, len(at.edges) - 1))
        edge = at.edges[row][0 if side < 0 else 1]
        pen.arrow((row, edge + side * 0.3 * high), -side * high)
        away = 1.6 * high if side > 0 else -1.6 * high - 0.8 * high * len(level)
        pen.write(level, (row - high / 2, edge + away), high)
        boxes += pen.lift()
    return boxes


MARKS = {"midline": _midline, "angle": _angles, "crosses": _crosses, "levels": _levels}
