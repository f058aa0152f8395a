"""Normalisation by whole spines, for a segmenter that has learnt from parts of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from ..inference import Pipeline
from ..model import Model
from ..vpi import lit_body, normalise
from .dataset import Record, load
from .spines import shrunk

SPINES = 8  # that statistics are taken from,
AT_ONCE = 4  # so many in a batch


def some_pictures(records: Sequence[Record]) -> list[np.ndarray]:
    """Pictures of `SPINES` subjects, evenly among all: grey (rows, columns) at native size."""
    return [load(record).image for record in records[:: max(1, len(records) // SPINES)][:SPINES]]


def normalise_by_wholes(model: Model, pictures: Sequence[np.ndarray], device: str = "auto") -> None:
    """Take the running statistics of the segmenter's batch normalisations from whole pictures, grey (rows, columns) at
    native size, as the model restores them.

    A segmenter that has learnt from windows has theirs, which lie in the body, while half of a whole picture is black.
    Its weights stay as they are (statistics of what is tested on: Wu and Johnson, "Rethinking 'Batch' in BatchNorm",
    2021).
    """
    norms = [module for module in model.segmenter.modules() if isinstance(module, nn.BatchNorm2d)]
    if not norms:
        return
    pipeline, momenta = Pipeline(model, device), [norm.momentum for norm in norms]
    small = np.stack([shrunk(pipeline.restore(picture, lit_body(picture))) for picture in pictures])
    images = torch.from_numpy(normalise(small.astype(np.float32)))[:, None]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches
        norm.train()
    with torch.no_grad():
        for batch in images.split(AT_ONCE):
            model.segmenter(batch.to(pipeline.device, memory_format=torch.channels_last))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()
