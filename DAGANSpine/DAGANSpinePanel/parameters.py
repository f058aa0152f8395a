"""What the user has chosen: kept in the scene, and saved with it."""

import enum
from typing import Union

from slicer import vtkMRMLScalarVolumeNode, vtkMRMLVectorVolumeNode
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import parameterNodeWrapper


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
    """inputVolume: the image to restore. modelPath: the model's file, "" for the bundled one. device: what computes."""

    # the wrapper knows neither | nor a union of nodes without None
    inputVolume: Union[vtkMRMLScalarVolumeNode, vtkMRMLVectorVolumeNode, None]  # noqa: UP007
    modelPath: str = ""  # no Path: the wrapper makes "." of an empty one
    device: Device = Device.AUTO
