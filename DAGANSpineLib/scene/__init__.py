"""MRML nodes to arrays and back: the one room that imports slicer.

Volume arrays are Slicer's (slices, rows, columns[, channels]), pictures are upright (rows, columns), grey 0 to 255.
"""

from . import projection
from .by_hand import add_curve, drawn_spine_of, follow_lines, is_automatic, level_of, reset_lines
from .compared import remove_compared, show_compared
from .corrections import Corrected, corrected
from .images import (
    COMPARED_ROLE,
    INPUT_ROLE,
    VOLUME_ROLE,
    OneSlice,
    first_image,
    give_pixel_size,
    given_pixel_size,
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
    doubt_of,
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
    was_edited,
)
from .sequences import frame_of
from .spines import (
    all_markups,
    is_moved,
    lines_of,
    markups_of,
    names_of,
    patients_right_is,
    remove_orphans,
    spine_of,
)

__all__ = [
    "COMPARED_ROLE",
    "FINDINGS",
    "INPUT_ROLE",
    "MODEL",
    "REMOVED_ROLE",
    "VOLUME_ROLE",
    "Corrected",
    "OneSlice",
    "add_curve",
    "all_markups",
    "classes_of",
    "corrected",
    "doubt_of",
    "drawn_spine_of",
    "findings_of",
    "first_image",
    "follow_lines",
    "frame_of",
    "give_pixel_size",
    "given_pixel_size",
    "grey_scale",
    "is_automatic",
    "is_moved",
    "is_ours",
    "is_outdated",
    "is_picture_file",
    "labels_of",
    "level_of",
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
    "remove_compared",
    "remove_orphans",
    "removed_of",
    "reset_lines",
    "results_of",
    "show_compared",
    "show_removed",
    "spine_of",
    "trouble_with",
    "was_edited",
]
