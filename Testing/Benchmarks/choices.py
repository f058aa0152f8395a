"""What each choice of the bundled training is worth: train with the other one, and compare on the same test subjects.

    python -m DAGANSpineLib simulate -o data                      # 109 simulated spines, 29 of them to test on
    python Testing/Benchmarks/choices.py --data data -o choices

Every training is the `bundled` preset's, shortened alike, with one choice undone, or one made that the preset hasn't
made; those of the segmenter's begin behind the same generator. Where a choice is one of restoration alone, the
reference's segmenter stands behind it, which has learnt from the reference's restorations: PSNR and SSIM judge such a
choice, its Dice says only what that segmenter makes of it. Some four hours on two idle cores; interrupted, the same
command goes on where it stopped. Writes run folders, choices/scores/NAME/ (`evaluate`), and choices/comparison/
(`versus`: paired differences over the test subjects).
"""

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from DAGANSpineLib.commands.terminal import Bar, reported
from DAGANSpineLib.evaluation.pairwise import versus, versus_as_markdown
from DAGANSpineLib.evaluation.scoring import evaluate
from DAGANSpineLib.inference import Pipeline
from DAGANSpineLib.inference.devices import PRECISIONS
from DAGANSpineLib.metrics import CLEAN
from DAGANSpineLib.model import Model, load_model
from DAGANSpineLib.model.shapes import GeneratorShape
from DAGANSpineLib.training.losses import WEIGHT_SEGMENTATION
from DAGANSpineLib.training.presets import PRESETS, Preset
from DAGANSpineLib.training.trainer import train

RESTORATION_STEPS, SEGMENTATION_STEPS, JOINT_STEPS = 300, 500, 100
MUCH_TORN = 8.0  # β_n, of black lines in half of a patch rather than of a few dashes
REFERENCE = "as bundled"


@dataclass(frozen=True)
class Choice:
    """Another choice: how the preset changes, and which of the networks are trained for it. `further`: both, on from
    where the reference's segmentation ended."""

    undo: Callable[[Preset], Preset]
    restoration: bool = True
    segmentation: bool = False
    further: bool = False


def restored_otherwise(**changes) -> Callable[[Preset], Preset]:
    """The preset with another first stage."""
    return lambda preset: replace(preset, stages=(replace(preset.stages[0], **changes), *preset.stages[1:]))


def segmented_otherwise(**changes) -> Callable[[Preset], Preset]:
    """The preset with another second stage."""
    return lambda preset: replace(preset, stages=(*preset.stages[:1], replace(preset.stages[1], **changes)))


def without_attention(preset: Preset) -> Preset:
    """Table 1's "without SA": neither the generator nor the discriminators have it."""
    without = replace(preset, generator=replace(preset.generator, attention=False))
    return restored_otherwise(attention=False)(without)


def in_the_end_joint(preset: Preset) -> Preset:
    """With a third stage, of both networks end to end as in the paper; the discriminators, which are new, learn alone
    in its first third."""
    joint = replace(
        preset.stages[0],
        steps=JOINT_STEPS,
        learning_rate=1e-4,
        weight_segmentation=WEIGHT_SEGMENTATION,
        warm_up=JOINT_STEPS // 3,
    )
    return replace(preset, stages=(*preset.stages, joint))


CHOICES = {
    REFERENCE: Choice(lambda preset: preset, segmentation=True),
    "without spatial attention": Choice(without_attention, segmentation=True),
    "without dual adversarial learning": Choice(restored_otherwise(dual=False), segmentation=True),
    "clean patches of any brightness": Choice(restored_otherwise(matched=False)),
    "clean patches of g up to 2": Choice(restored_otherwise(clean=CLEAN)),
    "clean patches held as corrupted ones": Choice(restored_otherwise(weight_identity=None)),
    "clean patches held with their banding": Choice(restored_otherwise(identity_blur=0.0)),
    "corrupted patches held to black lines": Choice(restored_otherwise(filled_alone=False)),
    "corrupted patches of g from 8 on": Choice(restored_otherwise(corrupted=MUCH_TORN)),
    "the paper's widths": Choice(lambda preset: replace(preset, generator=GeneratorShape())),
    "the finest level at the picture's own pixels": Choice(
        lambda preset: replace(preset, generator=GeneratorShape(widths=(32, 64, 128)))
    ),
    "a mask of unfilled pixels beside the picture": Choice(
        lambda preset: replace(preset, generator=replace(preset.generator, masked=True))
    ),
    "cross-entropy alone": Choice(segmented_otherwise(dice=False), restoration=False, segmentation=True),
    "crops of 512 rows": Choice(segmented_otherwise(rows=512), restoration=False, segmentation=True),
    "no augmentation": Choice(segmented_otherwise(varied=False), restoration=False, segmentation=True),
    "segmentation three times as long": Choice(
        segmented_otherwise(steps=3 * SEGMENTATION_STEPS), restoration=False, segmentation=True
    ),
    "end to end in the end": Choice(in_the_end_joint, restoration=False, segmentation=True, further=True),
}


