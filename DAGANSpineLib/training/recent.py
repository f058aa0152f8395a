"""What the steps since the last line of the log have given."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class Recent:
    """Means of figures over some steps; they are summed where they are, and fetched from the device once."""

    def __init__(self) -> None:
        self.steps = 0
        self.sums: dict[str, Tensor | float] = {}

    def add(self, figures: dict[str, Tensor]) -> None:
        """A step's figures, scalars; the same names in every step."""
        self.steps += 1
        self.sums = {name: value + self.sums.get(name, 0.0) for name, value in figures.items()}

    def close(self) -> dict[str, float]:
        """The means by name; none are left afterwards."""
        means = torch.stack(list(self.sums.values())) / self.steps
        names, self.steps, self.sums = list(self.sums), 0, {}
        return dict(zip(names, means.tolist(), strict=True))

    def state(self) -> dict[str, Any]:
        """What a checkpoint between two lines of the log needs to go on."""
        return {"steps": self.steps, "sums": {name: float(value) for name, value in self.sums.items()}}

    def load_state(self, state: dict[str, Any]) -> None:
        self.steps, self.sums = int(state["steps"]), {name: float(value) for name, value in state["sums"].items()}
