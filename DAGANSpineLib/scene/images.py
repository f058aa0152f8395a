"""Image nodes of one slice (VPI) as upright pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from ..errors import ImageError
from ..vpi import PICTURES, Plane, grey, pixel_size

COMPARED_ROLE = (
    "DAGANSpineComparedOn"  # node reference from a copy of a volume that models are compared on to the volume
)
INPUT_ROLE = "DAGANSpineInput"  # node reference from a result to the volume that it was made of
PIXEL_SIZE = "DAGANSpinePixelSize"  # attribute of an image whose file doesn't know it: mm, as somebody has said
VOLUME_ROLE = "DAGANSpineVolume"  # node reference from a VPI to the volume that it was projected from


@dataclass(frozen=True)
class OneSlice:
    """Where the only slice of a volume lies in its array, how its picture stands upright, and its spacing: mm between
    rows and columns, None where nobody knew."""

    shape: tuple[int, int, int]
    axis: int
    plane: Plane
    spacing: tuple[float, float] | None

    @classmethod
    def of(cls, volume: slicer.vtkMRMLScalarVolumeNode) -> OneSlice:
        """Raises ImageError if the volume is empty, a label map, or has more than one slice."""
        if volume.IsA("vtkMRMLLabelMapVolumeNode"):
            raise ImageError(_("{name} is a label map; choose the image itself.").format(name=volume.GetName()))
        image = volume.GetImageData()
        if image is None or image.GetNumberOfPoints() == 0:
            raise ImageError(_("{name} holds no image; load it again.").format(name=volume.GetName()))
        shape = image.GetDimensions()[::-1]
        if 1 not in shape:
            raise ImageError(
                _(
                    "{name} is a volume of {columns} × {rows} × {slices} voxels, not a projection image (VPI). "
                    "Project it to one coronal slice first."
                ).format(name=volume.GetName(), columns=shape[2], rows=shape[1], slices=shape[0])
            )
        axis = shape.index(1)
        directions = vtk.vtkMatrix4x4()
        volume.GetIJKToRASDirectionMatrix(directions)
        matrix = slicer.util.arrayFromVTKMatrix(directions)
        within = [2 - dimension for dimension in range(3) if dimension != axis]
        toward = [matrix[:3, dimension] for dimension in within]
        spacing = pixel_size(tuple(volume.GetSpacing()[dimension] for dimension in within), *toward)
        given = given_pixel_size(volume)
        if given is not None:
            spacing = given, given
        elif is_picture_file(volume):
            spacing = None
        return cls(shape, axis, Plane.of(*toward), spacing)

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the upright picture."""
        stored = tuple(count for axis, count in enumerate(self.shape) if axis != self.axis)
        return stored[::-1] if self.plane.transposed else stored

    def picture(self, array: np.ndarray) -> np.ndarray:
        """(slices, rows, columns[, channels]) -> upright (rows, columns[, channels])."""
        return self.plane.upright(np.take(array, 0, axis=self.axis))

    def array(self, picture: np.ndarray) -> np.ndarray:
        """Upright (rows, columns) -> contiguous (slices, rows, columns)."""
        return np.ascontiguousarray(self.plane.stored(picture)).reshape(self.shape)


def picture_to_local(volume: slicer.vtkMRMLScalarVolumeNode) -> np.ndarray:
    """(3, 3): from (row, column, 1) of the upright picture of a one-slice volume to its place, mm, where the volume
    lies before the transform that it is under. Raises ImageError."""
    one_slice, matrix = OneSlice.of(volume), vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    plane, last_row = one_slice.plane, one_slice.size[0] - 1
    stored = np.array([[-1, 0, last_row] if plane.flipped else [1, 0, 0], [0, 1, 0]], dtype=float)
    ijk = np.zeros((4, 3))
    ijk[3, 2] = 1
    within = [2 - axis for axis in range(3) if axis != one_slice.axis]
    ijk[within] = stored[::-1] if plane.transposed else stored
    return (slicer.util.arrayFromVTKMatrix(matrix) @ ijk)[:3]


