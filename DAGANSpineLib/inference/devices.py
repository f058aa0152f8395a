"""Which processor computes: CUDA, Apple's MPS or the CPU."""

from __future__ import annotations

import ctypes
import math
import shutil
import sys

import torch

from ..errors import UserError
from ..texts import tr as _

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "full", "bf16", "fp16")
NEEDED = 2**30  # bytes of a graphics card that a run takes, estimated from what it takes of the main memory

_kept = 0.0  # bytes of freed memory that this process may keep


class DeviceError(UserError):
    """A processor that was asked for and can't be used; the text says why."""


def choose_device(name: str = "auto") -> tuple[torch.device, list[str]]:
    """The processor of this name, and warnings about faster ones that had to be passed over.

    `auto` takes the first that works of CUDA, MPS, CPU. Raises DeviceError for one that was asked for by name and
    doesn't work.
    """
    if name not in DEVICES:
        sentence = _("There is no device {name}: choose one of {names}.")
        raise DeviceError(sentence.format(name=name, names=", ".join(DEVICES)))
    if name == "cpu":
        return torch.device("cpu"), []
    warnings = []
    for kind in ("cuda", "mps") if name == "auto" else (name,):
        trouble = trouble_with(kind)
        if trouble is None:
            return torch.device(kind), []
        if name == kind:
            raise DeviceError(_("{trouble} Choose the device cpu or auto.").format(trouble=trouble))
        if present(kind):
            warnings.append(_("{trouble} The CPU is used instead.").format(trouble=trouble))
    return torch.device("cpu"), warnings


def present(kind: str) -> bool:
    """Whether torch sees such a processor."""
    return torch.cuda.is_available() if kind == "cuda" else torch.backends.mps.is_available()


def trouble_with(kind: str) -> str | None:
    """Why this kind of processor can't be used, None if it can: seeing one is not enough, it may be too new for
    this torch or full, so one number is computed on it."""
    if not present(kind):
        return _("There is no {device} device: {reason}").format(device=kind.upper(), reason=why_absent(kind))
    try:
        torch.ones(1, device=kind).add_(1).item()
    except RuntimeError as error:
        first_line = str(error).splitlines()[0]
        trouble = _("The {device} device doesn't work with the installed PyTorch ({reason}).")
        if "no kernel image" in first_line:
            trouble = _(
                "The {device} device doesn't work with the installed PyTorch ({reason}). It is too new or too old for "
                "it."
            )
        return trouble.format(device=kind.upper(), reason=first_line)
    if kind == "cuda":
        free, _total = torch.cuda.mem_get_info()
        if free < NEEDED:
            trouble = _("{name} has only {free} of its memory free, {needed} are needed.")
            return trouble.format(name=name_of_device(kind), free=gigabytes(free), needed=gigabytes(NEEDED))
    return None


def why_absent(kind: str) -> str:
    """Why torch sees no processor of this kind, as the end of a sentence."""
    if kind == "mps":
        return _("only Macs with Apple's own processors have one.")
    if torch.version.cuda is None and torch.version.hip is None:
        reason = _("PyTorch {version} is built without CUDA.")
        if shutil.which("nvidia-smi"):
            reason = _(
                "PyTorch {version} is built without CUDA, though this computer has an NVIDIA driver: install the build "
                "for it."
            )
        return reason.format(version=torch.__version__)
    reason = _("PyTorch {version} finds no graphics card with a driver for CUDA {cuda}.")
    return reason.format(version=torch.__version__, cuda=torch.version.cuda)


def name_of_device(kind: str) -> str:
    """The processor's name and size, to be read by people."""
    if kind == "cuda":
        properties = torch.cuda.get_device_properties(0)
        return f"{properties.name}, {gigabytes(properties.total_memory)}"
    if kind == "mps":
        return _("Apple graphics")
    cores = torch.get_num_threads()
    return _("Processor, {count} cores").format(count=cores) if cores > 1 else _("Processor, 1 core")


def gigabytes(size: int) -> str:
    return _("{size:.1f} GB").format(size=size / 2**30)


def survey() -> dict[str, str]:
    """What each choice of device means on this computer: its name and size, or why it can't be used.

    For `auto`: what it takes, and why no graphics card, if it takes none. Some seconds where a graphics card wakes up.
    """
    troubles = {kind: trouble_with(kind) for kind in ("cuda", "mps")}
    found = {"cpu": name_of_device("cpu")}
    found |= {kind: trouble or name_of_device(kind) for kind, trouble in troubles.items()}
    kind = choose_device()[0].type
    usual = "mps" if sys.platform == "darwin" else "cuda"
    return {"auto": f"{found['cpu']}. {troubles[usual]}" if kind == "cpu" else found[kind], **found}


def out_of_memory(error: Exception) -> bool:
    """Whether a device had too little memory: torch says so by its own class on CUDA alone."""
    if isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)):
        return True
    words = "out of memory", "not enough memory", "can't allocate memory"
    return isinstance(error, RuntimeError) and any(each in str(error) for each in words)


def choose_precision(name: str, device: torch.device) -> str:
    """How convolutions compute in training: `full`, `bf16` or `fp16`; losses and weights are in full precision always.

    `auto` is for CUDA bf16, or fp16 before Ampere, which only emulates bf16; elsewhere full. Raises DeviceError for
    one that the device can't train in.
    """
    native = {"cpu": ("full", "bf16"), "mps": ("full",)}.get(device.type, ("full", "fp16", "bf16"))
    if device.type == "cuda" and torch.cuda.get_device_capability(device) < (8, 0):
        native = ("full", "fp16")
    if name == "auto":
        return native[-1] if device.type == "cuda" else "full"
    if name not in native:
        raise DeviceError(f"Training in {name} doesn't work on {device.type.upper()}: choose {' or '.join(native)}.")
    return name


def keep_freed_memory(most: int | None = None) -> None:
    """Let this process keep the memory that it frees, for its next tensors, until it ends; at most so many bytes of it.

    On a CPU alone: glibc hands tensors beyond 32 MB, and smaller ones' memory where it lies together, back to the
    kernel, which clears the pages of the next one anew (Testing/Benchmarks measures what that costs). It can't be
    undone, and without a limit the process stays as large as it ever was, so that is for trainings, and nothing for a
    process that has other work as well, such as Slicer. No effect where the C library isn't glibc, nor with a limit
    after a larger one or none.
    """
    global _kept
    limit = math.inf if most is None else most
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if limit <= _kept or not hasattr(libc, "mallopt"):
        return
    _kept = limit
    trim_threshold, top_pad, mmap_threshold, mmap_max = -1, -2, -3, -4  # as in malloc.h
    if most is None:
        libc.mallopt(mmap_max, 0)  # take tensors from the heap
    else:
        libc.mallopt(mmap_threshold, 2**25)  # take those from the heap that a tile needs
    libc.mallopt(trim_threshold, -1 if most is None else most)  # never shrink it, or seldom
    libc.mallopt(top_pad, 2**26)  # bytes to grow it by
