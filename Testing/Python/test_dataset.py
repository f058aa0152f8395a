"""Data sets of both layouts are read, and bad ones refused by the name of the bad file."""

import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image
from writers import write

from DAGANSpineLib.evaluation.subjects import usable
from DAGANSpineLib.progress import unheard
from DAGANSpineLib.training.checking import check
from DAGANSpineLib.training.dataset import DatasetError, load, open_dataset, read_labels, survey

IMAGE = np.random.default_rng(0).integers(1, 255, (64, 48)).astype(np.uint8)
LABELS = np.repeat(np.arange(4, dtype=np.uint8), 16)[:, None].repeat(48, 1)


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


def test_labels_in_any_coding_are_read_or_refused_and_never_others(tmp_path):
    colours = np.eye(4, dtype=np.uint8)[:, 1:] * 255
    plain, other = Image.fromarray(LABELS, "P"), Image.fromarray(LABELS, "P")
    plain.putpalette(colours.ravel().tolist())
    other.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0])  # of PASCAL VOC: 3 is dark yellow
    same = {"numbers in each colour": np.repeat(LABELS[..., None], 3, 2), "colours": colours[LABELS], "palette": plain}
    for name, picture in same.items():
        (picture if name == "palette" else Image.fromarray(picture)).save(tmp_path / "labels.png")
        assert np.array_equal(read_labels(tmp_path / "labels.png"), LABELS), name
    other.save(tmp_path / "labels.png")
    with pytest.raises(DatasetError, match="colours that mean other labels"):
        read_labels(tmp_path / "labels.png")
    for odd in (LABELS * np.float32(0.9), LABELS.astype(np.int16) - 1, np.where(LABELS, LABELS, np.float32(np.nan))):
        write(tmp_path / "labels.nrrd", odd)
        with pytest.raises(DatasetError, match="must be 0 to 3"):
            read_labels(tmp_path / "labels.nrrd")


def test_subjects_may_have_no_labels_if_the_data_set_says_so(ours):
    (ours / "labels" / "b.png").unlink()
    (ours / "dataset.json").write_text(json.dumps({"train": ["a"], "test": ["c"], "unlabelled": ["b"]}))
    dataset = open_dataset(ours)
    assert [record.subject for record in dataset.train] == ["a"]
    sample = load(dataset.unlabelled[0])
    assert np.array_equal(sample.image, IMAGE) and sample.labels is None


def test_check_names_and_counts_subjects_without_labels(ours):
    for subject in ("b", "d"):
        write(ours / "images" / f"{subject}.png", IMAGE)
    (ours / "dataset.json").write_text(json.dumps({"train": ["a"], "test": ["c"], "unlabelled": ["b", "d"]}))
    findings = check(ours, unheard)
    assert any("2 (b, d)" in note for note in findings.notes)
    (ours / "images" / "d.png").unlink()
    findings = check(ours, unheard)
    assert any("1 (b)" in note for note in findings.notes) and any("d.png" in each for each in findings.troubles)


def test_who_lacks_a_file_of_labels_is_unlabelled_and_named(ours):
    (ours / "labels" / "b.png").unlink()
    dataset = open_dataset(ours)
    assert [record.subject for record in dataset.train] == ["a"]
    assert [(record.subject, record.labels) for record in dataset.unlabelled] == [("b", None)]
    notes = check(ours, unheard).notes
    assert any("Without labels" in note and "1 (b)" in note for note in notes)
    assert any("listed to train on, but without a file in labels/: 1 (b)" in note for note in notes)


def test_a_folder_of_pictures_is_a_data_set_without_labels_but_for_those_that_are_there(tmp_path):
    for name in ("a.png", "b.tif", "c d.png", ".hidden.png", "notes.txt", "results.seg.nrrd"):
        write(tmp_path / (name if name != "notes.txt" else "z.png"), IMAGE)
    (tmp_path / "z.png").rename(tmp_path / "notes.txt")
    dataset = open_dataset(tmp_path)
    assert [record.subject for record in dataset.unlabelled] == ["a", "b", "c d"]
    assert (dataset.train, dataset.test, dataset.name) == ([], [], tmp_path.name)
    write(tmp_path / "labels" / "b.png", LABELS)
    dataset = open_dataset(tmp_path)
    assert np.array_equal(load(dataset.train[0]).labels, LABELS)
    assert [record.subject for record in dataset.unlabelled] == ["a", "c d"]


def test_two_pictures_of_one_name_are_no_two_subjects(tmp_path):
    for name in ("a.png", "a.tif"):
        write(tmp_path / name, IMAGE)
    with pytest.raises(DatasetError, match="lists the subject a 2 times"):
        open_dataset(tmp_path)


