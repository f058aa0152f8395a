"""Models get used to a clinic's own pictures: with few labels or none, without noise, with help of simulated subjects
and of their own labels."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from DAGANSpineLib.model import GeneratorShape, Model, PanopticFPNShape, UntouchedShape, load_model, save_model
from DAGANSpineLib.training.dataset import DatasetError
from DAGANSpineLib.training.descent import Ancestor
from DAGANSpineLib.training.presets import PRESETS
from DAGANSpineLib.training.subjects import Subjects, evenly
from DAGANSpineLib.training.trainer import train

RESTORATION, SEGMENTATION = PRESETS["smoke"].stages
# few patches at a time, and a segmenter that learns from crops: whole spines take longer than all the rest
QUICK = dataclasses.replace(
    PRESETS["smoke"],
    stages=(
        dataclasses.replace(RESTORATION, batch=2, steps=4, weight_segmentation=0.0),
        dataclasses.replace(SEGMENTATION, rows=64, steps=4),
    ),
)


@pytest.fixture(scope="module")
def elder(tmp_path_factory):
    """A model to begin from, untrained: what matters is whose weights change."""
    torch.manual_seed(7)
    path = tmp_path_factory.mktemp("elder") / "elder.pt"
    save_model(Model(GeneratorShape((8, 16)), PanopticFPNShape(18, 16, 16, 16)), path)
    return load_model(path)


def altered(folder, to, change):
    """A copy of a data set, `change`d: a function of its folder and its description."""
    shutil.copytree(folder, to)
    description = json.loads((to / "dataset.json").read_text(encoding="utf-8"))
    change(to, description)
    (to / "dataset.json").write_text(json.dumps(description), encoding="utf-8")
    return to


def without_labels(folder, description):
    shutil.rmtree(folder / "labels")
    description["test"] = []


def without_noise(folder, description):
    shutil.rmtree(folder / "torn")
    for name in description["train"]:
        smooth = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "clean" / f"{name}.png")))
        sitk.WriteImage(sitk.GetImageFromArray(smooth // 4), str(folder / "images" / f"{name}.png"))
    shutil.rmtree(folder / "clean")


def equal(one: torch.nn.Module, two: torch.nn.Module) -> bool:
    one, two = one.state_dict(), two.state_dict()
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def test_without_any_labels_restoration_alone_adapts_and_that_is_said(part, elder, tmp_path, capsys):
    data = altered(part, tmp_path / "data", without_labels)
    model = train(data, tmp_path / "run", QUICK, quiet=True, ancestor=Ancestor(elder))
    assert equal(model.segmenter, elder.segmenter)
    assert "restoration alone adapts" in capsys.readouterr().out
    assert model.provenance["subjects without labels"] == 4


def test_without_any_labels_a_model_that_segments_is_needed(part, elder, tmp_path):
    data = altered(part, tmp_path / "data", without_labels)
    for ancestor in (None, Ancestor(elder, ("segmenter",))):
        with pytest.raises(DatasetError, match="Nobody in the data set has labels"):
            train(data, tmp_path / "run", QUICK, quiet=True, ancestor=ancestor)
    assert not (tmp_path / "run").exists()


def test_pictures_without_noise_still_train_the_segmenter(part, elder, tmp_path, capsys):
    data = altered(part, tmp_path / "data", without_noise)
    model = train(data, tmp_path / "run", QUICK, quiet=True, ancestor=Ancestor(elder))
    assert equal(model.generator, elder.generator)
    learnt = torch.load(tmp_path / "run" / "last.pt", weights_only=True)["segmenter"]
    assert not torch.equal(learnt["classify.weight"], elder.segmenter.classify.weight)
    assert "restoration stays as it was, and the segmenter alone learns" in capsys.readouterr().out
    from_nothing = train(data, tmp_path / "other run", QUICK, quiet=True)
    assert from_nothing.generator_shape == UntouchedShape()
    assert "pictures are not restored" in capsys.readouterr().out


def test_a_model_that_learning_makes_no_better_stays_as_it_was(part, elder, tmp_path):
    """By the held-out subjects' measure: weights that random steps have spoilt are not chosen."""
    spoiling = dataclasses.replace(QUICK.stages[0], learning_rate=3.0, final_learning_rate=3.0)
    preset = dataclasses.replace(QUICK, stages=(spoiling,))
    model = train(part, tmp_path / "run", preset, quiet=True, ancestor=Ancestor(elder))
    assert equal(model.generator, elder.generator) and model.provenance["step"] == 0


def test_ten_labelled_pictures_are_met_as_often_as_a_hundred_others():
    assert evenly([[1, 2], [3, 4, 5, 6], []]) == [1, 2, 1, 2, 3, 4, 5, 6]
    subjects = Subjects(list("ab"), [], ["c"], [], guessed=list("defgh"), rehearsed=list("rst"))
    met = [subjects.learners[index] for index in subjects.draws]
    assert [sum(each in kind for each in met) for kind in ("ab", "defgh", "rst")] == [4, 5, 6]
    assert np.array_equal(Subjects(list("ab"), [], [], []).draws, [0, 1])
