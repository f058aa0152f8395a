"""A data set that grows by a subject at a time: what is kept is what training reads, all of it or nothing."""

import contextlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from disks import full_disk

from DAGANSpineLib.collection import LABELLED, TESTED, UNLABELLED, Collection, CollectionError, Kept, keep, take_back
from DAGANSpineLib.errors import UserError
from DAGANSpineLib.files import OutputError
from DAGANSpineLib.progress import Cancelled, unheard
from DAGANSpineLib.training.checking import check
from DAGANSpineLib.training.dataset import load, open_dataset


@pytest.fixture
def pixels(small_vpi):
    return small_vpi


@pytest.fixture
def labels(small_vpi):
    drawn = np.zeros_like(small_vpi)
    drawn[20:60, 30:60], drawn[80:120, 70:90], drawn[200:240, 70:90] = 1, 2, 3
    return drawn


@pytest.fixture
def clinic(tmp_path, pixels, labels):
    """A data set with one subject of each use."""
    folder = tmp_path / "our clinic"
    keep(folder, Kept("a", LABELLED, pixels, labels))
    keep(folder, Kept("b", TESTED, pixels[::-1].copy(), labels))
    keep(folder, Kept("c", UNLABELLED, pixels))
    return folder


def content(folder):
    """All files and folders with what they hold."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def seen(folder):
    """The same, as training sees it."""
    return {name: what for name, what in content(folder).items() if not name.startswith(".keeping")}


def subjects_of(folder):
    dataset = open_dataset(folder)
    return [[record.subject for record in split] for split in (dataset.train, dataset.test, dataset.unlabelled)]


def test_what_is_kept_is_what_training_reads(clinic, pixels, labels):
    assert subjects_of(clinic) == [["a"], ["b"], ["c"]]
    findings = check(clinic, unheard)
    assert findings.troubles == []
    sample = load(findings.dataset.train[0])
    np.testing.assert_array_equal(sample.image, pixels)
    np.testing.assert_array_equal(sample.labels, labels)
    assert load(findings.dataset.unlabelled[0]).labels is None
    assert sorted(path.name for path in clinic.iterdir()) == ["dataset.json", "images", "labels"]


def test_a_subject_may_be_kept_again_for_something_else(clinic, pixels, labels):
    keep(clinic, Kept("a", UNLABELLED, pixels))
    assert not (clinic / "labels" / "a.png").exists()
    keep(clinic, Kept("c", TESTED, pixels, labels))
    assert json.loads((clinic / "dataset.json").read_text())["unlabelled"] == ["a"]
    assert json.loads((clinic / "dataset.json").read_text())["test"] == ["b", "c"]


def test_what_was_known_of_a_subject_goes_with_its_picture(clinic, pixels, labels):
    described = json.loads((clinic / "dataset.json").read_text())
    described |= {"by": "somebody", "subjects": {"a": {"severity": "mild"}, "b": {"severity": "severe"}}}
    (clinic / "dataset.json").write_text(json.dumps(described | {"spacing": {"a": [1, 1], "b": [2, 2]}}))
    for kind in ("clean", "torn"):
        (clinic / kind).mkdir()
        for subject in ("a", "b"):
            shutil.copy(clinic / "images" / "a.png", clinic / kind / f"{subject}.png")
    keep(clinic, Kept("a", LABELLED, pixels[:200].copy(), labels[:200].copy(), {"spacing_mm": [0.2, 0.2]}))
    described = json.loads((clinic / "dataset.json").read_text())
    assert described["subjects"] == {"b": {"severity": "severe"}, "a": {"spacing_mm": [0.2, 0.2]}}
    assert described["by"] == "somebody" and described["spacing"] == {"b": [2, 2]}
    assert load(open_dataset(clinic).train[0]).clean is None
    assert (clinic / "clean" / "b.png").exists() and not (clinic / "torn" / "a.png").exists()


def test_names_tell_nothing_and_nobody_gets_anothers(clinic, pixels, labels):
    assert Collection.read(clinic).next_name() == "s001"
    keep(clinic, Kept("S001", LABELLED, pixels, labels))
    shutil.copy(clinic / "images" / "a.png", clinic / "images" / "s002.png")
    collection = Collection.read(clinic)
    assert collection.spelled("s001") == "S001" and collection.next_name() == "s003"
    assert collection.holds("s002") and not collection.holds("s003")


@pytest.mark.parametrize("name", ["", " ", "a/b", "../a", ".a", "a\n", "con", "a. ", " a", "a" * 300, "a\0b"])
def test_a_name_that_is_no_file_everywhere_is_refused(tmp_path, pixels, labels, name):
    with pytest.raises(CollectionError, match="can't be a subject's name"):
        keep(tmp_path / "x", Kept(name, LABELLED, pixels, labels))
    assert list(tmp_path.iterdir()) == []


def test_what_training_could_not_use_is_refused(tmp_path, pixels, labels):
    with pytest.raises(CollectionError, match="No bone is labelled"):
        keep(tmp_path / "x", Kept("a", LABELLED, pixels, np.zeros_like(labels)))
    with pytest.raises(UserError, match="too small to be measured"):
        keep(tmp_path / "x", Kept("a", UNLABELLED, np.pad(pixels[100:120], 40)))
    assert list(tmp_path.iterdir()) == []


def somebodys_folder(folder):
    (folder / "thesis.doc").write_text("years of work")


def of_another_layout(folder):
    (folder / "dataset" / "train").mkdir(parents=True)


def broken_list(folder):
    (folder / "dataset.json").write_text("{")


def list_of_other_things(folder):
    (folder / "dataset.json").write_text('{"train": "all of them"}')


def other_classes(folder):
    (folder / "dataset.json").write_text('{"train": [], "test": [], "classes": ["background", "liver"]}')


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (somebodys_folder, "holds other files .thesis.doc."),
        (of_another_layout, "holds other files .dataset."),
        (broken_list, "is no JSON"),
        (list_of_other_things, "is not the list of a data set"),
        (other_classes, "is not the list of a data set"),
    ],
)
def test_a_folder_that_holds_something_else_is_left_alone(tmp_path, pixels, labels, spoil, words):
    spoil(tmp_path)
    before = content(tmp_path)
    with pytest.raises(CollectionError, match=words):
        keep(tmp_path, Kept("a", LABELLED, pixels, labels))
    assert content(tmp_path) == before


def test_a_folder_that_a_system_has_looked_at_is_empty(tmp_path, pixels, labels):
    for name in (".DS_Store", "Thumbs.db", "desktop.ini"):
        (tmp_path / name).write_bytes(b"x")
    keep(tmp_path, Kept("a", LABELLED, pixels, labels))
    assert subjects_of(tmp_path) == [["a"], [], []]


@pytest.mark.parametrize("name", ["a" * 300, "a/" * 3000, "\udce4"], ids=["long", "deep", "no UTF-8"])
def test_a_folder_that_cannot_be_is_told(tmp_path, pixels, labels, name):
    Collection.read(tmp_path / name)
    with pytest.raises(OutputError):
        keep(tmp_path / name, Kept("a", LABELLED, pixels, labels))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_a_place_is_told(tmp_path, pixels, labels):
    with pytest.raises(OutputError, match="There is no folder"):
        keep(tmp_path / "gone" / "x", Kept("a", LABELLED, pixels, labels))
    (tmp_path / "file").write_text("x")
    with pytest.raises(CollectionError, match="is a file"):
        keep(tmp_path / "file", Kept("a", LABELLED, pixels, labels))


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs permissions that count")
def test_a_folder_that_cannot_be_written_is_told(clinic, pixels, labels):
    before = content(clinic)
    for folder in (clinic, clinic / "labels"):
        folder.chmod(0o555)
        with pytest.raises(OutputError, match=r"can't be written .Permission denied"):
            keep(clinic, Kept("d", LABELLED, pixels, labels))
        folder.chmod(0o755)
        assert content(clinic) == before


@pytest.mark.parametrize("stage", ["Writing the picture", "Writing the labels", "Writing the list of subjects"])
@pytest.mark.parametrize("folder", ["our clinic", "new"])
def test_cancelling_leaves_all_as_it_was(tmp_path, clinic, pixels, labels, stage, folder):
    before = content(tmp_path)

    def progress(fraction, message):
        if message == stage:
            raise Cancelled

    with pytest.raises(Cancelled):
        keep(tmp_path / folder, Kept("a", LABELLED, pixels, labels), progress)
    assert content(tmp_path) == before


class Killed(BaseException):
    """Stands for a kill: nothing more is done, not even what puts things in order."""


def stopped_at(monkeypatch, step, error):
    """Let the `step`-th change of the file system from now on fail; how many there have been."""
    done = []

    def counted(function):
        def call(*arguments, **options):
            done.append(function)
            if len(done) >= step if error is Killed else len(done) == step:
                raise error()
            return function(*arguments, **options)

        return call

    for name in ("replace", "unlink", "mkdir", "rmdir", "write_text"):
        monkeypatch.setattr(Path, name, counted(getattr(Path, name)))
    if error is Killed:  # what can't be removed is no trouble
        monkeypatch.setattr(shutil, "rmtree", counted(shutil.rmtree))
    return done


def refused():
    return PermissionError(13, "Permission denied")


@pytest.mark.parametrize("error", [Killed, refused], ids=["killed", "refused"])
@pytest.mark.parametrize("subject", ["a", "d"], ids=["replaced", "added"])
def test_whatever_stops_it_the_data_set_is_always_one_that_training_can_use(
    clinic, pixels, labels, monkeypatch, error, subject
):
    """Killed, or refused by the system, at each change of the file system, one after the other."""
    keep(clinic, Kept("z", LABELLED, pixels, labels))
    new = Kept(subject, LABELLED, pixels[:200].copy(), labels[:200].copy())
    for name in ("before", "after"):
        shutil.copytree(clinic, clinic.with_name(name))
    keep(clinic.with_name("after"), new)
    before, after = content(clinic), content(clinic.with_name("after"))
    step, finished = 1, False
    while not finished:
        with monkeypatch.context() as patch:
            done = stopped_at(patch, step, error)
            with contextlib.suppress(Killed, OutputError):
                keep(clinic, new)
            finished = len(done) < step
        if seen(clinic) not in (before, after):
            assert check(clinic, unheard).troubles == [], f"step {step}: neither old nor new"
        take_back(clinic)
        assert content(clinic) in (before, after), f"step {step}"
        if not finished:
            shutil.rmtree(clinic)
            shutil.copytree(clinic.with_name("before"), clinic)
        step += 1
    assert step > 8
    assert content(clinic) == after


def test_what_was_killed_is_taken_back_before_the_next_is_kept(clinic, pixels, labels, monkeypatch):
    with monkeypatch.context() as patch:
        stopped_at(patch, 9, Killed)
        with pytest.raises(Killed):
            keep(clinic, Kept("d", LABELLED, pixels, labels))
    assert (clinic / ".keeping").exists()
    keep(clinic, Kept("e", LABELLED, pixels, labels))
    assert subjects_of(clinic) == [["a", "e"], ["b"], ["c"]]
    assert not (clinic / ".keeping").exists() and not (clinic / "images" / "d.png").exists()


def test_a_subject_whose_replacing_was_killed_is_not_lost(clinic, pixels, labels, monkeypatch):
    step, stopped = 1, True
    while stopped:
        with monkeypatch.context() as patch:
            done = stopped_at(patch, step, Killed)
            with contextlib.suppress(Killed):
                keep(clinic, Kept("a", LABELLED, pixels, labels))
            stopped = len(done) >= step
        keep(clinic, Kept("e", UNLABELLED, pixels))
        assert sorted(Collection.read(clinic).subjects()) == ["a", "b", "c", "e"], f"step {step}"
        step += 3


@pytest.mark.parametrize("most", [0, 100, 1000, 20_000])
def test_a_full_disk_is_told_and_leaves_all_as_it_was(tmp_path, clinic, labels, most):
    noise = np.random.default_rng(0).integers(1, 255, (300, 160), np.uint8)
    before = content(tmp_path)
    for folder in (clinic, tmp_path / "new"):
        with full_disk(most), pytest.raises(OutputError, match="is the disk full"):
            keep(folder, Kept("a", LABELLED, noise, labels))
        assert content(tmp_path) == before


def test_a_data_set_that_was_simulated_grows_as_well(simulated, tmp_path, pixels, labels):
    folder = shutil.copytree(simulated, tmp_path / "copy")
    known = json.loads((folder / "dataset.json").read_text())
    keep(folder, Kept("s001", LABELLED, pixels, labels))
    assert check(folder, unheard).troubles == []
    described = json.loads((folder / "dataset.json").read_text())
    assert described["train"] == [*known["train"], "s001"]
    assert {name: described["subjects"][name] for name in known["subjects"]} == known["subjects"]


def test_labels_are_read_as_numbers_not_as_colours(clinic, labels):
    stored = sitk.GetArrayFromImage(sitk.ReadImage(str(clinic / "labels" / "a.png")))
    assert stored.dtype == np.uint8
    np.testing.assert_array_equal(stored, labels)
