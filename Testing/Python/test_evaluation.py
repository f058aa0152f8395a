"""Scores are those of table 1, and a restoration is judged against the truth, the input and the classical repair."""

import json
import shutil

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from monai.metrics import compute_dice, compute_iou
from monai.metrics.regression import compute_ssim_and_cs

from DAGANSpineLib.evaluation.breakdown import by_group, groups_of
from DAGANSpineLib.evaluation.plots import plot_scores
from DAGANSpineLib.evaluation.scoring import (
    breakdown_as_markdown,
    evaluate,
    mean,
    restoration_scores,
    scores_as_markdown,
)
from DAGANSpineLib.evaluation.similarity import similarity_map
from DAGANSpineLib.inference import Pipeline
from DAGANSpineLib.metrics import Agreement, patches
from DAGANSpineLib.model import Model, freeze
from DAGANSpineLib.model.shapes import GeneratorShape, PanopticFPNShape
from DAGANSpineLib.networks.classical_repair import repair
from DAGANSpineLib.training.dataset import DatasetError


def random_labels(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 4, (40, 30)).astype(np.uint8)


def one_hot(labels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack([labels == value for value in range(4)])[None]).float()


def test_dice_and_jaccard_are_monais():
    predicted, truth = random_labels(0), random_labels(1)
    scores = Agreement.of(predicted, truth).scores()
    for name, theirs in (("dice", compute_dice), ("jaccard", compute_iou)):
        expected = theirs(one_hot(predicted), one_hot(truth), include_background=False)[0].numpy()
        np.testing.assert_allclose(scores[name], expected, rtol=1e-6)


def test_pixel_accuracy_is_the_share_of_the_truth_that_was_found():
    truth, predicted = np.zeros((10, 10), np.uint8), np.zeros((10, 10), np.uint8)
    truth[:4], predicted[1:8] = 2, 2
    accuracy = Agreement.of(predicted, truth).scores()["accuracy"]
    assert accuracy[1] == 0.75
    assert np.isnan(accuracy[[0, 2]]).all()  # classes that nobody has


def test_a_class_that_only_the_prediction_has_scores_zero():
    predicted, truth = np.ones((5, 5), np.uint8), np.zeros((5, 5), np.uint8)
    scores = Agreement.of(predicted, truth).scores()
    assert scores["dice"][0] == scores["jaccard"][0] == 0 and np.isnan(scores["accuracy"][0])


def test_counts_pool_over_images():
    pairs = [(random_labels(seed), random_labels(seed + 10)) for seed in range(3)]
    pooled = sum((Agreement.of(*pair) for pair in pairs[1:]), Agreement.of(*pairs[0])).scores()
    whole = Agreement.of(*(np.concatenate(side) for side in zip(*pairs, strict=True))).scores()
    for name, values in whole.items():
        np.testing.assert_array_equal(pooled[name], values)


def test_the_classical_repair_interpolates_down_the_column_within_the_body():
    pixels = np.tile(np.arange(10, 70, 10, dtype=np.float32)[:, None], (1, 3))
    spoiled = pixels.copy()
    spoiled[2:4, 1] = 0
    spoiled[0, 0] = 0  # outside the body
    body = np.ones(pixels.shape, bool)
    body[0, 0] = False
    repaired = repair(spoiled, body)
    assert repaired[2:4, 1].tolist() == [30, 40]
    assert repaired[0, 0] == 0
    assert repair(np.zeros((4, 4)), np.ones((4, 4), bool)).sum() == 0  # nothing known to repair from


def dashed_pair() -> tuple[np.ndarray, np.ndarray]:
    """A smooth picture and the same with dashes in its upper half, both float32 (192, 192)."""
    rows, columns = np.mgrid[:192, :192]
    clean = (120 + 40 * np.sin(columns / 20) + 30 * np.cos(rows / 30)).astype(np.float32)
    spoiled = clean.copy()
    spoiled[4:96:6] = 0
    return clean, spoiled


def test_the_truth_scores_better_than_the_spoiled_picture():
    clean, spoiled = dashed_pair()
    body = np.ones(clean.shape, bool)
    before = patches(spoiled, body)
    left, repaired, perfect = (
        restoration_scores(picture, spoiled, clean, body, before) for picture in (spoiled, repair(spoiled, body), clean)
    )
    assert left["corrupted patches"] > 0 == perfect["corrupted patches"]
    assert left["PSNR"] < repaired["PSNR"] < perfect["PSNR"]
    assert left["SSIM"] < repaired["SSIM"] <= perfect["SSIM"] == pytest.approx(1)
    error = np.mean((spoiled - clean) ** 2)
    assert left["PSNR"] == pytest.approx(10 * np.log10(255**2 / error), rel=1e-4)
    assert left["change of clean patches"] == 0


