"""The tables say from where on restoration pays, and all figures come from the scores that a benchmark keeps."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from DAGANSpineLib.evaluation import recompute
from DAGANSpineLib.evaluation.benchmarking import named
from DAGANSpineLib.evaluation.comparison_tables import as_csv, as_markdown
from DAGANSpineLib.evaluation.kept import FILE, KeptError, read_kept, write_kept
from DAGANSpineLib.evaluation.pairwise import VersusError
from DAGANSpineLib.evaluation.scoring import AVERAGE
from DAGANSpineLib.evaluation.severity import (
    angle_error,
    by_severity,
    curves,
    invented,
    severity_as_markdown,
    write_severity,
)
from DAGANSpineLib.records import LARGEST

ROOT = Path(__file__).resolve().parents[2]
SUBJECTS, SEEDS, STARTS = 40, (0, 1, 2), 0.4
SETS = ("own", "severe")
BONES = ("rib", "thoracic", "lumbar", "average")


class Trained:
    """A finished job whose scores a test has made."""

    def __init__(self, key, seed, folder, scores):
        (self.system,) = named([key])
        self.seed, self.folder, self._scores = seed, folder, scores
        self.record = {"parameters": 10, "multiply-adds": 20, "seconds": 60.0, "rate": 2.5, "weight": 1.0}

    def tested(self, name):
        return self._scores[name]

    @property
    def scores(self):
        return self.tested("own")


def scores_of(shares, dice, error, name):
    """As evaluate has them: of each subject the torn share, the Dice and by how much its one curve is off."""
    rows = []
    for index, (share, value, off) in enumerate(zip(shares, dice, error, strict=True)):
        restored = {"corrupted patches": 1, "PSNR": 30.0, "SSIM": 0.9}
        by_bone = dict.fromkeys(BONES, float(value))
        rows.append(
            {
                "subject": f"s{index}",
                "segmentation": dict.fromkeys(("dice", "jaccard", "accuracy"), by_bone),
                "restoration": dict.fromkeys(("input", "classical repair", "model"), restored),
                "parts": {"torn share": float(share), "dice": {"torn": by_bone, "rest": by_bone}},
                "curves": {
                    "model's labels": {"curves": [{"cobb": 20.0, "uca": 20.0 - float(off), "spa": 1}], "invented": []}
                },
                "seconds": {"restore": 1.0},
            }
        )
    pooled = {score: dict.fromkeys(BONES, 0.7) for score in ("dice", "jaccard", "accuracy")}
    return {"data": name, "split": "test", "left out": {}, "pooled": pooled, "subjects": rows}


@pytest.fixture
def jobs(tmp_path):
    """DA-GAN equals the vanilla FPN up to a torn share of 0.4, and is ahead of it by 0.1 beyond."""
    random = np.random.default_rng(0)
    shares = {name: np.sort(random.uniform(0, 1, SUBJECTS)) for name in SETS}
    subject = {name: random.normal(0, 0.02, SUBJECTS) for name in SETS}
    made = []
    for key in ("vanilla-fpn", "da-gan"):
        for seed in SEEDS:
            scores = {}
            for name in SETS:
                gained = 0.1 * (shares[name] > STARTS) if key == "da-gan" else 0
                noise = random.normal(0, 0.005, SUBJECTS)
                dice = 0.7 - 0.3 * shares[name] + subject[name] + gained + noise
                scores[name] = scores_of(shares[name], dice, 10 * shares[name] - 30 * np.asarray(gained), name)
            made.append(Trained(key, seed, tmp_path / key / str(seed), scores))
    return made


def test_the_curve_says_from_where_on_restoration_pays(jobs):
    curve = by_severity(jobs, SETS)["curves"]["Dice, %"]
    difference = curve["systems"]["DA-GAN"]["minus vanilla FPN"]
    assert curve["subjects"] == 2 * SUBJECTS
    assert STARTS - 0.35 < difference["ahead from"] <= STARTS + 0.05  # the kernel is 0.15 of the extent wide
    assert difference["mean"][0] == pytest.approx(0, abs=1) and difference["mean"][-1] == pytest.approx(10, abs=1)
    assert "minus vanilla FPN" not in curve["systems"]["Vanilla FPN"]
    asked = [name for name, line in curve["systems"].items() for values in line.values() if "ahead from" in values]
    assert set(asked) == {"DA-GAN"}, "of many systems, some would seem ahead by chance"
    for line in curve["systems"].values():
        assert all(low < value < high for low, value, high in zip(line["low"], line["mean"], line["high"], strict=True))


def test_from_a_single_training_nothing_is_shown(jobs):
    found = by_severity([job for job in jobs if job.seed == 0], SETS)
    differences = found["curves"]["Dice, %"]["systems"]["DA-GAN"]["minus vanilla FPN"]
    assert differences["mean"][-1] == pytest.approx(10, abs=1) and differences["ahead from"] is None
    assert "can't tell" in found["sets"]["severe"]["Dice minus DA-GAN's"]["Vanilla FPN"]["reading"]
    assert "is shown to improve" not in severity_as_markdown(found)


def test_bands_are_wider_where_trainings_are_few(jobs):
    """As in the tables: three trainings tell their own scatter badly."""
    random = np.random.default_rng(0)
    for job in jobs:
        drawn = random.normal(0, 0.03)
        for scores in job._scores.values():
            for row in scores["subjects"]:
                row["segmentation"] = {"dice": {"average": row["segmentation"]["dice"]["average"] + drawn}}
    values = [np.mean([row["segmentation"]["dice"]["average"] for name in SETS for row in job.tested(name)["subjects"]])
              for job in jobs if job.system.key == "da-gan"]  # fmt: skip
    line = curves(jobs, SETS, "Dice, %")["systems"]["DA-GAN"]
    middle = len(line["mean"]) // 2
    students = 100 * stats.t.isf(0.025, 2) * np.std(values, ddof=1) / len(values) ** 0.5
    assert (line["high"][middle] - line["low"][middle]) / 2 > 0.7 * students


def test_where_restoration_never_pays_it_is_said(jobs):
    swapped = {"vanilla-fpn": "da-gan", "da-gan": "vanilla-fpn"}
    others = [Trained(swapped[job.system.key], job.seed, job.folder, job._scores) for job in jobs]
    text = severity_as_markdown(by_severity(others, SETS))
    assert "Nowhere is it shown that DA-GAN improves this figure on the vanilla FPN's." in text
    assert "DA-GAN and the segmenter alone are not both among the systems." in text
    assert "of the lit body or more is torn, DA-GAN is shown to improve" in severity_as_markdown(
        by_severity(jobs, SETS)
    )


def test_restoration_pays_where_dagan_is_better_than_its_own_segmenter(jobs):
    """Than one on which more is spent it may be worse all the same."""
    others = [
        Trained("segmenter-alone", job.seed, job.folder, job._scores) for job in jobs if job.system.key != "da-gan"
    ]
    text = severity_as_markdown(by_severity([*jobs, *others], SETS))
    assert "DA-GAN's restoration is shown to improve this figure on the segmenter alone's." in text
    found = by_severity([*jobs, *others], SETS)["curves"]["Dice, %"]["systems"]
    assert found["DA-GAN"]["minus segmenter alone"]["mean"] == found["DA-GAN"]["minus vanilla FPN"]["mean"]
    assert found.keys() == {"Vanilla FPN", "DA-GAN", "segmenter alone"}
    assert "minus segmenter alone" not in found["segmenter alone"] and "minus vanilla FPN" in found["segmenter alone"]


def test_who_is_outside_the_ranking_is_in_brackets_and_ahead_of_nobody(jobs):
    others = [Trained("ntgan", job.seed, job.folder, job._scores) for job in jobs if job.system.key == "da-gan"]
    found = by_severity([*jobs, *others], SETS)
    assert found["curves"]["Dice, %"]["systems"]["NTGAN"].keys() == {"mean", "low", "high"}
    lines = [line for line in severity_as_markdown(found).splitlines() if "NTGAN" in line]
    assert len(lines) == 4 and all(line.startswith("| (NTGAN) | ") for line in lines)


def test_the_average_is_the_same_in_all_tables_where_a_picture_lacks_a_class(jobs, tmp_path):
    """Of each picture the mean over its classes, then the mean of the pictures: not the mean of the classes' means."""
    random = np.random.default_rng(1)
    for job in jobs:
        for index, row in enumerate(job.tested("own")["subjects"]):
            dice = dict(zip(BONES, random.uniform(0.3, 0.9, 3), strict=False))
            if index < 5:
                dice["rib"] = None
            dice["average"] = float(np.mean([value for value in dice.values() if value is not None]))
            row["segmentation"] = dict.fromkeys(("dice", "jaccard", "accuracy"), dice)
    machine = dict.fromkeys(("device", "architecture", "torch", "date"), "none") | {"processes": 1}
    write_kept(jobs, ["own"], {"data": "A", "budget": "smoke", "machine": machine}, tmp_path / FILE)
    found = recompute(tmp_path / FILE)
    table = {each["name"]: 100 * each["segmentation"]["dice"]["average"] for each in found["systems"]}
    by_class = [100 * np.mean([each["segmentation"]["dice"][bone] for bone in BONES[:3]]) for each in found["systems"]]
    by_set = {name: each["Dice, %"] for name, each in found["severity"]["sets"]["own"]["systems"].items()}
    difference = found["differences"]["others"][0]["differences"]["Dice average, %"]
    assert table == pytest.approx(by_set) and list(table.values()) != pytest.approx(by_class)
    assert table == pytest.approx({"DA-GAN": difference["reference"], "Vanilla FPN": difference["other"]})
    assert AVERAGE in as_markdown(found)


