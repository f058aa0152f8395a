"""Scores are those of table 1, and a restoration is judged against the truth, the input and the classical repair."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from monai.metrics import compute_dice, compute_iou

from DAGANSpineLib.baselines.classical import repair
from DAGANSpineLib.evaluation.evaluate import as_markdown, evaluate, restoration_scores
from DAGANSpineLib.metrics import Agreement, patches
from DAGANSpineLib.model import GeneratorShape, Model, SegmenterShape, freeze
from DAGANSpineLib.pipeline import Pipeline
from DAGANSpineLib.simulation import write_dataset


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


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluation")
    write_dataset(folder / "data", subjects=4, seed=3)
    torch.manual_seed(0)
    model = Model(GeneratorShape((4, 8, 16)), SegmenterShape(depth=18, width=16, pyramid=8, head=8))
    for network in model.networks:
        freeze(network)
    return evaluate(folder / "data", Pipeline(model, "cpu"), folder / "out", split="train"), folder / "out"


def test_an_evaluation_writes_figures_tables_and_the_worst_cases(scored):
    scores, folder = scored
    assert json.loads((folder / "scores.json").read_text()) == json.loads(json.dumps(scores))
    assert (folder / "scores.md").read_text(encoding="utf-8") == as_markdown(scores)
    pictures = sorted(path.name for path in folder.glob("worst-*.png"))
    assert pictures == sorted(f"worst-{row['subject']}.png" for row in scores["subjects"])
    rows, columns = sitk.ReadImage(str(folder / pictures[0])).GetSize()
    assert rows > 0 < columns


def test_the_headline_is_the_mean_of_per_image_scores(scored):
    scores, _ = scored
    for bone in ("rib", "thoracic", "lumbar"):
        values = [row["segmentation"]["dice"][bone] for row in scores["subjects"]]
        assert scores["per image"]["dice"][bone] == pytest.approx(np.mean(values))
    average = np.mean([scores["per image"]["dice"][bone] for bone in ("rib", "thoracic", "lumbar")])
    assert scores["per image"]["dice"]["average"] == pytest.approx(average)


def test_restoration_is_compared_with_input_and_classical_repair(scored):
    scores, _ = scored
    assert list(scores["restoration"]) == ["input", "classical repair", "model"]
    assert {"PSNR", "SSIM", "corrupted patches", "largest g"} <= set(scores["restoration"]["model"])
