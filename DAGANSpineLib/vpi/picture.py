"""A VPI from an image file or a SimpleITK image, grey and upright."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import ImageError
from ..texts import tr as _
from .body import lit_body
from .greys import SMALLEST, grey
from .plane import Plane, side_of_patients_right
from .reading import Stored, read_image

# their resolution is that of a print, not of a patient
PICTURES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp"}

ENDINGS = (*PICTURES, ".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd", ".dcm")  # of images' names


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

    def sized(self, mm: tuple[float, float] | None) -> VPI:
        """The same with pixels of so many mm between rows and between columns, if the file doesn't know how large they
        are; outputs take that over."""
        if mm is None or self.spacing is not None:
            return self
        image, sides = sitk.Image(self.image), iter(mm if self.plane.transposed else mm[::-1])
        image.SetSpacing(
            [
                next(sides) if extent > 1 else size
                for extent, size in zip(image.GetSize(), image.GetSpacing(), strict=True)
            ]
        )
        return replace(self, spacing=tuple(mm), image=image)

    @property
    def patients_right_is(self) -> str | None:
        """The side of the picture, "left" or "right", where the patient's right is; None where the file doesn't say."""
        axes = [int(axis) for axis in np.flatnonzero(np.array(self.image.GetSize()) > 1)]
        second, first = (np.array(self.image.GetDirection()).reshape(3, 3)[:, axis] * (-1, -1, 1) for axis in axes)
        right, down = (first, second) if self.plane.transposed else (second, first)
        return side_of_patients_right(right, down if self.plane.flipped else -down)

    def like_input(self, picture: np.ndarray) -> sitk.Image:
        """An upright picture (rows, columns) as an image with the input file's geometry."""
        stored = np.ascontiguousarray(self.plane.stored(picture))
        size = self.image.GetSize()
        image = sitk.GetImageFromArray(stored.reshape(size[::-1]))
        image.CopyInformation(self.image)
        return image


def read_vpi(path: Path) -> VPI:
    """Read a VPI from a file: PNG, JPEG, TIFF, BMP, GIF, WebP, NRRD, NIfTI, MetaImage, DICOM.

    Raises ImageError with a sentence if the file is missing, is no image, or doesn't hold a VPI.
    """
    return vpi_of_file(path, read_image(path))


def vpi_of_file(path: Path, stored: Stored) -> VPI:
    """A VPI from the image of a file. Raises ImageError with a sentence that names the file."""
    try:
        vpi = vpi_from_image(stored.image)
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from error
    return vpi if stored.sized else replace(vpi, spacing=None)


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


def refuse_unlit(pixels: np.ndarray, path: Path) -> None:
    """Raise ImageError if a picture (rows, columns), from the file `path`, has too little of a lit body to be measured:
    windows of similarity and of patches have to fit in."""
    body = lit_body(pixels)
    rows, columns = (int(np.ptp(np.flatnonzero(body.any(axis)))) + 1 if body.any() else 0 for axis in (1, 0))
    if min(rows, columns) < SMALLEST:
        sentence = _(
            "{path} has a lit body of {columns} × {rows} pixels (width × height): too small to be measured, which "
            "takes {smallest} × {smallest}."
        )
        raise ImageError(sentence.format(path=path, columns=columns, rows=rows, smallest=SMALLEST))


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
