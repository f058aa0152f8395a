"""Data sets of both layouts are read, and bad ones refused by the name of the bad file."""

import json
import shutil

import numpy as np
import pytest
import SimpleITK as sitk

from DAGANSpineLib.training.dataset import DatasetError, load, open_dataset, read_labels, troubles_of

IMAGE = np.random.default_rng(0).integers(1, 255, (64, 48)).astype(np.uint8)
LABELS = np.repeat(np.arange(4, dtype=np.uint8), 16)[:, None].repeat(48, 1)


def write(path, array, vector=False):
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(sitk.GetImageFromArray(array, isVector=vector), str(path))


@pytest.fixture
def ours(tmp_path):
    for subject in ("a", "b", "c"):
        write(tmp_path / "images" / f"{subject}.png", IMAGE)
        write(tmp_path / "labels" / f"{subject}.png", LABELS)
    write(tmp_path / "clean" / "a.png", IMAGE)
    (tmp_path / "dataset.json").write_text(json.dumps({"name": "ours", "train": ["a", "b"], "test": ["c"]}))
    return tmp_path


def test_our_layout_is_read(ours):
    dataset = open_dataset(ours)
    assert [record.subject for record in dataset.train] == ["a", "b"]
    assert [record.subject for record in dataset.test] == ["c"]
    sample = load(dataset.train[0])
    assert np.array_equal(sample.image, IMAGE) and np.array_equal(sample.labels, LABELS)
    assert np.array_equal(sample.clean, IMAGE) and load(dataset.train[1]).clean is None


def test_the_published_layout_is_read(tmp_path):
    for split, subject in (("train", "x"), ("test", "y")):
        write(tmp_path / "dataset" / split / f"{subject}.png", IMAGE)
        write(tmp_path / "groundtruth" / split / f"{subject}_bone_3.png", LABELS)
    dataset = open_dataset(tmp_path)
    assert [record.subject for record in dataset.train + dataset.test] == ["x", "y"]
    assert np.array_equal(load(dataset.test[0]).labels, LABELS)


def test_coloured_labels_are_blue_over_green_over_red(tmp_path):
    colours = np.zeros((40, 40, 3), np.uint8)
    colours[:30, :, 0] = 255
    colours[10:, :, 1] = 255
    colours[20:35, :, 2] = 255
    write(tmp_path / "labels.png", colours, vector=True)
    labels = read_labels(tmp_path / "labels.png")
    assert labels[[5, 15, 25, 33, 38], 0].tolist() == [1, 2, 3, 3, 2]


def test_some_training_subjects_are_held_out_and_nobody_twice(ours):
    learners, held_out = open_dataset(ours).split_validation()
    assert [record.subject for record in learners] == ["a"]
    assert [record.subject for record in held_out] == ["b"]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "dataset.json").write_text("{"), r"dataset\.json"),
        (lambda folder: (folder / "dataset.json").unlink(), "no data set"),
        (lambda folder: (folder / "images" / "b.png").unlink(), r"b\.png"),
        (lambda folder: shutil.rmtree(folder / "labels"), r"a\.png"),
        (
            lambda folder: (folder / "dataset.json").write_text('{"train": ["a"], "test": ["a"]}'),
            "in train and in test: a",
        ),
        (lambda folder: (folder / "dataset.json").write_text('{"train": [], "test": ["a"]}'), "no training subjects"),
        (
            lambda folder: (folder / "dataset.json").write_text('{"train": ["a"], "test": [], "classes": ["bone"]}'),
            "classes",
        ),
    ],
)
def test_a_bad_data_set_is_refused_by_name(ours, spoil, words):
    spoil(ours)
    with pytest.raises(DatasetError, match=words):
        open_dataset(ours)


@pytest.mark.parametrize(
    ("kind", "array", "words"),
    [
        ("images", np.zeros((64, 48), np.uint8), "same value"),
        ("labels", LABELS[:-2], r"labels.a\.png is \(62, 48\)"),
        ("labels", LABELS + 1, "values must be 0 to 3"),
        ("clean", IMAGE[:, :-4], r"clean.a\.png is \(64, 44\)"),
    ],
)
def test_a_bad_file_is_refused_by_name(ours, kind, array, words):
    write(ours / kind / "a.png", array)
    with pytest.raises(DatasetError, match=words):
        load(open_dataset(ours).train[0])


def test_the_checker_names_every_bad_file_and_no_good_one(ours):
    write(ours / "labels" / "a.png", LABELS + 1)
    write(ours / "labels" / "c.png", LABELS * 0)
    troubles = troubles_of(open_dataset(ours), lambda fraction, message: None)
    assert len(troubles) == 2
    assert "a.png" in troubles[0] and "must be 0 to 3" in troubles[0]
    assert "c.png labels no bone" in troubles[1]
