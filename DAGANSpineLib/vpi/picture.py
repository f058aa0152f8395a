"""A volume projection image (VPI): read it, make it grey and upright, find its lit body, prepare it for a network.

Arrays are (rows, columns), head at the top, grey 0 to 255. Numpy and SimpleITK only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import UserError
from ..texts import tr as _

CLASSES = ("background", "rib", "thoracic", "lumbar")  # label values 0 to 3
MEAN, DEVIATION = 75.99, 84.15  # of the published training images' grey values; networks see (x - MEAN) / DEVIATION
NETWORK_SIZE = (1024, 256)  # rows, columns that the segmenter sees (DA-GAN, section 3.1)
LUMINANCE = (0.30, 0.59, 0.11)  # of red, green, blue
SMALLEST = 32  # rows or columns: the segmenter halves its input five times
PICTURES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"}  # their resolution is that of a print, not of a patient
DARK = 2.0  # grey levels up to here may be compression noise around the lit body
SIDE = 0.2  # of the largest lit region: smaller ones are writing beside the sweep, not the other side of its midline


class ImageError(UserError):
    """An image that can't be used as a VPI; the text tells a clinician what is wrong and what to do."""


@dataclass(frozen=True)
class Plane:
    """How the upright picture lies in its stored array: transposed first, then upside down."""

    transposed: bool = False
    flipped: bool = False

    def upright(self, stored: np.ndarray) -> np.ndarray:
        """(a, b, ...) as stored -> (rows, columns, ...) with the head at the top."""
        picture = np.swapaxes(stored, 0, 1) if self.transposed else stored
        return picture[::-1] if self.flipped else picture

    def stored(self, picture: np.ndarray) -> np.ndarray:
        """The inverse of `upright`."""
        picture = picture[::-1] if self.flipped else picture
        return np.swapaxes(picture, 0, 1) if self.transposed else picture

    @classmethod
    def of(cls, first_axis: np.ndarray, second_axis: np.ndarray) -> Plane:
        """The plane of a stored array whose axes point along these patient directions (third component: superior).

        Images without orientation (PNG, JPEG) lie in an axial plane, where neither axis climbs: they are taken as
        they are.
        """
        climbs = first_axis[2], second_axis[2]
        transposed = abs(climbs[1]) > abs(climbs[0]) and abs(climbs[1]) > 0.5
        return cls(bool(transposed), bool(climbs[int(transposed)] > 0.5))


@dataclass(frozen=True)
class VPI:
    """A VPI from a file.

    `pixels`: float32 (rows, columns), 0 to 255, head at the top. `spacing`: mm between rows and between columns, None
    where the file doesn't know. `image`: the file's own image, three-dimensional with one slice, whose geometry every
    output takes over.
    """

    pixels: np.ndarray
    spacing: tuple[float, float] | None
    image: sitk.Image
    plane: Plane

    def like_input(self, picture: np.ndarray) -> sitk.Image:
        """An upright picture (rows, columns) as an image with the input file's geometry."""
        stored = np.ascontiguousarray(self.plane.stored(picture))
        size = self.image.GetSize()
        image = sitk.GetImageFromArray(stored.reshape(size[::-1]))
        image.CopyInformation(self.image)
        return image


def read_vpi(path: Path) -> VPI:
    """Read a VPI from any format that SimpleITK knows (PNG, JPEG, TIFF, NRRD, NIfTI, MHA, DICOM).

    Raises ImageError with a sentence if the file is missing, is no image, or doesn't hold a VPI.
    """
    return vpi_of_file(path, read_image(path))


def read_image(path: Path) -> sitk.Image:
    """Read an image file. Raises ImageError with a sentence if it is missing, or is no image."""
    if not path.is_file():
        raise ImageError(_("There is no file {path}.").format(path=path))
    sitk.ProcessObject.GlobalWarningDisplayOff()  # the library's own warnings would stand beside our one sentence
    try:
        return sitk.ReadImage(str(path))
    except RuntimeError as error:
        sentence = _("{path} can't be read as an image: is it damaged, or of another type than its name says?")
        if "PixelType" in str(error):
            sentence = _("{path} has pixels that can't be read (grey with opacity?): save it as plain grey or RGB.")
        raise ImageError(sentence.format(path=path)) from error


def vpi_of_file(path: Path, image: sitk.Image) -> VPI:
    """A VPI from the image of a file. Raises ImageError with a sentence that names the file."""
    try:
        vpi = vpi_from_image(image)
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from error
    return replace(vpi, spacing=None) if path.suffix.lower() in PICTURES else vpi


