"""Is the adversarial game still a game, and are the networks still networks?"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from ..errors import UserError
from ..model import Model, fits_file

BLIND = 0.55  # a discriminator that is right this rarely can't tell the domains apart
CERTAIN = 0.99  # one that is right this often leaves the generator nothing to learn from
PATIENCE = 10  # logged windows in a row before it is said


class TrainingError(UserError):
    """A training that can't go on; the text says why and what to do."""


def refuse_lost(networks: Mapping[str, nn.Module], step: int) -> None:
    """Raise TrainingError if a network's weights are no longer numbers. They are fetched from the device for it."""
    for name, network in networks.items():
        sums = torch.stack([weights.detach().sum() for weights in network.parameters()])
        if not sums.isfinite().all():
            raise TrainingError(
                f"By step {step} the weights of the {name} are no longer numbers. What was saved before stands, but "
                "going on from it would end alike: begin again with another seed, or with --precision full."
            )


def refuse_too_large(model: Model) -> None:
    """Raise TrainingError for a model, of which none was kept before, that a model file can't hold."""
    if not fits_file(model):
        raise TrainingError(
            "At no step could a model file hold the weights: they are no numbers, or too large. Begin again with "
            "another seed, or with a lower learning rate."
        )


class Health:
    """Watches the discriminators' accuracies and says, once per collapse, that one has collapsed."""

    def __init__(self) -> None:
        self.streaks: dict[tuple[str, str], int] = {}

    def observe(self, figures: dict[str, float]) -> list[str]:
        """Sentences for the log, from one window's figures ("... accuracy", 0 to 1)."""
        said = []
        for name, accuracy in figures.items():
            if not name.endswith(" discriminator accuracy"):
                continue
            troubles = {
                "can no longer tell its domain from imitations": accuracy <= BLIND,
                "is always right: the generator no longer learns from it": accuracy >= CERTAIN,
            }
            for trouble, present in troubles.items():
                streak = self.streaks.get((name, trouble), 0) + 1 if present else 0
                self.streaks[name, trouble] = streak
                if streak == PATIENCE:
                    said.append(f"The {name.removesuffix(' accuracy')} has collapsed: it {trouble}.")
        return said

    def state(self) -> dict[tuple[str, str], int]:
        """What a checkpoint needs, so that a resumed run says no more and no less."""
        return dict(self.streaks)

    def load_state(self, state: dict[tuple[str, str], int]) -> None:
        self.streaks = dict(state)
