"""What is refused, and in which words: files that are damaged, or too large to be what they are taken for.

A header of a few bytes can claim any size: it is asked before memory is.
"""

from __future__ import annotations

import contextlib
import errno
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import ImageError
from ..texts import tr as _

DISKS_TROUBLES = {errno.EACCES, errno.EPERM, errno.EIO, errno.ENOENT, errno.EMFILE, errno.ENFILE, errno.EISDIR}
MOST_PIXELS = 50_000_000  # of one picture: the largest scanners' VPI have two
LONGEST = 1 << 31  # pixels along any axis
MOST_BYTES = 1 << 30  # of a volume's voxels: a whole back at 0.25 mm has some 400 MB
SMALLEST_MM, LARGEST_MM = 0.01, 20.0  # of a voxel: ultrasound resolves no less, and a back needs more


def refuse_size(size: Sequence[int], bytes_each: float) -> None:
    """Raise ImageError for what is too large to be read. `size`: along each axis; `bytes_each`: of a pixel."""
    if not all(0 <= extent < LONGEST for extent in size):
        raise ImageError(_("This picture is said to have a size that can't be: the file is damaged."))
    shape, pixels = " × ".join(map(str, size)), math.prod(size)
    if sum(extent > 1 for extent in size) < 3:
        if pixels > MOST_PIXELS:
            sentence = _("This picture has {shape} pixels; a VPI of more than {most} megapixels is none.")
            raise ImageError(sentence.format(shape=shape, most=MOST_PIXELS // 1_000_000))
    elif pixels * bytes_each > MOST_BYTES:
        sentence = _("This volume of {shape} voxels takes {gigabytes:.1f} GB; more than {most} GB are not read.")
        gigabytes = pixels * bytes_each / 2**30
        raise ImageError(sentence.format(shape=shape, gigabytes=gigabytes, most=MOST_BYTES // 2**30))


def refuse_voxel_size(spacing: Sequence[float]) -> None:
    """Raise ImageError for voxels that no ultrasound has. `spacing`: mm along each axis."""
    if not all(SMALLEST_MM <= size <= LARGEST_MM for size in spacing):
        sentence = _("This volume's voxels are said to be {sizes} mm large, which can't be: correct their size.")
        raise ImageError(sentence.format(sizes=" × ".join(f"{size:g}" for size in spacing)))


@contextlib.contextmanager
def refused(path: Path) -> Iterator[None]:
    """Whatever a file's foreign bytes lead a library to becomes a refusal; what the disk says is passed on."""
    try:
        yield
    except ImageError:
        raise
    except Exception as error:
        if is_disks(error):
            raise
        raise damaged(path) from error


def is_disks(error: Exception) -> bool:
    """Whether an error is the disk's, and not the file's: foreign bytes lead libraries to ask for odd places, too."""
    return isinstance(error, OSError) and error.errno in DISKS_TROUBLES


def unreadable(path: Path) -> ImageError:
    """For a file of no kind that is known."""
    sentence = _("{path} can't be read as an image: is it damaged, or of another type than its name says?")
    return ImageError(sentence.format(path=path))


def damaged(path: Path) -> ImageError:
    """For a file whose kind is known, but not all of it is there."""
    sentence = _("{path} can't be read as an image: it is cut off or damaged. Copy or export it again.")
    return ImageError(sentence.format(path=path))


def odd_pixels(path: Path) -> ImageError:
    """For pixels that nobody can tell the meaning of."""
    sentence = _(
        "{path} has pixels that can't be read (grey with opacity, deep colours plane by plane, half or double "
        "precision?): save it as plain grey or RGB."
    )
    return ImageError(sentence.format(path=path))


def odd_size(path: Path, size: Sequence[int]) -> ImageError:
    """For a file with more numbers than its header says: read by that, a picture would be sheared, or another one."""
    sentence = _(
        "{path} holds more than the {shape} pixels that its header says: its size or type of numbers is wrong there. "
        "Correct it, or export the image again."
    )
    return ImageError(sentence.format(path=path, shape=" × ".join(map(str, size))))
