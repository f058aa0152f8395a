"""Segments drawn over a VPI."""

import numpy as np
import SimpleITK as sitk

from .segments import SEGMENTS

OPACITY = 0.3  # of a segment's area; its outline is opaque
OUTLINE = 2  # pixels


def overlay(pixels: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Grey (rows, columns) and labels 0 to 3 -> uint8 (rows, columns, 3), red ribs, green thoracic, blue lumbar."""
    colours = np.zeros((len(SEGMENTS) + 1, 3))
    for segment in SEGMENTS:
        colours[segment.label] = np.array(segment.colour) * 255
    outline = labels.astype(bool) & ~eroded(labels)
    opacity = np.where(outline, 1.0, OPACITY) * (labels > 0)
    picture = pixels[..., None] * (1 - opacity[..., None]) + colours[labels] * opacity[..., None]
    return picture.round().clip(0, 255).astype(np.uint8)


def eroded(labels: np.ndarray) -> np.ndarray:
    """The inside of each segment, without its outline; touching segments have an outline each."""
    inside = np.zeros(labels.shape, bool)
    for segment in SEGMENTS:
        mask = sitk.GetImageFromArray((labels == segment.label).astype(np.uint8))
        inside |= sitk.GetArrayFromImage(sitk.BinaryErode(mask, [OUTLINE] * 2)).astype(bool)
    return inside
