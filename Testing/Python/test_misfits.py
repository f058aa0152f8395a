"""A checkpoint that is none of the training that is to go on from it is refused in a sentence, whatever is odd."""

import copy

import pytest
import torch
from torch import nn

from DAGANSpineLib.training import PRESETS, RunError, train
from DAGANSpineLib.training.misfits import Misfit, refuse_no_numbers, refuse_other_moments, refuse_other_tensors
from DAGANSpineLib.training.run import RunFolder


class Stopped(Exception):
    pass


@pytest.fixture(scope="module")
def stopped(part, tmp_path_factory):
    """A run that was stopped in its first stage."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch:
        save = RunFolder.save_checkpoint

        def stop(self, content):
            save(self, content)
            raise Stopped

        patch.setattr(RunFolder, "save_checkpoint", stop)
        with pytest.raises(Stopped):
            train(part, folder, PRESETS["smoke"], name="smoke", quiet=True)
    return RunFolder(folder)


def nothing_of(content, *names):
    for name in names[:-1]:
        content = content[name]
    del content[names[-1]]


def moments(content):
    return next(iter(content["method"]["optimisers"]["generator"]["state"].values()))


ODD = {
    "a stage behind the last": lambda content: content.update(stage=2),
    "another stage": lambda content: content.update(stage=1),
    "a step behind the last": lambda content: content.update(step=10**12),
    "no best": lambda content: nothing_of(content, "best"),
    "a best of text": lambda content: content.update(best="x"),
    "no optimisers": lambda content: nothing_of(content, "method", "optimisers"),
    "no averages of the generator": lambda content: nothing_of(content, "method", "averages", "generator"),
    "other health": lambda content: content.update(health=[3]),
    "other provenance": lambda content: content.update(provenance="x"),
    "whole numbers for weights": lambda content: whole(content["generator"]),
    "weights that are no numbers": lambda content: whole(content["segmenter"], float("nan")),
    "moments of another shape": lambda content: moments(content).update(exp_avg=torch.zeros(1)),
}


def whole(weights, value=7):
    name = next(name for name, value in weights.items() if value.ndim == 4)
    weights[name] = torch.full(weights[name].shape, value)


@pytest.mark.parametrize("odd", ODD)
def test_no_training_goes_on_from_what_is_odd(stopped, part, odd):
    before = stopped.last.read_bytes()
    content = torch.load(stopped.last, weights_only=True)
    ODD[odd](content)
    torch.save(content, stopped.last)
    try:
        with pytest.raises(RunError, match="begin a new run"):
            train(part, stopped.folder, PRESETS["smoke"], name="smoke", resume=True, quiet=True)
        assert not stopped.best.is_file()
    finally:
        stopped.last.write_bytes(before)


def test_a_log_that_holds_anything_keeps_what_is_its_own(stopped):
    own = stopped.metrics.read_text(encoding="utf-8")
    stopped.metrics.write_bytes(
        own.encode() + b"0,1," + b"x" * 200_000 + b",1\n" + b"9" * 5000 + b',1,a,1\n"0,1,a\n\xff\0,,,\n0,1,a,5\n'
    )
    stopped.begin_log(9, 9)
    stopped.close()
    assert stopped.metrics.read_text(encoding="utf-8").split() == [*own.split(), "0,1,a,5"]


def test_tensors_fit_by_name_shape_and_type():
    like = {"a": {"weights": torch.zeros(2, 3)}, "steps": 3}
    refuse_other_tensors({"a": {"weights": torch.ones(2, 3)}, "steps": 9}, like)
    for odd in (
        {"a": {"weights": torch.ones(3, 2)}, "steps": 9},
        {"a": {"weights": torch.ones(2, 3).half()}, "steps": 9},
        {"a": {"weights": [1]}, "steps": 9},
        {"a": {"weights": torch.ones(2, 3)}, "steps": "9"},
        {"a": {"weights": torch.ones(2, 3)}},
        {"a": {"weights": torch.ones(2, 3), "more": 1}, "steps": 9},
        [],
    ):
        with pytest.raises(Misfit):
            refuse_other_tensors(odd, like)


def test_moments_fit_their_weights():
    layer = nn.Linear(3, 2)
    optimiser = torch.optim.Adam(layer.parameters())
    refuse_other_moments(optimiser.state_dict(), optimiser)
    layer(torch.ones(1, 3)).sum().backward()
    optimiser.step()
    refuse_other_moments(optimiser.state_dict(), optimiser)
    for name, value in (("exp_avg", torch.zeros(3)), ("step", torch.tensor(-1.0)), ("exp_avg_sq", 3.0)):
        odd = copy.deepcopy(optimiser.state_dict())
        odd["state"][0][name] = value
        with pytest.raises(Misfit):
            refuse_other_moments(odd, optimiser)


@pytest.mark.parametrize("odd", [float("nan"), torch.tensor([1, float("inf")]), torch.zeros(2, dtype=torch.complex64)])
def test_what_is_no_number_is_found_anywhere(odd):
    refuse_no_numbers({"a": [1, (2.0, torch.ones(3))], "best": float("-inf")})
    with pytest.raises(Misfit):
        refuse_no_numbers({"a": [1, (2.0, odd)]})
