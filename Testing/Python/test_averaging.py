"""The weights that are used: averaged over the last steps, and chosen by what restoration removes and keeps."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from torch import nn

from DAGANSpineLib.model import Model, load_model
from DAGANSpineLib.model.shapes import ClassicalRepairShape, PanopticFPNShape, UntouchedShape
from DAGANSpineLib.training.averaging import RECENT, Average
from DAGANSpineLib.training.dataset import Record, open_dataset
from DAGANSpineLib.training.method import Method
from DAGANSpineLib.training.presets import PRESETS
from DAGANSpineLib.training.trainer import train
from DAGANSpineLib.training.validation import DICE, RESTORATION, Validation

SLIM = PanopticFPNShape(depth=18, width=16, pyramid=8, head=8)


class Clock(nn.Module):
    """Its weight is the number of the step."""

    def __init__(self) -> None:
        super().__init__()
        self.step = nn.Parameter(torch.zeros(()))
        self.register_buffer("ticks", torch.zeros((), dtype=torch.long))

    def tick(self) -> None:
        with torch.no_grad():
            self.step += 1
            self.ticks += 1


def averaged(steps: int) -> tuple[Clock, Average]:
    clock = Clock()
    average = Average(clock)
    for _ in range(steps):
        clock.tick()
        average.update()
    return clock, average


@pytest.mark.parametrize("steps", [200, 3000])
def test_an_average_is_over_the_same_share_of_a_training_of_any_length(steps):
    _, average = averaged(steps)
    assert average.weights["step"].item() / steps == pytest.approx(1 - RECENT, abs=0.01)
    assert average.weights["ticks"] == steps


def test_the_first_step_is_the_first_average_and_what_stands_still_stays():
    clock, average = averaged(1)
    assert average.weights["step"] == 1
    for _ in range(5):
        average.update()
    assert average.weights["step"] == 1 and average.weights["step"] is not clock.step


def test_averaging_goes_on_from_a_checkpoint_as_if_never_stopped():
    clock, average = averaged(50)
    resumed = Average(clock)
    resumed.load_state(average.state())
    for _ in range(10):
        clock.tick()
        average.update()
        resumed.update()
    assert torch.equal(average.weights["step"], resumed.weights["step"])


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Three subjects with black dashes, which the classical repair takes away, and without a clean truth."""
    folder = tmp_path_factory.mktemp("torn")
    rows, columns = np.mgrid[:480, :200]
    image = (120 + 40 * np.sin(columns / 20) + 20 * np.cos(rows / 30)).astype(np.uint8)
    image[240::5] = 0
    for kind, picture in (("images", image), ("labels", (columns // 50).astype(np.uint8))):
        (folder / kind).mkdir()
        for subject in "abc":
            sitk.WriteImage(sitk.GetImageFromArray(picture), str(folder / kind / f"{subject}.png"))
    (folder / "dataset.json").write_text(json.dumps({"name": "torn", "train": ["a", "b"], "test": ["c"]}))
    return folder


@pytest.fixture(scope="module")
def torn(data) -> Record:
    return open_dataset(data).test[0]


class Blur(nn.Module):
    """Takes the dashes away, and what was clean with them."""

    halo, alignment = 32, 1

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return nn.functional.avg_pool2d(images, 31, 1, 15, count_include_pad=False)


def test_the_better_restoration_has_more_merit_without_a_look_at_the_truth(torn):
    validation = Validation([torn], RESTORATION)
    untouched, repaired, blurred = (
        Model(shape, SLIM) for shape in (UntouchedShape(), ClassicalRepairShape(), UntouchedShape())
    )
    blurred.generator = Blur()
    scores = [validation.score(model, "cpu") for model in (untouched, repaired, blurred)]
    merits = [validation.merit(each) for each in scores]
    assert merits[1] > max(merits[0], merits[2])
    assert scores[0]["corrupted patches"] > 0 == scores[1]["corrupted patches"]
    assert merits[0] == pytest.approx(-1, abs=0.01) and scores[2]["change of clean patches"] > 2
    assert not any("dice" in name for name in scores[0])


def test_pictures_without_a_corrupted_patch_tell_who_restores_them_too(data, tmp_path):
    """Else, of held-out subjects that are hardly torn, doing nothing would be the best."""
    image = sitk.GetArrayFromImage(sitk.ReadImage(str(open_dataset(data).test[0].image)))
    image[240::5], image[240::24] = image[239:-1:5][: len(image[240::5])], 0  # fewer dashes
    sitk.WriteImage(sitk.GetImageFromArray(image), str(tmp_path / "little.png"))
    little = Record("little", tmp_path / "little.png", open_dataset(data).test[0].labels)
    validation = Validation([little], RESTORATION)
    untouched, repaired = (
        validation.score(Model(shape, SLIM), "cpu") for shape in (UntouchedShape(), ClassicalRepairShape())
    )
    assert untouched["corrupted patches"] == 0 < untouched["variation before"]
    assert validation.merit(repaired) > validation.merit(untouched)


def test_end_to_end_restoration_and_dice_count_both(torn):
    validation = Validation([torn], RESTORATION, DICE)
    scores = validation.score(Model(UntouchedShape(), SLIM), "cpu")
    assert validation.merit(scores) == pytest.approx(scores["dice"] + scores["restoration"])


def test_the_segmenter_learns_behind_the_generator_that_restored_best(data, tmp_path, monkeypatch):
    """Not behind the last one: the first of three is made the best here, and averages are what is judged."""
    judged, averages = [], []
    in_use = Method.in_use

    def remember(self):
        used = in_use(self)
        if "generator" in used:
            averages.append({name: value.clone() for name, value in used["generator"].items()})
        return used

    def score(self, model, device):
        judged.append(model)
        return {RESTORATION: -float(len(judged)), DICE: 0.5}

    monkeypatch.setattr(Method, "in_use", remember)
    monkeypatch.setattr(Validation, "score", score)
    smoke = PRESETS["smoke"]
    stages = (dataclasses.replace(smoke.stages[0], steps=3), dataclasses.replace(smoke.stages[1], steps=1))
    train(data, tmp_path / "run", dataclasses.replace(smoke, stages=stages, validate_every=1))
    kept = torch.load(tmp_path / "run" / "last.pt", weights_only=True)["generator"]
    for name, value in load_model(tmp_path / "run" / "best.pt").generator.state_dict().items():
        assert torch.equal(value, averages[0][name].half().float()) and torch.equal(value, kept[name])
        assert torch.equal(judged[0].generator.state_dict()[name], averages[0][name])
    assert not all(torch.equal(averages[0][name], averages[2][name]) for name in kept)
