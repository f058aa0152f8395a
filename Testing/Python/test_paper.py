"""The preset `paper` has the paper's numbers, and the README names every one that it has not."""

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from DAGANSpineLib import metrics
from DAGANSpineLib.baselines.budget import PAPER as BUDGET
from DAGANSpineLib.baselines.dagan import preset as dagan_preset
from DAGANSpineLib.inference.pipeline import COARSE
from DAGANSpineLib.networks import Discriminator, Generator
from DAGANSpineLib.training.averaging import RECENT
from DAGANSpineLib.training.dataset import Dataset, Record
from DAGANSpineLib.training.patches import CANDIDATES
from DAGANSpineLib.training.presets import PRESETS
from DAGANSpineLib.training.stages import CLEAN_PATCHES
from DAGANSpineLib.training.wholes import SPINES
from DAGANSpineLib.vpi import NETWORK_SIZE

PRESET = PRESETS["paper"]
(STAGE,) = PRESET.stages
HEADING = "### Where `--preset paper` departs from the paper"

# sections 2.1, 3.1 and 3.2
PRINTED = {
    "batch": 16,
    "epochs": 100,
    "steps": None,
    "learning_rate": 1e-4,
    "final_learning_rate": 1e-6,
    "clean": 2.0,
    "corrupted": 4.0,
    "discriminator_widths": (64, 128, 256),
    "attention": True,
    "dual": True,
    "weight_segmentation": 0.5,
    "weight_reconstruction": 0.01,
}
# of other presets
ABSENT = {"identity_blur": 0.0, "warm_up": 0, "weight_transplanted": 0.0, "filled_alone": False}


def subjects(count: int) -> Dataset:
    return Dataset("80", [Record(str(index), Path("a"), Path("b")) for index in range(count)], [])


def steps() -> str:
    return f"{STAGE.steps_for(len(subjects(80).split_validation()[0])):,}".replace(",", " ")


# by row of the README's table, what is here, made of the settings themselves; and which of the stage's they are
HERE = {
    "patches are cut": ("from the native grid, and around each a window that the segmenter sees resized", ()),
    "turned at random": (f"what the segmenter sees, by up to {STAGE.degrees:g}°", ("degrees",)),
    "clean patches": (
        f"of {CANDIDATES} drawn, the one most like its corrupted patch in greys" if STAGE.matched else "any",
        ("matched",),
    ),
    "equation 3": (
        f"of corrupted patches with {STAGE.weight_reconstruction:g}, and of clean ones with "
        f"{STAGE.weight_reconstruction if STAGE.weight_identity is None else STAGE.weight_identity:g} beside it",
        ("weight_identity",),
    ),
    "ẑ and x̂": ("cut off at black and white", ()),
    "on the way up": (
        f"1 × 1, then {PRESET.generator.upsampling}, then the level's 3 × 3",
        (),
    ),
    "an epoch": (f"{CLEAN_PATCHES:.0f} clean patches a subject", ()),
    "learnt from": (f"{len(subjects(80).split_validation()[0])} subjects", ()),
    "weights in use": (
        f"averaged, the last {100 * RECENT:g} % of the steps counting for most; of those the best by what restoration "
        "removes and keeps, and by Dice, on held-out subjects",
        (),
    ),
    f"a coarse picture, less than {COARSE} lit columns": (
        "restored with each pixel repeated, twice to four times down and across",
        (),
    ),
    "gaps of the sweep, once labels are found": ("interpolated down the columns of the restored picture", ()),
    "the segmenter's batch normalisation, in use": (f"statistics of {SPINES} whole restored spines", ()),
    "in the test": (
        "averaged with the answer to the mirrored picture; probabilities, not labels, are scaled back",
        (),
    ),
}


@pytest.fixture(scope="module")
def readme() -> str:
    text = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    return text.split(HEADING)[1].split("\n## ")[0]


def test_the_readme_names_what_departs_from_the_paper_and_nothing_else(readme):
    lines = [line for line in readme.splitlines() if line.startswith("|")][2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert {name: here for name, _, here, *_ in cells} == {name: here for name, (here, _) in HERE.items()}
    assert all(len(row) == 5 and all(row) for row in cells)


def test_every_other_setting_of_the_stage_is_printed_in_the_paper():
    assert {name: getattr(STAGE, name) for name in PRINTED | ABSENT} == PRINTED | ABSENT
    departing = {name for _, names in HERE.values() for name in names}
    assert {field.name for field in dataclasses.fields(STAGE)} == {*PRINTED, *ABSENT} | departing


def test_networks_thresholds_and_sizes_are_the_papers():
    assert (PRESET.generator.widths, PRESET.generator.attention) == ((64, 128, 256), True)
    assert (PRESET.segmenter.depth, PRESET.segmenter.width) == (50, 64)
    assert (metrics.CORRUPTED, metrics.CLEAN, metrics.PATCH) == (4, 2, 96)
    assert NETWORK_SIZE == (1024, 256)
    assert not (PRESET.generator.unshuffled or PRESET.generator.masked) and isinstance(
        PRESET.generator.build(), Generator
    )


def test_the_comparison_trains_the_papers_dagan_alike():
    ours = dagan_preset(BUDGET)
    assert (ours.generator, ours.segmenter, ours.stages) == (PRESET.generator, PRESET.segmenter, PRESET.stages)


def test_the_length_that_the_readme_gives_is_the_presets(readme):
    assert f"are {steps()} steps" in readme


def operations(network: nn.Module, size: int) -> int:
    with FlopCounterMode(display=False) as counter:
        network.eval()(torch.zeros(1, 1, size, size))
    return STAGE.batch * counter.get_total_flops()


def test_a_step_takes_the_operations_that_the_readme_gives(readme):
    """Forward once and back twice; in the generator's step each discriminator is asked for half a batch, and passes
    gradients on without collecting any."""
    with torch.no_grad():
        discriminator = operations(Discriminator(STAGE.discriminator_widths), 96)
        learners = operations(PRESET.generator.build(), 246) + operations(PRESET.segmenter.build(), 96)
    total = 3 * learners + 2 * (3 + 2 / 2) * discriminator
    assert f"takes {total / 1e12:.2f} · 10¹² operations" in readme