def test_the_structural_similarity_is_monais_where_the_body_is_everywhere():
    one, two = np.random.default_rng(0).uniform(0, 255, (2, 40, 50)).astype(np.float32)
    two = 0.7 * one + 0.3 * two
    ours = similarity_map(one, two, np.ones(one.shape, bool))
    theirs, _ = compute_ssim_and_cs(
        torch.from_numpy(one)[None, None],
        torch.from_numpy(two)[None, None],
        spatial_dims=2,
        kernel_size=(11, 11),
        kernel_sigma=(1.5, 1.5),
        data_range=255.0,
    )
    np.testing.assert_allclose(ours[5:-5, 5:-5], theirs[0, 0], atol=1e-4)


def test_black_outside_the_body_flatters_no_score():
    """The same body in a picture of its own size and in one where black surrounds and parts it: the same scores."""
    clean, spoiled = dashed_pair()
    body = np.ones(clean.shape, bool)
    alone = restoration_scores(spoiled, spoiled, clean, body, patches(spoiled, body))
    around = [np.zeros((300, 420), np.float32) for _ in range(2)]
    for picture, content in zip(around, (spoiled, clean), strict=True):
        picture[20:212, 30:222] = picture[100:292, 228:420] = content
    body = np.zeros(around[0].shape, bool)
    body[20:212, 30:222] = body[100:292, 228:420] = True
    amid = restoration_scores(around[0], around[0], around[1], body, patches(around[0], body))
    for name in ("PSNR", "SSIM"):
        assert amid[name] == pytest.approx(alone[name], rel=1e-5)


@pytest.fixture(scope="module")
def data(simulated, tmp_path_factory):
    """As many subjects to evaluate as there are worst cases."""
    folder = shutil.copytree(simulated, tmp_path_factory.mktemp("evaluation") / "data")
    description = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    description["train"] = description["train"][:3]
    (folder / "dataset.json").write_text(json.dumps(description), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def pipeline():
    torch.manual_seed(0)
    model = Model(GeneratorShape((4, 8, 16)), PanopticFPNShape(depth=18, width=16, pyramid=8, head=8))
    for network in model.networks:
        freeze(network)
    return Pipeline(model, "cpu")


@pytest.fixture(scope="module")
def scored(data, pipeline, tmp_path_factory):
    folder = tmp_path_factory.mktemp("scored") / "out"
    return evaluate(data, pipeline, folder, split="train"), folder


def test_an_evaluation_writes_figures_tables_plot_and_the_worst_cases(scored):
    scores, folder = scored
    assert json.loads((folder / "scores.json").read_text(encoding="utf-8")) == json.loads(json.dumps(scores))
    assert (folder / "scores.md").read_text(encoding="utf-8") == scores_as_markdown(scores)
    pictures = sorted(path.name for path in folder.glob("worst-*.png"))
    assert pictures == sorted(f"worst-{row['subject']}.png" for row in scores["subjects"])
    for name in (pictures[0], "scores.png"):
        plot = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / name)))
        assert np.ptp(plot[..., :3]) > 150


def shown_in(figure):
    """What a plot's panels show: {heading: [[values of a group, low to high], ...]}, and its title. The thick line of
    each box has to be the values' median."""
    panels = {}
    for axes in figure.axes:
        dots = [line.get_ydata() for line in axes.lines if line.get_marker() == "o"]
        medians = [line.get_ydata()[0] for line in axes.lines if line.get_linewidth() == 2]
        assert medians == [np.median(values) for values in dots]
        panels[axes.get_title(loc="left").splitlines()[0]] = [sorted(values) for values in dots]
    return panels, figure.get_suptitle()


def test_the_plot_shows_every_subject_and_says_that_it_is_simulated(scored, figures, tmp_path):
    scores, _ = scored
    plot_scores(scores, tmp_path / "scores.png")
    panels, title = shown_in(figures[0])
    assert title.startswith("Simulated")
    rows = scores["subjects"]
    dice = [
        sorted(row["segmentation"]["dice"][name] for row in rows) for name in ("lumbar", "thoracic", "rib", "average")
    ]
    assert panels.pop("Dice of each subject") == dice
    assert list(panels) == ["PSNR, dB", "SSIM", "corrupted patches"]
    for heading, name in zip(panels, ("PSNR", "SSIM", "corrupted patches"), strict=True):
        kinds = ("input", "classical repair", "model")
        assert panels[heading] == [sorted(row["restoration"][kind][name] for row in rows) for kind in kinds]


def test_data_without_clean_truth_and_of_any_name_is_plotted_too(scored, tmp_path):
    scores = json.loads(json.dumps(scored[0])) | {"data": "Costs $5 or x_{y$"}  # a name, not a formula
    for restorations in (scores["restoration"], *(row["restoration"] for row in scores["subjects"])):
        for values in restorations.values():
            del values["PSNR"], values["SSIM"]
    scores["subjects"][0]["segmentation"]["dice"]["lumbar"] = None  # nobody has one
    plot_scores(scores, tmp_path / "scores.png")
    assert sitk.ReadImage(str(tmp_path / "scores.png")).GetSize()[0] > 500


def damaged(data, folder, subjects):
    """A copy of a data set in which these subjects' pictures break off."""
    shutil.copytree(data, folder)
    for subject in subjects:
        path = folder / "images" / f"{subject}.png"
        path.write_bytes(path.read_bytes()[:1000])
    return folder


