"""`slicer.app.coreIOManager()`: loading volumes, as `slicer.util.loadVolume` asks for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import slicer
import slicer.util
import vtk

PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")  # which slicer-core doesn't read
# of qSlicerVolumesReader: names of properties and the bits that the volumes logic takes
OPTIONS = {"labelmap": 1, "center": 2, "singleFile": 4, "autoWindowLevel": 8, "discardOrientation": 16}
PROPERTIES = {*OPTIONS, "fileName", "name", "show", "colorNodeID", "fileNames"}


class qSlicerCoreIOManager:
    """Knows the one file type "VolumeFile"; a property that its reader doesn't know raises."""

    __slots__ = ("_logic",)

    def __init__(self, logic: Callable[[], slicer.vtkSlicerVolumesLogic]) -> None:
        self._logic = logic

    def loadNodes(
        self,
        fileType: str,
        parameters: dict[str, object],
        loadedNodes: vtk.vtkCollection | None = None,
        userMessages: slicer.vtkMRMLMessageCollection | None = None,
    ) -> bool:
        if fileType != "VolumeFile":
            raise ValueError(f"The host has no reader for {fileType}")
        unknown = set(parameters) - PROPERTIES
        if unknown:
            raise ValueError(f"The volume reader has no property {sorted(unknown)}")
        path = Path(parameters["fileName"])
        name = parameters.get("name", path.name.split(".")[0])
        if path.suffix.lower() in PICTURES:
            node = load_picture(path, name)
        else:
            options = sum(bit for option, bit in OPTIONS.items() if parameters.get(option))
            node = self._logic().AddArchetypeVolume(str(path), name, options)
        if node is None:
            return False
        if loadedNodes is not None:
            loadedNodes.AddItem(node)
        if parameters.get("show", True):
            show_in_all_views(node)
        return True


def show_in_all_views(node: slicer.vtkMRMLVolumeNode) -> None:
    """What is loaded comes into every slice view that takes part in this, of whatever module it is."""
    logic = slicer.app.applicationLogic()
    logic.GetSelectionNode().SetActiveVolumeID(node.GetID())
    logic.PropagateVolumeSelection()


def load_picture(path: Path, name: str) -> slicer.vtkMRMLVolumeNode | None:
    """A picture as Slicer lays it: one axial slice of millimetre pixels, its first row at the top."""
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError:
        return None
    colour = image.GetNumberOfComponentsPerPixel() > 1
    kind = "vtkMRMLVectorVolumeNode" if colour else "vtkMRMLScalarVolumeNode"
    pixels = sitk.GetArrayFromImage(image)[np.newaxis]
    name = slicer.mrmlScene.GenerateUniqueName(name)
    node = slicer.util.addVolumeFromArray(pixels, np.diag([-1.0, -1.0, 1.0, 1.0]), name, kind)
    node.AddDefaultStorageNode(str(path))
    return node
