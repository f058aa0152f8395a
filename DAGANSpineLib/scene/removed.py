"""The picture of what restoration removed, as a node."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

from ..report import SHADES, changes
from .images import OneSlice, pixels_of, put_beside

REMOVED_ROLE = "DAGANSpineRemovedFrom"  # the same, of the picture of what was removed


def removed_of(volume: slicer.vtkMRMLScalarVolumeNode) -> slicer.vtkMRMLLabelMapVolumeNode | None:
    """The picture of what was removed from this volume, if it has been made."""
    pictures = slicer.util.getNodesByClass("vtkMRMLLabelMapVolumeNode")
    return next((node for node in pictures if node.GetNodeReferenceID(REMOVED_ROLE) == volume.GetID()), None)


def show_removed(
    volume: slicer.vtkMRMLScalarVolumeNode, restored: slicer.vtkMRMLScalarVolumeNode
) -> slicer.vtkMRMLLabelMapVolumeNode:
    """Make, or fill anew, the picture of what restoration removed: red where it darkened, blue where it brightened, the
    more the stronger; amber where it filled in what was not seen.

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
    shades = changes(pixels_of(volume), pixels_of(restored))
    slicer.util.updateVolumeFromArray(node, one_slice.array(shades))
    node.CopyOrientation(volume)
    return node


def removed_colours() -> slicer.vtkMRMLColorTableNode:
    """The scene's colours for what was removed, by `report.changes`; made if they are not there."""
    for table in slicer.util.getNodesByClass("vtkMRMLColorTableNode"):
        if table.GetAttribute(REMOVED_ROLE):
            return table
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLColorTableNode", _("Removed"))
    table.SetAttribute(REMOVED_ROLE, "colours")
    table.SetTypeToUser()
    table.SetNumberOfColors(len(SHADES))
    names = (
        _("Unchanged"),
        _("Darkened by {levels} grey levels"),
        _("Brightened by {levels} grey levels"),
        _("Not seen, filled in"),
    )
    for label, (kind, levels, colour) in enumerate(SHADES):
        table.SetColor(label, names[kind].format(levels=levels), *colour)
    return table
