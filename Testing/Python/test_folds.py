"""Cross-validation: every labelled subject is tested on once, by a model that has never seen it."""

import dataclasses
import json

import pytest

from DAGANSpineLib.evaluation.folds import FoldsError, cross_validate, figures_of, of_fold, parts_of
from DAGANSpineLib.training.dataset import Dataset, Record
from DAGANSpineLib.training.presets import PRESETS

SEGMENTATION = dataclasses.replace(PRESETS["smoke"].stages[1], rows=64, steps=1)
QUICK = dataclasses.replace(PRESETS["smoke"], stages=(SEGMENTATION,))


def test_subjects_are_never_trained_and_tested_on():
    records = [Record(str(index), None, None) for index in range(11)]
    dataset = Dataset("eleven", records, [Record("tested", None, None)], [Record("bare", None, None)])
    parts = parts_of(dataset, 4, seed=3)
    assert sorted(record.subject for part in parts for record in part) == sorted(record.subject for record in records)
    assert {len(part) for part in parts} == {2, 3}
    assert parts == parts_of(dataset, 4, seed=3) != parts_of(dataset, 4, seed=4)
    for part in parts:
        fold = of_fold(dataset, part, "fold")
        assert not {record.subject for record in fold.train} & {record.subject for record in fold.test}
        assert (len(fold.train) + len(fold.test), fold.unlabelled) == (11, dataset.unlabelled)


@pytest.mark.parametrize("folds", [1, 4])
def test_there_are_no_more_folds_than_labelled_subjects(folds):
    with pytest.raises(FoldsError, match=f"3 labelled subjects .* not {folds}"):
        parts_of(Dataset("three", [Record(name, None, None) for name in "abc"], []), folds, 0)


def test_all_folds_come_to_one_summary_that_a_stopped_one_goes_on_to(part, tmp_path, monkeypatch):
    def stop(line):
        if line.startswith("Fold 2"):
            raise KeyboardInterrupt

    settings = {"preset": QUICK, "quiet": True}
    with pytest.raises(KeyboardInterrupt):
        cross_validate(part, tmp_path / "run", 2, **settings, tell=stop)
    first = (tmp_path / "run" / "fold-1" / "scores" / "scores.json").stat().st_mtime_ns
    with pytest.raises(FoldsError, match="add --resume"):
        cross_validate(part, tmp_path / "run", 2, **settings)
    with pytest.raises(FoldsError, match="other folds or subjects"):
        cross_validate(part, tmp_path / "run", 3, **settings, resume=True)
    summary = cross_validate(part, tmp_path / "run", 2, **settings, resume=True, tell=lambda line: None)
    assert (tmp_path / "run" / "fold-1" / "scores" / "scores.json").stat().st_mtime_ns == first
    assert summary == json.loads((tmp_path / "run" / "folds.json").read_text(encoding="utf-8"))
    assert summary["subjects"] == 4 and len(summary["by fold"]) == 2
    told = (tmp_path / "run" / "folds.md").read_text(encoding="utf-8")
    assert "each tested on by a model that has not seen it" in told


def test_the_summarys_interval_holds_the_mean():
    dice = [0.5, 0.6, 0.7, 0.8, 0.9, 0.7]
    rows = [{"segmentation": {"dice": dict.fromkeys(("lumbar", "thoracic", "rib", "average"), each)}} for each in dice]
    for row in rows:
        row["restoration"] = {"model": {}}
    found = figures_of(rows)
    assert set(found) == {f"Dice {name}, %" for name in ("lumbar", "thoracic", "rib", "average")}
    average = found["Dice average, %"]
    assert average["mean"] == pytest.approx(70) and average["low"] < 70 < average["high"]
    assert figures_of(rows[:5])["Dice average, %"]["low"] is None  # too few to tell
