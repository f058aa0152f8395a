"""What every system of the comparison has to do: keep greys, and learn at the size that it is tested at."""

import json
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from accelerate import Accelerator
from stages import learn, prepared

from DAGANSpineLib.baselines.budget import LAPTOP, SMOKE
from DAGANSpineLib.baselines.systems import SYSTEMS
from DAGANSpineLib.inference import Pipeline
from DAGANSpineLib.model import freeze
from DAGANSpineLib.model.shapes import GeneratorShape, ResidualGeneratorShape
from DAGANSpineLib.networks import Generator, PanopticFPN, ResidualGenerator, UNet
from DAGANSpineLib.networks.haar import HaarAutoencoder
from DAGANSpineLib.networks.style_transfer import UNLIKE, WaveCT
from DAGANSpineLib.training.stages import PatchSegmentationStage
from DAGANSpineLib.vpi import denormalise, lit_body, normalise

RESTORING = [each for each in SYSTEMS if each.preset(SMOKE).stages[0].restores]
BRIGHTER = 40  # grey levels


@pytest.fixture(scope="module")
def picture(part):
    """A test subject's picture that can be made brighter without running into white, and its lit body."""
    pixels = sitk.GetArrayFromImage(sitk.ReadImage(str(next((part / "images").glob("*.png"))))).astype(np.float32)
    body = lit_body(pixels)
    return np.where(body, 20 + pixels * 0.6, 0), body


@pytest.mark.parametrize("each", RESTORING, ids=[each.key for each in RESTORING])
def test_brighter_in_is_brighter_out(each, part, picture):
    """Once it has learnt a little, as it is used: most of so many grey levels more are in what is restored. WaveCT
    gives pictures the greys of the clean ones that it remembers, so here it has seen dark and bright ones."""
    budget = replace(SMOKE, widths=(8, 16), discriminator_widths=(4, 8, 16), unshuffled=LAPTOP.unshuffled)
    begins_with_the_picture = each.preset(budget).generator.kind in (GeneratorShape.kind, ResidualGeneratorShape.kind)
    model, stage = learn(each.preset(budget), part, steps=40 if begins_with_the_picture else 90, rate=2e-3)
    transfers = isinstance(model.generator, WaveCT)
    if transfers:
        model.generator.histograms.fill_(UNLIKE)
        for step in range(64):
            greys = 20 + 0.6 * denormalise(stage.feed(step).clean) + BRIGHTER * (step % 2)
            model.generator.remember(normalise(greys))
    for network in model.networks:
        freeze(network)
    pixels, body = picture
    pipeline = Pipeline(model, "cpu")
    dark, bright = (
        pipeline.restore(np.where(body, pixels + more, 0).astype(np.float32), body)[body].astype(float)
        for more in (0, BRIGHTER)
    )
    assert (0.4 if transfers else 0.6) * BRIGHTER < (bright - dark).mean() < 1.4 * BRIGHTER
    assert np.corrcoef(dark, pixels[body])[0, 1] > 0.5  # and not upside down


ROWS, COLUMNS = 1536, 384  # half as many again as the segmenter sees, either way
PERIODS = {"native": (24, 12), "seen": (16, 8)}  # pixels down and across, of what is drawn into the pictures
LOOKED_AT = (Generator, ResidualGenerator, HaarAutoencoder, PanopticFPN, UNet)
NATIVE = (Generator, ResidualGenerator, HaarAutoencoder)


@pytest.fixture(scope="module")
def waves(tmp_path_factory):
    """A data set of pictures with waves down and across, and of one torn part; three to learn from, one to test on."""
    folder = tmp_path_factory.mktemp("waves") / "waves"
    rows, columns = np.mgrid[:ROWS, :COLUMNS]
    down, across = PERIODS["native"]
    smooth = 130 + 8 * np.sin(2 * np.pi * rows / down) + 50 * np.sin(2 * np.pi * columns / across)
    for name in "abcd":
        picture = smooth.copy()
        dashes = (columns // 24 + rows // 3) % 2 == 0  # half of each torn row, so that its mean is the next one's
        picture[(rows % 3 == 0) & (rows > 600) & (rows < 900) & dashes] = 0
        labels = (columns // 96).astype(np.uint8)
        for kind, pixels in (("images", picture.astype(np.uint8)), ("labels", labels)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            sitk.WriteImage(sitk.GetImageFromArray(pixels), str(folder / kind / f"{name}.png"))
    (folder / "dataset.json").write_text(json.dumps({"name": "waves", "train": ["a", "b", "c"], "test": ["d"]}))
    return folder


def period(profile):
    """Of the strongest wave of a profile, in its pixels, among those of 5 to 40: dashes are shorter."""
    profile = (profile - profile.mean()) * np.hanning(len(profile))
    first, last = 8192 // 40, 8192 // 5
    return 8192 / (first + np.abs(np.fft.rfft(profile, 8192))[first:last].argmax())


def shown(work):
    """What each kind of network is shown while `work` is done: the periods down and across of its first input."""
    seen = {}

    def look(module, inputs):
        kind = next((each for each in LOOKED_AT if isinstance(module, each)), None)
        if kind and kind not in seen:
            pictures = inputs[0].detach().float().cpu().numpy()[:, 0]
            seen[kind] = tuple(np.median([period(each.mean(axis)) for each in pictures]) for axis in (1, 0))

    hook = torch.nn.modules.module.register_module_forward_pre_hook(look)
    try:
        work()
    finally:
        hook.remove()
    return seen


@pytest.mark.parametrize("joint", [False, True], ids=["in two stages", "end to end"])
@pytest.mark.parametrize("each", SYSTEMS, ids=[each.key for each in SYSTEMS])
def test_no_system_learns_at_another_size_than_it_is_tested_at(each, joint, waves, monkeypatch):
    """Restoration sees native pixels, segmentation a picture of 256 x 1024, both in training and in use."""
    monkeypatch.setattr(Accelerator, "backward", lambda *_: None)  # what is shown is looked at, not what it teaches
    segmentation = (
        PatchSegmentationStage(batch=2, steps=1, degrees=0.0)
        if joint
        else replace(SMOKE.segmentation, batch=1, varied=False)
    )
    budget = replace(SMOKE, joint=joint, batch=4, degrees=0.0, segmentation=segmentation)
    preset, learnt = each.preset(budget), {}
    for index in range(len(preset.stages)):
        model, stage = prepared(preset, waves, index)
        stage.method.set_learning_rate(1e-6)
        batch = stage.feed(0)
        learnt |= shown(lambda method=stage.method, batch=batch: method.step(batch))
    pixels = sitk.GetArrayFromImage(sitk.ReadImage(str(waves / "images" / "d.png"))).astype(np.float32)
    for network in model.networks:
        freeze(network)
    used = shown(lambda: Pipeline(model, "cpu").run(pixels))
    assert used and used.keys() <= learnt.keys()
    assert learnt.keys() - used.keys() <= {HaarAutoencoder}  # whose halves WaveCT uses one by one
    for kind, periods in learnt.items():
        expected = PERIODS["native" if issubclass(kind, NATIVE) else "seen"]
        assert periods == pytest.approx(expected, rel=0.1), f"{kind.__name__} in training"
        if kind in used:
            assert used[kind] == pytest.approx(expected, rel=0.1), f"{kind.__name__} in use"
