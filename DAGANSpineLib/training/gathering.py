"""Who a training learns from, gathered before it begins: a data set's subjects, and who helps where they are few."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from tqdm import tqdm

from ..inference import Pipeline
from ..model import Model
from ..progress import unheard
from .dataset import Dataset
from .guessing import guess, taken, told
from .rehearsal import rehearse, rehearsed
from .subjects import Subjects


@dataclass(frozen=True)
class Aid:
    """Help beside a data set. `rehearsal`: how many simulated subjects are learnt from as well; 0, or at least 2.
    `self_training`: whether segmentation learns from the labels, too, that the model which the training begins from
    draws for subjects without. `folder`: where what is made for that is kept for several trainings; None for each
    one's own."""

    rehearsal: int = 0
    self_training: bool = False
    folder: Path | None = None

    def described(self) -> dict[str, Any]:
        """As a run's configuration says it: nothing of help that isn't there."""
        return {name: value for name, value in asdict(self).items() if value and name != "folder"}


def gather(
    dataset: Dataset, folder: Path, aid: Aid, labeller: Model | None, seed: int, accelerator: Accelerator, quiet: bool
) -> tuple[Subjects, list[str]]:
    """Who is learnt from, and sentences on it. What is made for that is kept in the run's `folder`, through which the
    processes share the work. `labeller`: whose labels self-training takes."""
    subjects, sentences, folder = Subjects.of(dataset), [], aid.folder or folder
    if aid.rehearsal:
        if accelerator.is_main_process:
            rehearse(folder, aid.rehearsal, seed, quiet)
        accelerator.wait_for_everyone()
        subjects = replace(subjects, rehearsed=rehearsed(folder))
    if aid.self_training:
        pipeline = Pipeline(labeller, accelerator.device.type)
        mine = subjects.unlabelled[accelerator.process_index :: accelerator.num_processes]
        with tqdm(total=len(mine), desc="Labelling", leave=False, disable=quiet) as bar:
            guess(mine, pipeline, folder, lambda fraction, message: bar.update())
        accelerator.wait_for_everyone()
        guesses = guess(subjects.unlabelled, pipeline, folder, unheard)
        subjects = subjects.with_guessed(taken(subjects.unlabelled, guesses, folder))
        sentences.append(told(guesses))
    return subjects, sentences
