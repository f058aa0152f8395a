"""MRML nodes to arrays and back: the one room that imports slicer.

Volume arrays are Slicer's (slices, rows, columns[, channels]), pictures are upright (rows, columns), grey 0 to 255.
"""

from . import projection
from .images import (
    INPUT_ROLE,
    VOLUME_ROLE,
    OneSlice,
    first_image,
    is_picture_file,
    picture_axes,
    pixels_of,
    trouble_with,
)
from .removed import REMOVED_ROLE, removed_of, show_removed
from .results import (
    FINDINGS,
    MODEL,
    classes_of,
    findings_of,
    grey_scale,
    is_ours,
    labels_of,
    model_of,
    publish,
    refers_to,
    results_of,
)
from .sequences import frame_of

__all__ = [
    "FINDINGS",
    "INPUT_ROLE",
    "MODEL",
    "REMOVED_ROLE",
    "VOLUME_ROLE",
    "OneSlice",
    "classes_of",
    "findings_of",
    "first_image",
    "frame_of",
    "grey_scale",
    "is_ours",
    "is_picture_file",
    "labels_of",
    "model_of",
    "picture_axes",
    "pixels_of",
    "projection",
    "publish",
    "refers_to",
    "removed_of",
    "results_of",
    "show_removed",
    "trouble_with",
]
