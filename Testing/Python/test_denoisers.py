"""Self-supervised denoisers hide what they say, learn from nothing else, and remove what they were made for."""

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from torch.nn import functional as F

from DAGANSpineLib.baselines import noise2self, noise2void
from DAGANSpineLib.baselines.blind_spots import BlindSpotLearning, prediction_loss
from DAGANSpineLib.baselines.budget import LAPTOP, PAPER, SMOKE
from DAGANSpineLib.baselines.noise2self import GridMask, neighbour_mean
from DAGANSpineLib.baselines.noise2void import BlindSpots
from DAGANSpineLib.inference import Pipeline
from DAGANSpineLib.model import Model, load_model, save_model
from DAGANSpineLib.model.shapes import DirectGeneratorShape, PanopticFPNShape
from DAGANSpineLib.training.method import Batch
from DAGANSpineLib.training.trainer import train

PRESETS = {"N2S": noise2self.preset, "N2V": noise2void.preset, "structured N2V": noise2void.structured}


@pytest.fixture
def numbered():
    """Two patches (2, 1, 24, 32) in which each pixel has a value of its own, all above 10."""
    return torch.arange(2 * 24 * 32).float().reshape(2, 1, 24, 32) + 10


def places_of(values: torch.Tensor) -> torch.Tensor:
    """Where `numbered` has these values: (n,) -> sample, row, column (n, 3)."""
    index = (values - 10).long()
    return torch.stack([index // (24 * 32), index // 32 % 24, index % 32], 1)


def test_the_grid_hides_a_sixteenth_and_each_pixel_in_turn(numbered):
    torch.manual_seed(0)
    seen = torch.zeros(24, 32, dtype=torch.int)
    for _ in range(200):
        hidden, spots = GridMask(4)(numbered)
        assert spots.float().mean() == 1 / 16
        assert torch.equal(hidden[~spots], numbered[~spots])
        rows, columns = torch.nonzero(spots[0, 0], as_tuple=True)
        assert len(set((rows % 4).tolist())) == len(set((columns % 4).tolist())) == 1
        seen += spots[0, 0]
    assert seen.min() > 0


def test_a_hidden_pixel_becomes_its_neighbours_weighted_mean():
    patch = torch.tensor([[1.0, 2, 3], [4, 100, 6], [7, 8, 9]])[None, None]
    # (1 + 3 + 7 + 9) / 2 + 2 + 4 + 6 + 8 = 30, over 6
    assert neighbour_mean(patch)[0, 0, 1, 1] == pytest.approx(30 / 6)
    # mirrored at the corner: four times 100 at half weight, and twice 2 and twice 4 beside it
    assert neighbour_mean(patch)[0, 0, 0, 0] == pytest.approx((4 * 50 + 2 * 2 + 2 * 4) / 6)


def test_the_mean_of_neighbours_never_holds_the_pixel_itself():
    for row, column in ((0, 0), (0, 3), (5, 6), (3, 3)):
        patch = torch.zeros(1, 1, 6, 7)
        patch[..., row, column] = 1
        assert neighbour_mean(patch)[0, 0, row, column] == 0


@pytest.mark.parametrize(("box", "share"), [(8, 0.0156), (22, 0.0021)])
def test_blind_spots_are_0_2_to_1_6_per_cent_one_in_each_box(box, share):
    side = 4 * box
    patches = torch.randn(3, 1, side, side)
    hidden, spots = BlindSpots(box)(patches)
    assert spots.float().mean().item() == pytest.approx(share, abs=1e-4)
    assert torch.equal(F.max_pool2d(spots.float(), box), torch.ones(3, 1, 4, 4))
    assert torch.equal(hidden[~spots], patches[~spots])


def test_a_patch_that_boxes_do_not_divide_has_blind_spots_up_to_its_border():
    torch.manual_seed(0)
    reached = torch.zeros(20, 21, dtype=torch.bool)
    for _ in range(300):
        reached |= BlindSpots(8)(torch.randn(4, 1, 20, 21))[1].any(0)[0]
    assert reached.all()


@pytest.mark.parametrize("span", [0, 7])
def test_a_blind_spot_takes_the_value_of_another_pixel_within_the_radius(numbered, span):
    torch.manual_seed(0)
    distances = []
    for _ in range(200):
        hidden, spots = BlindSpots(8, radius=5, span=span)(numbered)
        distances.append(places_of(hidden[spots]) - places_of(numbered[spots]))
    sample, down, across = torch.cat(distances).T
    assert not sample.any()
    assert (down.abs().max(), across.abs().max()) == (5, 5)
    assert not ((down == 0) & (across.abs() <= span)).any()
    if not span:  # each place as often as any other, apart from the borders
        assert np.abs(np.corrcoef(down, across)[0, 1]) < 0.05
        assert len(set(zip(down.tolist(), across.tolist(), strict=True))) == 11 * 11 - 1


def test_a_structured_mask_hides_a_span_of_the_row_and_predicts_its_middle(numbered):
    torch.manual_seed(0)
    patches, shares = numbered[..., :24], []
    for _ in range(100):
        hidden, spots = BlindSpots(24, span=7)(patches)
        changed = hidden != patches
        assert spots.sum() == 2  # one in each patch
        for sample, _, row, column in spots.nonzero().tolist():
            around = torch.zeros(24, 24, dtype=torch.bool)
            around[row, max(column - 7, 0) : column + 8] = True
            assert torch.equal(changed[sample, 0], around)
            assert hidden[sample, 0, around & ~spots[sample, 0]].abs().max() <= 2
            shares.append(around.sum())
    assert max(shares) == 15


def test_the_loss_is_the_mean_squared_error_over_the_spots_alone():
    observed, predicted = torch.zeros(1, 1, 2, 3), torch.tensor([[[[1.0, 2, 3], [4, 5, 6]]]])
    spots = torch.tensor([[[[True, False, True], [False, False, False]]]])
    assert prediction_loss(predicted, observed, spots) == (1 + 9) / 2


def test_what_is_not_hidden_does_not_teach():
    predicted = torch.zeros(1, 1, 4, 4, requires_grad=True)
    spots = torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    spots[..., 1, 2] = True
    prediction_loss(predicted, torch.ones(1, 1, 4, 4), spots).backward()
    assert torch.equal(predicted.grad != 0, spots)


def smooth_pictures(count: int) -> torch.Tensor:
    return F.interpolate(torch.randn(count, 1, 6, 6), size=(48, 48), mode="bicubic")


def white_noise(pictures: torch.Tensor) -> torch.Tensor:
    return 0.5 * torch.randn_like(pictures)


def streaks(pictures: torch.Tensor) -> torch.Tensor:
    """Noise that is one and the same over five pixels of a row, more or less."""
    count, _, rows, columns = pictures.shape
    noise = F.avg_pool1d(torch.randn(count * rows, 1, columns + 4), 5, 1).view_as(pictures)
    return 0.5 * noise / noise.std()


def decibels_gained(hide, noise) -> float:
    """PSNR of what a briefly trained network makes of noisy pictures, above that of the noisy pictures."""
    torch.manual_seed(0)
    model = Model(DirectGeneratorShape((8, 16)), PanopticFPNShape(18, 16, 16, 16))
    method = BlindSpotLearning(model, hide)
    method.prepare(Accelerator(cpu=True))
    method.set_learning_rate(3e-3)
    losses = []
    for _ in range(150):
        pictures = smooth_pictures(8)
        corrupted, clean = (pictures + noise(pictures)).chunk(2)
        losses.append(method.step(Batch(corrupted, clean))["total"])
    assert np.mean(losses[-10:]) < np.mean(losses[:10])
    pictures = smooth_pictures(16)
    noisy = pictures + noise(pictures)
    with torch.no_grad():
        restored = method.restore(noisy)
    return 10 * torch.log10((noisy - pictures).square().mean() / (restored - pictures).square().mean()).item()


@pytest.mark.parametrize("hide", [GridMask(), BlindSpots()])
def test_noise_that_is_independent_from_pixel_to_pixel_is_removed(hide):
    assert decibels_gained(hide, white_noise) > 5


def test_streaks_are_removed_by_structured_noise2void_alone():
    assert decibels_gained(BlindSpots(), streaks) < 2
    assert decibels_gained(BlindSpots(span=5), streaks) > 4


@pytest.mark.parametrize("system", PRESETS)
def test_a_smoke_training_ends_in_a_model_that_restores_and_segments(system, data, tmp_path, small_vpi):
    preset = PRESETS[system](SMOKE)
    train(data, tmp_path / "run", preset, precision="full")
    model = load_model(tmp_path / "run" / "best.pt")
    assert isinstance(model.generator_shape, DirectGeneratorShape)
    save_model(model, tmp_path / "again.pt")
    result = Pipeline.load(tmp_path / "again.pt", "cpu").run(small_vpi.astype(np.float32))
    assert result.restored.shape == result.labels.shape == small_vpi.shape
    assert (result.restored != small_vpi).any()


def test_the_authors_learning_rates_stand_and_all_else_is_the_budgets():
    for system, rate in (("N2S", 1e-3), ("N2V", 4e-4), ("structured N2V", 4e-4)):
        restoration, segmentation = PRESETS[system](PAPER).stages
        assert restoration.learning_rate == rate
        assert (restoration.epochs, restoration.batch, restoration.clean) == (PAPER.epochs, PAPER.batch, PAPER.clean)
        assert segmentation == PAPER.segmentation


def test_in_a_shorter_budget_all_learning_rates_rise_alike():
    haste = LAPTOP.learning_rate / PAPER.learning_rate
    for preset in PRESETS.values():
        rates = [preset(budget).stages[0].learning_rate for budget in (PAPER, LAPTOP)]
        assert rates[1] == pytest.approx(rates[0] * haste)
