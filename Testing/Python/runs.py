"""A training short enough to be run often, what kills it, and whether two have come to the same."""

import dataclasses

import torch

from DAGANSpineLib.training.presets import PRESETS

RESTORATION, SEGMENTATION = PRESETS["smoke"].stages
# few patches at a time, and a segmenter that learns from crops: whole spines take longer than all the rest
SMOKE = dataclasses.replace(
    PRESETS["smoke"],
    stages=(dataclasses.replace(RESTORATION, batch=2), dataclasses.replace(SEGMENTATION, rows=64)),
)


class Killed(BaseException):
    """Stands for kill -9: nothing gets to tidy up."""


def assert_equal(one, two):
    """Nested dictionaries and lists of tensors and numbers, bit for bit."""
    assert type(one) is type(two)
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, two)
    elif isinstance(one, dict):
        assert one.keys() == two.keys()
        for key in one:
            assert_equal(one[key], two[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(two)
        for mine, other in zip(one, two, strict=True):
            assert_equal(mine, other)
    else:
        assert one == two
