"""The systems that DA-GAN is compared with, one file each. Needs the extra `train`."""

from ..doors import on_demand

__getattr__ = on_demand(
    __name__,
    {
        "budget": (
            "BUDGETS",
            "LAPTOP",
            "Budget",
        ),
        "systems": (
            "REFERENCE",
            "SYSTEMS",
            "System",
        ),
    },
)