def shortened(preset: Preset) -> Preset:
    """The preset with fewer steps, judged at its end."""
    restoration, segmentation = preset.stages
    stages = (replace(restoration, steps=RESTORATION_STEPS), replace(segmentation, steps=SEGMENTATION_STEPS))
    return replace(preset, stages=stages, validate_every=SEGMENTATION_STEPS)


def begin_after(former: Path, folder: Path, preset: Preset) -> None:
    """Make a run folder that stands where a former run ended, with the preset's next stage before it."""
    if folder.exists():
        return
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(former, partial, ignore=shutil.ignore_patterns("events*"))
    configuration = json.loads((partial / "config.json").read_text(encoding="utf-8"))
    configuration |= json.loads(json.dumps(preset.described()))
    (partial / "config.json").write_text(json.dumps(configuration, indent=2) + "\n")
    partial.rename(folder)


def trained(name: str, data: Path, output: Path, precision: str) -> Model:
    """The model of one choice. Where only the restoration was trained, the reference's segmenter stands behind it."""
    choice = CHOICES[name]
    preset = choice.undo(shortened(PRESETS["bundled"]))
    restoration = output / "restoration" / (name if choice.restoration else REFERENCE)
    segmentation = output / "segmentation" / (name if choice.segmentation else REFERENCE)
    if choice.restoration:
        first = replace(preset, stages=preset.stages[:1])
        resume = (restoration / "config.json").is_file()
        model = train(data, restoration, first, resume=resume, name=REFERENCE, precision=precision)
    if choice.segmentation:
        begin_after(output / "segmentation" / REFERENCE if choice.further else restoration, segmentation, preset)
        return train(data, segmentation, preset, resume=True, name=REFERENCE, precision=precision)
    model.segmenter = load_model(segmentation / "best.pt").segmenter
    return model


def compare(names: Sequence[str], output: Path) -> str:
    """The table of these choices against the reference, and whose Dice is that of the reference's segmenter."""
    scores, folder = output / "scores", output / "comparison"
    table = versus_as_markdown(versus([scores / REFERENCE, *(scores / name for name in names)], folder))
    borrowed = [name for name in names if not CHOICES[name].segmentation]
    if borrowed:
        table += f"\nDice behind the segmenter of '{REFERENCE}', not retrained: {', '.join(borrowed)}.\n"
        (folder / "versus.md").write_text(table, encoding="utf-8")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="a data set")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="runs, scores, comparison")
    parser.add_argument(
        "--only", nargs="+", default=list(CHOICES), choices=CHOICES, metavar="CHOICE", help=", ".join(CHOICES)
    )
    parser.add_argument("--precision", default="auto", choices=PRECISIONS, help="as of the command train")
    arguments = parser.parse_args()
    for name in dict.fromkeys([REFERENCE, *arguments.only]):
        if not (arguments.output / "scores" / name / "scores.json").is_file():
            model = trained(name, arguments.data, arguments.output, arguments.precision)
            model.name = name
            evaluate(arguments.data, Pipeline(model), arguments.output / "scores" / name, progress=Bar(name))
        print(f"{name}: trained and evaluated", flush=True)
    others = [name for name in arguments.only if name != REFERENCE]
    if others:
        print(compare(others, arguments.output))


if __name__ == "__main__":
    sys.exit(reported("choices", main))
