"""What models make of one picture, to be looked at side by side: nodes that last as long as somebody looks, are not
saved, and have nothing to do with the results in the scene."""

from __future__ import annotations

import numpy as np
import slicer

from ..spine import Spine
from .images import COMPARED_ROLE
from .results import publish, results_of
from .spines import lines_of, markups_of


def show_compared(
    volume: slicer.vtkMRMLScalarVolumeNode,
    name: str,
    restored: np.ndarray,
    labels: np.ndarray,
    spine: Spine | None,
) -> tuple[slicer.vtkMRMLScalarVolumeNode, slicer.vtkMRMLSegmentationNode]:
    """Put what a model, called `name`, makes of a volume's picture into the scene, as `publish` does, but as results of
    a copy that shares the pixels with the volume; all of it or nothing. Returns restored volume and segmentation."""
    copy = getattr(slicer, volume.GetClassName())()
    copy.SetName(f"{volume.GetName()} – {name}")
    copy.CopyOrientation(volume)
    copy.SetAndObserveImageData(volume.GetImageData())
    copy.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
    copy.SetHideFromEditors(True)
    copy.SetNodeReferenceID(COMPARED_ROLE, volume.GetID())
    slicer.mrmlScene.AddNode(copy)
    try:
        made = publish(copy, restored, labels, name, None, spine)
    except Exception:
        remove(copy)
        raise
    for line in lines_of(made[1]):
        line.SetLocked(True)  # the figures in the panel would not follow
    for node in (copy, *made, *markups_of(made[1])):
        forget_when_saving(node)
    return made


def forget_when_saving(node: slicer.vtkMRMLDisplayableNode) -> None:
    node.SetSaveWithScene(False)
    for index in range(node.GetNumberOfDisplayNodes()):
        node.GetNthDisplayNode(index).SetSaveWithScene(False)


def copies() -> list[slicer.vtkMRMLScalarVolumeNode]:
    """The copies of volumes that models were compared on."""
    volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    return [node for node in volumes if node.GetNodeReferenceID(COMPARED_ROLE)]


def remove_compared() -> None:
    """Take out of the scene all that was put there to compare models."""
    for copy in copies():
        remove(copy)


def remove(copy: slicer.vtkMRMLScalarVolumeNode) -> None:
    restored, segmentation = results_of(copy)
    for node in (*markups_of(segmentation), segmentation, restored, copy):
        if node is not None:
            slicer.mrmlScene.RemoveNode(node)
