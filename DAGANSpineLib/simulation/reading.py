"""What an expert draws: each bone that can be told from the muscle around it, where it lies in the lit body."""

import numpy as np
import SimpleITK as sitk

from ..segments import CLASSES
from .bones import LUMBAR, RIB, THORACIC, Bones

# Grey levels by which a bone darkens the image on average: fainter ones drown in the muscle's own blotches.
FAINTEST_CONTRAST = 8.0
# Where muscle itself is darker than this grey (contact lost, the fading foot), there is nothing to tell bone from.
FAINTEST_MUSCLE = 18.0
# Of a bone that the lit body cuts off, this much has to be left to be recognised, mm^2.
SMALLEST_AREA = {RIB: 12.0, THORACIC: 20.0, LUMBAR: 120.0}


SPECK = 6.0  # mm^2: what the ragged lit edge or a neighbour leaves of a bone in pieces smaller than this


def without_specks(labels: np.ndarray, smallest: float) -> np.ndarray:
    """`labels` (rows, columns) without the pieces of fewer than `smallest` pixels: nobody draws such."""
    cleaned = np.zeros_like(labels)
    for value in (RIB, THORACIC, LUMBAR):
        image = sitk.GetImageFromArray((labels == value).astype(np.uint8))
        pieces = sitk.GetArrayFromImage(sitk.ConnectedComponent(image))
        large = np.bincount(pieces.ravel()) >= smallest
        large[0] = False
        cleaned[large[pieces]] = value
    return cleaned


def read_labels(bones: Bones, body: np.ndarray, darkening: np.ndarray, spacing: float) -> tuple[np.ndarray, dict]:
    """Labels (rows, columns) uint8, and per bone by name its class, contrast (grey levels), area (mm^2), centre ([row,
    column], None where nothing can be read of it), and whether drawn.

    `body`: the pixels lit well enough to read; `darkening`: by how many grey levels the bones darken each pixel;
    `spacing`: mm per pixel.
    """
    owner = np.where(body, bones.owner, 0)
    pixels = np.bincount(owner.ravel(), minlength=len(bones.names) + 1)[1:]
    total = np.bincount(owner.ravel(), weights=darkening.ravel(), minlength=len(bones.names) + 1)[1:]
    contrast = total / np.maximum(pixels, 1)
    area = pixels * spacing**2
    rows, columns = (
        np.bincount(owner.ravel(), weights=np.broadcast_to(at, owner.shape).ravel(), minlength=len(bones.names) + 1)[1:]
        for at in np.ogrid[: owner.shape[0], : owner.shape[1]]
    )
    centres = [
        [round(float(row / size), 2), round(float(column / size), 2)] if size else None
        for row, column, size in zip(rows, columns, pixels, strict=True)
    ]
    smallest = np.array([SMALLEST_AREA[value] for value in bones.classes])
    drawn = (contrast >= FAINTEST_CONTRAST) & (area >= smallest)
    label_of = np.concatenate([[0], np.where(drawn, bones.classes, 0)]).astype(np.uint8)
    readings = {
        name: {
            "class": CLASSES[value],
            "contrast": round(float(c), 2),
            "area_mm2": round(float(m), 2),
            "centre": centre,
            "drawn": bool(d),
        }
        for name, value, c, m, centre, d in zip(bones.names, bones.classes, contrast, area, centres, drawn, strict=True)
    }
    return without_specks(label_of[owner], SPECK / spacing**2), readings
