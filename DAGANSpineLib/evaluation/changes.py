"""What hospitals do to a picture before it comes here: other pixel sizes, parts missing, other grey levels, mirrored,
compressed, from other scanners and programs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch

from ..networks import resize, shrink
from ..vpi import lit_body
from .scans import DEEP, NEAR, as_bytes, in_layer, marked, on_console, on_grey, on_portable, with_band

MISSING = 0.2  # share of the lit body's rows
BRIGHTER, DARKER = 1.3, 0.6  # gain; what goes beyond 255 saturates
GAMMA = 1.5  # mid-greys become darker
QUALITY = 50  # of JPEG, per cent: its blocks are visible

# (picture, label pictures of the same shape) -> the same, changed together; all uint8 (rows, columns)
Change = Callable[[np.ndarray, Sequence[np.ndarray]], tuple[np.ndarray, list[np.ndarray]]]


def in_grey(change: Callable[[np.ndarray], np.ndarray]) -> Change:
    """A change of grey levels, (rows, columns) -> the same; the labels stay."""

    def changed(pixels: np.ndarray, labels: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        return as_bytes(change(pixels.astype(np.float32))), list(labels)

    return changed


def resampled(factor: float) -> Change:
    """To `factor` times as many rows and columns: the picture bilinearly (averaging where it shrinks), labels from the
    nearest pixel."""

    def changed(pixels: np.ndarray, labels: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        size = [round(extent * factor) for extent in pixels.shape]
        picture = torch.from_numpy(pixels).float()[None, None]
        picture = (resize if factor > 1 else shrink)(picture, size)[0, 0].numpy()
        places = [((np.arange(new) + 0.5) * old / new).astype(int) for new, old in zip(size, pixels.shape, strict=True)]
        return as_bytes(picture), [label[np.ix_(*places)] for label in labels]

    return changed


def cropped(end: str) -> Change:
    """The picture begins below a fifth of the lit body ("head") or ends above it ("foot")."""

    def changed(pixels: np.ndarray, labels: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        kept = rows_without(end, pixels)
        return pixels[kept].copy(), [label[kept].copy() for label in labels]

    return changed


def unswept(end: str) -> Change:
    """The sweep began or ended later: a fifth of the lit body is black, in a picture of the same size."""

    def changed(pixels: np.ndarray, labels: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        kept = np.zeros(len(pixels), np.uint8)
        kept[rows_without(end, pixels)] = 1
        return pixels * kept[:, None], [label * kept[:, None] for label in labels]

    return changed


def rows_without(end: str, pixels: np.ndarray) -> slice:
    """The rows that stay where a fifth of the lit body is missing at the "head" or the "foot"."""
    lit = np.flatnonzero(lit_body(pixels).any(1))
    missing = round(MISSING * len(lit))
    return slice(lit[missing], None) if end == "head" else slice(None, lit[-missing])


def mirrored(pixels: np.ndarray, labels: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Left becomes right."""
    return pixels[:, ::-1].copy(), [label[:, ::-1].copy() for label in labels]


def jpeg(pixels: np.ndarray) -> np.ndarray:
    """As it comes back from a JPEG file."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "vpi.jpg")
        image = sitk.GetImageFromArray(as_bytes(pixels))
        sitk.WriteImage(image, path, useCompression=True, compressionLevel=QUALITY)
        return sitk.GetArrayFromImage(sitk.ReadImage(path))


CHANGES: dict[str, Change] = {
    "half the pixel size": resampled(2),
    "double the pixel size": resampled(0.5),
    "four times the pixel size": resampled(0.25),
    "20 % of the head cut off": cropped("head"),
    "20 % of the foot cut off": cropped("foot"),
    "20 % of the head black": unswept("head"),
    "20 % of the foot black": unswept("foot"),
    "brighter, gain 1.3": in_grey(lambda pixels: pixels * BRIGHTER),
    "darker, gain 0.6": in_grey(lambda pixels: pixels * DARKER),
    "gamma 1.5": in_grey(lambda pixels: 255 * (pixels / 255) ** GAMMA),
    "mirrored left to right": mirrored,
    "JPEG, quality 50": in_grey(jpeg),
    "grey background": on_grey,
    "marks": marked,
    "missing band": with_band,
    "console": on_console,
    "portable": on_portable,
    "layer near the skin": in_grey(partial(in_layer, NEAR)),
    "deep layer": in_grey(partial(in_layer, DEEP)),
}
