"""What a run found: figures, overlays, contact sheets, and the letters in them. Numpy and SimpleITK only."""

from .contact_sheet import pages_in, write_contact_sheets
from .figures import DISCLAIMER, cell, curve_cells, curves_in_words, extent, findings
from .lines import short_name, with_lines
from .overlays import BRIGHTENED, DARKENED, FILLED, FULL_CHANGE, SHADES, changes, overlay, residual

__all__ = [
    "BRIGHTENED",
    "DARKENED",
    "DISCLAIMER",
    "FILLED",
    "FULL_CHANGE",
    "SHADES",
    "cell",
    "changes",
    "curve_cells",
    "curves_in_words",
    "extent",
    "findings",
    "overlay",
    "pages_in",
    "residual",
    "short_name",
    "with_lines",
    "write_contact_sheets",
]
