"""A benchmark's table holds the means of what was found, its differences are paired, its costs the published ones."""

import csv
import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from house import ROOT
from torch.utils.flop_counter import FlopCounterMode

from DAGANSpineLib.baselines.budget import BUDGETS, Size, parameters, size_of
from DAGANSpineLib.baselines.systems import REFERENCE, SYSTEMS
from DAGANSpineLib.evaluation.benchmarking import named
from DAGANSpineLib.evaluation.comparison import compare, machine_of, write_comparison
from DAGANSpineLib.evaluation.comparison_tables import as_markdown
from DAGANSpineLib.evaluation.cost import as_used, learnt, multiply_adds, of_restoration, operations_a_pixel
from DAGANSpineLib.evaluation.crossed import crossed_difference
from DAGANSpineLib.evaluation.job import Job
from DAGANSpineLib.evaluation.pairwise import VersusError
from DAGANSpineLib.inference import Pipeline
from DAGANSpineLib.model import Model, freeze, load_model, save_model
from DAGANSpineLib.model.shapes import ClassicalRepairShape, GeneratorShape, PanopticFPNShape, UntouchedShape
from DAGANSpineLib.networks.classical_repair import repair
from DAGANSpineLib.training.stages import PatchStage
from DAGANSpineLib.vpi import lit_body
from Testing.Benchmarks.hours import reckoned

BONES = ("rib", "thoracic", "lumbar")
KEYS, SEEDS, SUBJECTS = ("u-net", "vanilla-fpn", "da-gan"), (0, 1, 2), 9


def scores_of(dice: np.ndarray, quality: np.ndarray) -> dict:
    """As evaluate writes them: Dice (subjects, bones), PSNR (subjects,)."""
    rows = []
    for index, (values, psnr) in enumerate(zip(dice, quality, strict=True)):
        by_bone = dict(zip(BONES, values.tolist(), strict=True)) | {"average": float(values.mean())}
        segmentation = {
            "dice": by_bone,
            "jaccard": {name: value / (2 - value) for name, value in by_bone.items()},
            "accuracy": {name: value**0.5 for name, value in by_bone.items()},
        }
        figures = {"corrupted patches": index, "largest g": 4.5, "change of clean patches": 0.0, "SSIM": 0.8}
        restoration = {
            "input": figures | {"PSNR": 20.0 + index},
            "classical repair": figures | {"PSNR": 21.0},
            "model": figures | {"PSNR": float(psnr)},
        }
        row = {"subject": f"s{index}", "segmentation": segmentation, "restoration": restoration}
        rows.append(row | {"seconds": {"restore": 1.0, "segment": 0.1 * index}})
    per_image = {
        score: {
            name: float(np.mean([row["segmentation"][score][name] for row in rows])) for name in (*BONES, "average")
        }
        for score in ("dice", "jaccard", "accuracy")
    }
    means = {
        kind: {name: float(np.mean([row["restoration"][kind][name] for row in rows])) for name in figures}
        | {"PSNR": float(np.mean([row["restoration"][kind]["PSNR"] for row in rows]))}
        for kind in ("input", "classical repair", "model")
    }
    model = {"name": "best.pt", "sha256": "0"}
    return {
        "per image": per_image, "pooled": per_image, "restoration": means, "data": "Simulated", "split": "test",
        "model": model, "subjects": rows, "left out": {},
    }  # fmt: skip


@pytest.fixture
def jobs(tmp_path):
    """Three systems with three seeds, as if they had been trained; and the Dice behind them, by key and seed."""
    random, made, dice = np.random.default_rng(0), [], {}
    level = dict(zip(KEYS, (0.6, 0.7, 0.8), strict=True))
    subject = random.normal(0, 0.05, (SUBJECTS, 1))
    for seed, system in itertools.product(SEEDS, named(KEYS)):
        values = np.clip(level[system.key] + subject + random.normal(0, 0.02, (SUBJECTS, 3)), 0, 1)
        job = Job(system, seed, tmp_path / "runs" / system.key / f"seed-{seed}")
        (job.folder / "evaluation").mkdir(parents=True)
        scores = scores_of(values, random.normal(30, 1, SUBJECTS))
        (job.folder / "evaluation" / "scores.json").write_text(json.dumps(scores))
        record = {"parameters": 1_500_000, "multiply-adds": 2_000_000_000, "seconds": 60.0 * (seed + 1)}
        (job.folder / "job.json").write_text(json.dumps(record))
        made.append(job)
        dice[system.key, seed] = values
    return made, dice


