"""The networks of DA-GAN (generator and discriminators with spatial attention, the panoptic FPN that segments), and
those of its rivals.
"""

from .attention import SpatialAttention
from .classical_repair import ClassicalRepair, repair
from .discriminator import Discriminator
from .fpn import FPN, PanopticFPN, ResNet
from .generator import Generator
from .pyramid_pooling import PyramidPooling
from .residual_generator import PatchDiscriminator, ResidualGenerator
from .resizing import resize, shrink
from .style_transfer import WaveCT
from .unet import UNet
from .untouched import Untouched

__all__ = [
    "FPN",
    "ClassicalRepair",
    "Discriminator",
    "Generator",
    "PanopticFPN",
    "PatchDiscriminator",
    "PyramidPooling",
    "ResNet",
    "ResidualGenerator",
    "SpatialAttention",
    "UNet",
    "Untouched",
    "WaveCT",
    "repair",
    "resize",
    "shrink",
]
