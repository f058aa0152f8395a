"""A small picture and its labels, and nodes of them in Slicer's scene."""

import numpy as np
import slicer
import vtk

AS_PNG = np.diag([-1.0, -1.0, 1.0, 1.0])  # the geometry that Slicer gives to pictures without one
LABELS = np.zeros((120, 60), np.uint8)
LABELS[10:30, 5:25] = 1
LABELS[40:60, 20:50] = 2
LABELS[80:110, 10:30] = 3
PICTURE = np.random.default_rng(0).integers(1, 255, LABELS.shape, dtype=np.uint8)


def add_volume(array, ijk_to_ras=AS_PNG, name="VPI", kind=None):
    return slicer.util.addVolumeFromArray(array, ijk_to_ras, name, kind)


def geometry(node):
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def voxels(segmentation, segment, volume):
    return slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment.name, volume)