def system(comparison, key):
    return next(each for each in comparison["systems"] if each["key"] == key)


def test_the_table_holds_means_over_seeds_and_subjects(jobs):
    made, dice = jobs
    comparison = compare(made, "Simulated", "smoke")
    for key in KEYS:
        values = np.stack([dice[key, seed] for seed in SEEDS])  # seeds, subjects, bones
        ours = system(comparison, key)
        for place, bone in enumerate(BONES):
            assert ours["segmentation"]["dice"][bone] == pytest.approx(values[..., place].mean())
        assert ours["segmentation"]["dice"]["average"] == pytest.approx(values.mean())
        assert ours["segmentation"]["jaccard"]["rib"] == pytest.approx((values[..., 0] / (2 - values[..., 0])).mean())
        assert ours["spread over seeds"] == pytest.approx(values.mean((1, 2)).std(ddof=1))
        assert ours["seconds per image"] == pytest.approx(1.4)
        assert ours["seconds of training"] == pytest.approx(120)


def test_differences_are_of_the_subjects_means_over_the_seeds(jobs):
    made, dice = jobs
    differences = compare(made, "Simulated", "smoke")["differences"]
    assert [other["name"] for other in differences["others"]] == ["Vanilla FPN", "U-Net"]
    percent = {key: 100 * np.stack([dice[key, seed].mean(1) for seed in SEEDS]) for key in KEYS}
    expected = crossed_difference(percent["da-gan"], percent["u-net"])
    found = differences["others"][1]["differences"]["Dice average, %"]
    assert (found["mean"], found["low"], found["high"]) == pytest.approx((expected.mean, expected.low, expected.high))
    assert found["p"] <= found["corrected p"] <= 2 * found["p"]
    assert found["reading"] == "worse" and found["subjects"] == SUBJECTS


def test_all_trainings_that_there_are_are_compared_and_a_single_one_can_t_tell(jobs):
    made, dice = jobs
    some = [job for job in made if not (job.system.key == "u-net" and job.seed > 0)]
    other = compare(some, "Simulated", "smoke")["differences"]["others"][1]
    found = other["differences"]["Dice average, %"]
    expected = dice["u-net", 0].mean() - np.mean([dice["da-gan", seed] for seed in SEEDS])
    assert other["seeds"] == [0] and found["mean"] == pytest.approx(100 * expected)
    assert found["low"] is None and "can't tell" in found["reading"]


def test_the_cost_of_a_search_is_shown_in_minutes(jobs):
    made, _ = jobs
    for job in made[:1]:
        record = json.loads((job.folder / "job.json").read_text(encoding="utf-8"))
        (job.folder / "job.json").write_text(json.dumps(record | {"seconds of search": 90.0}), encoding="utf-8")
    text = as_markdown(compare(made, "Simulated", "smoke")).split("## Cost")[1].split("## Differences")[0]
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("|")]
    found = {row[0].strip("| "): row[-1].strip("| ") for row in rows}
    assert found[""] == "minutes of search" and "equal in steps, not in time" in text
    assert found[made[0].system.name] == "1.5" and found[made[1].system.name] == "–"


def test_who_is_outside_the_ranking_is_shown_in_brackets_and_compared_with_nobody(jobs):
    made, _ = jobs
    outside = [replace(job, system=replace(job.system, ranked=job.system.key != "u-net")) for job in made]
    comparison = compare(outside, "Simulated", "smoke")
    assert [other["name"] for other in comparison["differences"]["others"]] == ["Vanilla FPN"]
    text = as_markdown(comparison)
    assert "| (U-Net) |" in text and "U-Net" not in text.split("## Differences")[1].split("## Beside")[0]
    assert [each.name for each in SYSTEMS if not each.ranked] == ["NTGAN"]


