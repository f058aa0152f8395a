"""What it brings to adapt the bundled model to another clinic: a second simulated world stands for it, with another
scanner, other pixels, another grey curve, and an expert who draws bones wider.

    daganspine simulate -o data --subjects 500 --seed 1              # the bundled model's own data, to test on
    python Testing/Benchmarks/adaptation.py --own data -o adaptation

On the clinic's test subjects: the model that is adapted; adapted without labels, with 5, and with 10 labelled pictures
(beside the other pictures, without labels, and simulated ones that are rehearsed), as `train --from bundled --rehearse`
does it; and trained from nothing on the same pictures and labels for as many steps. On the model's own test subjects:
what it has forgotten. The expert of the first world has labelled the clinic's test subjects as
well, which tells what the other habit costs the model. Interrupted, the same command goes on where it stopped. Writes
clinic/ (a data set), runs/, scores/, and adaptation.md: paired differences with 95 % intervals over the subjects.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from DAGANSpineLib.commands.terminal import Bar, at_least, millimetres, reported
from DAGANSpineLib.evaluation.pairwise import versus, versus_as_markdown
from DAGANSpineLib.evaluation.scoring import evaluate_records
from DAGANSpineLib.files import whole_file, whole_folder
from DAGANSpineLib.inference import PRECISIONS, Pipeline
from DAGANSpineLib.model import Model, load_model
from DAGANSpineLib.records import read_json
from DAGANSpineLib.segments import CLASSES
from DAGANSpineLib.simulation import World, simulate_subject
from DAGANSpineLib.training import PRESETS, Aid, Ancestor, Dataset, Preset, Record, RunFolder, open_dataset, train
from DAGANSpineLib.vpi import write_image

# The other clinic: portable scanners alone, in whose pictures much is torn; coarser pixels; dark greys lifted, and the
# brightest never reached; white instead of black where no frame has filled a pixel of the lit body; and an expert who
# draws bones so much wider all round than those of the first world.
WORLD = World("another clinic", scanners=(0, 0, 100), occasions=1, torn=(0.05, 0.3))
SPACING_MM = 0.3
POWER, WHITE, UNFILLED = 0.6, 0.85, 255
WIDER_MM = 1.2
SEED = 77

BEFORE, AFTER = "before", "adapted, {count} labels"
FROM_NOTHING = "from nothing, {count} labels"
FIRST_EXPERTS = "first-experts"  # the folder of the test subjects' labels without the clinic's habit
CLINIC, OWN, HABIT = "clinic", "own", "first-experts"  # what is tested on


@dataclass(frozen=True)
class Size:
    """How many subjects: `pictures` of the clinic to learn from, and `test` ones; `own` of the model's own test split,
    `rehearsal`. `labels`: how many pictures are labelled, in one training each."""

    pictures: int
    test: int
    own: int
    rehearsal: int
    labels: tuple[int, ...]
    spacing_mm: float


def seen_there(pixels: np.ndarray, body: np.ndarray) -> np.ndarray:
    """A picture by the clinic's grey curve, uint8, white where pixels of the lit body are not filled."""
    curved = np.clip(np.rint(255 * WHITE * (pixels / 255.0) ** POWER), 1, 255)
    return np.where(pixels > 0, curved, np.where(body, UNFILLED, 0)).astype(np.uint8)


def drawn_there(labels: np.ndarray, spacing_mm: float) -> np.ndarray:
    """Labels by the clinic's habit, uint8: bones wider all round."""
    reach = max(round(WIDER_MM / spacing_mm), 1)
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = rows**2 + columns**2 <= reach**2
    wider = np.zeros_like(labels)
    for bone in range(1, len(CLASSES)):
        wider[ndimage.binary_dilation(labels == bone, disc)] = bone
    return wider


