"""Trainings that begin from a trained model."""

import dataclasses

import pytest
import torch

from DAGANSpineLib.__main__ import main
from DAGANSpineLib.model import GeneratorShape, Model, PanopticFPNShape, load_model, save_model
from DAGANSpineLib.training.descent import Ancestor
from DAGANSpineLib.training.presets import PRESETS
from DAGANSpineLib.training.run import RunError
from DAGANSpineLib.training.trainer import train

UNTRAINED = dataclasses.replace(PRESETS["smoke"], stages=())


@pytest.fixture(scope="module")
def ancestor(tmp_path_factory):
    """A model of other shapes than the preset's, in a file."""
    torch.manual_seed(7)
    shapes = GeneratorShape((8, 16)), PanopticFPNShape(18, 16, 16, 32)
    path = tmp_path_factory.mktemp("ancestor") / "elder.pt"
    save_model(Model(*shapes, provenance={"preset": "elder", "from": {"model": "eldest.pt"}}), path)
    return load_model(path)


def equal(one: torch.nn.Module, two: torch.nn.Module) -> bool:
    one, two = one.state_dict(), two.state_dict()
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def test_a_training_begins_with_its_ancestors_networks(part, ancestor, tmp_path):
    model = train(part, tmp_path, UNTRAINED, quiet=True, ancestor=Ancestor(ancestor))
    assert equal(model.generator, ancestor.generator) and equal(model.segmenter, ancestor.segmenter)


def test_a_network_may_begin_anew_with_the_presets_shape(part, ancestor, tmp_path):
    model = train(part, tmp_path, UNTRAINED, quiet=True, ancestor=Ancestor(ancestor, ("generator",)))
    assert model.generator_shape == UNTRAINED.generator and equal(model.segmenter, ancestor.segmenter)


def test_provenance_lists_the_whole_descent(part, ancestor, tmp_path):
    told = train(part, tmp_path, UNTRAINED, quiet=True, ancestor=Ancestor(ancestor, ("generator",))).provenance
    assert told["from"]["model"] == "elder.pt" and told["from"]["sha256"] == ancestor.sha256
    assert told["from"]["taken over"] == ["segmenter"]
    assert told["from"]["provenance"]["from"] == {"model": "eldest.pt"}


def test_a_run_goes_on_with_the_same_ancestor_only(part, ancestor, tmp_path):
    train(part, tmp_path, UNTRAINED, quiet=True, ancestor=Ancestor(ancestor))
    with pytest.raises(RunError, match=r"other settings than this command \(.*from\)"):
        train(part, tmp_path, UNTRAINED, resume=True, quiet=True)


def test_what_begins_anew_needs_an_ancestor(part, tmp_path, monkeypatch, capsys):
    command = ["train", "--data", str(part), "-o", str(tmp_path), "--anew", "generator"]
    monkeypatch.setattr("sys.argv", ["DAGANSpineLib", *command])
    assert main() != 0
    assert "give the model that --from begins from" in capsys.readouterr().err