def put_beside(node: slicer.vtkMRMLNode, volume: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Under the parent of the input (patient, study, folder) in the subject hierarchy, as Slicer does itself; of an
    input that is hidden from it, at its root."""
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    item = hierarchy.GetItemByDataNode(volume)
    parent = hierarchy.GetItemParent(item) if item else hierarchy.GetSceneItemID()
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(node), parent)


def picture_axes(volume: slicer.vtkMRMLScalarVolumeNode) -> np.ndarray:
    """Where the upright picture of a one-slice volume has its right and its top: unit vectors (2, 3), RAS."""
    one_slice, matrix = OneSlice.of(volume), vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    to_world = slicer.util.arrayFromVTKMatrix(matrix)
    transform = volume.GetParentTransformNode()
    if transform is not None and transform.IsTransformToWorldLinear():
        transform.GetMatrixTransformToWorld(matrix)
        to_world = slicer.util.arrayFromVTKMatrix(matrix) @ to_world
    first, second = (to_world[:3, 2 - axis] for axis in range(3) if axis != one_slice.axis)
    right, down = (first, second) if one_slice.plane.transposed else (second, first)
    axes = np.stack([right, down if one_slice.plane.flipped else -down])
    return axes / np.linalg.norm(axes, axis=1, keepdims=True)


def is_picture_file(volume: slicer.vtkMRMLScalarVolumeNode) -> bool:
    """Whether the volume comes from a PNG or JPEG and the like, whose resolution is that of a print."""
    storage = volume.GetStorageNode()
    return bool(storage and storage.GetFileName()) and Path(storage.GetFileName()).suffix.lower() in PICTURES


def given_pixel_size(volume: slicer.vtkMRMLScalarVolumeNode) -> float | None:
    """How large a pixel is, mm, as somebody has said; None where nobody has."""
    said = volume.GetAttribute(PIXEL_SIZE)
    return float(said) if said else None


def give_pixel_size(volume: slicer.vtkMRMLScalarVolumeNode, size: float | None) -> None:
    """Say how large a pixel of an image is, mm, across and down; None takes it back. The image is shown and measured
    so, and its results take that over."""
    shape = OneSlice.of(volume).shape[::-1]
    volume.SetAttribute(PIXEL_SIZE, None if size is None else f"{size:g}")
    before = volume.GetSpacing()
    volume.SetSpacing([old if extent == 1 else size or 1.0 for extent, old in zip(shape, before, strict=True)])


def trouble_with(volume: slicer.vtkMRMLScalarVolumeNode | None) -> str:
    """Why this node can't be restored, as a sentence that says what to do; empty if it can. Reads no pixels."""
    if volume is None:
        return _("Choose an image (VPI) first: load one with Add Data, then select it above.")
    try:
        OneSlice.of(volume)
    except ImageError as error:
        return str(error)
    return ""


def pixels_of(volume: slicer.vtkMRMLScalarVolumeNode) -> np.ndarray:
    """A one-slice scalar or vector volume as an upright picture: float32 (rows, columns), grey 0 to 255.

    Raises ImageError with a sentence for whatever is no VPI.
    """
    return grey(OneSlice.of(volume).picture(slicer.util.arrayFromVolume(volume)))


def first_image() -> slicer.vtkMRMLScalarVolumeNode | None:
    """The first node of the scene that can be restored, and is no result and no volume's projection."""
    volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    return next((volume for volume in volumes if not is_made(volume) and not trouble_with(volume)), None)


def is_made(volume: slicer.vtkMRMLScalarVolumeNode) -> bool:
    """Whether this module made this volume: a restored image, a volume's projection, a copy to compare models on."""
    return any(volume.GetNodeReferenceID(role) for role in (INPUT_ROLE, VOLUME_ROLE, COMPARED_ROLE))
