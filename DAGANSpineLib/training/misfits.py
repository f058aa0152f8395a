"""Whether what a checkpoint holds fits the training that is to go on from it.

Torch copies numbers of any kind into weights, and steps along moments of any shape, beyond the end of their memory.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

MISFITS = KeyError, TypeError, ValueError, AttributeError, RuntimeError, IndexError  # what loading odd things ends in


class Misfit(ValueError):
    """What was stored is of another training, or damaged."""


def refuse_other_tensors(found: Any, like: Any) -> None:
    """Raise Misfit unless `found` has the same keys all the way down as `like`, and tensors of the same shapes and
    types; and whole numbers where `like` has some."""
    if isinstance(like, Mapping):
        if not isinstance(found, Mapping) or found.keys() != like.keys():
            raise Misfit
        for name, value in like.items():
            refuse_other_tensors(found[name], value)
    elif isinstance(like, Tensor):
        if not isinstance(found, Tensor) or (found.shape, found.dtype) != (like.shape, like.dtype):
            raise Misfit
    elif isinstance(like, int) and not isinstance(found, int):
        raise Misfit


def refuse_other_moments(found: Any, optimiser: torch.optim.Optimizer) -> None:
    """Raise Misfit unless `found` is the state of such an optimiser: for each weight nothing, or a step and moments of
    the weight's shape."""
    groups = optimiser.state_dict()["param_groups"]
    if [each["params"] for each in found["param_groups"]] != [each["params"] for each in groups]:
        raise Misfit
    weights = list(itertools.chain(*(group["params"] for group in optimiser.param_groups)))
    for index, moments in found["state"].items():
        for name, value in moments.items():
            shape = torch.Size() if name == "step" else weights[index].shape
            if not isinstance(value, Tensor) or value.shape != shape or (name == "step" and value < 0):
                raise Misfit


def refuse_no_numbers(content: Any) -> None:
    """Raise Misfit for tensors, anywhere within, that hold NaN, infinite or complex numbers, and for a NaN."""
    for value in within(content):
        odd = isinstance(value, float) and math.isnan(value)
        if odd or (isinstance(value, Tensor) and (value.is_complex() or not bool(torch.isfinite(value).all()))):
            raise Misfit


def within(content: Any) -> Iterator[Any]:
    """All that lies within dictionaries, lists and tuples."""
    if isinstance(content, Mapping | list | tuple):
        for each in content.values() if isinstance(content, Mapping) else content:
            yield from within(each)
    else:
        yield content
