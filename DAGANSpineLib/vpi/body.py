"""The lit body: where the sweep reached."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

DARK = 2.0  # grey levels up to here may be compression noise around the lit body
SIDE = 0.2  # of the largest lit region: smaller ones are writing beside the sweep, not the other side of its midline


def lit_body(pixels: np.ndarray) -> np.ndarray:
    """Where the sweep reached: (rows, columns) grey -> boolean mask, one stretch in each row.

    Dashes within it are black too, so the lit pixels are closed across gaps of a few rows, and holes are filled; so is
    the midline, which may be black down to the foot and even part the body in two.
    """
    margin = 16
    lit = sitk.GetImageFromArray((pixels > DARK).astype(np.uint8))
    lit = sitk.ConstantPad(lit, [margin] * 2, [margin] * 2)
    closed = sitk.BinaryFillhole(sitk.BinaryMorphologicalClosing(lit, [2, 12]))
    parts = sitk.GetArrayFromImage(sitk.RelabelComponent(sitk.ConnectedComponent(closed)))  # the largest is 1
    sizes = np.bincount(parts.ravel(), minlength=2)
    sizes[0] = 0
    body = (sizes >= max(1, sizes[1] * SIDE))[parts][margin:-margin, margin:-margin]
    return np.logical_or.accumulate(body, 1) & np.logical_or.accumulate(body[:, ::-1], 1)[:, ::-1]
