"""Volume nodes to their projection images (VPI), which are nodes of their own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from ..errors import ImageError
from ..progress import Progress, unheard
from ..projection import TO_RAS, Projector, Slab
from ..records import kept_json
from ..spine import Spine
from . import images, results

SLAB = "DAGANSpineProjection"  # attribute of a VPI: how it was projected, in JSON


def is_volume(node: slicer.vtkMRMLVolumeNode | None) -> bool:
    """Whether this node is an image of more than one slice, in any direction, and so needs to be projected."""
    if node is None or node.IsA("vtkMRMLLabelMapVolumeNode") or node.GetImageData() is None:
        return False
    return min(node.GetImageData().GetDimensions()) > 1


def trouble_with(node: slicer.vtkMRMLVolumeNode | None) -> str:
    """Why this node can't be restored, as a sentence that says what to do; empty if it can. Reads no voxels."""
    if not is_volume(node):
        return images.trouble_with(node)
    if node.GetImageData().GetNumberOfScalarComponents() > 1:
        return _("{name} is a volume in colours; convert it to a scalar volume first.").format(name=node.GetName())
    return ""


def is_input(node: slicer.vtkMRMLVolumeNode) -> bool:
    """Whether this node can be restored, and is something that a user loaded."""
    return not trouble_with(node) and not images.is_made(node)


def first_input() -> slicer.vtkMRMLVolumeNode | None:
    """The first VPI of the scene that is no result, or else its first volume."""
    volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    return images.first_image() or next((node for node in volumes if is_volume(node) and not trouble_with(node)), None)


def state_of(volume: slicer.vtkMRMLScalarVolumeNode) -> tuple:
    """What changes when the voxels of a volume do, or where they lie."""
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    place = tuple(slicer.util.arrayFromVTKMatrix(matrix).ravel().tolist())
    return volume.GetID(), volume.GetImageData().GetMTime(), place


def voxels_of(volume: slicer.vtkMRMLScalarVolumeNode) -> tuple[np.ndarray, np.ndarray]:
    """Slicer's own array (slices, rows, columns), and the matrix (4, 4) from its indices to LPS."""
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVolume(volume), TO_RAS @ slicer.util.arrayFromVTKMatrix(matrix)[:, [2, 1, 0, 3]]


def projector_of(
    volume: slicer.vtkMRMLScalarVolumeNode,
    head: str | None = None,
    skin: str | None = None,
    progress: Progress = unheard,
) -> Projector:
    """A projector of a volume node; see `Projector.of`. Raises UserError."""
    if trouble_with(volume):
        raise ImageError(trouble_with(volume))
    return Projector.of(*voxels_of(volume), head, skin, progress)


def vpi_of(volume: slicer.vtkMRMLScalarVolumeNode) -> slicer.vtkMRMLScalarVolumeNode | None:
    """The VPI that was projected from this volume, if there is one: the VPI refers to the volume."""
    volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    return next((node for node in volumes if node.GetNodeReferenceID(images.VOLUME_ROLE) == volume.GetID()), None)


def projection_of(vpi: slicer.vtkMRMLScalarVolumeNode) -> dict[str, Any] | None:
    """How a VPI was projected, as in the reports of the `segment` command; None if it was not."""
    known = kept_json(vpi.GetAttribute(SLAB))
    return known if isinstance(known, dict) else None


@dataclass(frozen=True)
class Projection:
    """A VPI that a volume node is going to have: uint8 `picture` (rows, columns), upright, and how it came about."""

    volume: slicer.vtkMRMLScalarVolumeNode
    projector: Projector
    slab: Slab
    picture: np.ndarray

    @classmethod
    def of(cls, volume: slicer.vtkMRMLScalarVolumeNode, projector: Projector, slab: Slab) -> Projection:
        """Raises UserError, as `Projector.project` does."""
        return cls(volume, projector, slab, projector.project(slab))

    @property
    def pixels(self) -> np.ndarray:
        """What is restored: float32 (rows, columns), grey 0 to 255."""
        return self.picture.astype(np.float32)

    @property
    def spacing(self) -> tuple[float, float]:
        """mm between rows and between columns."""
        return self.projector.spacing[:2]

    def publish_with(
        self,
        restored: np.ndarray,
        labels: np.ndarray,
        model: str = "",
        findings: dict[str, Any] | None = None,
        spine: Spine | None = None,
    ) -> tuple[slicer.vtkMRMLScalarVolumeNode, slicer.vtkMRMLSegmentationNode]:
        """Put the VPI into the scene, and with it its results, as `results.publish` does; all of them or none."""
        former = vpi_of(self.volume)
        # at another depth the VPI lies elsewhere, and its former segments would look edited
        of_it = results.former_of(former) if former is not None else None
        vpi = self.publish()
        try:
            return results.publish(vpi, restored, labels, model, findings, spine, self.pixels, of_it)
        except Exception:
            if former is None:
                slicer.mrmlScene.RemoveNode(vpi)
            raise

    def publish(self) -> slicer.vtkMRMLScalarVolumeNode:
        """Put the VPI into the scene, beside its volume and under the same transform.

        The former VPI of the same volume is filled anew, so that a name and display settings that a user gave it stay.
        If anything goes wrong, the scene is as it was.
        """
        former = vpi_of(self.volume)
        node = former or self._add()
        try:
            slicer.util.updateVolumeFromArray(node, self.picture[np.newaxis])
            matrix = TO_RAS @ self.projector.picture_to_lps(self.slab)[:, [1, 0, 2, 3]]
            node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
            node.SetAndObserveTransformNodeID(self.volume.GetTransformNodeID())
            images.put_beside(node, self.volume)
            node.SetAttribute(SLAB, json.dumps(self.projector.report(self.slab)))
        except Exception:
            if former is None:
                slicer.mrmlScene.RemoveNode(node)
            raise
        return node

    def _add(self) -> slicer.vtkMRMLScalarVolumeNode:
        name = _("{name} VPI").format(name=self.volume.GetName())
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
        node.SetNodeReferenceID(images.VOLUME_ROLE, self.volume.GetID())
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().AutoWindowLevelOff()
        node.GetDisplayNode().SetWindowLevelMinMax(0, 255)
        return node
