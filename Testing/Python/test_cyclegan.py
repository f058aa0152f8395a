"""CycleGAN's networks have the published sizes, its losses are the paper's, and its training goes on bit for bit."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from batches import end_to_end
from torch import nn
from torch.nn import functional as F

from DAGANSpineLib.baselines import cyclegan
from DAGANSpineLib.baselines.budget import LAPTOP, PAPER, SMOKE, size_of
from DAGANSpineLib.baselines.cyclegan import CycleGAN, ImagePool, difference, least_squares
from DAGANSpineLib.inference import Pipeline
from DAGANSpineLib.inference.tiles import tiles_of
from DAGANSpineLib.model import Model, load_model
from DAGANSpineLib.model.shapes import PanopticFPNShape, ResidualGeneratorShape
from DAGANSpineLib.networks.residual_generator import PatchDiscriminator, ResidualGenerator
from DAGANSpineLib.training.method import Batch
from DAGANSpineLib.training.trainer import train
from DAGANSpineLib.vpi import normalise

BLACK, WHITE = normalise(0.0), normalise(255.0)


def count(network: nn.Module) -> int:
    return sum(weights.numel() for weights in network.parameters())


def test_the_generator_is_the_published_one_but_for_its_single_channel():
    # published for three channels: 11.378 M; the first and the last convolution have 7 x 7 x 64 weights a channel
    three_channels = 11_378_179
    assert count(ResidualGenerator()) == three_channels - 2 * (2 * 7 * 7 * 64) - 2  # and it has no other weights


def test_the_discriminator_is_the_published_one_but_for_its_single_channel():
    three_channels = 2_764_737  # published: 2.765 M
    assert count(PatchDiscriminator()) == three_channels - 2 * 4 * 4 * 64


def test_a_score_of_the_discriminator_sees_70_by_70_pixels():
    network = PatchDiscriminator(width=4)
    for name, module in network.layers.named_children():
        if isinstance(module, nn.InstanceNorm2d):  # it looks at all of the picture, which is not meant here
            setattr(network.layers, name, nn.Identity())
    image = torch.randn(1, 1, 192, 192, requires_grad=True)
    scores = network(image)
    scores[0, 0, scores.shape[2] // 2, scores.shape[3] // 2].backward()
    rows, columns = torch.nonzero(image.grad[0, 0], as_tuple=True)
    assert (rows.max() - rows.min() + 1, columns.max() - columns.min() + 1) == (70, 70)


def with_an_opinion(width: int = 4, blocks: int = 1) -> ResidualGenerator:
    """Untrained, but for last weights, which are zero to begin with."""
    torch.manual_seed(0)
    network = ResidualGenerator(width, blocks)
    torch.nn.init.normal_(network.layers[-1].weight, 0.0, 0.02)
    return network


def test_an_untrained_generator_gives_its_picture_back_whatever_its_size():
    picture = torch.randn(1, 1, 37, 50)
    assert torch.equal(ResidualGenerator(width=4, blocks=1)(picture), picture)
    assert with_an_opinion()(picture).shape == (1, 1, 37, 50)


@pytest.mark.parametrize("direction", [1, -1])
def test_nothing_is_added_beyond_what_lies_between_black_and_white(direction):
    network, picture = with_an_opinion(), torch.ones(1, 1, 40, 40)
    network.layers[-1].weight.data.fill_(direction * 100.0)
    assert (network(picture) - picture).flatten().tolist() == pytest.approx([direction * (WHITE - BLACK)] * 1600)


@pytest.mark.parametrize("share", [0.25, -0.25])
def test_the_generator_sees_how_bright_a_picture_is(share):
    """What it adds to the picture depends on it; behind instance normalisation nothing did."""
    network, picture = with_an_opinion(), torch.randn(1, 1, 64, 64) / 4
    added = [network(each) - each for each in (picture, picture + share * (WHITE - BLACK))]
    assert (added[1] - added[0]).abs().mean() > 0.2 * added[0].abs().mean()


@pytest.mark.parametrize("blocks", [1, 9])
def test_the_signal_is_neither_lost_nor_drowned_in_the_layers(blocks):
    torch.manual_seed(0)
    features = ResidualGenerator(width=10, blocks=blocks).layers[:-1](torch.randn(2, 1, 96, 96))
    assert 0.2 < features.std() < 5


@pytest.mark.parametrize("blocks", [1, 3])
def test_tiles_with_the_generators_halo_give_the_whole_pictures_output(blocks):
    network = with_an_opinion(blocks=blocks).double()
    picture = torch.randn(1, 1, 8 * network.halo, 40, dtype=torch.double)
    with torch.no_grad():
        whole = network(picture)
        first, last = 2 * network.halo, 5 * network.halo
        tile = network(picture[..., first - network.halo : last + network.halo, :])[
            ..., network.halo : -network.halo, :
        ]
    torch.testing.assert_close(tile, whole[..., first:last, :], atol=1e-12, rtol=0)
    assert len(list(tiles_of(np.ones((2400, 700), bool), network))) > 1


def test_the_halo_is_hardly_wider_than_what_an_output_pixel_looks_at():
    network = with_an_opinion().double()
    for weights in network.parameters():
        weights.data.abs_()  # so that nothing that arrives is cut off or cancelled,
    network.layers[-1].weight.data *= 1e-9  # nor what leaves, by the bound
    picture = torch.ones(1, 1, 400, 8, dtype=torch.double, requires_grad=True)
    reaches = []
    for row in range(200, 204):
        (gradient,) = torch.autograd.grad(network(picture)[0, 0, row].sum(), picture)
        rows = gradient[0, 0].abs().amax(1).nonzero()[:, 0]
        reaches += [row - int(rows.min()), int(rows.max()) - row]
    assert network.halo - 4 < max(reaches) <= network.halo


def test_the_discriminators_loss_is_the_squared_distance_from_one_or_zero():
    scores = torch.tensor([[0.5, 1.0], [-1.0, 3.0]])
    assert least_squares(scores, real=True) == (0.25 + 0 + 4 + 4) / 4
    assert least_squares(scores, real=False) == (0.25 + 1 + 1 + 9) / 4


def test_black_and_white_differ_by_two_as_the_authors_measure():
    one, other = torch.full((2, 1, 3, 3), BLACK), torch.full((2, 1, 3, 3), WHITE)
    assert difference(one, other).item() == pytest.approx(2)


class Brighter(nn.Module):
    """Adds a share of the range from black to white; `times` counts its calls."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share, self.times = nn.Parameter(torch.tensor(share)), 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.times += 1
        return images + self.share * (WHITE - BLACK)


