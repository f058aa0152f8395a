"""What every way of training has in common: it owns its networks and optimisers, and takes a step on a batch."""

from __future__ import annotations

import contextlib
import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from .averaging import Average
from .feed import Tensors


@dataclass(frozen=True)
class Batch(Tensors):
    """What a step learns restoration from, on the device: `corrupted`, `clean`: native patches, normalised
    (N, 1, 96, 96)."""

    corrupted: Tensor
    clean: Tensor

    @property
    def windows(self) -> Tensor:
        """What the generator is shown, (2N, 1, rows, columns): the corrupted, then the clean patches themselves."""
        return torch.cat([self.corrupted, self.clean])

    def cut(self, windows: Tensor) -> Tensor:
        """The patches within windows of either kind: (n, 1, rows, columns) -> (n, 1, 96, 96)."""
        return windows


@dataclass(frozen=True)
class LabelledBatch(Tensors):
    """Pictures, normalised (N, 1, H, W), with labels (N, H, W), on the device."""

    images: Tensor
    labels: Tensor


class Method(ABC):
    """A way of training. The trainer does not know which one it drives.

    `networks` and `optimisers` are named; the names are those of the checkpoint and of the log. `averaged` are the
    networks that are used with averaged weights.
    """

    networks: dict[str, nn.Module]
    optimisers: dict[str, torch.optim.Optimizer]
    averaged: tuple[str, ...] = ()
    memory_format = torch.channels_last  # what convolutions like best; Testing/Benchmarks measures the gain

    @abstractmethod
    def step(self, batch: Any) -> dict[str, Tensor]:
        """Learn from a batch; the losses and what else the log should show, by name: detached scalars that stay on
        the device, since to fetch one is to wait for it."""

    @abstractmethod
    def restore(self, images: Tensor) -> Tensor:
        """(N, 1, H, W) normalised -> the same shape, without structured noise."""

    @abstractmethod
    def segment(self, images: Tensor) -> Tensor:
        """Restored (N, 1, H, W) normalised -> logits (N, 4, H, W)."""

    def prepare(self, accelerator: Accelerator) -> None:
        """Hand networks and optimisers to the accelerator: device, precision, processes."""
        self.accelerator = accelerator
        self.networks = {
            name: accelerator.prepare(network.to(memory_format=self.memory_format))
            for name, network in self.networks.items()
        }
        self.optimisers = {name: accelerator.prepare(optimiser) for name, optimiser in self.optimisers.items()}
        self.averages = {name: Average(accelerator.unwrap_model(self.networks[name])) for name in self.averaged}

    def average(self) -> None:
        """Take a step's outcome into the averages."""
        for average in self.averages.values():
            average.update()

    def in_use(self) -> dict[str, dict[str, Tensor]]:
        """Weights by network, of those whose averages are used in their place."""
        return {name: average.weights for name, average in self.averages.items()}

    def set_learning_rate(self, rate: float) -> None:
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = rate

    def descend(self, loss: Tensor, optimiser: str) -> None:
        """One step of an optimiser down a loss."""
        self.optimisers[optimiser].zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        self.optimisers[optimiser].step()

    def state(self) -> dict[str, Any]:
        """All that a checkpoint needs to go on from here; `scaler` is what keeps fp16 gradients in range."""
        scaler = self.accelerator.scaler
        return {
            "scaler": scaler.state_dict() if scaler else None,
            "networks": {
                name: self.accelerator.unwrap_model(network).state_dict() for name, network in self.networks.items()
            },
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "averages": {name: average.state() for name, average in self.averages.items()},
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """The inverse of `state`, after `prepare`."""
        for name, network in self.networks.items():
            self.accelerator.unwrap_model(network).load_state_dict(state["networks"][name])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        for name, average in self.averages.items():
            average.load_state(state["averages"][name])
        if self.accelerator.scaler:
            self.accelerator.scaler.load_state_dict(state["scaler"])


def adam(*networks: nn.Module, first_beta: float = 0.9) -> torch.optim.Adam:
    """Adam over the networks' weights, each of them updated in one pass through memory."""
    weights = itertools.chain(*(network.parameters() for network in networks))
    return torch.optim.Adam(weights, betas=(first_beta, 0.999), fused=True)


@contextlib.contextmanager
def frozen(*networks: nn.Module) -> Iterator[None]:
    """Networks that pass gradients on without collecting any themselves."""
    for network in networks:
        network.requires_grad_(False)
    try:
        yield
    finally:
        for network in networks:
            network.requires_grad_(True)
