"""Is a JPEG whole? Pillow goes on with whatever it has, without a word."""

from __future__ import annotations

import contextlib
import re
import tempfile
from pathlib import Path

import SimpleITK as sitk

from .foreign import silenced
from .itk import bytes_of
from .refusals import damaged, refuse_size

# of libjpeg; 0xd9 is the end's marker
COMPLAINTS = re.compile(r"Corrupt JPEG data: (?!\d+ extraneous bytes before marker 0xd9)|Premature end")


def refuse_corrupt(content: bytes, path: Path) -> None:
    """Raise ImageError, of the file `path`, for a JPEG that is too large for a VPI, or that libjpeg complains of, which
    prints so through ITK."""
    reader = sitk.ImageFileReader()
    reader.SetImageIO("JPEGImageIO")
    with tempfile.TemporaryDirectory() as folder, silenced() as printed:
        copy = Path(folder) / "file.jpg"
        copy.write_bytes(content)
        reader.SetFileName(str(copy))
        with contextlib.suppress(RuntimeError):  # of what ITK can't read, such as inks, and Pillow can
            reader.ReadImageInformation()
            refuse_size(reader.GetSize(), bytes_of(reader))  # within DICOM it may claim more than that does
            reader.Execute()
    if COMPLAINTS.search(printed.text):
        raise damaged(path)
