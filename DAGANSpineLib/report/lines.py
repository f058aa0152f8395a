"""The levels' lines and names over a picture of the spine, and its curves beside it."""

from __future__ import annotations

import numpy as np

from ..spine import CERTAIN, Level, Spine
from .lettering import ADVANCE, HEIGHT, letters

LINE, DOUBTFUL, END = (255, 225, 0), (255, 140, 0), (255, 255, 255)  # yellow, orange, white: red, green, blue
FINEST = 640  # columns of a picture whose lines and letters are one step thick


def with_lines(picture: np.ndarray, spine: Spine, thick: int | None = None) -> np.ndarray:
    """A copy of a colour picture (rows, columns, 3), uint8, with every level's line and name: white where it ends a
    curve, orange where one of its bones was not found. The curves themselves stand at the foot. Where the bones form
    no spine, nothing is drawn. `thick`: pixels of lines and of a letter's dots; None fits the picture's own size."""
    drawn = picture.copy()
    if spine.curves is None:
        return drawn
    thick = thick or max(1, round(picture.shape[1] / FINEST * 2))
    ends = {name for curve in spine.curves for name in (curve.upper, curve.lower)}
    for level in spine.levels:
        colour = END if level.name in ends else LINE if all(level.found) else DOUBTFUL
        draw_line(drawn, level, colour, thick)
        row, column = round(level.right[0]) - thick * HEIGHT // 2, round(level.right[1]) + 12 * thick
        write(drawn, short_name(level.name), row, column, colour, thick)
    for line, curve in enumerate(reversed(spine.curves)):
        ends = f"{short_name(curve.upper)} - {short_name(curve.lower)}"
        sure = "" if curve.by_hand or curve.confidence >= CERTAIN else ", uncertain"
        # the angle first: a line that is too long is cut off
        words = f"{curve.uca_deg:.0f} deg {curve.convex}{sure}: {ends}"
        write(drawn, words, len(drawn) - (line + 1) * thick * (HEIGHT + 4), 4 * thick, END, thick)
    return drawn


def short_name(name: str) -> str:
    """A level's name as it fits beside its line."""
    return f"{name.split()[0]} {name.split()[1]}?" if " " in name else name


def draw_line(picture: np.ndarray, level: Level, colour: tuple[int, int, int], thick: int) -> None:
    """One line, `thick` pixels to both sides; what lies outside is left out."""
    count = 2 * int(np.hypot(level.right[0] - level.left[0], level.right[1] - level.left[1])) + 2
    for row, column in np.rint(np.linspace(level.left, level.right, count)).astype(int):
        if row >= 0 and column >= 0:
            picture[max(row - thick + 1, 0) : row + thick, column : column + thick] = colour


def write(picture: np.ndarray, text: str, top: int, left: int, colour: tuple[int, int, int], scale: int) -> None:
    """One line of text, moved inward where it would leave the picture, and cut off where it is too long for it."""
    mask = letters(text, scale)[: picture.shape[0], : picture.shape[1]]
    top = min(max(top, 0), picture.shape[0] - mask.shape[0])
    left = min(max(left, 0), picture.shape[1] - min(scale * ADVANCE * len(text), picture.shape[1]))
    picture[top : top + mask.shape[0], left : left + mask.shape[1]][mask] = colour
