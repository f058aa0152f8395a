"""Pictures as cameras, scanners and offices store them: PNG, JPEG, TIFF, BMP, GIF, WebP.

By Pillow, since it reads them as people mean them (palettes, opacity, CMYK, orientation, white is zero, tiles), is in
Slicer's own Python (superbuild, python-dicom-requirements), and refuses what is cut off. tifffile and imageio are not
there, and need more packages for compressed files. Colours of more than 8 bits, which Pillow lacks, are left to ITK.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from PIL import Image, ImageOps, TiffImagePlugin

from ..errors import ImageError
from ..texts import tr as _
from .foreign import plainly_named, silenced
from .itk import read_by
from .jpeg import refuse_corrupt
from .refusals import damaged, odd_pixels, refuse_size, refused, unreadable

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP")
MODES = {"1": "L", "P": "RGBA", "PA": "RGBA", "La": "LA", "RGBa": "RGBA", "CMYK": "RGB", "YCbCr": "RGB", "LAB": "RGB",
         "HSV": "RGB", "RGBX": "RGB"}  # fmt: skip
PHOTOMETRIC, BITS, SAMPLES, WIDTH, HEIGHT = 262, 258, 277, 256, 257  # tags of a TIFF
PLANES, NUMBERS = 284, 339  # likewise: how colours lie, what kind of numbers they are
WHITE_IS_ZERO, APART, SIGNED, FRACTIONS = 0, 2, 2, 3
ORIENTATION = 0x0112  # of EXIF
DEEP_PNG = b"\x10\x02", b"\x10\x06"  # 16 bits a channel, RGB without or with opacity


def read_raster(path: Path) -> np.ndarray:
    """A picture (rows, columns[, channels]), or a TIFF's pages (pages, rows, columns). Raises ImageError."""
    with refused(path), path.open("rb") as file, silenced(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if deep_colours(file.read(26)):
            file.seek(0)
            turned = Image.open(file, formats=FORMATS).getexif().get(ORIENTATION, 1)
            return upright(through_itk(path, "PNGImageIO"), turned)
        file.seek(0)
        return read_with_pillow(file, path)


def deep_colours(header: bytes) -> bool:
    """Whether these first bytes are those of a PNG in colours of 16 bits."""
    return header.startswith(b"\x89PNG") and header[24:26] in DEEP_PNG


def read_with_pillow(file, path: Path) -> np.ndarray:
    try:
        picture = Image.open(file, formats=FORMATS)
    except Image.UnidentifiedImageError:
        return unusual_tiff(file, path)
    if picture.format == "TIFF" and deep_tiff(picture):
        return unusual_tiff(file, path)
    pages = getattr(picture, "n_frames", 1)
    refuse_size([*picture.size, pages] if pages > 1 else picture.size, bytes_of(picture))
    if picture.format == "PNG" and pages == 1:
        picture.verify()  # compares the checksums, which reading alone does not
        file.seek(0)
        picture = Image.open(file, formats=FORMATS)
    if pages > 1 and picture.format in ("GIF", "WEBP", "PNG"):
        raise ImageError(_("{path} is a film of {count} pictures: export one picture.").format(path=path, count=pages))
    if picture.format == "JPEG":
        file.seek(0)
        refuse_corrupt(file.read(), path)
    if pages > 1 and picture.format == "TIFF":
        return stacked(picture, pages, path)
    if picture.format == "TIFF":
        refuse_missing_strips(picture, path)
    return as_array(picture)


def refuse_missing_strips(picture: Image.Image, path: Path) -> None:
    """Raise ImageError where a TIFF's strips or tiles don't cover it: what they leave out would be black."""
    columns, rows = (int(picture.tag_v2[tag]) for tag in (WIDTH, HEIGHT))  # as stored, whichever side is up
    places = [tile[1] for tile in picture.tile]
    covered = sum((min(right, columns) - left) * (min(below, rows) - above) for left, above, right, below in places)
    if covered < columns * rows:
        raise damaged(path)


def deep_tiff(picture: Image.Image) -> bool:
    """Whether this is a TIFF in colours of 16 bits, of which Pillow leaves 8."""
    return picture.mode.startswith("RGB") and max(np.atleast_1d(picture.tag_v2.get(BITS, 1))) > 8


def bytes_of(picture: Image.Image) -> int:
    return {"I": 4, "F": 4}.get(picture.mode, 2 if picture.mode.startswith("I;16") else len(picture.getbands()))


def stacked(picture: Image.Image, pages: int, path: Path) -> np.ndarray:
    """All pages of a TIFF, which make a volume if they are alike; otherwise the first (others are thumbnails)."""
    every = []
    for page in range(pages):
        picture.seek(page)
        refuse_size([*picture.size, pages], bytes_of(picture))
        refuse_missing_strips(picture, path)
        every.append(as_array(picture))
    if len({(page.shape, page.dtype) for page in every}) > 1:
        return every[0]
    if every[0].ndim > 2:
        sentence = _("{path} has {count} pages in colours: export one picture, or the volume as grey.")
        raise ImageError(sentence.format(path=path, count=pages))
    return np.stack(every)


def as_array(picture: Image.Image) -> np.ndarray:
    """Grey or colours as people see them, upright; what is wholly transparent is black."""
    white_is_zero = picture.format == "TIFF" and picture.tag_v2.get(PHOTOMETRIC) == WHITE_IS_ZERO
    inverted_already = picture.mode in ("1", "L", "P")
    numbers = picture.tag_v2.get(NUMBERS, 1) if picture.format == "TIFF" else 1
    picture.load()
    unseen = picture.info.get("transparency") if picture.mode.startswith("I;16") else None
    if "transparency" in picture.info and picture.mode in ("1", "L", "RGB"):
        picture = picture.convert("LA" if picture.mode != "RGB" else "RGBA")
    turned = ImageOps.exif_transpose(picture)
    pixels = np.array(turned.convert(MODES.get(turned.mode, turned.mode)))
    if pixels.dtype.byteorder == ">":
        pixels = pixels.astype(pixels.dtype.newbyteorder("="))
    if pixels.dtype == np.uint8 and int(np.atleast_1d(numbers)[0]) == SIGNED:
        pixels = pixels.view(np.int8)
    if unseen is not None:
        pixels = np.where(pixels == unseen, 0, pixels)
    if white_is_zero and not inverted_already:
        pixels = negative(pixels)
    return without_opacity(pixels)


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """(rows, columns[, channels]) as EXIF's orientation, 1 to 8, says that it is to be looked at."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    down, across = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    return np.ascontiguousarray(pixels[:: -1 if down else 1, :: -1 if across else 1])


def negative(pixels: np.ndarray) -> np.ndarray:
    """White is zero: the other way round, still from 0 on."""
    return pixels.max() - pixels if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max - pixels


def without_opacity(pixels: np.ndarray) -> np.ndarray:
    """Leave opacity out; what can't be seen at all, beside something that can, is black."""
    if pixels.ndim == 2 or pixels.shape[2] == 3:
        return pixels
    seen = pixels[..., -1] > 0
    colours = pixels[..., :-1]
    if seen.any():
        colours = colours * seen[..., None].astype(pixels.dtype)
    return np.ascontiguousarray(colours[..., 0] if colours.shape[2] == 1 else colours)


def unusual_tiff(file, path: Path) -> np.ndarray:
    """A TIFF that Pillow has no mode for, as deep colours: by ITK, if that knows what each number means."""
    file.seek(0)
    header = file.read(8)
    if header[:2] not in (b"II", b"MM"):
        raise unreadable(path)
    tags = TiffImagePlugin.ImageFileDirectory_v2(header)
    file.seek(tags.next)
    tags.load(file)
    bits = np.atleast_1d(tags.get(BITS, 1))
    samples = int(tags.get(SAMPLES, 1))
    refuse_size([int(tags.get(WIDTH, 0)), int(tags.get(HEIGHT, 0))], samples * int(bits.max()) / 8)
    photometric = tags.get(PHOTOMETRIC)
    grey, colours = samples == 1 and photometric in (0, 1), samples in (3, 4) and photometric == 2
    half = FRACTIONS in np.atleast_1d(tags.get(NUMBERS, 1)) and bits.max() < 32  # ITK takes these for whole numbers
    apart = samples > 1 and tags.get(PLANES) == APART  # ITK takes three planes for one picture
    if not (grey or colours) or apart or half or len(set(bits.tolist())) > 1 or bits[0] not in (8, 16, 32):
        raise odd_pixels(path)
    pixels = through_itk(path, "TIFFImageIO")
    return negative(pixels) if photometric == WHITE_IS_ZERO else pixels


def through_itk(path: Path, reader: str) -> np.ndarray:
    with plainly_named(path) as plain:
        pixels = sitk.GetArrayFromImage(read_by(plain, reader, path))
    return without_opacity(pixels) if pixels.ndim == 3 else pixels
