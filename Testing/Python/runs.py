"""A training short enough to be run often, what kills it, and whether two have come to the same."""

import dataclasses
import math

import torch

from DAGANSpineLib.baselines.budget import SMOKE as BUDGET
from DAGANSpineLib.baselines.systems import SYSTEMS
from DAGANSpineLib.baselines.tuning import Outcome, Trial, measure_of, trials
from DAGANSpineLib.training.presets import PRESETS

RESTORATION, SEGMENTATION = PRESETS["smoke"].stages
# few patches at a time, and a segmenter that learns from crops: whole spines take longer than all the rest
SMOKE = dataclasses.replace(
    PRESETS["smoke"],
    stages=(dataclasses.replace(RESTORATION, batch=2), dataclasses.replace(SEGMENTATION, rows=64)),
)


class Killed(BaseException):
    """Stands for kill -9: nothing gets to tidy up."""


def whole_search(key, best=Trial()):  # noqa: B008 - frozen
    """The outcomes of a whole search for the settings of the system of this key, on simulated subjects: the nearer to
    `best`, the better."""
    (system,), found = [each for each in SYSTEMS if each.key == key], []
    measure = measure_of(system, BUDGET, truth=True)
    while new := trials(system, found):
        for trial in new:
            away = (math.log(getattr(trial, name) / getattr(best, name)) for name in ("rate", "weight"))
            found.append(Outcome(trial, round(-sum(map(abs, away)), 6), measure=measure))
    return found


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
