"""A volume projection image (VPI) of a spine: read from any file, grey, upright, with its pixel size and lit body.

Arrays are (rows, columns), head at the top, grey 0 to 255. Numpy, SimpleITK, Pillow, pydicom and scipy
only: Slicer has them all.
"""

from .background import DARK
from .body import lit_body
from .filling import bridged, interpolated
from .foreign import STREAMS, plainly_named, silenced
from .gaps import BRIDGED_MM, gaps_of, unseen_in
from .greys import SMALLEST, grey, grey_voxels
from .picture import ENDINGS, PICTURES, VPI, pixel_size, read_vpi, refuse_unlit, vpi_of_file
from .plane import Plane, side_of_patients_right
from .reach import within_reach
from .reading import (
    Stored,
    files_of,
    holds_volume,
    is_dicom,
    read_image,
    refuse_damaged_dicom,
    steps_between,
    volume_series,
)
from .refusals import refuse_voxel_size
from .runs import runs
from .scale import DEVIATION, NETWORK_SIZE, denormalise, filled_pixels, height_mm, is_a_backs, normalise
from .windows import opened_upright, sideways
from .writing import is_whole, write_image

__all__ = [
    "BRIDGED_MM",
    "DARK",
    "DEVIATION",
    "ENDINGS",
    "NETWORK_SIZE",
    "PICTURES",
    "SMALLEST",
    "STREAMS",
    "VPI",
    "Plane",
    "Stored",
    "bridged",
    "denormalise",
    "files_of",
    "filled_pixels",
    "gaps_of",
    "grey",
    "grey_voxels",
    "height_mm",
    "holds_volume",
    "interpolated",
    "is_a_backs",
    "is_dicom",
    "is_whole",
    "lit_body",
    "normalise",
    "opened_upright",
    "pixel_size",
    "plainly_named",
    "read_image",
    "read_vpi",
    "refuse_damaged_dicom",
    "refuse_unlit",
    "refuse_voxel_size",
    "runs",
    "side_of_patients_right",
    "sideways",
    "silenced",
    "steps_between",
    "unseen_in",
    "volume_series",
    "vpi_of_file",
    "within_reach",
    "write_image",
]
