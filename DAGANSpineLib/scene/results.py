"""MRML nodes to pixels and back.

Volume arrays are Slicer's (slices, rows, columns[, channels]), pictures are upright (rows, columns), grey 0 to 255.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from ..report import overlay
from ..report.findings import extent
from ..segments import SEGMENTS
from ..vpi.picture import PICTURES, ImageError, Plane, grey, pixel_size

INPUT_ROLE = "DAGANSpineInput"  # node reference from a result to the volume that it was made of
VOLUME_ROLE = "DAGANSpineVolume"  # node reference from a VPI to the volume that it was projected from
REMOVED_ROLE = "DAGANSpineRemovedFrom"  # the same, of the picture of what was removed
MODEL = "DAGANSpineModel"  # attribute of a result: which model made it
FINDINGS = "DAGANSpineFindings"  # attribute of a result: the run's figures and warnings, in JSON


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
        return cls(shape, axis, Plane.of(*toward), None if is_picture_file(volume) else spacing)

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
    for volume in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
        made = any(volume.GetNodeReferenceID(role) for role in (INPUT_ROLE, VOLUME_ROLE))
        if not made and not trouble_with(volume):
            return volume
    return None


def results_of(volume: slicer.vtkMRMLScalarVolumeNode) -> tuple[slicer.vtkMRMLNode | None, slicer.vtkMRMLNode | None]:
    """The restored volume and the segmentation that were made of this volume, None for each that is not there.

    The results refer to the input, not the other way round, so that a copied input doesn't claim them.
    """
    return tuple(
        next((node for node in slicer.util.getNodesByClass(kind) if refers_to(node, volume)), None)
        for kind in ("vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode")
    )


def refers_to(node: slicer.vtkMRMLNode, volume: slicer.vtkMRMLScalarVolumeNode) -> bool:
    """Whether `node` is a result of `volume`."""
    return node.GetNodeReferenceID(INPUT_ROLE) == volume.GetID()


def model_of(result: slicer.vtkMRMLNode) -> str:
    """Which model made this result; empty if that is not known."""
    return result.GetAttribute(MODEL) or ""


def findings_of(result: slicer.vtkMRMLNode) -> dict[str, Any] | None:
    """The run's figures and warnings as `report.findings` gave them; None if they are not known."""
    try:
        return json.loads(result.GetAttribute(FINDINGS) or "null")
    except json.JSONDecodeError:
        return None


def labels_of(segmentation: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLScalarVolumeNode) -> np.ndarray:
    """The segments as they are now, edited or not: uint8 (rows, columns), upright, values as in `SEGMENTS`; where they
    overlap, the last."""
    labels = np.zeros(OneSlice.of(volume).size, np.uint8)
    for segment in SEGMENTS:
        labels[mask_of(segmentation, segment.name, volume)] = segment.label
    return labels


def classes_of(segmentation: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLScalarVolumeNode) -> dict[str, Any]:
    """Components and areas of the segments as they are now, as in `report.findings`."""
    spacing = OneSlice.of(volume).spacing
    return {segment.name.lower(): extent(mask_of(segmentation, segment.name, volume), spacing) for segment in SEGMENTS}


def mask_of(
    segmentation: slicer.vtkMRMLSegmentationNode, name: str, volume: slicer.vtkMRMLScalarVolumeNode
) -> np.ndarray:
    """A segment as it is now: boolean (rows, columns), upright; empty if it is gone."""
    one_slice = OneSlice.of(volume)
    if segmentation.GetSegmentation().GetSegment(name) is None:
        return np.zeros(one_slice.size, bool)
    return one_slice.picture(slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, name, volume) > 0)


def publish(
    volume: slicer.vtkMRMLScalarVolumeNode,
    restored: np.ndarray,
    labels: np.ndarray,
    model: str = "",
    findings: dict[str, Any] | None = None,
) -> tuple[slicer.vtkMRMLScalarVolumeNode, slicer.vtkMRMLSegmentationNode]:
    """Put results into the scene, with the input's geometry and parent transform.

    `restored`, `labels`: uint8 (rows, columns), upright; labels as in `SEGMENTS`, 0 for none. `model`: which one made
    them, `findings`: the run's figures and warnings; both are kept with the nodes and saved with the scene. Former
    results of the same input are filled anew, so that names, colours and display settings that a user gave them stay.
    Raises ImageError if the volume no longer has the size of the pictures; the scene is then as it was.
    """
    one_slice = OneSlice.of(volume)
    if one_slice.size != restored.shape:
        raise ImageError(_("{name} was changed during the run; run it again.").format(name=volume.GetName()))
    former = results_of(volume)
    made = []
    try:
        restored_node = former[0] or add_restored(volume, made)
        segmentation_node = former[1] or add_segmentation(volume, made)
        for node in (restored_node, segmentation_node):
            node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
            put_beside(node, volume)
        slicer.util.updateVolumeFromArray(restored_node, one_slice.array(restored))
        restored_node.CopyOrientation(volume)
        fill_segments(segmentation_node, volume, one_slice.array(labels))
        for node in (restored_node, segmentation_node):
            node.SetAttribute(MODEL, model or None)
            node.SetAttribute(FINDINGS, json.dumps(findings, ensure_ascii=False) if findings else None)
    except Exception:
        for node in made:
            slicer.mrmlScene.RemoveNode(node)
        raise
    return restored_node, segmentation_node


