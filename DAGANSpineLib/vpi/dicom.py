"""DICOM: what a file holds, and what its numbers mean, read by pydicom.

ITK's reader takes films for volumes, doesn't know the pixel size of ultrasound, and works on files that are cut off.
"""

from __future__ import annotations

import contextlib
import logging
import math
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from ..errors import ImageError
from ..texts import tr as _
from .foreign import STREAMS, plainly_named
from .itk import read_by
from .jpeg import refuse_corrupt
from .refusals import damaged, odd_pixels, odd_size, refuse_size, refused

FILMS = {"1.2.840.10008.5.1.4.1.1.3", "1.2.840.10008.5.1.4.1.1.3.1"}  # Ultrasound Multi-frame Image Storage
TIMES = ("FrameTime", "FrameTimeVector", "CineRate", "RecommendedDisplayFrameRate")  # said of films only
PLACES = ("GridFrameOffsetVector", "SpacingBetweenSlices", "PerFrameFunctionalGroupsSequence")  # said of volumes only
THICK = "SliceThickness"  # of a volume's slices, and of a film's one, too
CENTIMETRES = 3  # PhysicalUnitsXDirection, C.8.5.5.1.15
CLIPPED = 0.3  # share of the pixels: a window that clips more is how somebody looked, not what the scanner meant
JPEGS = {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"}  # as libjpeg reads them: baseline, extended
GREY, NEGATIVE, PALETTE = "MONOCHROME2", "MONOCHROME1", "PALETTE COLOR"
COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "YBR_PARTIAL_420")
INVERSE = "INVERSE"  # of a presentation (C.11.6): the other way round
TAGS = ["Rows", "Columns", "NumberOfFrames", "SeriesInstanceUID", "SOPClassUID", "ImagePositionPatient"]


@contextlib.contextmanager
def unheard() -> Iterator[None]:
    """pydicom's warnings and log stand beside our one sentence; what matters of them is asked for here."""
    log = logging.getLogger("pydicom")
    with STREAMS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        level = log.level
        log.setLevel(logging.CRITICAL + 1)
        try:
            yield
        finally:
            log.setLevel(level)


def header(path: Path) -> pydicom.Dataset | None:
    """What lies where in a file that is a DICOM picture; None for one that is none: directories, reports, settings."""
    try:
        with unheard():
            dataset = pydicom.dcmread(path, force=True, stop_before_pixels=True, specific_tags=TAGS)
            return dataset if int(dataset.get("Rows") or 0) and int(dataset.get("Columns") or 0) else None
    except Exception:  # whatever foreign bytes lead pydicom to
        return None


def read_dicom(path: Path) -> tuple[sitk.Image, bool]:
    """A DICOM file's image, and whether it knows its pixel size. Raises ImageError with a sentence."""
    with refused(path), unheard():
        return image_of(read_dataset(path), path)


def refuse_damaged(path: Path) -> None:
    """Raise ImageError if a file promises more than it holds."""
    with refused(path), unheard():
        refuse_incomplete(read_dataset(path), path)


def read_dataset(path: Path) -> pydicom.Dataset:
    """A file's dataset, without elements that say nothing, and with what old files leave out: how their bytes lie."""
    dataset = pydicom.dcmread(path, force=True)
    for tag in list(dataset.keys()):
        if dataset.get_item(tag).value in (None, b"", "", b" ", b"  "):
            del dataset[tag]
    if "TransferSyntaxUID" not in dataset.file_meta:
        encoding = getattr(dataset, "original_encoding", None)  # pydicom 3
        implicit, little = encoding or (dataset.is_implicit_VR, dataset.is_little_endian)
        plain = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
        dataset.file_meta.TransferSyntaxUID = plain if little else ExplicitVRBigEndian
    return dataset


def image_of(dataset: pydicom.Dataset, path: Path) -> tuple[sitk.Image, bool]:
    if "PixelData" not in dataset:
        if header(path) is not None:  # of a picture, whose end pydicom did not find
            raise damaged(path)
        sentence = _("{path} is a DICOM file without a picture: choose one that holds the image.")
        raise ImageError(sentence.format(path=path))
    frames = refuse_incomplete(dataset, path)
    if frames > 1:
        refuse_film(dataset, frames, path)
        refuse_corrupt_frames(dataset, frames, path)
        with plainly_named(path) as plain:
            return read_by(plain, "GDCMImageIO", path), True
    if dataset.get("PhotometricInterpretation") not in (GREY, NEGATIVE, PALETTE, *COLOURS):
        raise odd_pixels(path)
    pixels = meant(dataset, stored_pixels(dataset, path))
    spacing = pixel_spacing(dataset)
    image = sitk.GetImageFromArray(pixels[None], isVector=pixels.ndim == 3)
    image.SetSpacing((*(spacing or (1.0, 1.0)), thickness(dataset)))
    place(image, dataset)
    return image, spacing is not None