def test_evaluations_of_other_pictures_are_not_compared(jobs):
    made, _ = jobs
    path = made[-1].folder / "evaluation" / "scores.json"
    scores = json.loads(path.read_text(encoding="utf-8"))
    scores["subjects"][0]["restoration"]["input"]["PSNR"] = 5.0
    path.write_text(json.dumps(scores))
    with pytest.raises(VersusError, match="not of the same pictures"):
        compare(made, "Simulated", "smoke")


def test_the_order_of_the_systems_is_held_against_the_papers(jobs):
    """Here DA-GAN leads Vanilla FPN and this the U-Net, in every class; so it is in the paper."""
    made, _ = jobs
    agreement = compare(made, "Simulated", "smoke")["agreement"]
    assert agreement["pairs"] == {name: {"same": 3, "of": 3} for name in ("lumbar", "thoracic", "rib", "average")}
    assert agreement["rank"] == {"segmentation": 1, "published": 1}


def test_an_order_unlike_the_papers_is_counted_as_such(jobs):
    made, _ = jobs
    best, worst = ([job for job in made if job.system.key == key] for key in ("da-gan", "u-net"))
    for one, other in zip(best, worst, strict=True):
        ours, theirs = (job.folder / "evaluation" / "scores.json" for job in (one, other))
        former = ours.read_text(encoding="utf-8")
        ours.write_text(theirs.read_text(encoding="utf-8"))
        theirs.write_text(former)
    agreement = compare(made, "Simulated", "smoke")["agreement"]
    assert agreement["pairs"]["average"] == {"same": 0, "of": 3}
    assert agreement["rank"] == {"segmentation": 3, "published": 1}


def test_markdown_csv_and_json_say_the_same(jobs, tmp_path):
    made, _ = jobs
    comparison = compare(made, "Simulated", "smoke")
    write_comparison(comparison, tmp_path, plot=True)
    assert json.loads((tmp_path / "benchmark.json").read_text(encoding="utf-8")) == json.loads(json.dumps(comparison))
    with (tmp_path / "benchmark.csv").open(newline="", encoding="utf-8") as lines:
        rows = {row["system"]: row for row in csv.DictReader(lines)}
    text = (tmp_path / "benchmark.md").read_text(encoding="utf-8")
    for each in comparison["systems"]:
        dice = each["segmentation"]["dice"]["average"]
        assert float(rows[each["name"]]["dice average"]) == dice
        assert float(rows[each["name"]]["paper dice average"]) == each["published"]["dice"]["average"]
        row = next(line for line in text.splitlines() if line.startswith(f"| {each['name']} |"))
        assert f" {100 * dice:.2f} / " in row
    assert float(rows[REFERENCE]["paper accuracy lumbar"]) == pytest.approx(0.8873)
    assert "shown to be higher than that of: Vanilla FPN, U-Net." in text
    assert "place 1 here and 1 in the paper, of the 3 systems" in text
    assert "Research use" in text


def test_the_papers_figures_are_those_of_table_1():
    """Of each row, the average is the mean of the classes, and Dice fits Jaccard as per-image means do."""
    known = [each for each in SYSTEMS if each.published]
    for each in known:
        classes = np.array([each.published[name] for name in ("lumbar", "thoracic", "rib")])
        assert np.allclose(classes.mean(0), each.published["average"], atol=0.02), each.name
        assert np.abs(classes[:, 0] - 200 * classes[:, 1] / (100 + classes[:, 1])).max() < 0.5
    assert max(known, key=lambda each: each.published["average"][0]).name == REFERENCE


def test_multiply_adds_are_the_published():
    """Of MMSegmentation's panoptic FPN with ResNet-18, 32 billion; of a generator worked out by hand."""
    model = Model(UntouchedShape(), PanopticFPNShape(depth=18))
    for network in model.networks:
        freeze(network)
    alone = multiply_adds(model)
    assert alone / 1e9 == pytest.approx(31.8, abs=0.2)
    assert learnt(model) == parameters(PanopticFPNShape(depth=18))
    wide, half = 4, 8  # a generator of two levels, of 9 taps, and of 1 from the deeper to the finer
    full = 1024 * 256
    expected = full * 9 * (wide + wide * wide) + full / 4 * 9 * (wide * half + half * half)
    expected += full / 4 * half * wide + full * 9 * 2 * wide * wide + full * wide
    model = Model(GeneratorShape((wide, half), attention=False), PanopticFPNShape(depth=18))
    assert multiply_adds(model) - alone == expected


