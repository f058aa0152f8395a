"""A segmenter that has learnt from windows is normalised as whole spines need it."""

from dataclasses import replace

import numpy as np
import torch
from runs import SMOKE
from test_pipeline import small_model

from DAGANSpineLib.inference import Pipeline
from DAGANSpineLib.model import load_model
from DAGANSpineLib.networks import shrink
from DAGANSpineLib.training import load, open_dataset, trainer
from DAGANSpineLib.training.trainer import train
from DAGANSpineLib.training.wholes import normalise_by_wholes
from DAGANSpineLib.vpi import NETWORK_SIZE, lit_body, normalise


def statistics(model) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.segmenter.state_dict().items() if "running" in name}


def spines(count: int = 3) -> list[np.ndarray]:
    """Lit bodies of noise within black margins."""
    pictures = np.zeros((count, 320, 160), np.float32)
    pictures[:, 20:300, 40:120] = np.random.default_rng(0).uniform(20, 250, (count, 280, 80))
    return list(pictures)


def test_statistics_are_those_of_whole_restored_pictures_and_weights_stay():
    model, pictures = small_model(), spines()
    weights = {name: value.clone() for name, value in model.segmenter.named_parameters()}
    first = next(module for module in model.segmenter.modules() if isinstance(module, torch.nn.BatchNorm2d))
    seen = []
    handle = first.register_forward_pre_hook(lambda module, images: seen.append(images[0]))
    normalise_by_wholes(model, pictures, "cpu")
    handle.remove()
    [before] = seen
    torch.testing.assert_close(first.running_mean, before.mean((0, 2, 3)), atol=1e-3, rtol=1e-2)
    torch.testing.assert_close(first.running_var, before.var((0, 2, 3)), atol=1e-3, rtol=1e-2)
    restored = [Pipeline(model, "cpu").restore(picture, lit_body(picture)) for picture in pictures]
    small = torch.cat([shrink(torch.from_numpy(each).float()[None, None], NETWORK_SIZE).round() for each in restored])
    convolution = next(module for module in model.segmenter.modules() if isinstance(module, torch.nn.Conv2d))
    torch.testing.assert_close(convolution(normalise(small)), before, atol=1e-4, rtol=1e-4)
    assert all(torch.equal(value, weights[name]) for name, value in model.segmenter.named_parameters())
    assert not any(network.training for network in model.segmenter.modules())


def test_a_second_time_changes_nothing():
    model, pictures = small_model(), spines()
    normalise_by_wholes(model, pictures, "cpu")
    once = statistics(model)
    normalise_by_wholes(model, pictures, "cpu")
    assert all(torch.equal(value, once[name]) for name, value in statistics(model).items())


def test_the_model_that_a_training_on_windows_keeps_is_normalised_by_whole_spines(data, tmp_path, monkeypatch):
    taken = []

    def recorded(model, pictures, device):
        former = statistics(model)
        normalise_by_wholes(model, pictures, device)
        taken.append((former, statistics(model), [picture.shape for picture in pictures]))

    monkeypatch.setattr(trainer, "normalise_by_wholes", recorded)
    train(data, tmp_path / "run", replace(SMOKE, stages=SMOKE.stages[:1]), name="joint")
    former, own, shapes = taken[-1]
    assert set(shapes) <= {load(record).image.shape for record in open_dataset(data).train}
    kept = statistics(load_model(tmp_path / "run" / "best.pt"))
    assert all(torch.allclose(value, own[name], rtol=2e-3, atol=1e-4) for name, value in kept.items())
    assert any(not torch.allclose(value, former[name], rtol=0.05) for name, value in kept.items())


def test_a_training_on_whole_spines_keeps_what_it_has_learnt_with(data, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "normalise_by_wholes", None)  # would fail
    train(data, tmp_path / "run", replace(SMOKE, stages=SMOKE.stages[1:]), name="whole")
    assert (tmp_path / "run" / "best.pt").is_file()