class Says(nn.Module):
    """A discriminator that gives every picture the same score."""

    def __init__(self, score: float) -> None:
        super().__init__()
        self.score = nn.Parameter(torch.tensor(score))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.score.expand(len(images), 1, 2, 2)


def patches(count: int = 2, size: int = 32) -> Batch:
    """Greys in the middle, with room to become darker and brighter."""
    return Batch(torch.rand(count, 1, size, size), torch.rand(count, 1, size, size))


def small(weight_identity: float = 0.0, weight_segmentation: float = 0.0) -> CycleGAN:
    torch.manual_seed(0)
    model = Model(ResidualGeneratorShape(4, 1), PanopticFPNShape(18, 16, 16, 16))
    return CycleGAN(model, 4, weight_identity, weight_segmentation)


def ready(method: CycleGAN) -> CycleGAN:
    method.prepare(Accelerator(cpu=True))
    method.set_learning_rate(1e-3)
    return method


@pytest.mark.parametrize("weight_identity", [0.0, 0.5])
def test_a_step_adds_the_papers_terms_with_its_weights(weight_identity):
    method = small(weight_identity)
    method.networks |= {
        "generator": Brighter(0.3),
        "spoiler": Brighter(-0.1),
        "clean discriminator": Says(0.5),
        "corrupted discriminator": Says(-1.0),
    }
    method.optimisers = {
        "generators": torch.optim.Adam([method.networks[name].share for name in ("generator", "spoiler")]),
        "discriminators": torch.optim.Adam([network.score for network in method._discriminators()]),
    }
    figures = {name: value.item() for name, value in ready(method).step(patches()).items()}
    adversarial = 0.5**2 + 2**2
    cycle = 2 * 2 * 0.2  # there and back, both ways: 0.2 of a range that is two long
    identity = 2 * (0.3 + 0.1)
    assert figures["adversarial"] == pytest.approx(adversarial)
    assert figures["cycle"] == pytest.approx(cycle, rel=1e-5)
    assert figures["total"] == pytest.approx(adversarial + 10 * cycle + 10 * weight_identity * identity, rel=1e-5)
    # each: (distance of the real from 1, of the imitated from 0) / 2
    assert figures["discriminators"] == pytest.approx((0.25 + 0.25) / 2 + (4 + 1) / 2)
    assert ("identity" in figures) == bool(weight_identity)
    assert method.networks["generator"].times == 2  # corrupted and clean patches at once, and spoiled ones


