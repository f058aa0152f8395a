"""The benchmark of torn parts: where they are, and what its figures are."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from DAGANSpineLib.baselines.systems import SYSTEMS
from DAGANSpineLib.evaluation.crossed import crossed_difference
from DAGANSpineLib.evaluation.kept import Kept, write_kept
from DAGANSpineLib.metrics import Agreement
from DAGANSpineLib.model import Model, save_model
from DAGANSpineLib.model.shapes import PanopticFPNShape, UntouchedShape
from DAGANSpineLib.training.dataset import Sample
from Testing.Benchmarks.torn_parts import as_markdown, compared, dice, main, models_of, torn_part


def sample_of(image, labels=None):
    return Sample("a", image, np.zeros(image.shape, np.uint8) if labels is None else labels, None)


def test_the_torn_part_lies_around_the_dashes():
    image = np.full((600, 300), 128, np.uint8)
    image[280:320:4, 100:200] = image[281:320:4, 100:200] = 0
    torn = torn_part(sample_of(image), np.ones(image.shape, bool))
    rows, columns = (np.flatnonzero(torn.any(axis)) for axis in (1, 0))
    assert torn[280:320, 100:200].all()
    assert rows[0] >= 280 - 96 and rows[-1] < 320 + 96
    assert columns[0] >= 100 - 96 and columns[-1] < 200 + 96
    assert not torn_part(sample_of(np.full((600, 300), 128, np.uint8)), np.ones((600, 300), bool)).any()


def test_where_torn_pixels_are_known_their_part_is_what_lies_between_them():
    image, known = np.full((600, 300), 128, np.uint8), np.zeros((600, 300), bool)
    known[280:330:8, 100:200] = True
    known[500, 150] = True  # a lone one
    torn = torn_part(replace(sample_of(image), torn=known), np.ones(image.shape, bool))
    assert torn[280:330, 100:200].all() and not torn[400:].any()
    rows = np.flatnonzero(torn.any(1))
    assert rows[0] >= 280 - 13 and rows[-1] <= 330 + 13


def test_a_dice_is_that_of_a_part_alone():
    random = np.random.default_rng(0)
    truth, found = random.integers(0, 4, (2, 50, 40), np.uint8)
    part = random.random((50, 40)) < 0.3
    sample = sample_of(truth, truth)
    by_hand = [
        2
        * ((found == bone) & (truth == bone) & part).sum()
        / (((found == bone) & part).sum() + ((truth == bone) & part).sum())
        for bone in (1, 2, 3)
    ]
    assert dice(found, sample, part) == pytest.approx(100 * np.mean(by_hand))
    assert dice(found, sample, np.ones_like(part)) == pytest.approx(
        100 * Agreement.of(found, truth).scores()["dice"].mean()
    )
    assert dice(0 * found, sample_of(truth, 0 * truth), part) is None


def test_an_interval_tells_a_difference_from_none_over_subjects_and_trainings():
    random = np.random.default_rng(1)
    subject, noise = random.normal(70, 5, 20), random.normal(0, 0.3, (3, 5, 20))
    scores = {"DA-GAN": subject + noise[0], "U-Net": subject + 10 + noise[1], "Vanilla FPN": subject + noise[2]}
    found = compared(scores)
    ahead, alike = (found[name]["difference"] for name in ("U-Net", "Vanilla FPN"))
    assert ahead["mean"] == pytest.approx(10, abs=0.3) and ahead["reading"] == "better"
    assert 9 < ahead["low"] < ahead["mean"] < ahead["high"] < 11
    assert alike["low"] < 0 < alike["high"] and alike["reading"] == "no difference shown"
    expected = crossed_difference(scores["DA-GAN"], scores["U-Net"])
    assert (ahead["low"], ahead["high"]) == (expected.low, expected.high)
    assert found["DA-GAN"]["difference"] is None and found["U-Net"]["dice"] == pytest.approx(scores["U-Net"].mean())


def test_where_trainings_differ_as_much_nothing_is_shown():
    """Over subjects alone, the difference would be."""
    random = np.random.default_rng(2)
    subject, training = random.normal(70, 5, 20), np.array([-3.0, 0.0, 3.0])[:, None]
    scores = {"DA-GAN": subject + training, "U-Net": subject + 1 + training + random.normal(0, 0.1, (3, 20))}
    found = compared(scores)["U-Net"]["difference"]
    assert found["reading"] == "no difference shown" and found["low"] < 0 < found["high"]


def test_who_is_outside_the_ranking_differs_from_nobody():
    found = compared({name: np.full((2, 8), 70.0) for name in ("DA-GAN", "NTGAN")})
    assert found["NTGAN"] == {"dice": 70.0, "difference": None}


def test_the_table_says_what_was_measured_who_is_left_out_and_what_it_may_be_used_for():
    difference = {"mean": -1.66, "low": -3.59, "high": 0.52, "reading": "no difference shown"}
    place = {"dice": 70.34, "difference": difference}
    found = {"data": "Simulated spines", "subjects": 20, "torn share of the lit body": 0.09, "trainings": {"U-Net": 3}}
    text = as_markdown(found | {"systems": {"U-Net": {"torn": place, "rest": place}}}, ["PPMU: left out."])
    assert text.startswith("Simulated spines: 20 test subjects") and "Research use, not for diagnosis." in text
    assert "| U-Net | 70.34 | -1.66 (-3.59 to +0.52) | 70.34 | -1.66 (-3.59 to +0.52) | 3 |" in text
    assert "\n\n- PPMU: left out.\n\n" in text


def scores_on(name):
    """Scores of one subject, as `evaluate` has them."""
    dice = {"dice": dict.fromkeys(("rib", "thoracic", "lumbar", "average"), 0.7)}
    figures = {kind: {"PSNR": 30.0} for kind in ("input", "classical repair", "model")}
    row = {"subject": "s0", "segmentation": dice, "restoration": figures, "seconds": {"restore": 1.0}}
    return {"data": name, "split": "test", "left out": {}, "pooled": dice, "subjects": [row]}


@pytest.fixture
def comparison(tmp_path):
    """A folder of `benchmark`: DA-GAN with two trainings, its segmenter alone with one model of two, of the U-Net
    nothing but scores."""
    systems = {system.key: system for system in SYSTEMS if system.key in ("da-gan", "segmenter-alone", "u-net")}
    jobs = [Kept(system, seed, tmp_path, {}, {"own": scores_on("a")}) for system in systems.values() for seed in (0, 1)]
    write_kept(jobs, ["own"], {"data": "a"}, tmp_path / "scores.json.gz")
    save_model(Model(UntouchedShape(), PanopticFPNShape(18, 16, 16, 16), {"preset": "a"}), tmp_path / "model.pt")
    for key, seed, there in (
        ("da-gan", 0, True),
        ("da-gan", 1, True),
        ("segmenter-alone", 0, True),
        ("segmenter-alone", 1, False),
    ):
        folder = tmp_path / "runs" / key / f"seed-{seed}"
        folder.mkdir(parents=True)
        (folder / "job.json").write_text("{}", encoding="utf-8")
        if there:
            shutil.copy(tmp_path / "model.pt", folder / "best.pt")
    return tmp_path


def test_models_that_are_not_there_any_more_are_said_and_the_others_measured(comparison):
    models, sentences = models_of(comparison)
    assert {system.key: len(paths) for system, paths in models.items()} == {"segmenter-alone": 1, "da-gan": 2}
    assert sentences == [
        "segmenter alone: the models of seed-1 are not there any more; measured with 1 of 2 trainings.",
        "U-Net: the models of seed-0, seed-1 are not there any more; left out.",
    ]


def test_each_data_set_gets_files_of_its_own_and_segmenters_see_the_clean_truth(comparison, part, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(part, other)
    main(["--data", str(part), str(other), "--comparison", str(comparison)])
    texts = [(comparison / f"torn-parts-{name}.md").read_text(encoding="utf-8") for name in (part.name, "other")]
    assert texts[0] == texts[1] and "- U-Net: the models of seed-0" in texts[0]
    found = json.loads((comparison / "torn-parts-other.json").read_text(encoding="utf-8"))
    clean = [f"clean truth, segmented by {name}" for name in ("segmenter alone", "DA-GAN")]
    assert list(found["systems"]) == ["segmenter alone", clean[0], "DA-GAN", clean[1]]
    assert found["trainings"] == {"segmenter alone": 1, clean[0]: 1, "DA-GAN": 2, clean[1]: 2}
    assert found["systems"]["DA-GAN"]["torn"]["dice"] == pytest.approx(
        found["systems"]["segmenter alone"]["torn"]["dice"]
    )


def test_two_data_sets_of_one_name_would_share_their_files(comparison, part, capsys):
    with pytest.raises(SystemExit):
        main(["--data", str(part), str(part), "--comparison", str(comparison)])
    assert "one and the same name" in capsys.readouterr().err