def test_as_used_restoration_is_at_native_size_and_segmentation_done_twice():
    model = Model(GeneratorShape((4, 8)), PanopticFPNShape(18, 16, 16, 16))
    for network in model.networks:
        freeze(network)
    whole, restoring = multiply_adds(model), of_restoration(model)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model.generator(torch.zeros(1, 1, 1536, 384))
        model.segmenter(torch.zeros(2, 1, 1024, 256))
    assert as_used(whole, restoring, (1536, 384)) == counter.get_total_flops() // 2
    assert as_used(whole, None, (1536, 384)) is None and as_used(whole, restoring, None) is None


def test_the_cost_as_used_is_of_the_median_picture_and_a_dash_where_it_is_not_known(jobs):
    made, _ = jobs
    for job in made:
        path = job.folder / "evaluation" / "scores.json"
        scores = json.loads(path.read_text(encoding="utf-8"))
        for index, row in enumerate(scores["subjects"]):
            row["size"] = [2048 + 100 * (index - SUBJECTS // 2), 512]
        path.write_text(json.dumps(scores), encoding="utf-8")
    record = json.loads((made[0].folder / "job.json").read_text(encoding="utf-8")) | {"of restoration": 1_500_000_000}
    (made[0].folder / "job.json").write_text(json.dumps(record), encoding="utf-8")
    comparison = compare(made, "Simulated", "smoke")
    assert comparison["native size"] == [2048, 512]
    known, unknown = (system(comparison, job.system.key)["multiply-adds as used"] for job in made[:2])
    assert known == 4 * 1_500_000_000 + 2 * 500_000_000 and unknown is None
    text = as_markdown(comparison)
    assert "at 2048 × 512, the test pictures' median size" in text
    assert f"| {made[0].system.name} | 1.500 | 2.00 | 7.00 |" in text
    assert f"| {made[1].system.name} | 1.500 | 2.00 | – |" in text


def test_the_model_card_gives_the_operations_of_the_bundled_generator():
    """At most 70 thousand a pixel: the speed of a click hangs on it."""
    card = (Path(__file__).parents[2] / "Resources" / "Models" / "README.md").read_text(encoding="utf-8")
    operations = operations_a_pixel(load_model(None).generator) / 1000
    assert f" {operations:.1f} kFLOP a pixel" in card and operations <= 70


RIVALS = [each for each in SYSTEMS if each.key != "segmenter-alone"]  # which is a part of DA-GAN, to see what it does


@pytest.mark.parametrize("budget", BUDGETS.values(), ids=BUDGETS)
def test_the_segmenter_alone_is_dagans(budget):
    alone, whole = (
        next(each for each in SYSTEMS if each.key == key).preset(budget) for key in ("segmenter-alone", "da-gan")
    )
    assert alone.segmenter == whole.segmenter and alone.generator == UntouchedShape()
    if not budget.joint:
        assert alone.stages == whole.stages[1:]


@pytest.mark.parametrize("budget", BUDGETS.values(), ids=BUDGETS)
@pytest.mark.parametrize("each", RIVALS, ids=[each.key for each in RIVALS])
def test_every_system_has_at_least_dagans_parameters_and_multiply_adds(each, budget):
    """But for the weights of spatial attention, which some have not; WaveCT's multiply-adds hang on the picture."""
    preset = each.preset(budget)
    attention = size_of(budget.generator).parameters - size_of(replace(budget.generator, attention=False)).parameters
    assert attention == (12 if budget.unshuffled else 15)  # three for each of its units
    total = parameters(preset.generator) + parameters(preset.segmenter)
    assert total >= budget.capacity.parameters - attention
    if each.key != "wavect":
        learns = parameters(preset.generator) > 0
        restoring = size_of(preset.generator).multiply_adds if learns else 0
        assert restoring + size_of(preset.segmenter).multiply_adds >= 0.999 * budget.capacity.multiply_adds


def test_sizes_are_those_of_built_networks_and_the_vanilla_fpn_has_the_whole_of_dagans():
    budget = BUDGETS["laptop"]
    model = Model(budget.generator, budget.segmenter)
    assert budget.capacity == Size(learnt(model), multiply_adds(model))
    assert size_of(each_named("Vanilla FPN").preset(budget).segmenter).holds(budget.capacity)


@pytest.mark.parametrize("budget", BUDGETS.values(), ids=BUDGETS)
def test_no_rival_is_crippled_by_being_matched(budget):
    """The pooled branches of PPMU keep at least four channels, a U-Net's finest level at least eight."""
    unit = each_named("PPMU").preset(budget).segmenter.build().skips[0]
    assert all(branch[0].out_channels >= 4 for branch in unit.branches)
    assert each_named("U-Net").preset(budget).segmenter.width >= 8


@pytest.mark.parametrize("budget", [BUDGETS["laptop"], BUDGETS["long"]], ids=lambda budget: budget.name)
@pytest.mark.parametrize("each", SYSTEMS, ids=[each.key for each in SYSTEMS])
def test_on_a_laptop_all_learn_from_the_same_in_as_many_steps(each, budget):
    """Segmentation by the very same stage, restoration from the same patches."""
    *restoration, segmentation = each.preset(budget).stages
    assert getattr(segmentation, "segmentation", segmentation) == budget.segmentation  # RSNU's holds the shared one
    assert (segmentation.steps, segmentation.batch) == (budget.segmentation.steps, budget.segmentation.batch)
    reference = each_named(REFERENCE).preset(budget).stages[0]
    for stage in restoration:
        if isinstance(stage, PatchStage):
            for name in ("steps", "batch", "degrees", "matched", "clean"):
                assert getattr(stage, name) == getattr(reference, name), name


def each_named(name):
    return next(each for each in SYSTEMS if each.name == name)


@pytest.mark.parametrize("each", SYSTEMS, ids=[each.key for each in SYSTEMS])
def test_every_systems_model_file_restores_and_segments(each, small_vpi, tmp_path):
    preset = each.preset(BUDGETS["smoke"])
    torch.manual_seed(0)
    model = Model(preset.generator, preset.segmenter, {"preset": each.name})
    save_model(model, tmp_path / "model.pt")
    result = Pipeline(load_model(tmp_path / "model.pt"), "cpu").run(small_vpi.astype(np.float32))
    assert result.restored.shape == result.labels.shape == small_vpi.shape


def test_the_classical_repair_as_a_restorer_is_the_classical_repair(small_vpi):
    pixels, body = small_vpi.astype(np.float32), lit_body(small_vpi)
    restored = Pipeline(Model(ClassicalRepairShape(), PanopticFPNShape(18, 8, 8, 8)), "cpu").restore(pixels, body)
    expected = repair(pixels, body)
    assert np.abs(restored - expected).max() <= 0.5 + 1e-3  # it is rounded to whole grey levels
    assert (restored != small_vpi).sum() > 100


def test_who_was_computed_by_another_machine_is_said_so(jobs):
    comparison = compare(jobs[0], "Simulated", "laptop")
    here, there = (machine_of() | {"device": name} for name in ("Processor, 2 cores", "A card"))
    for each in comparison["systems"]:
        each["by"] = [here | {"date": "2026-01-01"}, here] if each["key"] == "da-gan" else [there]
    text = as_markdown(comparison)
    assert "DA-GAN by Processor, 2 cores (" in text and "Vanilla FPN, U-Net by A card (" in text
    for each in comparison["systems"]:
        each["by"] = [there]
    assert "by A card" not in as_markdown(comparison) and machine_of()["device"] in as_markdown(comparison)


def test_the_page_for_graphics_cards_has_the_reckoned_hours():
    page = (ROOT / "Resources" / "Benchmark" / "GPU.md").read_text(encoding="utf-8")
    for line in reckoned(named(["cyclegan", "u-net"])).splitlines():
        assert line in page
