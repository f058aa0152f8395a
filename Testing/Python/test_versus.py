"""Two models on the same subjects: differences are paired, and chance is not taken for an effect."""

import copy
import json
import sys
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
import SimpleITK as sitk

from DAGANSpineLib.__main__ import main
from DAGANSpineLib.evaluation.paired import paired_difference
from DAGANSpineLib.evaluation.pairwise import VersusError, names_of, versus
from DAGANSpineLib.evaluation.plots import plot_differences

BONES = ("rib", "thoracic", "lumbar")


def test_the_interval_is_the_normal_approximations_where_that_holds():
    differences = np.random.default_rng(0).normal(1, 3, 200)
    found = paired_difference(np.zeros(200), differences)
    half = NormalDist().inv_cdf(0.975) * differences.std(ddof=1) / np.sqrt(200)
    assert found.mean == pytest.approx(differences.mean())
    assert found.low == pytest.approx(differences.mean() - half, abs=0.03)
    assert found.high == pytest.approx(differences.mean() + half, abs=0.03)


def test_nineteen_of_twenty_intervals_contain_the_true_difference():
    random = np.random.default_rng(1)
    found = [paired_difference(np.zeros(40), random.exponential(1, 40)) for _ in range(200)]
    assert 0.89 <= np.mean([each.low <= 1 <= each.high for each in found]) <= 0.99


def test_pairing_sees_what_the_scatter_of_subjects_would_hide():
    subjects = np.random.default_rng(2).normal(80, 10, 40)
    found = paired_difference(subjects, subjects + 0.5 + np.random.default_rng(3).normal(0, 0.5, 40))
    assert found.sign == 1 and found.high - found.low < 1


def test_subjects_that_lack_the_figure_in_either_are_left_out():
    found = paired_difference([1.0, None, 3.0, 4.0], [2.0, 5.0, None, 4.0])
    assert (found.subjects, found.mean, found.larger, found.smaller) == (2, 0.5, 1, 0)
    assert paired_difference([None, 1.0], [1.0, None]) is None


def test_few_subjects_tell_nothing_however_they_agree():
    assert paired_difference(np.zeros(5), np.ones(5)).low is None
    assert paired_difference(np.zeros(5), np.ones(5)).sign == 0
    assert paired_difference(np.zeros(6), np.ones(6)).sign == 1
    rare = np.r_[np.ones(4), np.zeros(76)]  # four of eighty differ: 1 time in 8 all four in one direction by chance
    assert paired_difference(np.zeros(80), rare).low > 0
    assert paired_difference(np.zeros(80), rare).sign == 0


def test_what_differs_by_rounding_alone_does_not_differ():
    random = np.random.default_rng(4)
    figures = random.normal(30, 2, 29)
    found = paired_difference(figures, figures * (1 + random.uniform(0, 1e-6, 29)))
    assert (found.mean, found.low, found.high, found.larger, found.smaller, found.sign) == (0, 0, 0, 0, 0, 0)


def scores_of(seed: int = 0) -> dict:
    """As evaluate writes them, of 12 subjects."""
    random = np.random.default_rng(seed)
    rows = []
    for index in range(12):
        dice = dict(zip(BONES, random.uniform(0.6, 0.9, 3).tolist(), strict=True))
        dice["average"] = sum(dice.values()) / 3
        figures = [
            {"corrupted patches": 14 - 6 * step, "largest g": 5.0 - step, "PSNR": 25.0 + step, "SSIM": 0.8}
            for step in range(3)
        ]
        kinds = ("input", "classical repair", "model")
        restoration = dict(zip(kinds, figures, strict=True))
        rows.append({"subject": f"s{index}", "segmentation": {"dice": dice}, "restoration": restoration})
    model = {"name": "a.pt", "sha256": "0"}
    return {"data": "Simulated", "split": "test", "model": model, "subjects": rows, "left out": {}}


def write(folder: Path, scores: dict) -> Path:
    folder.mkdir(parents=True)
    (folder / "scores.json").write_text(json.dumps(scores))
    return folder / "scores.json"


@pytest.fixture
def pair(tmp_path):
    """A reference, and another whose lumbar Dice is 2 to 4 points lower, and which leaves a corrupted patch less."""
    reference = scores_of()
    other = copy.deepcopy(reference)
    other["subjects"].reverse()  # the order of subjects is nobody's business
    for index, row in enumerate(other["subjects"]):
        row["segmentation"]["dice"]["lumbar"] -= 0.02 + 0.02 * (index % 2)
        row["segmentation"]["dice"]["rib"] += 0.01 * (-1) ** index
        row["restoration"]["model"]["corrupted patches"] -= 1
    return [write(tmp_path / "runs" / name / "scores", each) for name, each in (("full", reference), ("less", other))]