def test_each_test_set_has_a_table_of_its_own(jobs):
    found = by_severity(jobs, SETS)
    expected = np.mean([[row["segmentation"]["dice"]["average"] for row in job.tested("severe")["subjects"]]
                        for job in jobs if job.system.key == "da-gan"])  # fmt: skip
    assert found["sets"]["severe"]["systems"]["DA-GAN"]["Dice, %"] == pytest.approx(100 * expected)
    assert found["sets"]["own"]["torn share"] != found["sets"]["severe"]["torn share"]


def test_the_dice_of_each_test_set_differ_from_dagans_by_as_much_as_was_gained(jobs):
    found = by_severity(jobs, SETS)["sets"]["severe"]["Dice minus DA-GAN's"]
    assert list(found) == ["Vanilla FPN"]
    rows = next(job for job in jobs if job.system.key == "da-gan").tested("severe")["subjects"]
    gained = 10 * np.mean([row["parts"]["torn share"] > STARTS for row in rows])
    difference = found["Vanilla FPN"]
    assert difference["mean"] == pytest.approx(-gained, abs=0.5)
    assert difference["low"] < -gained < difference["high"] < 0 and difference["corrected p"] < 0.05
    assert "| **-" in severity_as_markdown(by_severity(jobs, SETS))


def test_a_curve_that_is_missed_is_off_by_all_of_its_angle():
    def row(*curves):
        return {"curves": {"model's labels": {"curves": [{"cobb": cobb, "uca": uca} for cobb, uca in curves]}}}

    assert angle_error(row((30.0, 26.0), (12.0, None))) == (4 + 12) / 2
    assert angle_error(row()) is None and angle_error({"curves": None}) is None


