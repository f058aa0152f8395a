"""Contact sheets: many pictures with their names, small, on as few pages as they need."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..files import whole_file
from ..vpi import write_image
from .figures import DISCLAIMER
from .lettering import ADVANCE, HEIGHT, LEADING, letters, plain

ACROSS, DOWN = 8, 3  # pictures on a page
WIDE, HIGH = 192, 400  # pixels of a picture at most: a VPI is about four times as high as wide
GAP = 8  # pixels around each picture
LINES = 3  # of a name
SCALE = 2  # pixels of a letter's pixel
BACKGROUND, INK, MISSING = 24, 235, 60  # grey levels
NAME = SCALE * LEADING * LINES  # rows of a name


def write_contact_sheets(pictures: Sequence[tuple[str, Path | None]], folder: Path) -> list[Path]:
    """Write contact-sheet-01.png and so on into `folder`; returns their paths, and removes those of a former run.

    `pictures`: names with the PNG files to show, None for one that there is no picture of.
    """
    pages = [pictures[first : first + ACROSS * DOWN] for first in range(0, len(pictures), ACROSS * DOWN)]
    paths = [folder / f"contact-sheet-{number:02d}.png" for number in range(1, len(pages) + 1)]
    for number, (path, page) in enumerate(zip(paths, pages, strict=True), 1):
        sheet = page_of(page, f"{DISCLAIMER} Page {number} of {len(pages)}")
        with whole_file(path) as partial:
            write_image(sitk.GetImageFromArray(sheet, isVector=True), partial)
    for former in set(pages_in(folder)) - set(paths):
        former.unlink()
    return paths


def pages_in(folder: Path) -> Iterator[Path]:
    """The contact sheets that lie in a folder."""
    return folder.glob("contact-sheet-[0-9][0-9].png")


def page_of(pictures: Sequence[tuple[str, Path | None]], title: str) -> np.ndarray:
    """One page, uint8 (rows, columns, 3), just as large as its pictures need."""
    across, down = min(len(pictures), ACROSS), -(-len(pictures) // ACROSS)
    head = SCALE * LEADING + 2 * GAP
    columns = max(across * (WIDE + 2 * GAP), SCALE * ADVANCE * len(title) + 2 * GAP)
    page = np.full((head + down * (HIGH + NAME + 2 * GAP), columns, 3), BACKGROUND, np.uint8)
    write(page, title, GAP, GAP)
    for place, (name, path) in enumerate(pictures):
        top = head + place // ACROSS * (HIGH + NAME + 2 * GAP)
        left = place % ACROSS * (WIDE + 2 * GAP) + GAP
        draw(page, name, path, top, left)
    return page


def draw(page: np.ndarray, name: str, path: Path | None, top: int, left: int) -> None:
    """One picture in the middle of its place, its name above it."""
    top += NAME
    for line, part in enumerate(reversed(wrapped(name)), 1):
        write(page, part, top - line * SCALE * LEADING, left)
    overlay = None if path is None else picture_in(path)
    if overlay is None:
        page[top : top + HIGH, left : left + WIDE] = MISSING
        write(page, "no result", top + HIGH // 2, left + GAP)
        return
    picture = sitk.GetArrayFromImage(fitted(overlay))
    rows, columns = picture.shape[:2]
    left += (WIDE - columns) // 2
    page[top : top + rows, left : left + columns] = picture


def picture_in(path: Path) -> sitk.Image | None:
    """The picture of a file; None if it has been deleted or changed meanwhile."""
    try:
        picture = sitk.ReadImage(str(path))
    except RuntimeError:
        return None
    return picture if picture.GetDimension() == 2 and picture.GetNumberOfComponentsPerPixel() == 3 else None


def wrapped(name: str) -> list[str]:
    """A name in lines that fit above its picture; too long a one loses its middle."""
    name, fitting = plain(name), (WIDE - GAP) // (SCALE * ADVANCE)
    lines = textwrap.wrap(name, fitting)
    if len(lines) <= LINES:
        return lines
    if len(name) > LINES * fitting:
        kept = LINES * fitting // 2 - 2
        name = f"{name[:kept]}...{name[-kept:]}"
    return [name[start : start + fitting] for start in range(0, len(name), fitting)]


def write(page: np.ndarray, text: str, top: int, left: int) -> None:
    """One line of text, its upper left corner there."""
    mask = letters(text, SCALE)
    page[top : top + SCALE * HEIGHT, left : left + mask.shape[1]][mask] = INK


def fitted(image: sitk.Image) -> sitk.Image:
    """The picture, smaller if it must be to fit its place, at its own proportions."""
    columns, rows = image.GetSize()
    shrink = max(columns / WIDE, rows / HIGH, 1.0)
    size = [max(round(columns / shrink), 1), max(round(rows / shrink), 1)]
    image.SetSpacing((1.0, 1.0))
    image.SetOrigin((0.0, 0.0))
    if shrink > 1:
        image = sitk.SmoothingRecursiveGaussian(image, shrink / 2)  # or lines thinner than a pixel come and go
    grid = sitk.Image(size, image.GetPixelID(), image.GetNumberOfComponentsPerPixel())
    grid.SetSpacing((columns / size[0], rows / size[1]))
    grid.SetOrigin((grid.GetSpacing()[0] / 2 - 0.5, grid.GetSpacing()[1] / 2 - 0.5))
    small = sitk.Resample(image, grid, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkVectorUInt8)
    small.SetSpacing((1.0, 1.0))
    return small
