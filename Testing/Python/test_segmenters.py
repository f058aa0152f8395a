"""The systems that only segment: networks of the published sizes, and RSNU's loss."""

import dataclasses
import json
import sys

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from accelerate import Accelerator
from monai.networks.nets.basic_unet import TwoConv, UpCat
from tables import logged
from torch import nn
from torch.nn import functional as F

from DAGANSpineLib.__main__ import main
from DAGANSpineLib.baselines import ppmu, rsnu, unet
from DAGANSpineLib.baselines.budget import BUDGETS, SMOKE, parameters, size_of
from DAGANSpineLib.baselines.rsnu import RSNU, RegularisedStage, total_variation
from DAGANSpineLib.model import Model, load_model
from DAGANSpineLib.model.shapes import UNetShape, UntouchedShape
from DAGANSpineLib.networks.pyramid_pooling import BINS, PyramidPooling, pooled
from DAGANSpineLib.networks.unet import UNet
from DAGANSpineLib.training.method import LabelledBatch
from DAGANSpineLib.training.trainer import train

SYSTEMS = {"U-Net": unet.preset, "RSNU": rsnu.preset, "PPMU": ppmu.preset}
# of a crop, since whole spines take a U-Net seconds a step
QUICK = dataclasses.replace(
    SMOKE, segmentation=dataclasses.replace(SMOKE.segmentation, rows=32, steps=20), validate_every=20, log_every=1
)
PAIRS = [(1, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 512), (512, 512), (512, 1024)]
PAIRS += [(1024, 1024), (1024, 512), (512, 512), (512, 256), (256, 256), (256, 128), (128, 128), (128, 64), (64, 64)]


def test_the_full_u_net_has_31_0_million_parameters():
    """Figure 1 of the paper, arrow by arrow: 3 x 3 convolutions with a scale and a shift, 2 x 2 up-convolutions."""
    expected = sum(9 * before * after + 2 * after for before, after in PAIRS)
    expected += sum(4 * 2 * channels * channels + channels for channels in (512, 256, 128, 64))
    expected += 64 * 4 + 4
    assert parameters(UNetShape()) == expected
    assert round(expected / 1e6, 1) == 31.0


def test_the_u_net_computes_what_monais_blocks_compute():
    torch.manual_seed(0)
    ours = UNet(width=4).eval()
    options = {"spatial_dims": 2, "act": "relu", "norm": "batch", "bias": False}
    widths = (4, 8, 16, 32, 64)
    down = [TwoConv(in_chns=a, out_chns=b, **options).eval() for a, b in zip((1, *widths), widths, strict=False)]
    up = [UpCat(in_chns=2 * c, cat_chns=c, out_chns=c, **options).eval() for c in widths[-2::-1]]
    for block, enlarge in zip(up, ours.enlarge, strict=True):
        block.upsample.deconv.load_state_dict(enlarge.state_dict())
    for theirs, mine in zip([*down, *(block.convs for block in up)], [*ours.down, *ours.up], strict=True):
        theirs.load_state_dict(dict(zip(theirs.state_dict(), mine.state_dict().values(), strict=True)))
    image = torch.randn(2, 1, 64, 48)
    with torch.no_grad():
        across = [down[0](image)]
        for block in down[1:]:
            across.append(block(F.max_pool2d(across[-1], 2)))
        features = across.pop()
        for block in up:
            features = block(features, across.pop())
        torch.testing.assert_close(ours(image), ours.classify(features), atol=1e-5, rtol=1e-5)