def add_restored(volume: slicer.vtkMRMLScalarVolumeNode, made: list) -> slicer.vtkMRMLScalarVolumeNode:
    """A new node for the restored image; appended to `made`."""
    node = add_result(volume, "vtkMRMLScalarVolumeNode", _("{name} restored"), made)
    node.GetDisplayNode().AutoWindowLevelOff()
    node.GetDisplayNode().SetWindowLevelMinMax(*shown_greys(volume))
    return node


def shown_greys(volume: slicer.vtkMRMLScalarVolumeNode) -> tuple[float, float]:
    """The grey levels, 0 to 255, that are black and white where the volume is shown: its restored image is compared
    with it side by side."""
    display = volume.GetDisplayNode()
    if display is None or volume.IsA("vtkMRMLVectorVolumeNode"):
        return 0.0, 255.0
    pixels, stored = pixels_of(volume), slicer.util.arrayFromVolume(volume)
    scale = (float(pixels.max()) - float(pixels.min())) / (float(stored.max()) - float(stored.min()))
    black, white = display.GetWindowLevelMin(), display.GetWindowLevelMax()
    return tuple(float(pixels.min()) + scale * (level - float(stored.min())) for level in (black, white))


def add_segmentation(volume: slicer.vtkMRMLScalarVolumeNode, made: list) -> slicer.vtkMRMLSegmentationNode:
    """A new node for the segments; appended to `made`."""
    node = add_result(volume, "vtkMRMLSegmentationNode", _("{name} segmentation"), made)
    node.GetDisplayNode().SetOpacity2DFill(0.3)  # Slicer's 0.5 hides the bone under it
    return node


def add_result(volume: slicer.vtkMRMLScalarVolumeNode, kind: str, name: str, made: list) -> slicer.vtkMRMLNode:
    """A new node with its display node, that refers to its input; `name` holds a {name}; appended to `made`."""
    node = slicer.mrmlScene.AddNewNodeByClass(kind, name.format(name=volume.GetName()))
    made.append(node)
    node.SetNodeReferenceID(INPUT_ROLE, volume.GetID())
    node.CreateDefaultDisplayNodes()
    return node


def put_beside(node: slicer.vtkMRMLNode, volume: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Under the parent of the input (patient, study, folder) in the subject hierarchy, as Slicer does itself."""
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    parent = hierarchy.GetItemParent(hierarchy.GetItemByDataNode(volume))
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(node), parent)


def fill_segments(
    segmentation_node: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLScalarVolumeNode, labels: np.ndarray
) -> None:
    """Rib, Thoracic and Lumbar from a label array (slices, rows, columns); other segments are left alone."""
    segmentation_node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    segmentation = segmentation_node.GetSegmentation()
    for segment in SEGMENTS:
        if segmentation.GetSegment(segment.name) is None:
            segmentation.AddEmptySegment(segment.name, segment.name, segment.colour)
            added = segmentation.GetSegment(segment.name)
            added.SetTag(added.GetTerminologyEntryTagName(), segment.terminology)
        mask = (labels == segment.label).astype(np.uint8)
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation_node, segment.name, volume)


def removed_of(volume: slicer.vtkMRMLScalarVolumeNode) -> slicer.vtkMRMLLabelMapVolumeNode | None:
    """The picture of what was removed from this volume, if it has been made."""
    pictures = slicer.util.getNodesByClass("vtkMRMLLabelMapVolumeNode")
    return next((node for node in pictures if node.GetNodeReferenceID(REMOVED_ROLE) == volume.GetID()), None)


def show_removed(
    volume: slicer.vtkMRMLScalarVolumeNode, restored: slicer.vtkMRMLScalarVolumeNode
) -> slicer.vtkMRMLLabelMapVolumeNode:
    """Make, or fill anew, the picture of what restoration removed: red where it darkened, blue where it brightened, the
    more the stronger.

    A label map, since Slicer draws no other volume with an opacity for each value.
    """
    one_slice = OneSlice.of(volume)
    node = removed_of(volume)
    if node is None:
        name = _("{name} removed").format(name=volume.GetName())
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", name)
        node.SetNodeReferenceID(REMOVED_ROLE, volume.GetID())
        node.CreateDefaultDisplayNodes()
        put_beside(node, volume)
    node.GetDisplayNode().SetAndObserveColorNodeID(removed_colours().GetID())
    node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
    changes = overlay.changes(pixels_of(volume), pixels_of(restored))
    slicer.util.updateVolumeFromArray(node, one_slice.array(changes))
    node.CopyOrientation(volume)
    return node


def removed_colours() -> slicer.vtkMRMLColorTableNode:
    """The scene's colours for what was removed, by `overlay.changes`; made if they are not there."""
    for table in slicer.util.getNodesByClass("vtkMRMLColorTableNode"):
        if table.GetAttribute(REMOVED_ROLE):
            return table
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLColorTableNode", _("Removed"))
    table.SetAttribute(REMOVED_ROLE, "colours")
    table.SetTypeToUser()
    table.SetNumberOfColors(len(overlay.SHADES))
    names = {0: _("Unchanged"), 1: _("Darkened by {levels} grey levels"), 2: _("Brightened by {levels} grey levels")}
    for label, (kind, levels, colour) in enumerate(overlay.SHADES):
        table.SetColor(label, names[kind].format(levels=levels), *colour)
    return table
