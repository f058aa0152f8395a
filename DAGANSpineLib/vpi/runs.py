"""Runs: what of a row, or of a column, belongs together."""

from __future__ import annotations

import numpy as np


def runs(mask: np.ndarray) -> list[slice]:
    """The runs of True in a mask (n,), from first to last."""
    ends = np.flatnonzero(np.diff(mask, prepend=False, append=False)).tolist()
    return [slice(begin, end) for begin, end in zip(ends[::2], ends[1::2], strict=True)]
