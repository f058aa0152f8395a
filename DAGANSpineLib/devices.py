"""Which processor computes: CUDA, Apple's MPS or the CPU."""

from __future__ import annotations

import torch

from .errors import UserError

DEVICES = ("auto", "cpu", "cuda", "mps")


class DeviceError(UserError):
    """A processor that was asked for and can't be used; the text says why."""


def choose_device(name: str = "auto") -> tuple[torch.device, list[str]]:
    """The processor of this name, and warnings about faster ones that had to be passed over.

    `auto` takes the first that works of CUDA, MPS, CPU. Raises DeviceError for one that was asked for by name and
    doesn't work.
    """
    if name not in DEVICES:
        raise DeviceError(f"There is no device {name}: choose one of {', '.join(DEVICES)}.")
    if name == "cpu":
        return torch.device("cpu"), []
    warnings = []
    for kind in ("cuda", "mps") if name == "auto" else (name,):
        trouble = trouble_with(kind)
        if trouble is None:
            return torch.device(kind), []
        if name == kind:
            raise DeviceError(f"{trouble} Choose the device cpu or auto.")
        if present(kind):
            warnings.append(f"{trouble} The CPU is used instead.")
    return torch.device("cpu"), warnings


def present(kind: str) -> bool:
    """Whether torch sees such a processor."""
    return torch.cuda.is_available() if kind == "cuda" else torch.backends.mps.is_available()


def trouble_with(kind: str) -> str | None:
    """Why this kind of processor can't be used, None if it can: seeing one is not enough, it may be too new for
    this torch, so one number is computed on it."""
    if not present(kind):
        return f"This computer, or its PyTorch, has no {kind.upper()} device."
    try:
        torch.ones(1, device=kind).add_(1).item()
    except RuntimeError as error:
        first_line = str(error).splitlines()[0]
        return f"The {kind.upper()} device doesn't work with the installed PyTorch ({first_line})."
    return None
