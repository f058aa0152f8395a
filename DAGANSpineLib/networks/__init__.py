"""The networks of DA-GAN: generator and discriminators with spatial attention, and the panoptic FPN that segments."""

from .attention import SpatialAttention
from .classical_repair import ClassicalRepair
from .discriminator import Discriminator
from .fpn import FPN, PanopticFPN, ResNet
from .generator import Generator
from .untouched import Untouched

__all__ = [
    "FPN",
    "ClassicalRepair",
    "Discriminator",
    "Generator",
    "PanopticFPN",
    "ResNet",
    "SpatialAttention",
    "Untouched",
]