def vpi_from_image(image: sitk.Image) -> VPI:
    """A VPI from a SimpleITK image of one slice. Raises ImageError."""
    size = np.array(image.GetSize())
    if len(size) > 3 and (size[3:] > 1).any():
        shape = " × ".join(map(str, size))
        raise ImageError(
            _("This is a sequence of volumes ({shape}); a VPI is one picture. Export one picture of it.").format(
                shape=shape
            )
        )
    if len(size) > 3:
        index = [int(extent) for extent in size[:3]] + [0] * (len(size) - 3)
        image = sitk.Extract(image, index, [0] * len(size))
        size = size[:3]
    if len(size) == 2:
        image = sitk.JoinSeries(image)  # one slice, as Slicer loads a picture
        size = np.array(image.GetSize())
    axes = [int(axis) for axis in np.flatnonzero(size > 1)]
    if len(axes) > 2:
        sentence = _("This is a volume ({shape}), not a VPI. Project it first, with the command project.")
        raise ImageError(sentence.format(shape=" × ".join(map(str, size))))
    if len(axes) < 2:
        sentence = _("This picture is {shape} pixels: too small for a VPI.")
        raise ImageError(sentence.format(shape=" × ".join(map(str, size))))
    # numpy's axes run backwards: the higher image axis comes first in the array
    second, first = axes
    directions = np.array(image.GetDirection()).reshape(3, 3)
    plane = Plane.of(directions[:, first], directions[:, second])
    stored = sitk.GetArrayViewFromImage(image)
    channels = image.GetNumberOfComponentsPerPixel()
    picture = plane.upright(stored.reshape(size[first], size[second], *([channels] if channels > 1 else [])))
    spacing = pixel_size(
        (image.GetSpacing()[first], image.GetSpacing()[second]), directions[:, first], directions[:, second]
    )
    return VPI(grey(picture), spacing, image, plane)


def pixel_size(
    spacing: tuple[float, float], first_axis: np.ndarray, second_axis: np.ndarray
) -> tuple[float, float] | None:
    """mm between the rows and between the columns of an upright picture, None where nobody knew them.

    `spacing`: mm along the axes of the stored array, which point along these patient directions. 1 mm both ways in an
    axial plane is what stands where nobody knew, and would make a spine two metres long.
    """
    if spacing == (1.0, 1.0) and max(abs(first_axis[2]), abs(second_axis[2])) < 0.5:
        return None
    return spacing[::-1] if Plane.of(first_axis, second_axis).transposed else spacing


def grey(picture: np.ndarray) -> np.ndarray:
    """Any picture as grey: (rows, columns) or (rows, columns, channels) -> float32 (rows, columns), 0 to 255.

    Colour becomes luminance (opacity is left out). Values that fit 0 to 255 stay as they are, and fractions within 0
    and 1 become that range. Deeper values (12 or 16 bits) are scaled so that the brightest pixel becomes 255, since
    files don't say how many bits their scanner used.
    Raises ImageError for pictures that hold no VPI.
    """
    picture = np.asarray(picture)
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
    if not np.isfinite(picture).all():
        raise ImageError(_("Some pixels are not numbers (NaN or infinite). Export the picture again without them."))
    fraction = np.issubdtype(picture.dtype, np.floating)
    pixels = picture.astype(np.float32)
    if pixels.ndim == 3:
        colours = pixels.shape[2] >= 3
        pixels = pixels[..., :3] @ np.float32(LUMINANCE) if colours else pixels[..., 0]
    lowest, highest = float(pixels.min()), float(pixels.max())
    if lowest == highest:
        raise ImageError(_("This picture is empty: every pixel has the same value."))
    if lowest < 0:
        pixels, highest = pixels - lowest, highest - lowest
    if highest > 255:
        pixels = pixels * (255 / highest)
    elif fraction and highest <= 1:
        pixels = pixels * 255
    return np.ascontiguousarray(pixels, dtype=np.float32)


def lit_body(pixels: np.ndarray) -> np.ndarray:
    """Where the sweep reached: (rows, columns) grey -> boolean mask, one stretch in each row.

    Dashes within it are black too, so the lit pixels are closed across gaps of a few rows, and holes are filled; so is
    the midline, which may be black down to the foot and even part the body in two.
    """
    margin = 16
    lit = sitk.GetImageFromArray((pixels > DARK).astype(np.uint8))
    lit = sitk.ConstantPad(lit, [margin] * 2, [margin] * 2)
    closed = sitk.BinaryFillhole(sitk.BinaryMorphologicalClosing(lit, [2, 12]))
    parts = sitk.GetArrayFromImage(sitk.RelabelComponent(sitk.ConnectedComponent(closed)))  # the largest is 1
    sizes = np.bincount(parts.ravel(), minlength=2)
    sizes[0] = 0
    body = (sizes >= max(1, sizes[1] * SIDE))[parts][margin:-margin, margin:-margin]
    return np.logical_or.accumulate(body, 1) & np.logical_or.accumulate(body[:, ::-1], 1)[:, ::-1]


def normalise(pixels):
    """Grey 0 to 255 -> what the networks see; arrays and tensors alike."""
    return (pixels - MEAN) / DEVIATION


def denormalise(values):
    """The inverse of `normalise`; arrays and tensors alike."""
    return values * DEVIATION + MEAN
