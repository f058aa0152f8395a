"""Processes that share jobs among them: those that torchrun has started, on one machine or many."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch.distributed import Store, rendezvous

LAUNCHED = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")  # what torchrun tells each process
POLL = 0.5  # seconds

Item = TypeVar("Item")


@dataclass(frozen=True)
class Team:
    """This process among its team; alone where `store` is None.

    All that the processes have in common is the launcher's store, which counts the jobs that were taken. There is no
    process group: whatever a process does for its job, it does alone.
    """

    rank: int = 0
    size: int = 1
    store: Store | None = None

    @classmethod
    def join(cls) -> Team:
        """The team that the launcher's variables describe.

        They are taken out of the environment, or accelerate would make one training of all processes.
        """
        rank, size, place = (int(os.environ.get(name, usual)) for name, usual in zip(LAUNCHED, (0, 1, 0), strict=False))
        store = next(iter(rendezvous("env://")))[0] if size > 1 else None
        for name in LAUNCHED:
            os.environ.pop(name, None)
        if store is not None and torch.cuda.is_available():
            torch.cuda.set_device(place % torch.cuda.device_count())
        return cls(rank, size, store)

    @property
    def main(self) -> bool:
        return self.rank == 0

    def share(self, jobs: Sequence[Item], what: str = "jobs") -> Iterator[Item]:
        """The jobs for this process, in order: always the next one that nobody has taken yet; `what` they are called,
        since each kind is counted by itself."""
        if self.store is None:
            yield from jobs
            return
        while (taken := self.store.add(f"{what} taken", 1)) <= len(jobs):
            yield jobs[taken - 1]

    def meet(self, place: str) -> None:
        """Go on once every process of the team has come to this place. Should one die, torchrun ends the others."""
        if self.store is None:
            return
        self.store.add(place, 1)
        while self.store.add(place, 0) < self.size:
            time.sleep(POLL)
