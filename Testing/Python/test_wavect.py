"""WaveCT loses nothing on the way down, moves appearance to that of clean patches, and removes dashes by it."""

import csv
import dataclasses
import json
import math
import sys

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from accelerate import Accelerator
from runs import Killed
from torch.nn import functional as F

from DAGANSpineLib.__main__ import main
from DAGANSpineLib.baselines import wavect
from DAGANSpineLib.baselines.budget import BUDGETS, SMOKE, parameters
from DAGANSpineLib.baselines.wavect import ReconstructionLearning
from DAGANSpineLib.inference import Pipeline
from DAGANSpineLib.metrics import change_of_clean, patches
from DAGANSpineLib.model import Model, load_model
from DAGANSpineLib.model.shapes import PanopticFPNShape, WaveCTShape
from DAGANSpineLib.networks import haar
from DAGANSpineLib.networks.haar import HaarAutoencoder
from DAGANSpineLib.networks.style_transfer import (
    REFERENCES,
    UNLIKE,
    WINDOW,
    WaveCT,
    histograms,
    lit,
    renormalise,
    statistics,
)
from DAGANSpineLib.training.dataset import Sample, load, open_dataset
from DAGANSpineLib.training.patches import PatchFeed, split
from DAGANSpineLib.training.trainer import Trainer, train
from DAGANSpineLib.vpi import lit_body, normalise

SLIM = (8, 16, 32)


def test_a_block_by_hand():
    low, high = haar.pool(torch.tensor([[1.0, 2], [3, 4]])[None, None])
    assert low.item() == (1 + 2 + 3 + 4) / 2
    assert high.flatten().tolist() == [(1 - 2 + 3 - 4) / 2, (1 + 2 - 3 - 4) / 2, (1 - 2 - 3 + 4) / 2]


def test_the_bands_are_convolutions_with_the_products_of_two_filters():
    features = torch.randn(2, 3, 8, 12)
    smooth, change = torch.tensor([1.0, 1]) / math.sqrt(2), torch.tensor([1.0, -1]) / math.sqrt(2)
    filters = [torch.outer(down, across) for down, across in ((smooth, smooth), (smooth, change), (change, smooth))]
    filters = torch.stack([*filters, torch.outer(change, change)])[:, None]
    expected = F.conv2d(features.flatten(0, 1)[:, None], filters, stride=2).unflatten(0, (2, 3))
    low, high = haar.pool(features)
    torch.testing.assert_close(low, expected[:, :, 0])
    torch.testing.assert_close(high, expected[:, :, 1:].flatten(1, 2))


def test_pooling_and_unpooling_give_everything_back():
    features = torch.randn(2, 3, 16, 24)
    low, high = haar.pool(features)
    torch.testing.assert_close(haar.unpool(low, high), features)
    torch.testing.assert_close(low.square().sum() + high.square().sum(), features.square().sum())


def test_the_low_band_passes_on_and_the_high_bands_skip():
    torch.manual_seed(0)
    network = HaarAutoencoder(SLIM)
    image = torch.randn(2, 1, 32, 24)
    *highs, deepest = bands = network.encode(image)
    assert [tuple(band.shape[1:]) for band in bands] == [(24, 16, 12), (48, 8, 6), (32, 8, 6)]
    assert network.channels == (24, 48, 32)
    first = network.down[0](image)
    low, high = haar.pool(first)
    torch.testing.assert_close(high, highs[0])
    torch.testing.assert_close(haar.pool(network.down[1](low))[1], highs[1])
    without = network.decode([torch.zeros_like(highs[0]), highs[1], deepest])
    assert (without - network(image)).abs().max() > 0.1


def test_gradients_reach_every_parameter():
    torch.manual_seed(1)
    network = HaarAutoencoder(SLIM)
    network(torch.randn(2, 1, 96, 96)).square().sum().backward()
    assert [name for name, weights in network.named_parameters() if not weights.grad.abs().any()] == []


