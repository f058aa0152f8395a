"""Any picture as grey, 0 to 255, its background black."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import ImageError
from ..texts import tr as _
from .background import DARK, SHARE, background_of, gradient_of, marks_of, without_gradient, without_marks
from .body import lit_body

LUMINANCE = (0.30, 0.59, 0.11)  # of red, green, blue
SMALLEST = 32  # rows or columns: the segmenter halves its input five times
USUAL = 0.5, 99.5  # percent of the pixels that are neither hot nor dead
BEYOND = 0.5  # of the usual range, to either side: what lies farther is hot, dead, or a number for "nothing"
FRACTIONS = 0.1, 1.25  # ranges of fractions: interpolation goes slightly beyond 1
LEVELS = 16.0  # from here to 255 a range that begins at 0 is one of grey levels
PERCENT = 100.0  # fractions up to here are no grey levels: percent, or decibels
GAP = 0.2  # of the others' range: a background so far below 0, where all of them aren't, is a number for "nothing"
SOME = 1_000_000  # pixels tell whether all are whole numbers
FREQUENT = 0.25  # of the border: a value from here on is the background's
FEW = 0.001  # of the pixels are not counted on
STRIP = 256  # rows
UNDERSHOOT = 0.05  # of the range: interpolation goes so far below the background


@dataclass(frozen=True)
class Scale:
    """How numbers become grey: (number - `base`) * `factor`; `nothing`: numbers that say that nothing was measured."""

    base: float = 0.0
    factor: float = 1.0
    nothing: tuple[float, ...] = ()

    def grey(self, numbers: np.ndarray) -> np.ndarray:
        """float32, 0 to 255."""
        if self == Scale():
            return numbers.astype(np.float32)
        with np.errstate(over="ignore"):  # of a hot pixel, which is white however hot
            pixels = ((numbers.astype(np.float64) - self.base) * self.factor).clip(0, 255)
        if self.nothing:
            pixels[np.isin(numbers, self.nothing)] = 0
        return pixels.astype(np.float32)


def grey(picture: np.ndarray) -> np.ndarray:
    """Any picture as grey: (rows, columns) or (rows, columns, channels) -> float32 (rows, columns), 0 to 255.

    Colour becomes luminance (opacity is left out); coloured lines and figures drawn over a grey picture are taken out
    of it. Values that fit 0 to 255 stay as they are, other ranges are found from the values themselves (see
    `scale_of`), since files don't say how many bits their scanner used. The background becomes black.
    Raises ImageError for pictures that hold no VPI.
    """
    picture = np.asarray(picture)
    refuse(picture)
    picture = measured(picture, gap_filler(picture, 2), 2)
    numbers = picture if picture.ndim == 2 else luminance(picture)
    pixels = scale_of(numbers, picture.dtype).grey(numbers)
    if picture.ndim == 3 and picture.shape[2] >= 3:
        marks = marks_of(colourfulness(picture), pixels > DARK)
        pixels = without_marks(pixels, marks) if marks.any() else pixels
    gradient = gradient_of(pixels)
    if gradient is not None:
        pixels = without_gradient(pixels, gradient)
    if gradient is not None or background_of(pixels) > DARK:
        pixels = on_black(pixels, lit_body(pixels))
    return np.ascontiguousarray(pixels)


def on_black(pixels: np.ndarray, body: np.ndarray) -> np.ndarray:
    """The lit body on a black background, both (rows, columns), in which it is found again: what is black in it and so
    large that it could be background, as a band without frames is, becomes the darkest grey that is none."""
    pixels = pixels * body
    return np.where(body & ~lit_body(pixels), np.maximum(pixels, DARK + 1), pixels)


def refuse(picture: np.ndarray) -> None:
    """Raise ImageError for what holds no VPI."""
    if picture.ndim not in (2, 3) or (picture.ndim == 3 and picture.shape[2] > 4):
        sentence = _("A VPI is one picture; this has {count} dimensions: {shape}.")
        raise ImageError(sentence.format(count=picture.ndim, shape=picture.shape))
    rows, columns = picture.shape[:2]
    if min(rows, columns) < SMALLEST:
        raise ImageError(
            _(
                "This picture is {columns} × {rows} pixels (width × height): too small for a VPI, "
                "which has at least {smallest} × {smallest}."
            ).format(columns=columns, rows=rows, smallest=SMALLEST)
        )
    if np.issubdtype(picture.dtype, np.complexfloating):
        raise ImageError(_("This picture has complex numbers as pixels; a VPI is grey."))


def gap_filler(numbers: np.ndarray, axes: int) -> float | None:
    """What to put where nothing was measured, if that is said by NaN or minus infinity (the decibels of nothing) and is
    so around the body; None otherwise. `axes`: of the picture or volume, without its colours."""
    if numbers.dtype.kind != "f":
        return None
    edge = border_of(numbers, axes)
    if (np.isnan(edge) | np.isneginf(edge)).mean() < FREQUENT:
        return None
    finite = numbers[np.isfinite(numbers)]
    return min(0.0, float(finite.min())) if finite.size else None


def measured(numbers: np.ndarray, filler: float | None, axes: int) -> np.ndarray:
    """Numbers, or a part of them, with their gaps filled. Raises ImageError for what is no number all the same."""
    if numbers.dtype.kind != "f" or np.isfinite(numbers).all():
        return numbers
    if filler is None or np.isposinf(numbers).any():
        picture = _("Some pixels are not numbers (NaN or infinite). Export the picture again without them.")
        volume = _("Some voxels are not numbers (NaN or infinite). Export the volume again without them.")
        raise ImageError(picture if axes == 2 else volume)
    return np.where(np.isfinite(numbers), numbers, numbers.dtype.type(filler))


def luminance(picture: np.ndarray) -> np.ndarray:
    """(rows, columns, channels) -> (rows, columns)."""
    if picture.shape[2] < 3:
        return picture[..., 0]
    kind = np.float32 if picture.dtype.itemsize <= 4 else np.float64
    return by_strips(picture[..., :3], lambda strip: strip.astype(kind) @ np.array(LUMINANCE, kind))


def colourfulness(picture: np.ndarray) -> np.ndarray:
    """How far the strongest colour of each pixel is from the weakest, of 255: (rows, columns, channels) -> float32
    (rows, columns)."""
    brightest = np.float32(picture[..., :3].max())
    factor = np.float32(255 / max(brightest, 1e-30) if brightest > 255 or brightest <= 1 else 1)
    return by_strips(picture[..., :3], lambda strip: np.ptp(strip.astype(np.float32) * factor, axis=2))


def by_strips(picture: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """A picture changed some rows at a time: all colours of a large one as wide numbers would take half a gigabyte."""
    return np.concatenate([change(picture[first : first + STRIP]) for first in range(0, len(picture), STRIP)])


def grey_voxels(voxels: np.ndarray, hear: Callable[[float], None] = lambda share: None) -> np.ndarray:
    """A volume of real numbers as grey: uint8, 0 where unfilled, and 1 at least where not. One of bytes stays, unless
    the background is grey in it.

    Grey is found as for pictures, from some of the voxels. `hear` is told which share is done; what it raises goes
    through. Raises ImageError for what is no number.
    """
    if voxels.dtype.kind not in "biuf":
        raise ImageError(_("This volume's voxels are no real numbers; an ultrasound volume is grey."))
    step = max(1, round((voxels.size / SOME) ** (1 / 3)))
    some = voxels[::step, ::step, ::step]
    filler = gap_filler(some, 3)
    some = measured(some, filler, 3)
    scale = Scale() if voxels.dtype == np.uint8 else scale_of(some, voxels.dtype)
    background = background_grey(scale.grey(border_of(some, 3)))
    if voxels.dtype == np.uint8 and not background:
        return voxels
    greys = np.empty(voxels.shape, np.uint8)
    for index, part in enumerate(voxels):
        hear(index / len(voxels))
        grey = scale.grey(measured(part, filler, 3))
        whole = np.where(grey > 0, np.rint(grey).clip(1, 255), 0)
        greys[index] = np.where(whole == background, 0, whole)
    return greys


def background_grey(faces: np.ndarray) -> int:
    """The grey that most voxels of a volume's faces, (n,), have, where that isn't black; 0 otherwise."""
    counts = np.bincount(np.rint(faces).astype(np.intp).clip(0, 255), minlength=256)
    level = int(counts.argmax())
    return level if level > DARK and counts[level] >= SHARE * faces.size else 0


def scale_of(numbers: np.ndarray, kind: np.dtype) -> Scale:
    """How these numbers, a picture's or a volume's, become grey. `kind`: of the file's numbers. Raises ImageError if
    they are all the same.

    Grey levels 0 to 255 stay, and fractions, of 1 or from -1 to 1, become these. Anything else (12 bits, percent,
    decibels, scores, one hot pixel among 12 bits) is stretched so that the brightest usual pixel is 255 and the
    background 0: by the usual pixels' own range, since one of 65535, or a padding of -32768, says nothing of others.
    """
    lowest, highest = float(numbers.min()), float(numbers.max())
    if lowest == highest:
        raise ImageError(_("This picture is empty: every pixel has the same value."))
    fractions = kind.kind == "f"
    broken = fractions and not are_whole(numbers)
    if lowest == 0 and highest == PERCENT and not broken and is_saturated(numbers):
        return Scale(factor=255 / PERCENT)
    if lowest >= 0 and highest <= 255 and not (fractions and highest < LEVELS) and not broken:
        return Scale()
    background = frequent_at_border(numbers)
    base, top, nothing = usual_range(numbers.astype(np.float64, copy=False).ravel(), background)
    extent = top - base
    if not np.finfo(float).tiny < extent < np.inf:
        raise ImageError(_("This picture is empty: hardly any pixel differs from the others."))
    if fractions and base == -1 and extent <= 2 * FRACTIONS[1]:
        factor = 255 / 2
    elif fractions and FRACTIONS[0] < extent <= FRACTIONS[1]:
        factor = 255.0
    elif extent <= 255 and not (broken and (base != 0 or extent <= PERCENT)) and not (fractions and extent < LEVELS):
        factor = 1.0
    else:
        factor = 255 / extent
    return Scale(base, factor, nothing)


def is_saturated(numbers: np.ndarray) -> bool:
    """Whether the highest of these whole numbers stands for all that is higher: more have it than the ten below. What
    ends so at 100 is percent."""
    highest = numbers.max()
    return bool((numbers == highest).sum() > ((numbers < highest) & (numbers >= highest - 10)).sum())


def are_whole(numbers: np.ndarray) -> bool:
    """Whether fractions are whole numbers after all, as 8 bits are that a program has kept as such."""
    some = numbers.ravel()[:: max(1, numbers.size // SOME)]
    return bool((some == np.rint(some)).all())


def frequent_at_border(numbers: np.ndarray) -> float | None:
    """The most frequent number of a picture's border, or of a volume's faces; None where none is frequent."""
    edge = border_of(numbers, numbers.ndim)
    values, counts = np.unique(edge, return_counts=True)
    return float(values[counts.argmax()]) if counts.max() >= FREQUENT * edge.size else None


def border_of(numbers: np.ndarray, axes: int) -> np.ndarray:
    """The numbers of a picture's border, or of a volume's faces, (n,); across these first axes."""
    return np.concatenate([numbers.take(end, axis).ravel() for axis in range(axes) for end in (0, -1)])


def usual_range(numbers: np.ndarray, background: float | None) -> tuple[float, float, tuple[float, ...]]:
    """What is black, what is white, and the numbers that say that nothing was measured there."""
    others = numbers if background is None else numbers[numbers != background]
    nothing = []
    for _pass in range(3):
        low, high = np.percentile(others, USUAL)
        beyond = BEYOND * (high - low)
        usual = others[(others >= low - beyond) & (others <= high + beyond)]
        bottom, top = float(usual.min()), float(usual.max())
        # a number that many pixels have, farther from the others than these are from each other, is padding
        padding = [value for value in (float(others.min()), float(others.max())) if is_padding(value, others)]
        if not padding:
            break
        nothing += padding
        others = others[~np.isin(others, padding)]
    gap = GAP if background is not None and background < 0 <= bottom else 1.0
    apart = 0.0 if background is None else max((bottom - background) / gap, background - top)
    if background is not None and apart > top - bottom > 0:
        return min(bottom, 0.0), top, (*nothing, background)
    if background is None:
        return min(bottom, 0.0), top, tuple(nothing)
    undershoot = UNDERSHOOT * (top - bottom)
    if (others < background - undershoot).mean() > FEW:  # a background that is not the darkest: a viewer's grey
        return min(bottom, 0.0), top, tuple(nothing)
    return (0.0 if 0 <= background <= undershoot else background), top, tuple(nothing)


def is_padding(value: float, others: np.ndarray) -> bool:
    """Whether many pixels have this extreme number, far away from all the rest."""
    same = others == value
    if same.mean() < FEW or same.all():
        return False
    rest = others[~same]
    low, high = np.percentile(rest, USUAL)
    return bool(min(abs(value - rest.min()), abs(value - rest.max())) > max(high - low, 1e-300))
