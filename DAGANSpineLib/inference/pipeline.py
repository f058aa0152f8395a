"""From pixels to a restored VPI and labels (DA-GAN, section 3.1): restore at native size, segment at 256 x 1024,
bring the class probabilities back to native size."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from ..model import Model, load_model
from ..networks import Untouched, resize, shrink
from ..progress import Cancelled as Cancelled
from ..progress import Progress, unheard
from ..texts import tr as _
from ..vpi import NETWORK_SIZE, bridged, denormalise, gaps_of, lit_body, normalise, unseen_in, within_reach
from .batches import at_once, cores_of, evened, halving, padded
from .devices import DeviceError, choose_device, keep_freed_memory, out_of_memory
from .labelling import labels_of, without_doubtful
from .tiles import Tile, tiles_of

STRIP = 256  # rows
COARSE, MOST = 350, 4  # columns of a lit body that is fine enough to restore, and how often a pixel is repeated at most
KEPT = 2**28  # bytes of freed memory, more than a tile needs: the next one takes them again

Outcome = TypeVar("Outcome")


@dataclass(frozen=True)
class Result:
    """What the pipeline makes of a VPI, all at the VPI's own size.

    `restored`: uint8 (rows, columns). `labels`: uint8 (rows, columns), 0 background, 1 rib, 2 thoracic, 3 lumbar.
    `probabilities`: float32 (4, rows, columns). `body`: where the VPI is lit, boolean (rows, columns). `seconds`: by
    stage. `warnings`: sentences for the clinician. `gaps`: of the sweep, boolean (rows, columns), which a
    restored picture has filled in from above and below; labels end at those that are too high to draw bones across.
    """

    restored: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    body: np.ndarray
    seconds: dict[str, float]
    warnings: list[str] = field(default_factory=list)
    gaps: np.ndarray | None = None


class Pipeline:
    """A loaded model on a device, ready to run on one VPI after another."""

    def __init__(self, model: Model, device: str = "auto") -> None:
        """Raises DeviceError if the device was asked for by name and doesn't work."""
        self.model = model
        self.device, self.warnings = choose_device(device)
        keep_freed_memory(KEPT)
        self._turn = threading.Lock()
        self._with_memory(lambda: self._move_to(self.device))

    @classmethod
    def load(cls, model: Path | None = None, device: str = "auto") -> Pipeline:
        """Load a model file (the bundled one for None). Raises ModelError or DeviceError."""
        return cls(load_model(model), device)

    def run(
        self, pixels: np.ndarray, progress: Progress = unheard, spacing: tuple[float, float] | None = None
    ) -> Result:
        """Restore and segment a VPI; several threads may, but a graphics card takes one at a time.

        `pixels`: (rows, columns), grey 0 to 255, head at the top. `progress` is called before each tile, on CUDA
        before each batch of them; what it raises stops the run. `spacing`: mm between rows and columns, where it is
        known: it tells how high a gap is. A device that runs out of memory is given up for the CPU, with a warning.
        Raises DeviceError if the CPU's memory doesn't do either.
        """
        with contextlib.nullcontext() if self.device.type == "cpu" else self._turn:
            return self._run(pixels, progress, spacing)

    def _run(self, pixels: np.ndarray, progress: Progress, spacing: tuple[float, float] | None) -> Result:
        begin = time.perf_counter()
        progress(0.0, _("Looking for the lit body"))
        body = lit_body(pixels)
        reached = body if body.any() else np.ones_like(body)
        gaps = gaps_of(pixels, body)
        located = time.perf_counter()
        restored = self._with_memory(lambda: self.restore(pixels, reached, progress))
        repaired = time.perf_counter()
        progress(0.9, _("Segmenting"))
        probabilities = self._with_memory(lambda: self.segment(restored, reached, unseen_in(gaps, body, spacing)))
        labels = np.concatenate([labels_of(probabilities[:, rows]) for rows in strips(pixels.shape)])
        if not isinstance(self.model.generator, Untouched):
            restored = bridged(restored, gaps, body)  # the segmenter has learnt from gaps as the generator leaves them
        progress(1.0, _("Done"))
        return Result(
            restored=restored,
            labels=labels,
            probabilities=probabilities,
            body=body,
            seconds={
                "lit body": located - begin,
                "restore": repaired - located,
                "segment": time.perf_counter() - repaired,
            },
            warnings=list(self.warnings),
            gaps=gaps,
        )

    def restore(self, pixels: np.ndarray, body: np.ndarray, progress: Progress = unheard) -> np.ndarray:
        """Remove the structured noise: (rows, columns) grey -> uint8 of the same shape.

        Only the lit body and what the network sees around it are computed; outside the body the picture stays as it is.
        In a coarse picture ribs are a few pixels high, as lines of noise are in those that the generator has learnt
        from: it is restored with its pixels repeated, which keeps lines as sharp as they are.
        """
        times = repeats(body)
        if times == 1:
            return self._restore(pixels, body, progress)
        near = columns_near(body, self.model.generator)  # all of a wide picture might be too large when repeated
        rows, columns = body[:, near].shape
        fine = repeated(pixels[:, near].astype(np.float32), times)
        fine = self._restore(fine, repeated(body[:, near], times), progress)
        restored = np.array(pixels, dtype=np.float32)
        restored[:, near] = fine.reshape(rows, times, columns, times).mean((1, 3), dtype=np.float32)
        np.copyto(restored, pixels, where=~body)
        return restored.round().astype(np.uint8)

    def _restore(self, pixels: np.ndarray, body: np.ndarray, progress: Progress) -> np.ndarray:
        """The same, of a picture as it is."""
        generator, seen = self.model.generator, pixels
        tiles = tiles_of(body, generator)
        even = evened(tiles, pixels.shape, generator.alignment)
        size = at_once(even, self.device)
        if size > 1:
            tiles, seen = even, padded(pixels, generator.alignment)

        def cores(batch: Sequence[Tile], done: int) -> list[np.ndarray]:
            stage = _("Restoring, tile {number} of {count}").format(number=done + 1, count=len(tiles))
            progress(0.05 + 0.85 * done / len(tiles), stage)
            return self._cores(batch, seen)

        restored = np.array(pixels, dtype=np.float32)
        for tile, core in halving(cores, tiles, size):
            restored[tile.inner] = core
        np.copyto(restored, pixels, where=~body)
        return np.round(np.clip(restored, 0, 255, out=restored), out=restored).astype(np.uint8)

    def _cores(self, tiles: Sequence[Tile], pixels: np.ndarray) -> list[np.ndarray]:
        """The restored cores of tiles of one size, computed at once: float32 (rows, columns) each."""
        images = self._tensor(normalise(np.stack([pixels[tile.outer] for tile in tiles])))
        with self._inference():
            cores = cores_of(tiles, images, self.model.generator)
        return [denormalise(core.float().cpu().numpy()) for core in cores]

    def segment(self, restored: np.ndarray, body: np.ndarray, unseen: np.ndarray | None = None) -> np.ndarray:
        """Class probabilities of a restored VPI: (rows, columns) grey -> float32 (4, rows, columns).

        The picture is seen at 256 x 1024, as it is and mirrored, and the two answers are averaged: a spine has no
        preferred side. The probabilities, not the labels, are scaled back. Beyond the reach of the lit body,
        and where the sweep has `unseen` gaps, boolean (rows, columns), everything is background.
        """
        normalised = np.concatenate([normalise(restored[rows]).astype(np.float32) for rows in strips(restored.shape)])
        with self._inference():
            small = shrink(self._tensor(normalised[None]), NETWORK_SIZE)
            seen, mirrored = self.model.segmenter(torch.cat([small, small.flip(-1)])).float().softmax(1).cpu()
            probabilities = torch.from_numpy(without_doubtful(((seen + mirrored.flip(-1)) / 2).numpy()))
            probabilities = resize(probabilities[None], restored.shape)[0].numpy()
        beyond = ~within_reach(body) if unseen is None else ~within_reach(body) | unseen
        np.copyto(probabilities, 0, where=beyond)
        np.copyto(probabilities[0], 1, where=beyond)
        return probabilities

    def _tensor(self, values: np.ndarray) -> Tensor:
        """Pictures (N, rows, columns) -> (N, 1, rows, columns) on the device; from pinned memory on CUDA, which needn't
        wait for it."""
        tensor = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))[:, None]
        tensor = tensor.contiguous(memory_format=torch.channels_last)
        cuda = self.device.type == "cuda"
        return (tensor.pin_memory() if cuda else tensor).to(self.device, non_blocking=cuda)

    def _move_to(self, device: torch.device) -> None:
        self.device = device
        for network in self.model.networks:
            network.to(device, memory_format=torch.channels_last)

    @contextlib.contextmanager
    def _inference(self) -> Iterator[None]:
        """No gradients; half precision on GPUs only: most processors are slower in it, and those with bfloat16 would
        label otherwise than the rest."""
        gpu = self.device.type in ("cuda", "mps")
        half = torch.autocast(self.device.type, torch.float16) if gpu else contextlib.nullcontext()
        with torch.inference_mode(), half:
            yield

    def _with_memory(self, work: Callable[[], Outcome]) -> Outcome:
        """Do the work; where the device has too little memory for it, do it again on the CPU, and say so."""
        try:
            return work()
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            if self.device.type == "cpu":
                raise DeviceError(
                    _("This computer has too little free memory for this picture: close other programs and try again.")
                ) from error
            warning = _("The {device} device ran out of memory: the CPU was used instead.")
            self.warnings.append(warning.format(device=self.device.type.upper()))
            self._move_to(torch.device("cpu"))
            return work()


def repeats(body: np.ndarray) -> int:
    """How many times each pixel along rows and columns is repeated to restore a picture of this lit body, boolean
    (rows, columns): as often as a coarse one needs to be as wide as those that the generator has learnt from."""
    columns = np.flatnonzero(body.any(0))
    return min(-(-COARSE // int(np.ptp(columns) + 1)), MOST) if columns.size else 1


def columns_near(body: np.ndarray, generator: nn.Module) -> slice:
    """The columns of a lit body, boolean (rows, columns), and all that a restorer (`RestorerShape`) sees beside."""
    if generator.halo is None:
        return slice(None)
    columns = np.flatnonzero(body.any(0))
    first = max(columns[0] - generator.halo, 0)
    return slice(first - first % generator.alignment, columns[-1] + generator.halo + 1)


def repeated(pixels: np.ndarray, times: int) -> np.ndarray:
    """Each pixel as a square of `times` x `times`."""
    return pixels.repeat(times, 0).repeat(times, 1)


def strips(shape: tuple[int, int]) -> Iterator[slice]:
    """The rows of a picture, some at a time: of a large one, wide numbers on the way would take gigabytes."""
    return (slice(first, first + STRIP) for first in range(0, shape[0], STRIP))
