"""How a long run says how far it is, and how it is stopped."""

from collections.abc import Callable

Progress = Callable[[float, str], None]  # (fraction done, 0 to 1, what is being done)


class Cancelled(Exception):
    """Raised by a progress function to stop a run; nothing is left half-made."""


def unheard(fraction: float, message: str) -> None:
    """A progress function that nobody listens to."""