def test_check_says_what_a_data_set_without_any_labels_can_do(clinic):
    shutil.rmtree(clinic / "labels")
    describe(clinic, list("abcdef"), [])
    findings = check(clinic, unheard)
    assert not findings.troubles
    assert any("6 (a, b, c, d, e, f)" in note for note in findings.notes)
    assert any("train --from MODEL adapts the restoration" in note for note in findings.notes)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "dataset.json").write_text("{"), r"dataset\.json"),
        (lambda folder: (folder / "dataset.json").unlink(), "no data set"),
        (lambda folder: (folder / "images" / "b.png").unlink(), r"b\.png"),
        (lambda folder: shutil.rmtree(folder / "labels"), r"c has no file .*c\.png"),
        (
            lambda folder: (folder / "dataset.json").write_text('{"train": ["a"], "test": ["a"]}'),
            "in train and in test: a",
        ),
        (
            lambda folder: (folder / "dataset.json").write_text('{"train": ["a"], "test": [], "unlabelled": ["a"]}'),
            "in train and in unlabelled: a",
        ),
        (
            lambda folder: (folder / "dataset.json").write_text('{"train": ["a"], "test": [], "unlabelled": "b"}'),
            "who is in unlabelled",
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
    "text",
    [
        '{"train": ["a"], "test": [], "classes": 5}', '{"train": %s, "test": []}' % ("9" * 5000), "[" * 200_000, "5",
        '{"train": ["a", 5], "test": []}', '{"train": null, "test": []}', "\x00", '"',
    ],
    ids=lambda text: text[:40],
)  # fmt: skip
def test_a_malformed_dataset_json_is_a_sentence(ours, text):
    (ours / "dataset.json").write_text(text)
    with pytest.raises(DatasetError) as trouble:
        open_dataset(ours)
    assert "dataset.json" in str(trouble.value) and len(str(trouble.value)) < 500


@pytest.mark.parametrize("name", ["../a", "sub/a01", "a/../../x", "", ".", "..", "a\x00b", ".a", "CON", "a" * 300])
def test_a_subjects_name_is_a_plain_file_name(ours, name):
    (ours / "dataset.json").write_text(json.dumps({"train": ["a", "b"], "test": ["c", name]}))
    with pytest.raises(DatasetError, match="plain file name"):
        open_dataset(ours)
    findings = check(ours, unheard)
    assert any("plain file name" in trouble for trouble in findings.troubles)
    assert [record.subject for record in findings.dataset.test] == ["c"]


def test_what_is_no_number_or_no_text_does_not_get_into_evaluations(ours):
    path = ours / "dataset.json"
    described = json.loads(path.read_text())
    subject = described["train"][0]
    path.write_text(json.dumps(described | {"name": "\ud800"}))
    assert open_dataset(ours).name == "?"
    path.write_text(json.dumps(described | {"subjects": {subject: {"spacing_mm": [float("nan"), 0.2]}}}))
    with pytest.raises(DatasetError, match="no numbers"):
        open_dataset(ours)


def test_subjects_whose_names_differ_by_case_alone_are_named(ours):
    path = ours / "dataset.json"
    described = json.loads(path.read_text())
    subject = described["train"][0]
    path.write_text(json.dumps(described | {"train": [*described["train"], subject.upper()]}))
    assert any("take for one file" in trouble for trouble in survey(ours)[1])


def test_a_picture_with_hardly_any_lit_body_is_found_beforehand(ours):
    dark, dot = np.ones((64, 48), np.uint8), np.zeros((64, 48), np.uint8)
    dark[0, 0], dot[30:40, 20:30] = 0, 200
    for subject, picture in (("b", dark), ("c", dot)):
        write(ours / "images" / f"{subject}.png", picture)
    troubles = [trouble for trouble in check(ours, unheard).troubles if "too small to be measured" in trouble]
    left_out = {}
    assert [each.subject for each in usable(open_dataset(ours).train, left_out, unheard)] == ["a"]
    assert list(left_out) == ["b"] and "too small to be measured" in left_out["b"]
    assert len(troubles) == 2 and "b.png has a lit body of 0 × 0" in troubles[0] and "10 × 10" in troubles[1]


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


