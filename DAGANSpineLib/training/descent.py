"""A training that begins from a trained model: networks and shapes taken over, and the whole descent written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from ..model import Model, load_model
from .presets import Preset

NETWORKS = ("generator", "segmenter")


@dataclass(frozen=True)
class Ancestor:
    """A model that a training begins from. `anew`: which of its `NETWORKS` are left behind, for the preset's own with
    random weights."""

    model: Model
    anew: tuple[str, ...] = ()

    @classmethod
    def load(cls, path: Path | None, anew: Sequence[str] = ()) -> Ancestor:
        """From a model file, the bundled one for None. Raises ModelError."""
        return cls(load_model(path), tuple(anew))

    @property
    def inherited(self) -> tuple[str, ...]:
        """The networks that are taken over."""
        return tuple(name for name in NETWORKS if name not in self.anew)

    def has_learnt(self, restoration: bool) -> bool:
        """Whether a training begins with what its ancestor has learnt of restoration, or else of segmentation."""
        return ("generator" if restoration else "segmenter") in self.inherited

    def weights(self, network: str) -> dict[str, Tensor] | None:
        """Those of a network that is taken over; None if it isn't."""
        return getattr(self.model, network).state_dict() if network in self.inherited else None

    def reshape(self, preset: Preset) -> Preset:
        """The preset with the shapes of what is taken over."""
        return replace(preset, **{name: getattr(self.model, f"{name}_shape") for name in self.inherited})

    def hand_down(self, model: Model) -> None:
        """Give a model of these shapes the ancestor's weights."""
        for name in self.inherited:
            getattr(model, name).load_state_dict(self.weights(name))

    def described(self) -> dict[str, Any]:
        """What a model's provenance says of its ancestor: file, checksum, what was taken over, and what the ancestor's
        own provenance says, its ancestor included."""
        return {
            "model": self.model.name,
            "sha256": self.model.sha256,
            "taken over": list(self.inherited),
            "provenance": self.model.provenance,
        }
