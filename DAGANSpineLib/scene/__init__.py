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
    is_outdated,
    labels_of,
    measure_again,
    model_of,
    publish,
    refers_to,
    results_of,
)
from .sequences import frame_of
from .spines import (
    all_markups,
    drawn_spine_of,
    follow_lines,
    is_moved,
    lines_of,
    markups_of,
    names_of,
    patients_right_is,
    remove_orphans,
    reset_lines,
    spine_of,
)

__all__ = [
    "FINDINGS",
    "INPUT_ROLE",
    "MODEL",
    "REMOVED_ROLE",
    "VOLUME_ROLE",
    "OneSlice",
    "all_markups",
    "classes_of",
    "drawn_spine_of",
    "findings_of",
    "first_image",
    "follow_lines",
    "frame_of",
    "grey_scale",
    "is_moved",
    "is_ours",
    "is_outdated",
    "is_picture_file",
    "labels_of",
    "lines_of",
    "markups_of",
    "measure_again",
    "model_of",
    "names_of",
    "patients_right_is",
    "picture_axes",
    "pixels_of",
    "projection",
    "publish",
    "refers_to",
    "remove_orphans",
    "removed_of",
    "reset_lines",
    "results_of",
    "show_removed",
    "spine_of",
    "trouble_with",
]
