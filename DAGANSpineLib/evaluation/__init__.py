"""How good a model is: on a data set, against others, on changed pictures, and every system side by side. Needs the
extra `train`.
"""

from ..doors import on_demand

__getattr__ = on_demand(
    __name__,
    {
        "benchmarking": (
            "benchmark",
            "named",
            "recompute",
        ),
        "changed_pictures": (
            "robustness",
            "robustness_as_markdown",
        ),
        "folds": (
            "cross_validate",
            "folds_as_markdown",
        ),
        "pairwise": (
            "versus",
            "versus_as_markdown",
        ),
        "scoring": (
            "evaluate",
            "scores_as_markdown",
        ),
    },
)