def test_an_unreadable_subject_is_named_and_the_others_are_evaluated(scored, data, pipeline, tmp_path):
    *unreadable, last = (row["subject"] for row in scored[0]["subjects"])
    broken = damaged(data, tmp_path / "data", unreadable)
    scores = evaluate(broken, pipeline, tmp_path / "out", split="train")
    assert [row["subject"] for row in scores["subjects"]] == [last]
    assert list(scores["left out"]) == unreadable
    assert all(str(broken) in reason for reason in scores["left out"].values())
    table = (tmp_path / "out" / "scores.md").read_text(encoding="utf-8")
    assert "1 subjects" in table and f"can't be used: {', '.join(unreadable)}." in table


def test_where_no_subject_is_readable_nothing_is_written(scored, data, pipeline, tmp_path):
    broken = damaged(data, tmp_path / "data", [row["subject"] for row in scored[0]["subjects"]])
    with pytest.raises(DatasetError, match="None of the"):
        evaluate(broken, pipeline, tmp_path / "out", split="train")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_data_that_nobody_trains_on_is_evaluated_without_the_subject_whose_file_is_missing(data, pipeline, tmp_path):
    shutil.copytree(data, tmp_path / "data")
    description = tmp_path / "data" / "dataset.json"
    subject = json.loads(description.read_text(encoding="utf-8"))["test"][0]
    description.write_text(json.dumps({"train": [], "test": ["gone", subject]}), encoding="utf-8")
    scores = evaluate(tmp_path / "data", pipeline, tmp_path / "out")
    assert [row["subject"] for row in scores["subjects"]] == [subject]
    assert "gone.png" in scores["left out"]["gone"]


def test_the_headline_is_the_mean_of_per_image_scores(scored):
    scores, _ = scored
    for bone in ("rib", "thoracic", "lumbar"):
        values = [row["segmentation"]["dice"][bone] for row in scores["subjects"]]
        assert scores["per image"]["dice"][bone] == pytest.approx(np.mean(values))
    averages = [row["segmentation"]["dice"]["average"] for row in scores["subjects"]]
    assert scores["per image"]["dice"]["average"] == pytest.approx(np.mean(averages))


def test_the_average_of_a_group_is_that_of_its_subjects_averages():
    """As in all other tables, also where a subject lacks a class."""
    dice = [{"rib": None, "lumbar": 0.8, "average": 0.8}, {"rib": 0.2, "lumbar": 0.6, "average": 0.4}]
    rows = [{"groups": ["marks"], "segmentation": {"dice": each}} for each in dice]
    found = by_group(rows, mean)["marks"]["dice"]
    assert found == pytest.approx({"rib": 0.2, "lumbar": 0.7, "average": 0.6})


def test_restoration_is_compared_with_input_and_classical_repair(scored):
    scores, _ = scored
    assert list(scores["restoration"]) == ["input", "classical repair", "model"]
    assert {"PSNR", "SSIM", "corrupted patches", "largest g"} <= set(scores["restoration"]["model"])


def test_scores_are_broken_down_by_what_is_known_of_the_subjects(scored):
    scores, folder = scored
    rows, groups = scores["subjects"], scores["groups"]
    assert groups["severity: mild"]["subjects"] == len(rows)
    assert groups["severity: mild"]["dice"] == pytest.approx(scores["per image"]["dice"])
    scanners = [group["subjects"] for name, group in groups.items() if name.startswith("scanner: ")]
    assert sum(scanners) == len(rows)
    table = (folder / "scores.md").read_text(encoding="utf-8")
    assert f"| severity: mild | {len(rows)} | " in table


def test_a_subject_is_in_a_group_for_all_that_was_done_to_it():
    known = {
        "person": {"size": 0.7, "blur": 1.0, "ribs": 0.3, "invisible": 0.2}, "dark side": {"side": 1, "loss": 0.9},
        "noise": [{"kind": "missing band"}], "background": 40, "marks": ["levels"],
    }  # fmt: skip
    assert set(groups_of(known)) == {
        "person: child", "person: hardly visible ribs", "person: invisible bones", "one side darker",
        "noise: missing band", "screenshot", "marks",
    }  # fmt: skip
    assert list(groups_of({"person": {"size": 1.0, "blur": 1.0}, "dark side": None})) == ["person: average"]


def test_scores_are_broken_down_by_torn_parts_and_the_rest(scored):
    scores, folder = scored
    torn = [row for row in scores["subjects"] if row["parts"]["torn share"]]
    assert 0 < len(torn) == scores["parts"]["subjects"]
    for place in ("torn", "rest"):
        values = [row["parts"]["dice"][place]["lumbar"] for row in torn]
        known = [value for value in values if value is not None]
        assert scores["parts"]["dice"][place]["lumbar"] == (pytest.approx(np.mean(known)) if known else None)
    assert "where the picture is torn" in (folder / "scores.md").read_text(encoding="utf-8")
    assert not list(breakdown_as_markdown({"parts": {}, "groups": {}}, ()))