def refuse_incomplete(dataset: pydicom.Dataset, path: Path) -> int:
    """Raise ImageError where more is promised than there is, or than can be; returns the number of frames."""
    rows, columns, frames = int(dataset.Rows), int(dataset.Columns), int(dataset.get("NumberOfFrames") or 1)
    bytes_each = int(dataset.get("SamplesPerPixel", 1)) * int(dataset.BitsAllocated) / 8
    refuse_size((columns, rows, frames), bytes_each)
    if dataset.get("PhotometricInterpretation") == "YBR_FULL_422":
        bytes_each *= 2 / 3
    if packed(dataset):
        # each frame is a fragment at least; pydicom has found the end of the last, or would have complained
        whole = sum(1 for _each in fragments(dataset)) >= frames
    else:
        held, row = len(dataset.PixelData), columns * bytes_each
        whole = held >= math.floor(rows * row * frames)
    if not whole or min(rows, columns, frames) < 1:
        raise damaged(path)
    if not packed(dataset) and frames * rows * row + row <= held:
        raise odd_size(path, (columns, rows, frames)[: 3 if frames > 1 else 2])
    return frames


def packed(dataset: pydicom.Dataset) -> bool:
    meta = getattr(dataset, "file_meta", None)
    syntax = meta.get("TransferSyntaxUID") if meta is not None else None
    return bool(syntax is not None and syntax.is_compressed and not syntax.is_deflated)


def fragments(dataset: pydicom.Dataset) -> Iterator[bytes]:
    from pydicom import encaps

    if hasattr(encaps, "generate_fragments"):  # pydicom 3
        each = encaps.generate_fragments(dataset.PixelData)
    else:
        each = encaps.generate_pixel_data_fragment(pydicom.filebase.DicomBytesIO(dataset.PixelData))
    next(each, None)  # the table of their places
    yield from each


def refuse_film(dataset: pydicom.Dataset, frames: int, path: Path) -> None:
    """Raise ImageError for pictures that follow each other in time."""
    film = dataset.get("SOPClassUID") in FILMS or any(name in dataset for name in TIMES) or THICK not in dataset
    if film and not any(name in dataset for name in PLACES):
        sentence = _("{path} is a film of {count} pictures, not a volume: export one picture (VPI), or the volume.")
        raise ImageError(sentence.format(path=path, count=frames))
    if int(dataset.get("SamplesPerPixel", 1)) > 1:
        sentence = _("{path} holds {count} pictures in colours: export one picture, or the volume as grey.")
        raise ImageError(sentence.format(path=path, count=frames))


def refuse_corrupt_frames(dataset: pydicom.Dataset, frames: int, path: Path) -> None:
    """Raise ImageError for JPEGs, of as many frames, that are cut off or claim to be enormous."""
    if not packed(dataset) or dataset.file_meta.TransferSyntaxUID not in JPEGS:
        return
    pieces = list(fragments(dataset))
    for each in pieces if len(pieces) == frames else [b"".join(pieces)]:
        refuse_corrupt(each, path)


def stored_pixels(dataset: pydicom.Dataset, path: Path) -> np.ndarray:
    """(rows, columns[, 3]), colours as red, green and blue. What pydicom has no decoder for, ITK may have."""
    refuse_corrupt_frames(dataset, 1, path)
    spare = int(dataset.get("HighBit", 0)) + 1 - int(dataset.get("BitsStored", dataset.BitsAllocated))
    if spare > 0 and not packed(dataset):  # old scanners put 12 bits into the upper part of 16
        dataset.BitsStored = dataset.HighBit + 1
        return dataset.pixel_array >> spare
    try:
        return dataset.pixel_array
    except (NotImplementedError, RuntimeError, AttributeError):
        if not packed(dataset):
            raise
    with plainly_named(path) as plain:
        return sitk.GetArrayFromImage(read_by(plain, "GDCMImageIO", path))[0]


def meant(dataset: pydicom.Dataset, pixels: np.ndarray) -> np.ndarray:
    """What the stored numbers mean: without padding, rescaled, as the scanner's window shows them, black on white
    turned round, colours of a palette looked up."""
    kind = dataset.PhotometricInterpretation
    if kind == PALETTE:
        return looked_up(dataset, pixels)
    if pixels.ndim == 3:
        return pixels
    negative = kind == NEGATIVE or dataset.get("PresentationLUTShape") == INVERSE
    unfilled = padding(dataset, pixels)
    if dataset.get("ModalityLUTSequence"):
        pixels = by_table(dataset, pixels, "apply_modality_lut")
    elif "RescaleSlope" in dataset and (float(dataset.RescaleSlope), float(dataset.get("RescaleIntercept", 0))) != (
        1,
        0,
    ):
        pixels = pixels * float(dataset.RescaleSlope) + float(dataset.get("RescaleIntercept", 0))
    if unfilled.any() and not unfilled.all():
        others = pixels[~unfilled]
        pixels = np.where(unfilled, others.max() if negative else min(0, others.min()), pixels)
    if dataset.get("VOILUTSequence"):
        pixels = by_table(dataset, pixels, "apply_voi")
    elif int(dataset.get("BitsStored", dataset.BitsAllocated)) > 8:
        pixels = windowed(dataset, pixels)
    if negative:
        pixels = pixels.max() - pixels
    return pixels