def textured(noisy: bool) -> np.ndarray:
    """A lit picture (200, 160), smooth, or with black dashes in its lower part."""
    picture = np.tile(np.linspace(120, 180, 160).astype(np.uint8), (200, 1))
    if noisy:
        picture[100::4, np.arange(160) // 6 % 2 == 0] = 0
    return picture


@pytest.fixture
def clinic(tmp_path):
    """A data set of ours that can be trained on: a to f to train on, g to test on."""
    for index, subject in enumerate("abcdefg"):
        write(tmp_path / "images" / f"{subject}.png", textured(noisy=index % 2 == 0))
        write(
            tmp_path / "labels" / f"{subject}.png", np.repeat(np.arange(4, dtype=np.uint8), 50)[:, None].repeat(160, 1)
        )
    describe(tmp_path, list("abcdef"), ["g"])
    return tmp_path


def describe(folder, train, test):
    (folder / "dataset.json").write_text(json.dumps({"name": "clinic", "train": train, "test": test}))


def subjects(dataset) -> tuple[str, str]:
    return tuple("".join(record.subject for record in split) for split in (dataset.train, dataset.test))


def test_the_checker_has_nothing_to_say_of_a_good_data_set(clinic):
    findings = check(clinic, unheard)
    assert (findings.troubles, findings.notes) == ([], [])
    assert subjects(findings.dataset) == ("abcdef", "g")


def test_the_checker_names_every_bad_file_and_no_good_one(clinic):
    labels = read_labels(clinic / "labels" / "a.png")
    write(clinic / "labels" / "a.png", labels + 4)
    write(clinic / "labels" / "b.png", labels[:-3])
    (clinic / "images" / "c.png").unlink()
    whole = (clinic / "images" / "d.png").read_bytes()
    (clinic / "images" / "d.png").write_bytes(whole[: len(whole) // 2])
    write(clinic / "images" / "e.png", textured(noisy=True).astype(np.uint16) * 257)  # 16 bits are fine
    write(clinic / "labels" / "g.png", labels * 0)
    describe(clinic, [*"abcdef", "f"], ["g", "a"])
    findings = check(clinic, unheard)
    words = [
        "lists the subject f 2 times for training",
        "subjects in train and in test: a",
        r"c has no file .*c\.png",
        r"labels.a\.png .* but it holds 7",
        r"labels.b\.png is \(197, 160\)",
        r"d\.png can't be read",
        r"g\.png labels no bone",
    ]
    assert len(findings.troubles) == len(words)
    for trouble, expected in zip(findings.troubles, words, strict=True):
        assert re.search(expected, trouble)
    assert subjects(findings.dataset) == ("ef", "")


@pytest.mark.parametrize(("noisy", "kind"), [(False, "corrupted"), (True, "clean")])
def test_the_checker_misses_a_kind_of_patch_where_training_would(clinic, noisy, kind):
    picture = textured(noisy)
    if noisy:
        picture[::4, np.arange(160) // 6 % 2 == 0] = 0
    for subject in "abcde":
        write(clinic / "images" / f"{subject}.png", picture)
    write(clinic / "images" / "f.png", textured(noisy=True))  # held out: it can't be learnt from
    findings = check(clinic, unheard)
    assert not findings.troubles  # the segmenter can be trained
    assert len(findings.notes) == 1 and f"No patch of the training images is {kind}" in findings.notes[0]


def test_the_checker_says_what_a_small_data_set_can_not_do(clinic):
    describe(clinic, ["a"], [])
    findings = check(clinic, unheard)
    assert not findings.troubles
    assert ["one subject to train on" in findings.notes[0], "no subject to test on" in findings.notes[1]] == [
        True,
        True,
    ]


def test_opening_a_bad_data_set_says_how_much_is_wrong(clinic):
    for subject in "abc":
        (clinic / "images" / f"{subject}.png").unlink()
    with pytest.raises(DatasetError, match=r"a has no file .*a\.png\. And 2 more: the command check"):
        open_dataset(clinic)


@pytest.mark.parametrize(
    ("description", "words"),
    [
        ('{"train": ["a"], "te', r"dataset\.json is no JSON: .*line 1"),
        ('["a"]', "must hold one object"),
        ('{"train": ["a"]}', "must say who is in test, as a list"),
        ('{"train": "a", "test": []}', "must say who is in train, as a list"),
        ('{"train": [1], "test": []}', "must say who is in train, as a list"),
    ],
)
def test_a_description_that_says_too_little_is_refused(clinic, description, words):
    (clinic / "dataset.json").write_text(description)
    with pytest.raises(DatasetError, match=words):
        check(clinic, unheard)


def test_a_description_written_by_windows_notepad_is_read(clinic):
    described = json.dumps({"name": "Klinik Süd", "train": ["a"], "test": []}, ensure_ascii=False)
    (clinic / "dataset.json").write_text(described, encoding="utf-8-sig")
    assert open_dataset(clinic).name == "Klinik Süd"


@pytest.mark.parametrize(
    "changed",
    [
        {"scanner": 5}, {"scanner": {}}, {"person": "x"}, {"person": {"size": None, "blur": 1}}, {"noise": 5},
        {"noise": [{}]}, {"layer": []}, {"spacing_mm": [0.2]}, {"swept_rows": "ab"}, {"vertebra_centres": {"T1": 5}},
        {"vertebra_tilt_deg": {"T1": None}}, {"curves": {}},
    ],
)  # fmt: skip
def test_what_cant_be_read_of_a_subject_is_said_before_it_is_evaluated(simulated, tmp_path, changed):
    description = json.loads((simulated / "dataset.json").read_text(encoding="utf-8"))
    subject = description["test"][0]
    description["subjects"][subject] |= changed
    (tmp_path / "dataset.json").write_text(json.dumps(description), encoding="utf-8")
    with pytest.raises(DatasetError, match=f"subject {subject}"):
        open_dataset(tmp_path)
