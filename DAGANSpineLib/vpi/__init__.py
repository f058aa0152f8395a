"""A volume projection image (VPI) of a spine: read from any file, grey, upright, with its pixel size and lit body.

Arrays are (rows, columns), head at the top, grey 0 to 255. Numpy, SimpleITK, Pillow and
pydicom only: Slicer has them all.
"""

from .background import DARK
from .body import lit_body
from .greys import SMALLEST, grey
from .picture import PICTURES, VPI, pixel_size, read_vpi, vpi_of_file
from .plane import Plane
from .reading import Stored, read_image
from .scale import DEVIATION, NETWORK_SIZE, denormalise, normalise

__all__ = [
    "DARK",
    "DEVIATION",
    "NETWORK_SIZE",
    "PICTURES",
    "SMALLEST",
    "VPI",
    "Plane",
    "Stored",
    "denormalise",
    "grey",
    "lit_body",
    "normalise",
    "pixel_size",
    "read_image",
    "read_vpi",
    "vpi_of_file",
]
