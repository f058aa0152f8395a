"""NTGAN knows the noise beforehand, adds it to what it has restored, and removes it."""

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from torch.nn import functional as F

from DAGANSpineLib.baselines import ntgan
from DAGANSpineLib.baselines.budget import SMOKE
from DAGANSpineLib.baselines.ntgan import LARGEST, NTGAN, gaussian_noise, noise_branch
from DAGANSpineLib.inference import Pipeline
from DAGANSpineLib.model import Model, load_model
from DAGANSpineLib.model.shapes import GeneratorShape, PanopticFPNShape
from DAGANSpineLib.training.method import Batch
from DAGANSpineLib.training.trainer import train
from DAGANSpineLib.vpi import DEVIATION, normalise


@pytest.mark.parametrize(("grey", "mean"), [(0, 0.5), (255, 1.0)])
def test_the_noise_grows_with_the_grey_and_is_of_another_level_in_each_picture(grey, mean):
    torch.manual_seed(0)
    noise = gaussian_noise(torch.full((500, 1, 24, 24), normalise(float(grey)))) * DEVIATION / 255
    levels = noise.flatten(1).std(1)
    assert levels.mean().item() == pytest.approx(mean * LARGEST, rel=0.05)  # σ_c, and in white σ_s too
    assert levels.max() > 1.5 * levels.mean() and levels.min() < 0.5 * levels.mean()
    assert abs(noise.mean()) < 0.001


def test_of_no_noise_the_branch_makes_none():
    assert not noise_branch(4)(torch.zeros(1, 1, 16, 16)).any()


def noisy(pictures: torch.Tensor) -> torch.Tensor:
    return pictures + 0.25 * torch.randn_like(pictures)


def smooth_pictures(count: int) -> torch.Tensor:
    return 0.6 * F.interpolate(torch.randn(count, 1, 4, 4), size=(32, 32), mode="bicubic")


def test_it_removes_the_noise_that_it_knows_without_having_seen_a_clean_picture():
    torch.manual_seed(0)
    # the way up that learns fastest with so few channels and steps
    method = NTGAN(Model(GeneratorShape((8, 16), upsampling="transposed"), PanopticFPNShape(18, 16, 16, 16)), 4)
    method.prepare(Accelerator(cpu=True))
    method.set_learning_rate(1e-3)
    losses = []
    for step in range(150):
        torch.manual_seed(step)
        first, second = noisy(smooth_pictures(8)).chunk(2)
        losses.append(method.step(Batch(first, second))["total"])
    assert np.mean(losses[-20:]) < np.mean(losses[:20])
    pictures = smooth_pictures(16)
    observed = noisy(pictures)
    with torch.no_grad():
        restored = method.restore(observed)
    gained = 10 * torch.log10((observed - pictures).square().mean() / (restored - pictures).square().mean())
    assert gained > 3


def test_a_smoke_training_ends_in_a_model_that_restores_and_segments(part, tmp_path, small_vpi):
    train(part, tmp_path / "run", ntgan.preset(SMOKE), precision="full")
    assert isinstance(load_model(tmp_path / "run" / "best.pt").generator_shape, GeneratorShape)
    result = Pipeline.load(tmp_path / "run" / "best.pt", "cpu").run(small_vpi.astype(np.float32))
    assert result.restored.shape == result.labels.shape == small_vpi.shape
    assert (result.restored != small_vpi).any()
