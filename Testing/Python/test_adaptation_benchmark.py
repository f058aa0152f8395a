"""The benchmark of adaptation, with few and coarse subjects: another clinic, and what is compared on it."""

import dataclasses
import os

import numpy as np
import pytest

from DAGANSpineLib.commands import Bar
from DAGANSpineLib.model import load_model
from DAGANSpineLib.training.dataset import load, open_dataset, read_labels
from DAGANSpineLib.training.presets import PRESETS
from Testing.Benchmarks import adaptation as module
from Testing.Benchmarks.adaptation import FIRST_EXPERTS, Benchmark, Size, from_nothing, make_clinic, seen_there

RESTORATION, SEGMENTATION = PRESETS["smoke"].stages
QUICK = dataclasses.replace(
    PRESETS["smoke"],
    stages=(
        dataclasses.replace(RESTORATION, batch=2, steps=1, weight_segmentation=0.0),
        dataclasses.replace(SEGMENTATION, rows=64, steps=1),
    ),
)
SIZE = Size(pictures=3, test=1, own=1, rehearsal=2, labels=(2,), spacing_mm=0.8)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("adaptation")
    make_clinic(folder / "clinic", SIZE, Bar("Simulating"))
    return folder


def test_the_other_clinics_pictures_differ_in_greys_and_its_labels_in_width(made):
    reached = np.array([True, True, True, True, False])
    assert seen_there(np.array([0, 1, 64, 255, 0]), reached).tolist() == [255, 8, 95, 217, 0]
    dataset = open_dataset(made / "clinic")
    assert (len(dataset.train), len(dataset.test)) == (3, 1)
    for record in dataset.train + dataset.test:
        wide = load(record).labels
        usual = read_labels(made / "clinic" / FIRST_EXPERTS / f"{record.subject}.png")
        assert (wide > 0)[usual > 0].all() and (wide > 0).sum() > 1.1 * (usual > 0).sum()
        assert record.known["scanner"]["name"] == "portable"


def test_all_is_compared_and_a_finished_part_is_not_done_again(made, simulated, slim_model_file, monkeypatch):
    monkeypatch.setattr("DAGANSpineLib.training.rehearsal.SPACING_MM", 0.8)
    monkeypatch.setattr(
        module, "in_a_process", lambda work, *arguments: work(*arguments)
    )  # another lacks the line above
    task = Benchmark(made, load_model(slim_model_file), QUICK, SIZE, "full")
    own = open_dataset(simulated).test
    report = task.compare(own)
    for words in (
        "adapted, 0 labels",
        "from nothing, 2 labels",
        "On the model's own test subjects",
        "the other habit costs",
    ):
        assert words in report
    assert (made / "adaptation.md").read_text(encoding="utf-8") == report
    assert not (made / "scores" / "own" / "from nothing, 2 labels").exists()
    done = {path: path.stat().st_mtime_ns for path in made.rglob("scores.json")}
    assert task.compare(own) == report and done == {path: path.stat().st_mtime_ns for path in made.rglob("scores.json")}


def test_who_learns_from_nothing_takes_as_many_steps_at_a_beginners_rate(slim_model_file):
    model = load_model(slim_model_file)
    adapt, nothing = PRESETS["adapt"], from_nothing(PRESETS["adapt"], model)
    assert [stage.steps for stage in nothing.stages] == [stage.steps for stage in adapt.stages]
    assert all(
        late.learning_rate > early.learning_rate for late, early in zip(nothing.stages, adapt.stages, strict=True)
    )
    assert nothing.segmenter == model.segmenter_shape
    assert adapt.stages[0].weight_transplanted and not nothing.stages[0].weight_transplanted
    assert nothing.stages[0].warm_up == 0


def written(path, model):
    """What a training does, in short: another process gets a model, and leaves a file."""
    path.write_text(f"{os.getpid()} {sum(weights.numel() for weights in model.generator.parameters())}")


def test_a_training_is_done_in_a_process_of_its_own(slim_model_file, tmp_path):
    model = load_model(slim_model_file)
    module.in_a_process(written, tmp_path / "out", model)
    process, weights = map(int, (tmp_path / "out").read_text().split())
    assert process != os.getpid() and weights == sum(each.numel() for each in model.generator.parameters())
