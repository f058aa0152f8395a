"""What a system costs to run."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ..model import Model, load_model
from ..vpi import NETWORK_SIZE


def learnt(model: Model) -> int:
    """How many parameters restoration and segmentation have learnt, together."""
    return sum(weights.numel() for network in model.networks for weights in network.parameters())


def multiply_adds(model: Model) -> int:
    """Of convolutions and matrix products, for restoring and segmenting one picture of 256 x 1024.

    That is the segmenter's own size; restoration, which sees the native picture, takes as many times more as that is
    larger: see `as_used`.
    """
    picture = torch.zeros(1, 1, *NETWORK_SIZE)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model.segmenter(model.generator(picture))
    return counter.get_total_flops() // 2


def of_restoration(model: Model) -> int:
    """How many of these restoration takes."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model.generator(torch.zeros(1, 1, *NETWORK_SIZE))
    return counter.get_total_flops() // 2


def as_used(whole: int, restoring: int | None, size: Sequence[int] | None) -> int | None:
    """Multiply-adds for a picture of a native size (rows, columns): it is restored as it is, all of it, then segmented
    at 256 x 1024, and its mirror image too. `whole`, `restoring`: as `multiply_adds` and `of_restoration` count
    them, at 256 x 1024; None where one of these isn't known."""
    if restoring is None or size is None:
        return None
    return round(restoring * math.prod(size) / math.prod(NETWORK_SIZE)) + 2 * (whole - restoring)


def operations_a_pixel(generator: nn.Module, side: int = 256) -> float:
    """Floating-point operations of convolutions and matrix products for restoring a square picture, for each of its
    pixels; a multiply-add is two."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        generator(torch.zeros(1, 1, side, side))
    return counter.get_total_flops() / side**2


if __name__ == "__main__":
    print(f"{operations_a_pixel(load_model(None).generator) / 1000:.1f} kFLOP a pixel")
