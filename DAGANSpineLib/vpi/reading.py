"""Any image file, read by whatever reads its kind as people mean it, or refused with a sentence."""

from __future__ import annotations

import gzip
import os
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import ImageError
from ..texts import tr as _
from .foreign import plainly_named
from .headers import header_of, refuse_incomplete, unpacked_nrrd
from .itk import read_by
from .refusals import damaged, refused, unreadable

RASTERS = (b"\x89PNG", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"BM", b"GIF8", b"RIFF")
READERS = {"NRRD": "NrrdImageIO", "MetaImage": "MetaImageIO", "NIfTI": "NiftiImageIO"}
SLICES = 4  # of a DICOM series, from which on they make a volume
OLD_DICOM = b"\x02\0", b"\x08\0"  # without the usual preamble, it begins with an element of one of these groups
LENGTHS = b"\x02\0\0\0UL", b"\x08\0\0\0UL", b"\x08\0\0\0\x04\0\0\0"  # or with the length of such a group


@dataclass(frozen=True)
class Stored:
    """An image as its file has it. `sized`: whether the file may know a patient's millimetres, and not a print's."""

    image: sitk.Image
    sized: bool


def kind_of(path: Path) -> str | None:
    """What a file is, by its content, whatever its name says: "raster", "DICOM", "NRRD", "MetaImage" or "NIfTI"."""
    with path.open("rb") as file:
        first = file.read(1024)
    if first[128:132] == b"DICM":
        return "DICOM"
    if first.startswith(RASTERS):
        return "raster"
    if first.startswith(b"NRRD"):
        return "NRRD"
    if re.search(rb"^\s*(NDims|ObjectType)\s*=", first, re.M):
        return "MetaImage"
    if first.startswith(b"\x1f\x8b"):
        try:
            with gzip.open(path, "rb") as file:
                first = file.read(1024)
        except (OSError, EOFError, zlib.error):
            return "NIfTI" if path.name.lower().endswith(".nii.gz") else None
    if first[:4] in (b"\x5c\x01\0\0", b"\0\0\x01\x5c") and first[344:346] in (b"n+", b"ni"):
        return "NIfTI"
    if first[:4] in (b"\x1c\x02\0\0", b"\0\0\x02\x1c") and first[4:6] in (b"n+", b"ni"):
        return "NIfTI"
    old = first.startswith(LENGTHS) or (first[:2] in OLD_DICOM and first[2:4] != b"\0\0")
    return "DICOM" if old else None


def read_image(path: Path) -> Stored:
    """Read an image file. Raises ImageError with a sentence if it is missing, damaged, too large, or no image."""
    if not os.path.isfile(path):  # which, other than a path's own, raises nothing for names that can't be
        raise ImageError(_("There is no file {path}.").format(path=path))
    kind = kind_of(path)
    if kind is None:
        raise damaged(path) if path.name.lower().endswith(".nii") else unreadable(path)
    if kind == "raster":
        from .rasters import read_raster  # these take a while to load, and Slicer's panel reads no files

        pixels = read_raster(path)
        return Stored(sitk.GetImageFromArray(pixels, isVector=pixels.ndim == 3 and pixels.shape[2] == 3), False)
    if kind == "DICOM":
        from .dicom import read_dicom

        return Stored(*read_dicom(path))
    header = header_of(path, kind)
    if header.frames and header.size:
        refuse_frames(path, header.size)
    refuse_incomplete(path, header)
    if header.packing == "bzip2":
        with refused(path), unpacked_nrrd(path, header) as plain:
            return Stored(read_by(plain, READERS[kind], path), True)
    # ITK takes the pixels of a.nii for those of a.nii.gz, where both lie in one folder
    with plainly_named(path, alone=kind == "NIfTI" and header.data == (path,)) as plain:
        return Stored(read_by(plain, READERS[kind], path), True)


def files_of(path: Path) -> list[Path]:
    """All files whose content an image is made of: its own, those that its header names, or a folder's DICOM pictures.
    Raises ImageError or OSError."""
    if path.is_dir():
        return sorted(each for each in path.iterdir() if each.is_file() and is_dicom(each))
    kind = kind_of(path)
    named = header_of(path, kind).data if kind in READERS else ()
    return list(dict.fromkeys([path, *(each for each in named if os.path.isfile(each))]))


def holds_volume(path: Path) -> bool:
    """Whether a file is one of a volume, as far as its header says."""
    kind = kind_of(path)
    try:
        return kind in READERS and sum(extent > 1 for extent in header_of(path, kind).size) > 2
    except ImageError:
        return False


def is_dicom(path: Path) -> bool:
    """Whether a file is a DICOM picture: directories, reports and settings are none."""
    if kind_of(path) != "DICOM":
        return False
    from .dicom import header

    return header(path) is not None


def refuse_damaged_dicom(path: Path) -> None:
    """Raise ImageError if a DICOM file promises more than it holds."""
    from .dicom import refuse_damaged

    refuse_damaged(path)


def volume_series(paths: Sequence[Path]) -> list[Path]:
    """Those of these files that are slices of volumes: of a DICOM series at different places of the patient."""
    from .dicom import header

    series: dict[str, list[tuple[Path, str]]] = {}
    for path in paths:
        if kind_of(path) == "DICOM" and (found := header(path)) is not None and "ImagePositionPatient" in found:
            place = str(found.ImagePositionPatient)
            series.setdefault(str(found.get("SeriesInstanceUID")), []).append((path, place))
    stacks = [each for each in series.values() if len({place for _path, place in each}) >= SLICES]
    within = {path for stack in stacks for path, _place in stack}
    return [path for path in paths if path in within]


def steps_between(slices: Sequence[Path]) -> np.ndarray:
    """mm between each slice of a DICOM series and the next; none where the files don't say where they lie."""
    from .dicom import header

    found = [header(path) for path in slices]
    places = [None if each is None else each.get("ImagePositionPatient") for each in found]
    if not all(isinstance(place, Sequence) and len(place) == 3 for place in places):
        return np.empty(0)
    return np.linalg.norm(np.diff(np.array(places, float), axis=0), axis=1)


def refuse_frames(path: Path, size: tuple[int, ...]) -> None:
    """Raise ImageError: B-scans of a tracked sweep become a volume by the tracker's positions only."""
    sentence = _(
        "{path} is a tracked sweep of {count} B-scans, not yet a volume: reconstruct the volume first, with Plus or "
        "SlicerIGT (Volume Reconstruction)."
    )
    raise ImageError(sentence.format(path=path, count=size[-1]))