def by_table(dataset: pydicom.Dataset, pixels: np.ndarray, how: str) -> np.ndarray:
    """What pydicom's function of this name looks up in a table of the file's."""
    try:
        from pydicom import pixels as tables
    except ImportError:  # pydicom 2
        from pydicom.pixel_data_handlers import util as tables
    return getattr(tables, how)(pixels, dataset)


def looked_up(dataset: pydicom.Dataset, pixels: np.ndarray) -> np.ndarray:
    """Colours of a palette, uint8 (rows, columns, 3)."""
    colours = by_table(dataset, pixels, "apply_color_lut")
    return colours if colours.dtype == np.uint8 else (colours >> 8).astype(np.uint8)


def padding(dataset: pydicom.Dataset, pixels: np.ndarray) -> np.ndarray:
    """Where nothing was measured: boolean, of the pixels' shape."""
    if "PixelPaddingValue" not in dataset:
        return np.zeros(pixels.shape, bool)
    bits = 8 * pixels.itemsize
    edges = [int(dataset.PixelPaddingValue), int(dataset.get("PixelPaddingRangeLimit", dataset.PixelPaddingValue))]
    # some writers store a negative value as unsigned, or the other way round
    same = {each % (1 << bits) for each in edges}
    low, high = min(edges), max(edges)
    wrapped = pixels.astype(np.int64) % (1 << bits)
    return ((pixels >= low) & (pixels <= high)) | np.isin(wrapped, list(same))


def windowed(dataset: pydicom.Dataset, pixels: np.ndarray) -> np.ndarray:
    """Grey 0 to 255 through the scanner's first window (C.11.2.1.2), unless it leaves too much of the picture out."""
    if "WindowCenter" not in dataset or "WindowWidth" not in dataset:
        return pixels
    centre, width = (float(np.atleast_1d(dataset[name].value)[0]) for name in ("WindowCenter", "WindowWidth"))
    if not width > 1:
        return pixels
    shown = ((pixels - (centre - 0.5)) / (width - 1) + 0.5) * 255
    lit = pixels > np.median(pixels[[0, -1]])
    if not lit.any() or (shown[lit] > 256).mean() > CLIPPED or (shown[lit] < 0).mean() > CLIPPED or np.ptp(shown) < 64:
        return pixels
    return shown.clip(0, 255).astype(np.float32)


def pixel_spacing(dataset: pydicom.Dataset) -> tuple[float, float] | None:
    """mm between columns and between rows; None where the file doesn't know. Ultrasound keeps it by region of the
    picture (C.8.5.5): that of the largest one."""
    for name in ("PixelSpacing", "NominalScannedPixelSpacing", "ImagerPixelSpacing"):
        values = dataset.get(name)
        if isinstance(values, Sequence) and len(values) == 2 and all(map(is_length, values)):
            return float(values[1]), float(values[0])
    regions = [each for each in dataset.get("SequenceOfUltrasoundRegions") or () if measures_length(each)]
    if not regions:
        return None
    largest = max(regions, key=extent)
    return abs(float(largest.PhysicalDeltaX)) * 10, abs(float(largest.PhysicalDeltaY)) * 10


def measures_length(region: Any) -> bool:
    units = region.get("PhysicalUnitsXDirection"), region.get("PhysicalUnitsYDirection")
    deltas = (region.get("PhysicalDeltaX"), region.get("PhysicalDeltaY"))
    return units == (CENTIMETRES, CENTIMETRES) and all(is_length(abs(delta or 0)) for delta in deltas)


def is_length(value: Any) -> bool:
    """Whether a number is a length: neither nothing nor infinite."""
    return 0 < float(value) < math.inf


def extent(region: Any) -> int:
    edges = ("RegionLocationMinX0", "RegionLocationMinY0", "RegionLocationMaxX1", "RegionLocationMaxY1")
    left, top, right, bottom = (int(region.get(name) or 0) for name in edges)
    return (right - left) * (bottom - top)


def thickness(dataset: pydicom.Dataset) -> float:
    value = dataset.get("SpacingBetweenSlices") or dataset.get("SliceThickness") or 1.0
    return float(value) if is_length(value) else 1.0


def place(image: sitk.Image, dataset: pydicom.Dataset) -> None:
    """Give an image its place in the patient, where the file knows it."""
    along, position = dataset.get("ImageOrientationPatient"), dataset.get("ImagePositionPatient")
    if along is None or len(along) != 6:
        return
    first, second = np.array(along, float).reshape(2, 3)
    if abs(first @ second) > 1e-3 or not np.allclose([np.linalg.norm(first), np.linalg.norm(second)], 1, atol=1e-3):
        return
    image.SetDirection(np.stack([first, second, np.cross(first, second)], 1).ravel().tolist())
    if position is not None and len(position) == 3:
        image.SetOrigin([float(each) for each in position])
