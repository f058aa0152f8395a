"""The systems that DA-GAN is compared with, one file each. Needs the extra `train`."""

from ..doors import on_demand

__getattr__ = on_demand(
    __name__,
    {
        "budget": (
            "BUDGETS",
            "LAPTOP",
            "Budget",
            "size_of",
        ),
        "systems": (
            "ALONE",
            "REFERENCE",
            "VANILLA",
            "SYSTEMS",
            "System",
        ),
        "tuning": (
            "AGREEMENT",
            "QUALITY",
            "Outcome",
            "Searches",
            "Trial",
            "chosen",
            "duration",
            "judged_by",
            "measure_of",
            "read_searches",
            "restores",
            "searches_behind",
            "shortened",
            "trials",
            "tried",
            "tuned",
            "write_searches",
        ),
    },
)