def test_curves_that_the_spine_has_not_are_counted_not_only_those_that_are_missed():
    def row(*degrees):
        return {"curves": {"model's labels": {"curves": [], "invented": list(degrees)}}}

    assert invented(row(10.0, 31.0, 9.9)) == 2
    assert invented(row()) == 0 and invented({"curves": None}) is None


def test_where_nobody_knows_what_is_torn_there_is_no_curve(jobs):
    for job in jobs:
        for scores in job._scores.values():
            for row in scores["subjects"]:
                row["parts"] = None
                row["curves"] = None
    found = by_severity(jobs, SETS)
    assert found["curves"] == {"Dice, %": None, "curve angles off by, °": None}
    assert "By severity" in severity_as_markdown(found)


@pytest.mark.parametrize("torn", [0, 1])
def test_where_hardly_anybody_is_torn_there_is_no_curve(jobs, torn):
    """One in forty lies beyond the curve's extent, which is then a single place."""
    for job in jobs:
        for scores in job._scores.values():
            for index, row in enumerate(scores["subjects"]):
                row["parts"]["torn share"] = 0.3 * (index < torn)
    assert by_severity(jobs, SETS)["curves"] == {"Dice, %": None, "curve angles off by, °": None}


def test_the_plot_and_the_page_are_written(jobs, tmp_path):
    write_severity(by_severity(jobs, SETS), tmp_path)
    with Image.open(tmp_path / "severity.png") as plot:
        assert plot.mode == "P" and len(plot.convert("RGB").getcolors()) > 50  # bands, lines and words, in few colours
    assert "Dice in torn parts" in (tmp_path / "severity.md").read_text(encoding="utf-8")


