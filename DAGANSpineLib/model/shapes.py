"""How the networks of a model are built: kind and settings, as a model file keeps them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, TypeVar

from torch import nn

from ..networks import (
    ClassicalRepair,
    Generator,
    PanopticFPN,
    PyramidPooling,
    ResidualGenerator,
    UNet,
    Untouched,
    WaveCT,
)
from ..segments import CLASSES

WIDEST = 1024  # channels of a layer
MOST_LEVELS = 8  # of a network
MOST = {"blocks": 64}  # of other settings than widths
Kind = TypeVar("Kind", bound="Shape")


class Shape(ABC):
    """How a network is built. A dataclass of plain values; `kind` names it in a model file."""

    kind: ClassVar[str]
    unnamed: ClassVar[Mapping[str, Any]] = {}  # settings of model files from before these could be chosen

    @abstractmethod
    def build(self) -> nn.Module:
        """The network, with random weights."""

    def described(self) -> dict[str, Any]:
        """Kind and settings, as plain data."""
        return {"kind": self.kind, **asdict(self)}


class RestorerShape(Shape):
    """A network that restores: normalised (N, 1, H, W) -> the same shape.

    It has two attributes. `halo`: how many pixels an output pixel looks around itself, so that tiles with such a
    margin give the whole picture's output; None if it looks at all of the picture. `alignment`: tiles begin at
    multiples of it; what a picture lacks to the next one, a network with a `halo` fills by repeating the edge.
    """


class SegmenterShape(Shape):
    """A network that segments: normalised (N, 1, H, W) -> logits (N, 4, H, W)."""


@dataclass(frozen=True)
class GeneratorShape(RestorerShape):
    """DA-GAN's generator; see `networks.Generator`."""

    kind = "generator"
    unnamed: ClassVar[Mapping[str, Any]] = {"upsampling": "transposed"}
    widths: tuple[int, ...] = (64, 128, 256)
    attention: bool = True
    upsampling: str = "bilinear"
    unshuffled: bool = False
    masked: bool = False

    def build(self) -> nn.Module:
        return Generator(self.widths, self.attention, True, self.upsampling, self.unshuffled, self.masked)


@dataclass(frozen=True)
class DirectGeneratorShape(RestorerShape):
    """DA-GAN's generator without attention, and without the shortcut past its layers: a plain U-Net."""

    kind = "direct generator"
    unnamed: ClassVar[Mapping[str, Any]] = {"upsampling": "transposed"}
    widths: tuple[int, ...] = (64, 128, 256)
    upsampling: str = "bilinear"
    unshuffled: bool = False

    def build(self) -> nn.Module:
        return Generator(self.widths, False, False, self.upsampling, self.unshuffled)


@dataclass(frozen=True)
class ResidualGeneratorShape(RestorerShape):
    """CycleGAN's generator; see `networks.residual_generator`."""

    kind = "residual generator with a bounded shortcut"  # another one than its former ones, whose weights would fit it
    width: int = 64
    blocks: int = 9

    def build(self) -> nn.Module:
        return ResidualGenerator(self.width, self.blocks)


@dataclass(frozen=True)
class UntouchedShape(RestorerShape):
    """No restoration; see `networks.Untouched`."""

    kind = "untouched"

    def build(self) -> nn.Module:
        return Untouched()


@dataclass(frozen=True)
class ClassicalRepairShape(RestorerShape):
    """Interpolation over unfilled pixels; see `networks.ClassicalRepair`."""

    kind = "classical repair"

    def build(self) -> nn.Module:
        return ClassicalRepair()


@dataclass(frozen=True)
class WaveCTShape(RestorerShape):
    """Style transfer toward clean patches, by a Haar autoencoder of these widths; see `networks.style_transfer`."""

    kind = "WaveCT"
    widths: tuple[int, ...] = (64, 128, 256)

    def build(self) -> nn.Module:
        return WaveCT(self.widths)


@dataclass(frozen=True)
class PanopticFPNShape(SegmenterShape):
    """DA-GAN's segmenter; see `networks.PanopticFPN`."""

    kind = "panoptic FPN"
    depth: int = 50
    width: int = 64
    pyramid: int = 256
    head: int = 128

    def build(self) -> nn.Module:
        return PanopticFPN(len(CLASSES), self.depth, self.width, self.pyramid, self.head)


@dataclass(frozen=True)
class UNetShape(SegmenterShape):
    """Five levels of a U-Net, `width` channels on the finest; see `networks.unet`."""

    kind = "U-Net"
    width: int = 64

    def build(self) -> nn.Module:
        return UNet(len(CLASSES), self.width)


@dataclass(frozen=True)
class PyramidPoolingUNetShape(SegmenterShape):
    """A U-Net with pyramid pooling in its skips; see `networks.pyramid_pooling`."""

    kind = "U-Net with pyramid pooling"
    width: int = 64

    def build(self) -> nn.Module:
        return UNet(len(CLASSES), self.width, skip=PyramidPooling)


RESTORERS = (
    GeneratorShape,
    DirectGeneratorShape,
    ResidualGeneratorShape,
    WaveCTShape,
    UntouchedShape,
    ClassicalRepairShape,
)
SEGMENTERS = (PanopticFPNShape, UNetShape, PyramidPoolingUNetShape)


def shape_of(kinds: tuple[type[Kind], ...], description: Mapping[str, Any]) -> Kind:
    """The inverse of `described`, among these kinds; the first of them where none is named.

    Raises KeyError for another kind, TypeError for settings that it doesn't have, and ValueError for a network that
    would take more memory than any of ours.
    """
    refuse_enormous(description)
    settings = {name: tuple(value) if isinstance(value, list) else value for name, value in description.items()}
    by_kind = {shape.kind: shape for shape in kinds}
    shape = by_kind[settings.pop("kind", kinds[0].kind)]
    return shape(**{**shape.unnamed, **settings})


def refuse_enormous(description: Mapping[str, Any]) -> None:
    """Raise ValueError for numbers that no network of ours has: a few bytes can ask for all of a computer's memory."""
    for name, value in description.items():
        several = value if isinstance(value, list | tuple) else [value]
        numbers = [each for each in several if isinstance(each, int)]
        if len(several) > MOST_LEVELS or any(not 0 <= each <= MOST.get(name, WIDEST) for each in numbers):
            raise ValueError(name)