@pytest.mark.parametrize("budget", BUDGETS.values(), ids=BUDGETS)
def test_the_autoencoder_is_no_smaller_than_the_generator(budget):
    assert (
        parameters(budget.generator)
        <= parameters(wavect.preset(budget).generator)
        <= 1.2 * parameters(budget.generator)
    )


def grey(values) -> torch.Tensor:
    """A picture of these greys, normalised, (1, 1, rows, columns)."""
    return normalise(torch.as_tensor(values, dtype=torch.float32))[None, None]


def test_the_lit_body_is_closed_over_dashes_but_not_beyond():
    picture = torch.full((40, 60), 120.0)
    picture[:, :20] = 0
    picture[10:14, 30:50] = 0
    expected = torch.ones(40, 60)
    expected[:, :20] = 0
    assert torch.equal(lit(grey(picture))[0, 0], expected)


def test_a_histogram_counts_filled_pixels_alone():
    picture = torch.tensor([[0.0, 2, 3, 7.9], [8.1, 100, 255, 255]])  # 0 and 2 are dark
    expected = torch.zeros(32)
    expected[[0, 1, 12, 31]] = torch.tensor([2.0, 1, 1, 2]) / 6
    torch.testing.assert_close(histograms(grey(picture))[0], expected)


def test_the_reference_is_the_clean_patch_whose_greys_are_least_far():
    """By the distance between sorted greys, which is that of Wasserstein."""
    random = np.random.default_rng(0)
    clean, observed = (
        random.normal(random.uniform(5, 25, (count, 1)), random.uniform(1, 5, (count, 1)), (count, WINDOW**2))
        .round()
        .clip(0, 31)
        for count in (7, 20)
    )
    network = WaveCT(SLIM)
    clean_patches, windows = (
        normalise(torch.from_numpy(8 * levels + 4).float()).view(-1, 1, WINDOW, WINDOW) for levels in (clean, observed)
    )
    network.remember(clean_patches)
    expected = np.abs(np.sort(observed)[:, None] - np.sort(clean)[None]).sum(2).argmin(1).tolist()
    assert network.nearest(windows).tolist() == expected
    assert len(set(expected)) > 4