def test_whatever_generators_add_discriminators_and_cycles_see_no_more_than_black_and_white():
    """Otherwise discriminators draw pixels on for ever that are as white as any already."""
    method, seen = small(0.5), []
    method.networks |= {"generator": Brighter(0.9), "spoiler": Brighter(-0.9)}
    method.optimisers["generators"] = torch.optim.Adam([method.networks["generator"].share])
    for name in ("clean discriminator", "corrupted discriminator"):
        method.networks[name].register_forward_pre_hook(lambda network, inputs: seen.append(inputs[0]))
    figures = ready(method).step(Batch(*torch.full((2, 2, 1, 48, 48), (BLACK + WHITE) / 2)))
    greys = torch.stack([image.detach().flatten()[[0, -1]] for image in seen]).flatten()
    assert (greys.min().item(), greys.max().item()) == pytest.approx((BLACK, WHITE))
    # from grey to white, 0.9 of the range of two back to nearly black, 0.8 from where it was; and so the other way
    assert figures["cycle"].item() == pytest.approx(2 * 0.8)


def test_the_pool_hands_out_new_pictures_until_it_is_full_and_then_half_of_them_old():
    torch.manual_seed(0)
    pool = ImagePool(size=50)
    numbered = torch.arange(1050.0).reshape(-1, 1, 1, 1)
    assert torch.equal(pool.exchange(numbered[:50]), numbered[:50])
    handed_out = pool.exchange(numbered[50:])
    old = (handed_out != numbered[50:]).float().mean()
    assert 0.45 < old < 0.55
    assert len(pool.images) == 50
    everything = torch.cat([handed_out, torch.stack(pool.images)])
    assert torch.equal(everything.flatten().sort().values, numbered.flatten())  # nothing lost, nothing twice


def test_what_the_pool_keeps_is_not_changed_from_outside():
    pool, image = ImagePool(size=2), torch.ones(1, 1, 2, 2)
    pool.exchange(image)
    image.zero_()
    assert pool.images[0].all()


def test_training_goes_on_bit_for_bit_with_full_pools():
    def steps(method: CycleGAN, numbers: range) -> list[dict[str, float]]:
        figures = []
        for number in numbers:
            torch.manual_seed(number)
            figures.append(method.step(patches()))
        return figures

    unbroken = ready(small(0.5))
    for pool in unbroken.pools.values():
        pool.size = 3
    steps(unbroken, range(4))
    file = io.BytesIO()
    torch.save(unbroken.state(), file)
    expected = steps(unbroken, range(4, 8))
    for pools in (True, False):
        resumed = ready(small(0.5))
        for pool in resumed.pools.values():
            pool.size = 3
        resumed.load_state(torch.load(io.BytesIO(file.getvalue()), weights_only=True))
        if not pools:
            resumed.pools["clean discriminator"].images = []
        assert (steps(resumed, range(4, 8)) == expected) == pools