def make_clinic(folder: Path, size: Size, bar: Bar) -> None:
    """Write the clinic's data set: `pictures` subjects to learn from, all of them labelled, and `test` ones."""
    if folder.is_dir():
        return
    known = {}
    with whole_folder(folder) as partial:
        count = size.pictures + size.test
        for index in range(count):
            name = f"clinic{index:03d}"
            bar(index / count, name)
            subject = simulate_subject(1000003 * SEED + index, severity=WORLD, spacing_mm=size.spacing_mm)
            spacing = subject.known["spacing_mm"]
            pictures = {
                "images": seen_there(subject.vpi, subject.body),
                "clean": seen_there(subject.clean, subject.body),
                "labels": drawn_there(subject.labels, spacing[0]),
                FIRST_EXPERTS: subject.labels,
                "torn": subject.torn.astype(np.uint8) * 255,
            }
            for kind, pixels in pictures.items():
                (partial / kind).mkdir(exist_ok=True)
                write_image(sitk.GetImageFromArray(pixels), partial / kind / f"{name}.png")
            known[name] = {"severity": WORLD.name, "scanner": subject.known["scanner"], "noise": subject.known["noise"]}
        names = list(known)
        description = {"name": "Another clinic, simulated", "subjects": known}
        description |= {"train": names[: size.pictures], "test": names[size.pictures :]}
        (partial / "dataset.json").write_text(json.dumps(description, indent=1), encoding="utf-8")
    bar(1.0, "Done")


@dataclass(frozen=True)
class Benchmark:
    """Where all lies, what is adapted, and by which preset."""

    folder: Path
    model: Model
    preset: Preset
    size: Size
    precision: str

    @property
    def clinic(self) -> Dataset:
        return open_dataset(self.folder / "clinic")

    def learning_from(self, count: int) -> Dataset:
        """The clinic's pictures to learn from, so many of them with labels."""
        first, others = self.clinic.train[:count], self.clinic.train[count:]
        return replace(self.clinic, train=first, unlabelled=[replace(record, labels=None) for record in others])

    def run(self, name: str) -> RunFolder:
        return RunFolder(self.folder / "runs" / name)

    def train(self, name: str, count: int, adapted: bool) -> None:
        """Train the model of a run as far as it isn't yet."""
        run = self.run(name)
        settings = {"ancestor": Ancestor(self.model), "aid": Aid(self.size.rehearsal, folder=self.folder / "rehearsal")}
        preset = self.preset if adapted else from_nothing(self.preset, self.model)
        train(
            self.learning_from(count),
            run.folder,
            preset,
            resume=run.configuration.is_file(),
            name=name,
            precision=self.precision,
            **(settings if adapted else {}),
        )

    def scored(self, kind: str, name: str, model: Model, records: Sequence[Record]) -> Path:
        """The folder of a model's scores on these subjects, which is written unless it is there."""
        folder = self.folder / "scores" / kind / name
        if not (folder / "scores.json").is_file():
            evaluate_records(kind, records, Pipeline(model), folder, Bar(f"{name}, on {kind}"))
        print(f"{name}: evaluated on {kind}", flush=True)
        return folder

    def compare(self, own: Sequence[Record]) -> str:
        """Train and test what isn't yet, what matters most first; what is known so far is written after each."""
        tested = self.clinic.test
        by_first = [
            replace(record, labels=self.folder / "clinic" / FIRST_EXPERTS / f"{record.subject}.png")
            for record in tested
        ]
        before = [
            self.scored(kind, BEFORE, self.model, records)
            for kind, records in ((CLINIC, tested), (HABIT, by_first), (OWN, own))
        ]
        on_clinic, by_habit, on_own = [before[0]], before[1], [before[2]]
        report = ""
        for count, adapted in self.plan():
            name = (AFTER if adapted else FROM_NOTHING).format(count=count)
            in_a_process(self.train, name, count, adapted)
            model = self.run(name).best_model()
            on_clinic.append(self.scored(CLINIC, name, model, tested))
            if adapted:
                on_own.append(self.scored(OWN, name, model, own))
            report = self.report(on_clinic, on_own, by_habit)
        return report

    def plan(self) -> list[tuple[int, bool]]:
        """How many labels, and whether a model is adapted or one trained from nothing."""
        labels = sorted(self.size.labels, reverse=True)
        return [(0, True), *((count, adapted) for count in labels for adapted in (True, False))]

    def report(self, on_clinic: Sequence[Path], on_own: Sequence[Path], by_habit: Path) -> str:
        """Write what was found, as tables for people."""
        parts = ["On the clinic's test subjects", tables(on_clinic, self.folder / "comparison-clinic")]
        parts += ["On the model's own test subjects", tables(on_own, self.folder / "comparison-own")]
        for adapted in on_clinic[1:]:
            nothing = adapted.with_name(adapted.name.replace("adapted", "from nothing"))
            if adapted != nothing and nothing in on_clinic:
                folder = self.folder / f"comparison-{adapted.name.split()[1]}-labels"
                parts += [f"{adapted.name}, against training from nothing", tables([nothing, adapted], folder)]
        parts.append(self.brought_back(on_clinic, by_habit))
        text = "\n\n".join(part.strip() for part in parts) + "\n"
        with whole_file(self.folder / "adaptation.md") as partial:
            partial.write_text(text, encoding="utf-8")
        return text

    def brought_back(self, on_clinic: Sequence[Path], by_habit: Path) -> str:
        """What the other habit costs the model, and how much of that each training brings back."""
        own_habit, clinic, *others = (average_dice(folder) for folder in (by_habit, *on_clinic))
        cost = own_habit - clinic
        lines = [
            f"Judged by the first world's experts, the model has an average Dice of {own_habit:.2f} % on the clinic's "
            f"subjects, and {clinic:.2f} % by the clinic's: the other habit costs {cost:.2f} points. Back come:"
        ]
        lines += [
            f"- {folder.name}: {dice - clinic:+.2f} points, {(dice - clinic) / cost:.0%}"
            for folder, dice in zip(on_clinic[1:], others, strict=True)
        ]
        return "\n".join(lines)


