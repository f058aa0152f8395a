"""Whether longer adversarial training restores worse: trainings of one and of four times as many steps.

    python -m DAGANSpineLib simulate -o data
    python Testing/Benchmarks/longer.py --data data -o longer                 # the bundled preset's restoring stage
    python Testing/Benchmarks/longer.py --data data -o short --steps 100 --widths 8 16 32 --batch 8 --learning-rate 1e-3
    python Testing/Benchmarks/longer.py --data data -o held --identity-blur 0
    python Testing/Benchmarks/longer.py --data data -o spectral --steadied spectral       # or r1

Each training is the restoring stage of `bundled` alone, with its averaged weights and its choice by restoration on
held-out subjects, both of which `--last` leaves out: what a training without them ends with. `--steadied` does to the
discriminators what the literature advises against adversaries that circle (steadied.py). PSNR and SSIM are means
over the test subjects, within the body. Interrupted, the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from steadied import WAYS, SteadiedStage

from DAGANSpineLib.commands.terminal import reported
from DAGANSpineLib.evaluation.crossed import Crossed, as_scores, crossed_difference
from DAGANSpineLib.evaluation.scoring import restoration_scores
from DAGANSpineLib.evaluation.tables import interval, shown
from DAGANSpineLib.inference import Pipeline
from DAGANSpineLib.inference.devices import PRECISIONS
from DAGANSpineLib.metrics import patches
from DAGANSpineLib.model import Model, load_model
from DAGANSpineLib.training import PRESETS, Preset, Record, load, open_dataset, train
from DAGANSpineLib.vpi import lit_body

LONGER = 4
JUDGED = 6  # times a training
FIGURES = ("corrupted patches", "change of clean patches", "PSNR", "SSIM")


def shortened(arguments: argparse.Namespace, steps: int) -> Preset:
    """The bundled preset's restoring stage alone."""
    bundled = PRESETS["bundled"]
    stage, widths = bundled.stages[0], tuple(arguments.widths or bundled.generator.widths)
    if arguments.widths:
        stage = replace(stage, discriminator_widths=widths)
    stage = replace(
        stage,
        steps=steps,
        batch=arguments.batch or stage.batch,
        learning_rate=arguments.learning_rate or stage.learning_rate,
        identity_blur=stage.identity_blur if arguments.identity_blur is None else arguments.identity_blur,
    )
    if arguments.steadied:
        stage = SteadiedStage(**vars(stage), way=arguments.steadied)
    generator = replace(bundled.generator, widths=widths)
    return replace(bundled, generator=generator, stages=(stage,), validate_every=max(1, steps // JUDGED))


def trained(arguments: argparse.Namespace, steps: int, seed: int) -> Model:
    """The model of a training, from its run folder if it has ended before."""
    folder = arguments.output / f"{steps}-steps-seed-{seed}"
    preset, resume = shortened(arguments, steps), (folder / "last.pt").is_file()
    model = train(arguments.data, folder, preset, seed, resume, "longer", arguments.precision, quiet=True)
    if arguments.last:
        model.generator.load_state_dict(torch.load(folder / "last.pt", weights_only=True)["generator"])
    return load_model(folder / "best.pt") if not arguments.last else model


def scored(model: Model, records: list[Record]) -> Iterator[dict[str, float]]:
    """How the model restores each subject."""
    pipeline = Pipeline(model)
    for record in records:
        sample = load(record)
        pixels, body = sample.image.astype(np.float32), lit_body(sample.image)
        restored = pipeline.restore(pixels, body).astype(np.float32)
        yield restoration_scores(restored, pixels, sample.clean, body, patches(pixels, body))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="a data set with the clean truth")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="run folders")
    parser.add_argument("--steps", type=int, default=PRESETS["bundled"].stages[0].steps, help="of the shorter training")
    parser.add_argument("--widths", type=int, nargs=3, help="of generator and discriminators")
    parser.add_argument("--batch", type=int, help="patches a step")
    parser.add_argument("--learning-rate", type=float, help="at the beginning")
    parser.add_argument("--identity-blur", type=float, help="rows, behind which clean patches have to stay; 0: as is")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--steadied", choices=WAYS, help="steady the discriminators in this way")
    parser.add_argument("--last", action="store_true", help="the last step's own weights, neither averaged nor chosen")
    parser.add_argument("--precision", default="auto", choices=PRECISIONS, help="as of the command train")
    arguments = parser.parse_args()
    records = open_dataset(arguments.data).test
    print("steps, seed: " + ", ".join(FIGURES))
    lengths = arguments.steps, LONGER * arguments.steps
    scores = {steps: [] for steps in lengths}
    for seed, steps in itertools.product(arguments.seeds, lengths):
        rows = list(scored(trained(arguments, steps, seed), records))
        scores[steps].append(as_scores([[row[name] for row in rows] for name in FIGURES]))
        print(f"{steps}, {seed}: " + ", ".join(f"{mean:.4f}" for mean in np.nanmean(scores[steps][-1], 1)), flush=True)
    print("longer minus shorter, with the 95 % interval over subjects and seeds:")
    for index, name in enumerate(FIGURES):
        shorter, longer = (np.stack([each[index] for each in scores[steps]]) for steps in lengths)
        print(f"{name}: {said(crossed_difference(shorter, longer))}")


def said(found: Crossed | None) -> str:
    """A difference in a line."""
    return "–" if found is None else f"{shown(found.mean, 4, signed=True)} ({interval(found.low, found.high, 4)})"


if __name__ == "__main__":
    sys.exit(reported("longer", main))
