"""A model file: how its networks are shaped, saving, verifying and loading it, and what it says of itself."""

from ..doors import on_demand
from .card import ModelCard, ModelError, read_card

__all__ = [
    "ModelCard",
    "ModelError",
    "read_card",
]

__getattr__ = on_demand(
    __name__,
    {
        "file": (
            "Model",
            "fits_file",
            "freeze",
            "load_model",
            "save_model",
            "unpacked",
        ),
        "shapes": (
            "ClassicalRepairShape",
            "DirectGeneratorShape",
            "GeneratorShape",
            "PanopticFPNShape",
            "PyramidPoolingUNetShape",
            "ResidualGeneratorShape",
            "RestorerShape",
            "SegmenterShape",
            "Shape",
            "UNetShape",
            "UntouchedShape",
            "WaveCTShape",
        ),
    },
)
