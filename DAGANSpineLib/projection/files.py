"""Voxel volumes in files, and the VPI that is in a file or is projected from it. Numpy and SimpleITK only."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..errors import ImageError, UserError
from ..files import OutputError, whole_file
from ..progress import Progress, unheard
from ..vpi import (
    VPI,
    files_of,
    holds_volume,
    plainly_named,
    read_image,
    refuse_damaged_dicom,
    silenced,
    steps_between,
    vpi_of_file,
    write_image,
)
from .projector import THICKNESS_MM, Projector, Slab

UNEVEN = 0.1  # of the distance between slices: rounded places differ by less
KEEP_GEOMETRY = (".nrrd", ".nii", ".nii.gz", ".mha")  # endings of files that know where a VPI lies


@dataclass(frozen=True)
class Wanted:
    """How to project a volume; None is found out from the volume. `head`, `skin`: letters of `orientation.SIDES`."""

    depth_mm: float | None = None
    thickness_mm: float = THICKNESS_MM
    method: str = "mean"
    head: str | None = None
    skin: str | None = None


AUTOMATIC = Wanted()


@dataclass(frozen=True)
class Projected:
    """A VPI that was projected; how, JSON-ready (see `Projector.report`); and sentences on what is doubtful."""

    vpi: VPI
    report: dict[str, Any]
    notes: Sequence[str]


def read_input(path: Path, wanted: Wanted = AUTOMATIC, progress: Progress = unheard) -> tuple[VPI, Projected | None]:
    """The VPI of a file: as it is, or projected from a volume; then with how that was done.

    Raises UserError with a sentence that names the file; what `progress` raises goes through.
    """
    if os.path.isdir(path):
        projected = project_file(path, wanted, progress)
        return projected.vpi, projected
    stored = read_image(path)
    if sum(extent > 1 for extent in stored.image.GetSize()) < 3:
        return vpi_of_file(path, stored), None
    projected = _project(path, stored.image, wanted, progress)
    return projected.vpi, projected


def project_file(path: Path, wanted: Wanted = AUTOMATIC, progress: Progress = unheard) -> Projected:
    """Project the volume of a file, or of a folder with one DICOM series.

    Raises UserError with a sentence that names the file; what `progress` raises goes through.
    """
    return _project(path, read_volume(path), wanted, progress)


def _project(path: Path, image: sitk.Image, wanted: Wanted, progress: Progress) -> Projected:
    try:
        projector = projector_of(image, wanted, progress)
        depth = projector.depth_mm if wanted.depth_mm is None else wanted.depth_mm
        slab = Slab(depth, wanted.thickness_mm, wanted.method)
        return Projected(projector.vpi(slab), projector.report(slab), projector.notes)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def read_volume(path: Path) -> sitk.Image:
    """Read a volume's file, or a folder's one DICOM series. Raises ImageError with a sentence."""
    if not os.path.isdir(path):
        return read_image(path).image
    pictures = files_of(path)
    for each in pictures:
        refuse_damaged_dicom(each)
    reader = sitk.ImageSeriesReader()
    with plainly_named(path) as plain, silenced():
        names = [reader.GetGDCMSeriesFileNames(str(plain), each) for each in reader.GetGDCMSeriesIDs(str(plain))]
        known = {each.name for each in pictures}
        series = [each for each in names if known & {Path(name).name for name in each}]
        if len(series) != 1:
            raise ImageError(
                f"The folder {path} holds {len(series) or 'no'} DICOM series of pictures: give a folder with one "
                "series, or a file."
            )
        refuse_uneven([path / Path(name).name for name in series[0]], path)
        reader.SetFileNames(series[0])
        try:
            return reader.Execute()
        except RuntimeError as error:
            raise ImageError(f"The DICOM series in {path} can't be read: is a file of it damaged?") from error


def refuse_uneven(slices: Sequence[Path], path: Path) -> None:
    """Raise ImageError for a series with a gap, or with a slice twice: ITK lays the slices side by side all the same.

    `path`: of their folder.
    """
    steps = steps_between(slices)
    if steps.size and np.ptp(steps) > UNEVEN * np.median(steps):
        raise ImageError(
            f"The {len(slices)} slices of the DICOM series in {path} don't lie evenly ({steps.min():.3g} to "
            f"{steps.max():.3g} mm apart): one is missing, or there twice. Export the series again."
        )


def projector_of(image: sitk.Image, wanted: Wanted = AUTOMATIC, progress: Progress = unheard) -> Projector:
    """A projector of a SimpleITK image. Raises UserError."""
    size = image.GetSize()
    shape = " × ".join(map(str, size))
    if len(size) > 3 and any(extent > 1 for extent in size[3:]):
        raise ImageError(f"This is a sequence of volumes ({shape}): export one volume of it.")
    if len(size) > 3:
        image = sitk.Extract(image, [*size[:3], *[0] * (len(size) - 3)], [0] * len(size))
    if image.GetNumberOfComponentsPerPixel() > 1:
        channels = image.GetNumberOfComponentsPerPixel()
        raise ImageError(f"This volume has {channels} values for each voxel, as colours: export it as grey.")
    if any(key.startswith("Segment0_") for key in image.GetMetaDataKeys()):
        raise ImageError("This is a segmentation: choose the ultrasound volume itself.")
    index_to_lps = np.eye(4)
    if image.GetDimension() == 3:
        directions = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
        index_to_lps[:3, :3] = directions[:, ::-1]  # numpy's axes run backwards
        index_to_lps[:3, 3] = image.GetOrigin()
    voxels = sitk.GetArrayViewFromImage(image)
    if voxels.dtype == np.uint8:
        voxels = voxels.copy()  # a view would outlive the image; of other numbers the greys are new
    return Projector.of(voxels, index_to_lps, wanted.head, wanted.skin, progress)


def write_vpi(vpi: VPI, path: Path) -> None:
    """Write a projected VPI: with its geometry (NRRD, NIfTI, MHA), or as an upright picture without (PNG).

    Raises UserError for another ending, and OSError where the file can't be written.
    """
    name = path.name.lower()
    if not path.suffixes or not name.endswith((*KEEP_GEOMETRY, ".png")):  # .nrrd alone is a hidden file's name
        raise UserError(f"A VPI is written as {', '.join(KEEP_GEOMETRY)} or .png, not as {path.name}.")
    refuse_to_replace(path)
    with whole_file(path) as partial:
        image = vpi.image if name.endswith(KEEP_GEOMETRY) else vpi.image[:, :, 0]
        write_image(image, partial)


def refuse_to_replace(path: Path, source: Path | None = None) -> None:
    """Raise OutputError if a VPI written to `path` would take the place of a volume: of `source`, or of any other."""
    if not path.exists():
        return
    if source is not None and (path.samefile(source) or source in path.parents):
        raise OutputError(f"{path} is the volume itself: choose another name for its VPI.")
    if path.is_dir() or holds_volume(path):
        raise OutputError(f"{path} exists, and is no picture: choose another name for the VPI.")
