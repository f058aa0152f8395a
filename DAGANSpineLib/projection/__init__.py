"""From a voxel volume to its VPI: which way it lies, its skin, the slab under it, a preview."""

from .files import Projected, Wanted, project_file, read_input, refuse_to_replace, write_vpi
from .orientation import TO_RAS
from .preview import cut
from .projector import THICKNESS_MM, Projector, Slab

__all__ = [
    "THICKNESS_MM",
    "TO_RAS",
    "Projected",
    "Projector",
    "Slab",
    "Wanted",
    "cut",
    "project_file",
    "read_input",
    "refuse_to_replace",
    "write_vpi",
]
