"""The weights that are used: averages over the last steps, since adversaries circle around what they look for."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

RECENT = 0.05  # of the steps so far: the standard deviation of those that count for most


def exponent(deviation: float) -> float:
    """Of the power to which steps are weighed, so that their relative standard deviation is this one.

    Of a density t ** g on 0 to 1 it is sqrt((g + 1) / ((g + 2) ** 2 * (g + 3))) (Karras et al., CVPR 2024, equation
    126), which falls as g grows.
    """
    low, high = 0.0, 1 / deviation
    for _ in range(60):
        g = (low + high) / 2
        low, high = (g, high) if (g + 1) / ((g + 2) ** 2 * (g + 3)) > deviation**2 else (low, g)
    return low


EXPONENT = exponent(RECENT)


class Average:
    """An exponential moving average of a network's weights and running statistics, whose memory grows with the steps
    taken (the power function average of Karras et al., CVPR 2024, section 3.1), so that a training of any length is
    averaged over the same share of it and its beginning is forgotten."""

    def __init__(self, network: nn.Module) -> None:
        self.steps = 0
        self.newest = network.state_dict()  # the tensors themselves, which training changes where they are
        self.weights = {name: value.detach().clone() for name, value in self.newest.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Take the network as it is after a step."""
        self.steps += 1
        kept = (1 - 1 / self.steps) ** (EXPONENT + 1)
        floating = [name for name, value in self.newest.items() if value.is_floating_point()]
        averages, newest = ([values[name] for name in floating] for values in (self.weights, self.newest))
        get_ema_multi_avg_fn(kept)(averages, newest, None)  # all at once
        for name in self.newest.keys() - set(floating):
            self.weights[name].copy_(self.newest[name])

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs to go on."""
        return {"steps": self.steps, "weights": self.weights}

    def load_state(self, state: dict[str, Any]) -> None:
        self.steps = state["steps"]
        for name, value in state["weights"].items():
            self.weights[name].copy_(value)
