"""Batches for the steps of methods, from patches that a test makes itself."""

from __future__ import annotations

import torch

from DAGANSpineLib.training.windows import WindowBatch


def end_to_end(corrupted: torch.Tensor, clean: torch.Tensor, labels: torch.Tensor) -> WindowBatch:
    """Patches (N, 1, 96, 96) of either kind as their own windows, which the segmenter sees as they are; labels
    (2N, 96, 96)."""
    windows, still = torch.cat([corrupted, clean]), torch.zeros(len(labels), 2)
    return WindowBatch(windows, still.long(), still, still + 1, labels, still[:, 0])


def random_batch(count: int, kind: torch.dtype = torch.float32) -> WindowBatch:
    """So many random patches of either kind, with random labels."""
    corrupted, clean = torch.randn(2, count, 1, 96, 96, dtype=torch.double).to(kind)
    return end_to_end(corrupted, clean, torch.randint(4, (2 * count, 96, 96)))
