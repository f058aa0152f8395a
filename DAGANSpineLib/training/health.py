"""Is the adversarial game still a game?"""

from __future__ import annotations

BLIND = 0.55  # a discriminator that is right this rarely can't tell the domains apart
CERTAIN = 0.99  # one that is right this often leaves the generator nothing to learn from
PATIENCE = 10  # logged windows in a row before it is said


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
