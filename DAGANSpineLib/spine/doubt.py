"""How sure a model was of the bones that it drew, small enough to be kept beside them: what a reading needs of its
probabilities, when they are gone and somebody has edited the labels."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from .bone_maps import CLASSES, BoneMaps

SURE = 255  # as a byte holds a probability of 1; 1 is one of 0


@dataclass(frozen=True)
class Doubt:
    """`likely`: uint8 (2, rows, columns) over blocks of `block` (down, across) pixels, how likely thoracic and lumbar
    bone is there; 0 where the model drew none."""

    likely: np.ndarray
    block: tuple[int, int]

    @classmethod
    def of(cls, maps: BoneMaps) -> Doubt | None:
        """None where no probabilities are known."""
        if maps.likely is None:
            return None
        whole = 1 + np.rint(np.clip(maps.likely, 0, 1) * (SURE - 1))
        return cls(np.nan_to_num(whole).astype(np.uint8), maps.block)

    def probabilities(self, shape: tuple[int, int]) -> np.ndarray | None:
        """float32 (4, rows, columns), for a reading of a picture of this shape: what the model thought of the vertebrae
        that it drew, and 1 elsewhere, for what is drawn there by hand. None if it is another picture's."""
        if self.likely.shape[1:] != tuple(-(-size // block) for size, block in zip(shape, self.block, strict=True)):
            return None
        found = np.where(self.likely > 0, (self.likely.astype(np.float32) - 1) / (SURE - 1), np.float32(1))
        probabilities = np.ones((max(CLASSES) + 1, *shape), np.float32)
        probabilities[list(CLASSES)] = found.repeat(self.block[0], 1)[:, : shape[0]].repeat(self.block[1], 2)[
            :, :, : shape[1]
        ]
        return probabilities

    def as_text(self) -> str:
        """JSON, some kB of it."""
        packed = base64.b64encode(zlib.compress(self.likely.tobytes(), 9)).decode("ascii")
        return json.dumps({"block": self.block, "cells": self.likely.shape[1:], "likely": packed})

    @classmethod
    def from_text(cls, text: str) -> Doubt:
        """The inverse of `as_text`. Raises KeyError, TypeError, ValueError or RecursionError for what is none."""
        record = json.loads(text)
        rows, columns = map(int, record["cells"])
        down, across = map(int, record["block"])
        if min(rows, columns, down, across) < 1:
            raise ValueError(record)
        return cls(unpacked(record["likely"], (len(CLASSES), rows, columns)), (down, across))


def unpacked(packed: str, shape: Sequence[int]) -> np.ndarray:
    """uint8 of this shape. Raises TypeError or ValueError."""
    try:
        content = zlib.decompressobj().decompress(base64.b64decode(packed), prod(shape) + 1)
    except zlib.error as trouble:
        raise ValueError(str(trouble)) from trouble
    return np.frombuffer(content, np.uint8).reshape(shape)