def test_the_cycle_closes_with_training_and_the_generator_changes():
    method = ready(small(0.5, weight_segmentation=1.0))
    before = method.restore(patches().corrupted).detach()
    torch.manual_seed(0)
    still = torch.zeros(2, 1, 96, 96)
    smooth = end_to_end(still + 1, still, torch.zeros(4, 96, 96, dtype=torch.long))
    losses = [method.step(smooth) for _ in range(25)]
    for name in ("total", "cycle", "identity", "segmentation"):
        assert np.mean([loss[name] for loss in losses[-5:]]) < np.mean([loss[name] for loss in losses[:5]])
    assert (method.restore(patches().corrupted) - before).abs().max() > 0.1


def test_generators_have_the_published_width_where_dagan_has_and_never_less_than_its_capacity():
    assert cyclegan.preset(PAPER).generator == ResidualGeneratorShape(64, 9)
    for budget in (PAPER, LAPTOP, SMOKE):
        assert size_of(cyclegan.preset(budget).generator).holds(size_of(budget.generator))


def test_the_papers_settings_stand():
    for system, weight in ((cyclegan.preset, 0.5), (cyclegan.without_identity, 0.0)):
        (stage,) = system(PAPER).stages
        assert (stage.learning_rate, stage.weight_identity, stage.discriminator_width) == (2e-4, weight, 64)
        assert stage.weight_segmentation > 0  # end to end
    restoration, segmentation = cyclegan.preset(LAPTOP).stages
    assert (restoration.weight_segmentation, segmentation) == (0, LAPTOP.segmentation)
    method = small()
    for optimiser in method.optimisers.values():
        assert optimiser.defaults["betas"] == (0.5, 0.999)
    assert {pool.size for pool in method.pools.values()} == {50}


def smooth_pictures(count: int) -> torch.Tensor:
    """Between black, with room for darker rows, and white."""
    pictures = 0.6 + 0.7 * F.interpolate(torch.randn(count, 1, 4, 4), size=(48, 48), mode="bicubic")
    return pictures.clamp(BLACK + 0.8, WHITE)


def striped(pictures: torch.Tensor) -> torch.Tensor:
    """Every fourth row darker, always the same ones: what can be undone, as the cycle wants it."""
    pictures = pictures.clone()
    pictures[..., ::4, :] -= 0.8
    return pictures


def test_stripes_are_removed_that_clean_pictures_have_not_though_no_pair_is_seen():
    torch.manual_seed(0)
    model = Model(ResidualGeneratorShape(8, 1), PanopticFPNShape(18, 16, 16, 16))
    method = CycleGAN(model, 16, weight_identity=0.0, weight_segmentation=0.0)
    method.prepare(Accelerator(cpu=True))
    method.set_learning_rate(1e-3)
    for step in range(80):
        torch.manual_seed(step)
        method.step(Batch(striped(smooth_pictures(4)), smooth_pictures(4)))
    pictures = smooth_pictures(16)
    observed = striped(pictures)
    with torch.no_grad():
        restored = method.restore(observed)
    gained = 10 * torch.log10((observed - pictures).square().mean() / (restored - pictures).square().mean())
    assert gained > 3


@pytest.mark.parametrize("joint", [True, False])
def test_a_smoke_training_ends_in_a_model_that_restores_and_segments(joint, data, tmp_path, small_vpi):
    budget = replace(SMOKE, joint=joint, steps=4)
    train(data, tmp_path / "run", cyclegan.preset(budget), precision="full")
    model = load_model(tmp_path / "run" / "best.pt")
    assert isinstance(model.generator_shape, ResidualGeneratorShape)
    result = Pipeline.load(tmp_path / "run" / "best.pt", "cpu").run(small_vpi.astype(np.float32))
    assert result.restored.shape == result.labels.shape == small_vpi.shape
    assert (result.restored != small_vpi).any()