def test_the_u_net_looks_as_far_as_the_papers():
    """Without padding, 572 pixels became 388: an output pixel needs 92 on either side, and up to 15 more, as it lies
    within the 16 pixels that meet at the bottom."""
    network = UNet(classes=1, width=1).double().eval()
    for weights in network.parameters():
        weights.data.abs_()  # so that nothing that arrives is cut off or cancelled
    impulses = torch.eye(288, dtype=torch.double)[:, None, :, None].expand(-1, -1, -1, 16)  # one row bright in each
    with torch.no_grad():
        changed = network(impulses) > network(torch.zeros_like(impulses[:1]))
    seen = changed[:, 0, :, 8].T  # (output row, input row)
    reaches = [(row - int(seen[row].nonzero()[0]), int(seen[row].nonzero()[-1]) - row) for row in range(128, 144)]
    up, down = zip(*reaches, strict=True)
    assert (min(up), max(up)) == (min(down), max(down)) == ((572 - 388) // 2, (572 - 388) // 2 + 15)


@pytest.mark.parametrize("skip", [nn.Identity, PyramidPooling])
@pytest.mark.parametrize(("rows", "columns"), [(96, 96), (97, 61), (38, 43)])
def test_outputs_have_the_inputs_size_whatever_it_is(skip, rows, columns):
    assert UNet(width=4, skip=skip).eval()(torch.randn(1, 1, rows, columns)).shape == (1, 4, rows, columns)


@pytest.mark.parametrize("skip", [nn.Identity, PyramidPooling])
def test_gradients_reach_every_parameter(skip):
    torch.manual_seed(2)
    network = UNet(width=8, skip=skip)
    network(torch.randn(2, 1, 96, 96)).square().sum().backward()
    assert [name for name, parameter in network.named_parameters() if not parameter.grad.abs().any()] == []


def test_pyramid_pooling_adds_19_times_the_square_of_the_channels_and_3_times_the_channels():
    """Four 1 x 1 convolutions to a quarter with bias, one 3 x 3 from twice the channels with scale and shift."""
    for channels in (8, 64, 512):
        added = 4 * (channels * channels // 4 + channels // 4) + 9 * 2 * channels * channels + 2 * channels
        assert sum(weights.numel() for weights in PyramidPooling(channels).parameters()) == added
        assert added == 19 * channels**2 + 3 * channels


@pytest.mark.parametrize("size", [(12, 18), (13, 7), (64, 16), (3, 2)])
@pytest.mark.parametrize("bins", BINS)
def test_bins_that_dont_divide_the_size_are_those_of_adaptive_pooling(size, bins):
    features = torch.randn(2, 5, *size)
    torch.testing.assert_close(pooled(features, bins), F.adaptive_avg_pool2d(features, bins))


def test_each_bin_adds_what_is_known_over_its_part_of_the_picture():
    """One pixel of 36 x 36 changes: the single bin tells all pixels of it, the 6 x 6 bins only those around."""
    torch.manual_seed(3)
    unit = PyramidPooling(8).eval()
    features = torch.randn(1, 8, 36, 36)
    changed = features.clone()
    changed[..., 2, 3] += 100
    told = []
    for chosen in range(len(BINS)):
        for index, branch in enumerate(unit.branches):
            nn.init.constant_(branch[0].weight, float(index == chosen))
            nn.init.zeros_(branch[0].bias)
        with torch.no_grad():
            difference = (unit(changed) - unit(features)).abs().amax((0, 1))
        assert (difference[:4, :5] > 1e-4).any()
        told.append(int((difference > 1e-4).any(1).nonzero().max()) + 1)
    # down to the middle of the bin after the next, and a pixel for the 3 x 3 convolution
    assert told == [36, 28, 19, 10]


def test_total_variation_is_the_sum_of_changes_between_neighbours():
    """Two classes on 2 x 3 pixels; the second's probabilities by hand:  0.1 0.9 0.9
    0.1 0.1 0.5"""
    second = torch.tensor([[0.1, 0.9, 0.9], [0.1, 0.1, 0.5]])
    logits = torch.stack([(1 - second).log(), second.log()])[None]
    down, across = (0.0 + 0.8 + 0.4) / 3, (0.8 + 0.0 + 0.0 + 0.4) / 4
    assert total_variation(logits).item() == pytest.approx(2 * (down + across))  # what one class gains the other loses
    assert total_variation(torch.zeros(1, 4, 8, 8)) == 0
    stripes = 50 * torch.eye(2)[torch.arange(8) % 2].T[None, :, :, None].expand(1, 2, 8, 8)
    assert total_variation(stripes).item() == pytest.approx(2)


def write_pictures(folder, picture):
    """A data set of one picture and its mirror images, four to train on and one to test on, bones where it is dark."""
    names = ["a", "b", "c", "d", "t"]
    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True)
    labels = np.where((picture < 110) & (picture > 0), 1 + np.arange(len(picture))[:, None] * 3 // len(picture), 0)
    turns = [np.s_[:, :], np.s_[:, ::-1], np.s_[::-1], np.s_[::-1, ::-1], np.s_[:, :]]
    for name, turn in zip(names, turns, strict=True):
        for kind, values in (("images", picture), ("labels", labels)):
            sitk.WriteImage(sitk.GetImageFromArray(values[turn].astype(np.uint8)), str(folder / kind / f"{name}.png"))
    (folder / "dataset.json").write_text(json.dumps({"name": "mirrors", "train": names[:4], "test": names[4:]}))
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory, small_vpi):
    return write_pictures(tmp_path_factory.mktemp("data") / "mirrors", small_vpi)


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    """Run folders of short trainings, by system."""
    folders = {name: tmp_path_factory.mktemp("runs") / name for name in SYSTEMS}
    for name, folder in folders.items():
        train(data, folder, SYSTEMS[name](QUICK), name=name, precision="full")
    return folders


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_loss_falls(finished, system):
    rows = logged(finished[system])
    last_stage = rows[-1][0]
    losses = [float(value) for stage, _, name, value in rows if (stage, name) == (last_stage, "total")]
    assert np.mean(losses[-5:]) < 0.95 * np.mean(losses[:5])


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_trained_system_is_run_by_segment(finished, system, small_vpi, tmp_path, monkeypatch):
    picture, output, model = tmp_path / "spine.png", tmp_path / "out", finished[system] / "best.pt"
    sitk.WriteImage(sitk.GetImageFromArray(small_vpi), str(picture))
    monkeypatch.setattr(
        sys, "argv", ["DAGANSpineLib", "segment", str(picture), "-o", str(output), "--model", str(model)]
    )
    assert main() == 0
    restored, labels = (
        sitk.GetArrayFromImage(sitk.ReadImage(str(next(output.rglob(name)))))
        for name in ("restored.nrrd", "labels.png")
    )
    assert np.array_equal(np.squeeze(restored), small_vpi)
    trained = load_model(model)
    torch.manual_seed(0)
    untrained = Model(trained.generator_shape, trained.segmenter_shape).segmenter.eval()
    with torch.inference_mode():
        image = torch.randn(1, 1, 64, 64)
        assert (trained.segmenter(image) - untrained(image)).abs().max() > 0.1
    assert np.squeeze(labels).shape == small_vpi.shape


@pytest.mark.parametrize("budget", BUDGETS.values(), ids=lambda budget: budget.name)
@pytest.mark.parametrize("system", ["U-Net", "RSNU"])
def test_a_u_net_is_no_larger_than_it_needs_to_be(system, budget):
    """By one of the two measures at least; in the paper's budget it is its authors'."""
    size, wanted = size_of(SYSTEMS[system](budget).segmenter), budget.capacity
    assert size.holds(wanted)
    excess = min(size.parameters / wanted.parameters, size.multiply_adds / wanted.multiply_adds)
    assert excess <= 1.25


def test_the_papers_budget_has_the_authors_own_u_net():
    assert unet.preset(BUDGETS["paper"]).segmenter == UNetShape(64)


@pytest.mark.parametrize("budget", BUDGETS.values(), ids=lambda budget: budget.name)
def test_rsnu_is_the_u_net_and_its_training_with_one_more_loss(budget):
    theirs, ours = unet.preset(budget), rsnu.preset(budget)
    (training,) = ours.stages
    assert (ours.generator, ours.segmenter) == (theirs.generator, theirs.segmenter)
    assert training.segmentation == budget.segmentation
    assert training.steps_for(80) == budget.segmentation.steps_for(80)
    assert (training.batch, training.learning_rate) == (budget.segmentation.batch, budget.segmentation.learning_rate)
    assert training.splits_patches == budget.joint


def test_total_variation_weighs_as_much_as_it_is_told_to():
    torch.manual_seed(4)
    image, labels = torch.randn(2, 1, 32, 32), torch.randint(4, (2, 32, 32))
    loss = lambda logits, truth: F.cross_entropy(logits, truth[:, 0])  # noqa: E731
    varying = {}
    for weight in (0.0, 3.0):
        torch.manual_seed(4)
        method = RSNU(Model(UntouchedShape(), UNetShape(4)), loss, weight)
        method.prepare(Accelerator(cpu=True))
        method.set_learning_rate(1e-2)
        for _ in range(12):
            figures = {name: value.item() for name, value in method.step(LabelledBatch(image, labels)).items()}
        assert figures["total"] == pytest.approx(figures["segmentation"] + weight * figures["total variation"])
        varying[weight] = figures["total variation"]
    assert varying[3.0] < varying[0.0]


def test_the_stage_says_what_it_is():
    (training,) = rsnu.preset(SMOKE).stages
    assert training.described()["kind"] == RegularisedStage.__name__
