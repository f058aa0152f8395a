"""What the user has chosen: kept in the scene, and saved with it."""

import enum
from typing import Annotated, Union

from slicer import vtkMRMLScalarVolumeNode, vtkMRMLVectorVolumeNode
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper


class Device(enum.Enum):
    """The processor that computes; the values are the library's names."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"

    def label(self):
        return {
            Device.AUTO: _("Automatic"),
            Device.CPU: _("Processor (CPU)"),
            Device.CUDA: _("NVIDIA graphics card (CUDA)"),
            Device.MPS: _("Apple graphics (MPS)"),
        }[self]


@parameterNodeWrapper
class DAGANSpineParameterNode:
    """inputVolume: the image to restore. modelPath: the model's file, "" for the bundled one. device: what computes.
    swapped, segmentOpacity, fade (percent), showRemoved: how the views look. exportFolder: "" for none.
    """

    # the wrapper knows neither | nor a union of nodes without None
    inputVolume: Union[vtkMRMLScalarVolumeNode, vtkMRMLVectorVolumeNode, None]  # noqa: UP007
    modelPath: str = ""  # no Path: the wrapper makes "." of an empty one
    device: Device = Device.AUTO
    swapped: bool = False
    segmentOpacity: Annotated[float, WithinRange(0, 100)] = 100.0
    fade: Annotated[float, WithinRange(0, 100)] = 0.0  # to the original
    showRemoved: bool = False
    exportFolder: str = ""