def test_differences_are_those_worked_by_hand_and_said_in_words(pair, tmp_path):
    comparison = versus(pair, tmp_path / "out")
    found = comparison["others"][0]["differences"]
    assert found["Dice lumbar, %"]["mean"] == pytest.approx(-3)
    assert -4 < found["Dice lumbar, %"]["low"] < -3 < found["Dice lumbar, %"]["high"] < -2
    readings = {name: each["reading"] for name, each in found.items()}
    assert readings.pop("Dice lumbar, %") == "worse"
    assert readings.pop("corrupted patches") == "better"  # fewer
    assert set(readings.values()) == {"no difference shown"}


def test_a_comparison_is_written_as_table_figures_and_plot(pair, tmp_path):
    comparison = versus([path.parent for path in pair], tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["versus.json", "versus.md", "versus.png"]
    assert json.loads((tmp_path / "out" / "versus.json").read_text(encoding="utf-8")) == comparison
    table = (tmp_path / "out" / "versus.md").read_text(encoding="utf-8")
    assert "differences from full" in table and "**less**" in table
    assert "-3.00" in table and "0 / 12 | worse |" in table and "no difference shown |" in table
    assert sitk.ReadImage(str(tmp_path / "out" / "versus.png")).GetSize()[0] > 500


def test_the_plot_points_to_what_lies_far_out_and_spreads_the_rest(figures, tmp_path):
    means = {"near": 0.5, "nearer": -0.2, "level": 0.0, "far": -33.2}
    others = [
        {"name": name, "differences": {"Dice": {"mean": mean, "low": mean - 1, "high": mean + 1, "reading": "worse"}}}
        for name, mean in means.items()
    ]
    named = {"data": "Simulated", "split": "test", "subjects": 12, "reference": {"name": "full"}}
    plot_differences(named | {"others": others}, tmp_path / "versus.png")
    (axes,) = figures[0].axes
    dots = [float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() == "o"]
    assert dots == [mean for name, mean in means.items() if name != "far"]
    low, high = axes.get_xlim()
    assert -3 < low < -1.2 and 1.5 < high < 3  # all of the near intervals, and little more
    assert [line.get_ydata()[0] for line in axes.lines if line.get_marker() == "<"] == [list(means).index("far")]
    assert [words.get_text() for words in axes.texts] == ["-33.2"]


def test_data_without_clean_truth_is_compared_by_what_is_known(pair, tmp_path):
    for path in pair:
        scores = json.loads(path.read_text(encoding="utf-8"))
        for row in scores["subjects"]:
            for figures in row["restoration"].values():
                del figures["PSNR"], figures["SSIM"]
        path.write_text(json.dumps(scores))
    found = versus(pair, tmp_path / "out")["others"][0]["differences"]
    assert [name for name in found if not name.startswith("Dice")] == ["corrupted patches"]


def spoil(path: Path, change) -> None:
    scores = json.loads(path.read_text(encoding="utf-8"))
    change(scores)
    path.write_text(json.dumps(scores))


@pytest.mark.parametrize(
    ("words", "change"),
    [
        ("s3 is in one only", lambda scores: scores["subjects"].pop(-4)),
        ("the input of s0 differs", lambda scores: scores["subjects"][-1]["restoration"]["input"].update(PSNR=25.1)),
        ("no scores.json of this version", lambda scores: scores["subjects"][0].pop("segmentation")),
        ("no scores.json of this version", lambda scores: scores.pop("model")),
    ],
)
def test_what_cant_be_compared_is_refused(pair, tmp_path, words, change):
    spoil(pair[1], change)
    with pytest.raises(VersusError, match=words):
        versus(pair, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_bad_arguments_are_one_line(pair, tmp_path, monkeypatch, capsys):
    for words, paths in {
        "can't be read": [pair[0], tmp_path / "nowhere.json"],
        "at least one other": [pair[0]],
        "given twice": [pair[0], pair[0].parent],
    }.items():
        arguments = ["DAGANSpineLib", "versus", *map(str, paths), "-o", str(tmp_path / "out")]
        monkeypatch.setattr(sys, "argv", arguments)
        assert main() == 2
        error = capsys.readouterr().err
        assert words in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_evaluations_are_called_by_what_is_different_in_their_paths():
    paths = [Path(f"runs/{name}/scores/scores.json") for name in ("full", "a/no", "b/no")]
    assert names_of(paths) == ["full", "a/no", "b/no"]
    assert names_of([Path("x/a.json"), Path("x/b.json")]) == ["a.json", "b.json"]
    assert names_of([Path("x/s.json"), Path("x/x/s.json")]) == ["x/s.json", "x/x/s.json"]