def in_a_process(work: Callable[..., None], *arguments: object) -> None:
    """Do something in a process of its own: training keeps all the memory that it has once needed, so that several of
    them in one came to 14 GB."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        process.submit(work, *arguments).result()


def from_nothing(preset: Preset, model: Model) -> Preset:
    """As many steps of the same networks, in the way of a training from nothing: its learning rates and weights."""
    taken = ("learning_rate", "warm_up", "remembered")
    taken += ("weight_reconstruction", "weight_identity", "identity_blur", "weight_transplanted")
    usual = {type(stage): stage for stage in PRESETS["bundled"].stages}
    stages = []
    for stage in preset.stages:
        names = [name for name in taken if hasattr(stage, name)]
        stages.append(replace(stage, **{name: getattr(usual[type(stage)], name) for name in names}))
    return replace(Ancestor(model).reshape(preset), stages=tuple(stages))


def average_dice(folder: Path) -> float:
    """In per cent, of an evaluation."""
    return 100 * read_json(folder / "scores.json")["per image"]["dice"]["average"]


def tables(scores: Sequence[Path], folder: Path) -> str:
    """The others against the first."""
    return versus_as_markdown(versus(scores, folder))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--own", type=Path, required=True, metavar="DIR", help="the model's own data set")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="data, runs, scores, report")
    parser.add_argument("--model", type=Path, metavar="FILE", help="what is adapted; without it, the bundled model")
    parser.add_argument("--pictures", type=at_least(1), default=100, metavar="N", help="of the clinic, to learn from")
    parser.add_argument("--test", type=at_least(1), default=40, metavar="N", help="of the clinic, to test on")
    parser.add_argument("--own-subjects", type=at_least(1), default=20, metavar="N", help="of --own, to test on")
    parser.add_argument("--rehearse", type=at_least(2), default=60, metavar="N", help="simulated subjects beside them")
    parser.add_argument("--labels", type=at_least(1), nargs="+", default=[5, 10], metavar="N")
    parser.add_argument("--preset", default="adapt", choices=("adapt", "smoke"))
    parser.add_argument("--spacing", type=millimetres, default=SPACING_MM, metavar="MM", help="of the clinic's pixels")
    parser.add_argument("--precision", default="auto", choices=PRECISIONS, help="as of the command train")
    arguments = parser.parse_args()
    size = Size(
        arguments.pictures,
        arguments.test,
        arguments.own_subjects,
        arguments.rehearse,
        tuple(arguments.labels),
        arguments.spacing,
    )
    own = open_dataset(arguments.own).test[: size.own]
    make_clinic(arguments.output / "clinic", size, Bar("Simulating the clinic"))
    preset = PRESETS[arguments.preset]
    task = Benchmark(arguments.output, load_model(arguments.model), preset, size, arguments.precision)
    print(task.compare(own))


if __name__ == "__main__":
    sys.exit(reported("adaptation", main))