def test_a_band_gets_the_mean_and_deviation_of_its_reference_within_the_body():
    torch.manual_seed(2)
    band, body = 3 * torch.randn(2, 4, 8, 6) + 5, torch.ones(2, 1, 16, 12)
    body[..., :4] = 0
    body[..., 3, 7] = 0
    wanted = torch.randn(2, 4), torch.rand(2, 4) + 0.5
    moved = renormalise(band, body, *statistics([band], body), *wanted)
    mean, deviation = statistics([moved], body)
    torch.testing.assert_close(mean, wanted[0], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(deviation, wanted[1], atol=1e-4, rtol=1e-4)
    assert torch.equal(moved[..., :2], band[..., :2]) and torch.equal(moved[:, :, 1, 3], band[:, :, 1, 3])
    inside = torch.ones(8, 6, dtype=torch.bool)
    inside[:, :2] = inside[1, 3] = False
    torch.testing.assert_close(mean, moved[..., inside].mean(2))


def test_a_patch_that_is_its_own_reference_is_only_encoded_and_decoded():
    torch.manual_seed(3)
    network = WaveCT(SLIM).eval()
    picture = grey(torch.randint(60, 200, (WINDOW, WINDOW)))
    network.remember(picture)
    with torch.no_grad():
        expected = network.autoencoder(picture).clamp(normalise(0.0), normalise(255.0))
        torch.testing.assert_close(network.transfer(picture), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("rows", "columns"), [(96, 96), (200, 131), (33, 50)])
def test_windows_fade_into_each_other_without_a_trace(rows, columns, monkeypatch):
    monkeypatch.setattr(WaveCT, "transfer", lambda self, windows: windows)
    picture = grey(torch.randint(0, 256, (rows, columns)))
    torch.testing.assert_close(WaveCT(SLIM)(picture), picture, atol=1e-5, rtol=1e-5)


def test_black_stays_black_and_nothing_leaves_the_grey_range():
    torch.manual_seed(4)
    network = WaveCT(SLIM).eval()
    dark = grey(torch.zeros(120, 100))
    with torch.no_grad():
        torch.testing.assert_close(network(dark), dark)
        network.remember(grey(torch.randint(0, 256, (WINDOW, WINDOW))))
        for values in (torch.full((120, 100), 255.0), 255.0 * (torch.rand(120, 100) > 0.5), torch.rand(120, 100) * 3):
            restored = network(grey(values))
            assert normalise(0.0) - 1e-5 <= restored.min() and restored.max() <= normalise(255.0) + 1e-5


def test_the_oldest_references_give_way():
    network = WaveCT(SLIM)
    for level in range(REFERENCES // 8 + 1):
        network.remember(grey(torch.full((WINDOW, WINDOW), 40.0 + level % 2 * 100)).expand(8, -1, -1, -1))
    assert network.seen == REFERENCES + 8
    newest = network.histograms.argmax(1)[:16].tolist()
    assert newest == [5] * 8 + [17] * 8  # greys of 40 where the very first were, then those of 140 that came second


def spine(seed: int) -> np.ndarray:
    """A picture of 320 x 160, clean above and full of dashes below, uint8, with black margins."""
    random = np.random.default_rng(seed)
    coarse = torch.from_numpy(random.normal(size=(1, 1, 12, 6)))
    smooth = F.interpolate(coarse, size=(320, 160), mode="bicubic")[0, 0].numpy()
    pixels = 140 + 35 * smooth + 3 * random.normal(size=smooth.shape)
    rows, columns = np.mgrid[:320, :160]
    shift = random.integers(0, 8, 320)[:, None]
    pixels[(rows > 190) & (rows % 3 == 0) & ((columns + shift) // 6 % 2 == 0)] = 0
    pixels = pixels.clip(20 * (pixels > 0), 250)
    pixels[:, :12] = pixels[:, 148:] = 0
    return pixels.astype(np.uint8)


@pytest.fixture(scope="module")
def learnt():
    """A model after 80 steps on six such pictures, and its losses."""
    torch.manual_seed(5)
    model = Model(WaveCTShape(SLIM), PanopticFPNShape(18, 16, 16, 16))
    method = ReconstructionLearning(model)
    method.prepare(Accelerator(cpu=True))
    method.set_learning_rate(3e-3)
    samples = [Sample(str(seed), spine(seed), np.zeros((320, 160), np.uint8)) for seed in range(6)]
    feed = PatchFeed([split(sample) for sample in samples], 8, 0, matched=False)
    return model, [method.step(feed(step))["total"] for step in range(80)]


def test_the_autoencoder_learns_to_give_patches_back(learnt):
    _, losses = learnt
    assert np.mean(losses[-5:]) < 0.2 * np.mean(losses[:5])


def test_dashes_fade_and_what_was_clean_stays(learnt):
    model, _ = learnt
    picture = spine(77)
    body = lit_body(picture)
    restored = Pipeline(model, "cpu").restore(picture.astype(np.float32), body)
    before, after = patches(picture, body, 8), patches(restored, body, 8)
    corrupted = before.corrupted
    assert corrupted.sum() > 10
    assert after.variation[corrupted].mean() < 0.6 * before.variation[corrupted].mean()
    dashes = body & (picture == 0)
    assert restored[dashes].mean() > 40
    assert change_of_clean(restored, picture, before) < 12


def write_pictures(folder):
    names = ["a", "b", "c", "d", "t"]
    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True)
    for seed, name in enumerate(names):
        picture = spine(seed)
        labels = np.where((picture < 120) & (picture > 0), 1 + np.arange(320)[:, None] * 3 // 320, 0)
        for kind, values in (("images", picture), ("labels", labels)):
            sitk.WriteImage(sitk.GetImageFromArray(values.astype(np.uint8)), str(folder / kind / f"{name}.png"))
    (folder / "dataset.json").write_text(json.dumps({"name": "dashes", "train": names[:4], "test": names[4:]}))
    return folder


# of a crop, since whole spines take seconds a step; patches as they are in the pictures
QUICK = dataclasses.replace(
    SMOKE,
    segmentation=dataclasses.replace(SMOKE.segmentation, rows=64),
    steps=24,
    checkpoint_minutes=0.0,
    validate_every=24,
    log_every=1,
)
CLEAN = 24 * 2  # two clean patches a step


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp("data") / "dashes")


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    train(data, folder, wavect.preset(QUICK), name="WaveCT", precision="full")
    return folder


def test_both_losses_of_a_smoke_training_fall(finished):
    with (finished / "metrics.csv").open(newline="") as lines:
        rows = list(csv.reader(lines))
    restoration, segmentation = (
        [float(value) for stage, _, name, value in rows if (stage, name) == (wanted, "total")] for wanted in "01"
    )
    assert np.mean(restoration[-6:]) < 0.8 * np.mean(restoration[:6])
    assert np.mean(segmentation[-2:]) < np.mean(segmentation[:2])


def test_a_model_file_holds_the_references_and_is_run_by_segment(finished, tmp_path, monkeypatch):
    model, picture = load_model(finished / "best.pt"), spine(77)
    assert model.generator.seen == CLEAN
    known, empty = model.generator.histograms.split([CLEAN, REFERENCES - CLEAN])
    torch.testing.assert_close(known.sum(1), torch.ones(CLEAN), atol=1e-3, rtol=0)
    assert (empty == UNLIKE).all()
    path, output = tmp_path / "spine.png", tmp_path / "out"
    sitk.WriteImage(sitk.GetImageFromArray(picture), str(path))
    arguments = ["segment", str(path), "-o", str(output), "--model", str(finished / "best.pt"), "--device", "cpu"]
    monkeypatch.setattr(sys, "argv", ["DAGANSpineLib", *arguments])
    assert main() == 0
    restored = np.squeeze(sitk.GetArrayFromImage(sitk.ReadImage(str(next(output.rglob("restored.nrrd"))))))
    assert restored.shape == picture.shape and (restored != picture).any()
    assert np.array_equal(restored, Pipeline(model, "cpu").run(picture.astype(np.float32)).restored)


def test_a_training_that_was_killed_remembers_the_same_references(data, finished, tmp_path, monkeypatch):
    save, saves = Trainer._save, []

    def kill(self, course, step):
        save(self, course, step)
        saves.append(step)
        if len(saves) == 2:
            raise Killed

    monkeypatch.setattr(Trainer, "_save", kill)
    with pytest.raises(Killed):
        train(data, tmp_path / "run", wavect.preset(QUICK), name="WaveCT", precision="full")
    monkeypatch.undo()
    train(data, tmp_path / "run", wavect.preset(QUICK), resume=True, name="WaveCT", precision="full")
    ours, theirs = (torch.load(run / "last.pt", weights_only=True)["generator"] for run in (tmp_path / "run", finished))
    assert all(torch.equal(ours[name], values) for name, values in theirs.items())


def test_references_are_clean_patches_of_learners_alone(data, finished):
    """Each remembered histogram is that of a clean patch somewhere in the pictures learnt from."""
    learners, held_out = open_dataset(data).split_validation()
    remembered = torch.load(finished / "last.pt", weights_only=True)["generator"]["histograms"][:CLEAN]
    patched = [split(load(record), QUICK.clean) for record in learners]
    assert not {record.subject for record in learners} & {record.subject for record in held_out}
    offered = torch.cat(
        [
            histograms(grey(each.image[row : row + WINDOW, column : column + WINDOW]))
            for each in patched
            for row, column in each.clean
        ]
    )
    # within the half precision that a restorer goes on with; other patches lie a hundred times as far
    assert torch.cdist(remembered, offered, p=1).amin(1).max() < 1e-3
