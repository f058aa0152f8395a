"""Processes of their own, for what must be killed or takes several: forked from one that has imported what takes
seconds, torch and MONAI among it, and done nothing else."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from DAGANSpineLib.__main__ import main

IMPORTED = ["DAGANSpineLib.training.trainer", "torch._dynamo", "torch.distributed.run"]
CONTEXT = multiprocessing.get_context("spawn" if os.name == "nt" else "forkserver")


def start(work: Callable[..., None], *arguments: object) -> tuple[multiprocessing.Process, Connection]:
    """A process that does the work, and what it is heard by: `work(say, *arguments)` may `say` something."""
    if os.name != "nt":
        CONTEXT.set_forkserver_preload(IMPORTED)
    hear, say = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=work, args=(say, *arguments))
    process.start()
    say.close()  # so that it is noticed when the process ends and has said nothing
    return process, hear


def end() -> None:
    """End the process that the others are forked from, and wait for it: its time is a part of the tests'."""
    if os.name != "nt":
        from multiprocessing import forkserver

        forkserver._forkserver._stop()


def torchrun(arguments: list[str], output: Path) -> str:
    """`torchrun --standalone --nproc-per-node 2 -m DAGANSpineLib ARGUMENTS`: what the two processes print."""
    process, _ = start(_launch, arguments, output)
    process.join()
    printed = output.read_text(encoding="utf-8")
    assert process.exitcode == 0, printed
    return printed


def _launch(say: Connection, arguments: list[str], output: Path) -> None:
    """The launcher's part: its agent forks the two from this process."""
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    with output.open("w") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    two = LaunchConfig(1, 1, nproc_per_node=2, rdzv_backend="c10d", rdzv_endpoint="localhost:0", start_method="fork")
    elastic_launch(two, _command)(*arguments)


def _command(*arguments: str) -> None:
    sys.argv = ["DAGANSpineLib", *arguments]
    status = main()
    sys.stdout.flush()
    if status:
        raise SystemExit(status)
