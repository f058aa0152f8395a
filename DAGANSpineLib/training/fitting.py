"""What of a preset a data set can teach: without labels nobody learns to segment, without noise nobody to restore."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tqdm import tqdm

from ..model import UntouchedShape
from .checking import lacking
from .dataset import Dataset, DatasetError
from .descent import Ancestor
from .presets import Preset
from .stages import Stage

ADAPT = "begin from a model (--from bundled)"


def fitted(
    preset: Preset, dataset: Dataset, ancestor: Ancestor | None, labels: bool, quiet: bool = False
) -> tuple[Preset, list[str]]:
    """The preset as far as the data set can teach it, and a sentence for each thing that it can't. `labels`: whether
    somebody has any.

    Raises DatasetError where nothing is left to learn, or what can't be learnt was not learnt before either.
    """
    inherited = ancestor.inherited if ancestor else ()
    sentences = []
    if not labels:
        preset = without_labels(preset, inherited)
        sentences.append("Nobody has labels: restoration alone adapts, and the segmenter stays as it was.")
    found = lacking_of(preset, dataset, quiet)
    if found:
        preset, sentence = without_noise(preset, inherited, found[0])
        sentences.append(sentence)
    return preset, sentences


def without_labels(preset: Preset, inherited: Sequence[str]) -> Preset:
    """The preset where nobody has labels. Raises DatasetError."""
    if "segmenter" not in inherited:
        raise DatasetError(
            f"Nobody in the data set has labels, from which segmentation is learnt: label some subjects, or {ADAPT} "
            "that can segment."
        )
    stages = kept([stage.without_labels() for stage in preset.stages])
    if not stages:
        raise DatasetError("Nobody in the data set has labels, and this preset learns from labels alone: choose adapt.")
    return replace(preset, stages=stages)


def without_noise(preset: Preset, inherited: Sequence[str], lack: str) -> tuple[Preset, str]:
    """The preset where no patch is corrupted, or none clean, as `lack` says, and what comes of it. Raises
    DatasetError."""
    stages = kept([stage.without_noise() for stage in preset.stages])
    if not stages:
        raise DatasetError(f"{lack} To train the segmenter alone, give labels, and choose the preset adapt or bundled.")
    preset = replace(preset, stages=stages)
    if "generator" in inherited:
        return preset, f"{lack} Until then restoration stays as it was, and the segmenter alone learns."
    sentence = f"{lack} Until then pictures are not restored, and the segmenter alone learns; to restore, {ADAPT}."
    return replace(preset, generator=UntouchedShape()), sentence


def kept(stages: Sequence[Stage | None]) -> tuple[Stage, ...]:
    return tuple(stage for stage in stages if stage)


def lacking_of(preset: Preset, dataset: Dataset, quiet: bool) -> list[str]:
    """`lacking` of the pictures that the preset takes its patches from."""
    splitting = [stage for stage in preset.stages if stage.splits_patches]
    if not splitting:
        return []
    labelled_alone = any(stage.needs_labels for stage in splitting)
    records = dataset.split_validation()[0] if labelled_alone else dataset.pictures
    with tqdm(desc="Looking for noise", total=len(records), leave=False, disable=quiet) as bar:
        return lacking(records, lambda fraction, subject: bar.update())