def test_each_system_has_a_panel_with_dagan_beside_it_and_dagan_one_for_each_that_does_not_restore(
    jobs, figures, tmp_path
):
    found = by_severity(jobs, SETS)
    write_severity(found, tmp_path)
    panels = [axes for axes in figures[0].axes if axes.get_title(loc="left")]
    for figure in found["curves"].values():
        systems = figure["systems"]
        ours = systems["DA-GAN"]["mean"]
        expected = {name: [ours, line["mean"]] for name, line in systems.items() if name != "DA-GAN"}
        expected["DA-GAN minus vanilla FPN's"] = [systems["DA-GAN"]["minus vanilla FPN"]["mean"]]
        drawn, panels = panels[: len(expected)], panels[len(expected) :]
        lines = {axes.get_title(loc="left"): [line.get_ydata() for line in axes.lines] for axes in drawn}
        assert {name: [y.tolist() for y in each if len(y) > 2] for name, each in lines.items()} == expected
    assert not panels and "purple DA-GAN" in " ".join(figures[0].get_suptitle().split())


@pytest.mark.parametrize(("key", "name"), [("da-gan", "DA-GAN"), ("vanilla-fpn", "Vanilla FPN")])
def test_a_system_by_itself_has_a_panel_and_no_difference(jobs, figures, tmp_path, key, name):
    write_severity(by_severity([job for job in jobs if job.system.key == key], SETS), tmp_path)
    panels = [axes for axes in figures[0].axes if axes.get_title(loc="left")]
    assert [axes.get_title(loc="left") for axes in panels] == [name, name]  # of Dice, and of curve angles
    assert [len(axes.lines) for axes in panels] == [1, 1]


def test_kept_scores_are_read_as_they_were_and_the_same_scores_make_the_same_bytes(jobs, tmp_path):
    about = {"data": "Simulated", "budget": "smoke", "machine": {"device": "none", "processes": 1}}
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        write_kept(jobs, SETS, about, tmp_path / name / FILE)
    one, other = ((tmp_path / name / FILE).read_bytes() for name in ("one", "other"))
    assert one == other and len(one) < 40_000
    said, kept = read_kept(tmp_path / "one" / FILE)
    assert said == about and [(job.system.key, job.seed) for job in kept] == [(j.system.key, j.seed) for j in jobs]
    for ours, theirs in zip(kept, jobs, strict=True):
        for before, after in zip(theirs.tested("severe")["subjects"], ours.tested("severe")["subjects"], strict=True):
            dice = [row["segmentation"]["dice"]["rib"] for row in (before, after)]
            assert dice[0] == pytest.approx(dice[1], rel=1e-5)
            assert after["parts"]["torn share"] == pytest.approx(before["parts"]["torn share"], rel=1e-5)
    found = recompute(tmp_path / "one" / FILE)
    assert found["severity"]["sets"].keys() == set(SETS) and found["systems"][0]["found by search"]["rate"] == 2.5


