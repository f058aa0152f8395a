"""What lies around the lit body and over it: a background that need not be black, and marks that viewers draw."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

DARK = 2.0  # grey levels up to here may be compression noise around the lit body
SHARE = 0.5  # of a border: its most frequent grey is a background from here on, if it is not black
BODY = 0.05  # of a picture: what is beside its background; less is no body, and the picture a grey one
NEAR = 4.0  # grey levels about a background that belong to it: compression noise
EXACT, EVEN = 0.95, 1.5  # share of a border, grey levels: hardly compressed, though blocks may differ by a level
LARGE = 0.02  # of the picture: no part of a body, which is never of one grey, is that large
BESIDE = 0.9  # of the picture's left and right edge a gradient explains, for backgrounds lie beside the back
GAINED = 0.1  # share of the border that it explains, and one grey does not
FITS = 8
FRAMES = 4  # at most: a window, a frame in it, the page, the picture
COLOURED = 40.0  # grey levels between a pixel's strongest and weakest colour: nothing that ultrasound shows
EDGE, WIDEST = 10.0, 4.0  # grey levels likewise, at a mark's blurred edge; of the mark's pixels
MARKED = 0.1  # of the lit pixels at most are marks: a picture with more colour is tinted as a whole


def background_of(pixels: np.ndarray) -> float:
    """The grey of the background: the border's most frequent one; 0 where none is frequent.

    (rows, columns), grey 0 to 255.
    """
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    if (edge <= DARK).mean() >= SHARE:
        return 0.0
    counts = np.bincount(np.rint(edge).astype(np.intp).clip(0, 255), minlength=256)
    level = float(counts.argmax())
    middle = float(np.median(edge[np.abs(edge - level) <= 2 * NEAR]))  # of noise, the most frequent may be any
    at_middle, at_level = ((np.abs(edge - each) <= 1).sum() for each in (middle, level))
    scattered = at_middle >= at_level / 2  # about the middle, and not two greys beside it
    if scattered and (np.abs(edge - middle) <= NEAR).mean() > (np.abs(edge - level) <= NEAR).mean():
        level = middle
    if (np.abs(edge - level) <= NEAR).mean() < SHARE or (np.abs(pixels - level) > NEAR).mean() < BODY:
        return 0.0
    return level


def without_background(pixels: np.ndarray, level: float) -> np.ndarray:
    """The picture with its background black: what has that grey and reaches the border or is large, for lines may be
    drawn around it; and likewise the background within that, where a window or a page surrounds the picture. float32
    (rows, columns)."""
    pixels = np.array(pixels, np.float32)
    part = pixels
    for _frame in range(FRAMES):
        part[outside(np.abs(part - level) <= scatter(part, level))] = 0
        rows, columns = (np.flatnonzero((part > DARK).any(axis)) for axis in (1, 0))
        if not rows.size:
            break
        part = part[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        level = background_of(part)
        if level <= DARK:
            break
    return pixels


def gradient_of(pixels: np.ndarray) -> np.ndarray | None:
    """The background where its grey changes gently across the picture, as programs' windows have it: float32 (rows,
    columns); None where it doesn't, or the border is no such background."""
    rows, columns = pixels.shape
    down, across = np.linspace(-1, 1, rows)[:, None], np.linspace(-1, 1, columns)[None]
    terms = [np.broadcast_to(each, pixels.shape) for each in (np.ones((1, 1)), down, across, down * across)]
    edge, *edges = (np.concatenate([each[0], each[-1], each[:, 0], each[:, -1]]) for each in (pixels, *terms))
    if (edge <= DARK).mean() >= SHARE:
        return None
    basis, weights = np.stack(edges, 1), np.ones(len(edge))
    for _round in range(FITS):  # towards the least absolute distance, for the body may touch the border
        slopes = np.linalg.lstsq(basis * weights[:, None], edge * weights, rcond=None)[0]
        away = np.abs(edge - basis @ slopes)
        weights = 1 / np.sqrt(np.maximum(away, EVEN / 2))
    inner = away <= 2 * NEAR
    if inner.sum() < FITS:
        return None
    slopes = np.linalg.lstsq(basis[inner], edge[inner], rcond=None)[0]  # the middle of its noise
    away = np.abs(edge - basis @ slopes)
    level = np.median(edge[inner])
    gained = max((away <= near).mean() - (np.abs(edge - level) <= near).mean() for near in (EVEN, NEAR))
    left, right = away[2 * columns : 2 * columns + rows], away[2 * columns + rows :]
    if min((side <= NEAR).mean() for side in (left, right)) < BESIDE or gained < GAINED:
        return None
    gradient = sum(slope * term for slope, term in zip(slopes, terms, strict=True)).astype(np.float32)
    return gradient if (np.abs(pixels - gradient) > NEAR).mean() >= BODY else None


def without_gradient(pixels: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """The picture with a background that changes gently black; both (rows, columns)."""
    away = pixels - gradient
    return np.where(outside(np.abs(away) <= scatter(away, 0.0)), 0, pixels).astype(np.float32)


def scatter(pixels: np.ndarray, level: float) -> float:
    """How far from its grey a background may be: as compression makes it, if its border isn't of one grey."""
    away = np.abs(np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]) - level)
    return EVEN if (away <= EVEN).sum() > EXACT * (away <= NEAR).sum() else NEAR


def outside(mask: np.ndarray) -> np.ndarray:
    """The parts of a mask that touch the picture's border, and the large ones."""
    framed = sitk.GetImageFromArray(np.pad(mask, 1, constant_values=True).astype(np.uint8))
    parts = sitk.GetArrayFromImage(sitk.ConnectedComponent(framed))
    chosen = np.bincount(parts.ravel()) >= LARGE * mask.size
    chosen[0], chosen[parts[0, 0]] = False, True
    return chosen[parts][1:-1, 1:-1]


def marks_of(colourfulness: np.ndarray, lit: np.ndarray) -> np.ndarray:
    """Where coloured lines, crosses and figures are drawn: boolean (rows, columns). `colourfulness`: grey levels
    between the strongest and the weakest colour, (rows, columns); `lit`: where the picture isn't black."""
    coloured = colourfulness > COLOURED
    if not coloured.any() or coloured.sum() > MARKED * max(lit.sum(), 1):
        return np.zeros(coloured.shape, bool)
    grown = sitk.BinaryDilate(
        sitk.GetImageFromArray(with_edges(coloured, colourfulness).astype(np.uint8)), [1, 1], sitk.sitkBox
    )
    return sitk.GetArrayFromImage(grown).astype(bool)


def with_edges(marks: np.ndarray, colourfulness: np.ndarray) -> np.ndarray:
    """Marks with what is joined to them and less coloured: a JPEG blurs colours. As they are, where that is far more,
    in a tinted picture. Boolean (rows, columns)."""
    tinged = sitk.GetImageFromArray((colourfulness > EDGE).astype(np.uint8))
    parts = sitk.GetArrayFromImage(sitk.ConnectedComponent(tinged))
    joined = np.zeros(int(parts.max()) + 1, bool)
    joined[parts[marks]] = True
    wider = joined[parts]
    return wider if wider.sum() <= WIDEST * marks.sum() else marks


def without_marks(pixels: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """The picture (rows, columns) with each marked pixel as the nearest that is not."""
    from scipy.ndimage import distance_transform_edt  # takes a moment to load, and few pictures need it

    nearest = distance_transform_edt(marks, return_distances=False, return_indices=True)
    return pixels[tuple(nearest)]
