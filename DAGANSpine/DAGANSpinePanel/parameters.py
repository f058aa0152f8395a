"""What the user has chosen: kept in the scene, and saved with it."""

import enum
from typing import Annotated, Union

from slicer import vtkMRMLScalarVolumeNode, vtkMRMLVectorVolumeNode
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

from DAGANSpineLib.collection import LABELLED, TESTED, UNLABELLED


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


class Method(enum.Enum):
    """How a slab is projected; the values are the library's names."""

    MEAN = "mean"
    MAXIMUM = "maximum"

    def label(self):
        return {Method.MEAN: _("Mean"), Method.MAXIMUM: _("Maximum")}[self]


class Side(enum.Enum):
    """A side of the patient; the values are the library's letters."""

    AUTO = None
    SUPERIOR = "S"
    INFERIOR = "I"
    POSTERIOR = "P"
    ANTERIOR = "A"
    LEFT = "L"
    RIGHT = "R"

    def label(self):
        return {
            Side.AUTO: _("Automatic"),
            Side.SUPERIOR: _("Superior"),
            Side.INFERIOR: _("Inferior"),
            Side.POSTERIOR: _("Posterior"),
            Side.ANTERIOR: _("Anterior"),
            Side.LEFT: _("Left"),
            Side.RIGHT: _("Right"),
        }[self]


class Use(enum.Enum):
    """What a picture that is kept is for; the values are those of the library's data sets."""

    LEARN = LABELLED
    TEST = TESTED
    WITHOUT_LABELS = UNLABELLED

    def label(self):
        return {
            Use.LEARN: _("With its labels, to learn from"),
            Use.TEST: _("With its labels, to test on"),
            Use.WITHOUT_LABELS: _("Without labels"),
        }[self]


DEEPEST, THINNEST, THICKEST = 40.0, 0.5, 20.0  # mm, of the slab that is projected


@parameterNodeWrapper
class DAGANSpineParameterNode:
    """inputVolume: the image to restore. modelPath: the model's file, "" for the bundled one. device: what computes.
    projectedVolume: the volume that the projection was chosen for, which is projected automatically where it is another
    than the input. projectionDepth, projectionThickness (mm), projectionMethod: of the slab. projectionHead,
    projectionSkin: where they lie. swapped, segmentOpacity, fade (percent), showRemoved, showLines: how the views look.
    exportFolder: "" for none. trainingFolder: the data set that pictures are kept in, "" for none; keepAs: what for.
    comparedPath: the file of the model that the chosen one is compared with, "" for the bundled one.
    """

    # the wrapper knows neither | nor a union of nodes without None
    inputVolume: Union[vtkMRMLScalarVolumeNode, vtkMRMLVectorVolumeNode, None]  # noqa: UP007
    modelPath: str = ""  # no Path: the wrapper makes "." of an empty one
    device: Device = Device.AUTO
    projectedVolume: vtkMRMLScalarVolumeNode
    projectionDepth: Annotated[float, WithinRange(0, DEEPEST)] = 12.0
    projectionThickness: Annotated[float, WithinRange(THINNEST, THICKEST)] = 3.0
    projectionMethod: Method = Method.MEAN
    projectionHead: Side = Side.AUTO
    projectionSkin: Side = Side.AUTO
    swapped: bool = False
    segmentOpacity: Annotated[float, WithinRange(0, 100)] = 100.0
    fade: Annotated[float, WithinRange(0, 100)] = 0.0  # to the original
    showRemoved: bool = False
    showLines: bool = True
    exportFolder: str = ""
    trainingFolder: str = ""
    keepAs: Use = Use.LEARN
    comparedPath: str = ""