@pytest.mark.parametrize("name", SETS)
def test_scores_of_other_pictures_are_not_kept_beside_those_that_are_there(jobs, name, tmp_path):
    """As of a data set that another version has simulated, with the same subjects in it."""
    for row in jobs[-1].tested(name)["subjects"][:1]:
        row["restoration"] = row["restoration"] | {"input": {"corrupted patches": 9, "PSNR": 20.0, "SSIM": 0.5}}
    with pytest.raises(VersusError, match="not of the same pictures: the input of s0 differs"):
        write_kept(jobs, SETS, {}, tmp_path / FILE)
    assert not (tmp_path / FILE).exists()


def test_subjects_in_another_order_are_kept_in_one(jobs, tmp_path):
    about, expected = {"data": "Simulated", "budget": "smoke", "machine": {"processes": 1}}, by_severity(jobs, SETS)
    for scores in jobs[-1]._scores.values():
        scores["subjects"].reverse()
    write_kept(jobs, SETS, about, tmp_path / FILE)
    kept = by_severity(read_kept(tmp_path / FILE)[1], SETS)
    found, wanted = (each["curves"]["Dice, %"]["systems"]["DA-GAN"]["mean"] for each in (kept, expected))
    assert found == pytest.approx(wanted, rel=1e-4)


KEPT = gzip.compress(b'{"trainings": [], "sets": {}}' * 100, mtime=0)
FLIPPED = KEPT[:20] + bytes([KEPT[20] ^ 255]) + KEPT[21:]
HUGE = gzip.compress(bytes(LARGEST + 1), mtime=0)


@pytest.mark.parametrize(
    "content",
    [b"", b"no gzip", gzip.compress(b"{}", mtime=0), gzip.compress(b"[1]", mtime=0), KEPT[:-9], FLIPPED, HUGE],
    ids=["empty", "no gzip", "nothing in it", "a list", "cut off", "a byte changed", "huge"],
)
def test_a_file_that_holds_no_scores_is_a_sentence(content, tmp_path):
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(KeptError, match=r"scores\.json\.gz"):
        read_kept(tmp_path / FILE)


def test_trainings_of_a_system_that_is_not_known_are_not_left_out_in_silence(jobs, tmp_path):
    about = {"data": "Simulated", "budget": "smoke", "machine": {"device": "none", "processes": 1}}
    write_kept(jobs, SETS, about, tmp_path / FILE)
    content = json.loads(gzip.decompress((tmp_path / FILE).read_bytes()))
    content["trainings"][0]["system"] = "renamed"
    (tmp_path / FILE).write_bytes(gzip.compress(json.dumps(content).encode()))
    with pytest.raises(KeptError, match=r"doesn't know \(renamed\): use the version that wrote it"):
        read_kept(tmp_path / FILE)


COMMITTED = sorted((ROOT / "Resources" / "Benchmark").glob(f"*/{FILE}"))


@pytest.mark.parametrize("path", COMMITTED, ids=[path.parent.name for path in COMMITTED])
def test_the_committed_tables_are_those_of_the_committed_scores(path):
    found = json.loads(json.dumps(recompute(path)))
    written = json.loads((path.parent / "benchmark.json").read_text(encoding="utf-8"))
    assert close(found, written)


@pytest.mark.parametrize("path", COMMITTED, ids=[path.parent.name for path in COMMITTED])
def test_the_committed_pages_are_those_of_the_committed_tables(path):
    found = json.loads((path.parent / "benchmark.json").read_text(encoding="utf-8"))
    pages = {
        "benchmark.md": as_markdown(found),
        "benchmark.csv": as_csv(found),
        "severity.md": severity_as_markdown(found["severity"]),
    }
    for name, text in pages.items():
        assert text.splitlines() == (path.parent / name).read_text(encoding="utf-8").splitlines(), name


def close(one, other):
    """Whether two records say the same, but for the last digits of numbers."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(close(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(close, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return bool(np.isclose(one, other, rtol=1e-6, atol=1e-9))
    return one == other
