"""A stream of batches: each made of its step's number alone, ahead of time, by processes of their own.

What is made ahead is small and on the CPU; what is costly but alike for a whole batch, such as turning its pictures,
is done to all of them at once where the networks are.
"""

from __future__ import annotations

import signal
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as Numbered

from ..errors import UserError

AHEAD = 4  # batches that each worker has ready
# how workers start: as children of this process, since they end when their parent has; a fork server's don't
START = "fork" if sys.platform == "linux" else "spawn"

Self = TypeVar("Self", bound="Tensors")


class Tensors:
    """A dataclass of tensors, or of others like it, that travel together."""

    def each(self: Self, change: Callable[[Tensor], Tensor]) -> Self:
        """The same with each tensor changed."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return type(self)(
            **{name: v.each(change) if isinstance(v, Tensors) else change(v) for name, v in values.items()}
        )

    def to(self: Self, device: torch.device) -> Self:
        """The same on a device. Nobody waits for CUDA to fetch it from pinned memory; other devices may fetch it too
        late if nobody waits."""
        return self.each(lambda tensor: tensor.to(device, non_blocking=device.type == "cuda"))

    def pin_memory(self: Self) -> Self:
        """The same in memory that a graphics card can fetch from by itself; torch's loader asks for it."""
        return self.each(torch.Tensor.pin_memory)


class Feed(ABC):
    """Where the batches of a stage come from.

    The same (step, process) always gives the same batch, so that a resumed training sees what an unbroken one would
    have seen, whoever makes the batches and in whatever order. A feed is sent to other processes: it can be pickled.
    """

    @abstractmethod
    def draw(self, step: int, process: int = 0) -> Tensors:
        """What the step's batch is made of, on the CPU. `process`: which of those that train together it is for."""

    def finish(self, drawn: Any) -> Any:
        """The batch, on the device on which `drawn` is. Draws nothing at random itself."""
        return drawn

    def __call__(self, step: int, process: int = 0) -> Any:
        """The step's batch, on the CPU."""
        return self.finish(self.draw(step, process))


def stream(feed: Feed, steps: Sequence[int], process: int, device: torch.device, workers: int) -> Iterator[Any]:
    """The batches of these steps, in their order, on the device; `workers` processes draw them ahead, or with 0 this
    one does when it is asked.

    The workers end with the stream, and within seconds of this process, however that ends. A UserError of the feed's
    is raised here, wherever the feed was.
    """
    loader = DataLoader(
        Draws(feed, process),
        batch_size=None,
        sampler=steps,
        num_workers=workers,
        multiprocessing_context=START if workers else None,
        prefetch_factor=AHEAD if workers else None,
        pin_memory=device.type == "cuda",
        worker_init_fn=heed_no_interrupt,
        generator=torch.Generator(),  # the loader draws a seed for its workers, but not from the networks' numbers
    )
    for drawn in loader:
        if isinstance(drawn, UserError):
            raise drawn
        yield feed.finish(drawn.to(device))


class Draws(Numbered):
    """What a feed draws, by the step's number, as torch's loader asks for it."""

    def __init__(self, feed: Feed, process: int) -> None:
        self.feed, self.process = feed, process

    def __getitem__(self, step: int) -> Tensors | UserError:
        try:
            return self.feed.draw(step, self.process)
        except UserError as error:
            return error  # raised, the loader would hand it on as a traceback instead of a sentence


def heed_no_interrupt(worker: int) -> None:
    """Ctrl-C reaches every process of a terminal, but when workers end is for the one that feeds on them to say: by
    SIGTERM, for which a forked one may have the trainer's own handler."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
