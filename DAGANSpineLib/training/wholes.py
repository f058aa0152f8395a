"""Normalisation by whole spines, for a segmenter that has learnt from parts of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from ..inference import Pipeline
from ..model import Model
from ..networks import shrink
from ..vpi import NETWORK_SIZE, lit_body, normalise

SPINES, AT_ONCE = 8, 4  # that statistics are taken from


def normalise_by_wholes(model: Model, pictures: Sequence[np.ndarray], device: str = "auto") -> None:
    """Take the running statistics of the segmenter's batch normalisations from whole pictures, grey (rows, columns) at
    native size, as the model restores them.

    What it has learnt with are those of windows, which lie in the body; of a whole picture half is black. With theirs
    it would not know what it has learnt again. Weights stay as they are (Wu and Johnson, "Rethinking 'Batch' in
    BatchNorm", 2021, section 5.1, statistics of what is tested on).
    """
    norms = [module for module in model.segmenter.modules() if isinstance(module, nn.BatchNorm2d)]
    if not norms:
        return
    pipeline, momenta = Pipeline(model, device), [norm.momentum for norm in norms]
    restored = [pipeline.restore(picture, lit_body(picture)) for picture in pictures]
    images = (torch.from_numpy(normalise(picture.astype(np.float32)))[None, None] for picture in restored)
    small = [shrink(image, NETWORK_SIZE) for image in images]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches
        norm.train()
    with torch.no_grad():
        for batch in torch.cat(small).split(AT_ONCE):
            model.segmenter(batch.to(pipeline.device, memory_format=torch.channels_last))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()
