"""A model file: the two networks that inference needs, how they are built, and where they come from."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..files import whole_file
from ..segments import CLASSES
from ..texts import tr as _
from . import card as model_card
from .card import FORMAT, ModelError
from .shapes import RESTORERS, SEGMENTERS, RestorerShape, SegmenterShape, shape_of

LARGEST = 1 << 30  # bytes of a model file: the paper's has 60 MB
CHECKSUM = ".sha256"  # beside the bundled file, as sha256sum writes it


@dataclass
class Model:
    """A generator, which restores, and a segmenter, with what is known of them.

    `provenance`: texts and numbers that say how the model was trained (data, preset, steps, figures).
    `name`, `sha256`: of the file that the model was loaded from, empty for a model that was just built.
    """

    generator_shape: RestorerShape
    segmenter_shape: SegmenterShape
    provenance: dict[str, Any] = field(default_factory=dict)
    classes: tuple[str, ...] = CLASSES
    name: str = ""
    sha256: str = ""

    def __post_init__(self) -> None:
        self.generator, self.segmenter = self.generator_shape.build(), self.segmenter_shape.build()

    @property
    def networks(self) -> tuple[nn.Module, nn.Module]:
        return self.generator, self.segmenter


def fits_file(model: Model) -> bool:
    """Whether all weights are numbers in half precision, too, which ends at 65504: lost trainings have others."""
    states = (network.state_dict().values() for network in model.networks)
    return all(bool(value.half().isfinite().all()) for state in states for value in state if value.is_floating_point())


def save_model(model: Model, path: Path) -> None:
    """Write a model file in half precision. Raises ModelError, and leaves the file as it is, if it can't hold the
    weights."""
    if not fits_file(model):
        sentence = _("{path} can't hold weights that are no numbers, or beyond half precision: the training is lost.")
        raise ModelError(sentence.format(path=path))
    content = {
        "format": FORMAT,
        "configuration": {
            "generator": model.generator_shape.described(),
            "segmenter": model.segmenter_shape.described(),
        },
        "classes": list(model.classes),
        "provenance": model.provenance,
        "generator": half(model.generator.state_dict()),
        "segmenter": half(model.segmenter.state_dict()),
    }
    with whole_file(path) as partial:
        torch.save(content, partial)


def half(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Half precision, on the CPU; counters stay whole numbers."""
    return {
        name: (value.half() if value.is_floating_point() else value).cpu().contiguous()
        for name, value in weights.items()
    }


def load_model(path: Path | None = None) -> Model:
    """Load a model file, the bundled one for None, on the CPU in single precision, ready for inference.

    Raises ModelError if the file is missing, damaged, of another kind or of a newer format.
    """
    path = Path(path or model_card.BUNDLED)
    try:
        if path.stat().st_size > LARGEST or not (path.is_file() or path.is_dir()):  # a device has no end
            raise model_card.damaged(path)
        data = path.read_bytes()
    except OSError as error:
        raise model_card.unreadable(path, error) from error
    sha256 = hashlib.sha256(data).hexdigest()
    if path == model_card.BUNDLED and sha256 != expected_checksum():
        sentence = _("The bundled model {path} has been changed or damaged: install the extension again.")
        raise ModelError(sentence.format(path=path))
    content = model_card.checked(unpacked(data, path), path)
    refuse_odd(content, path)
    try:
        model = Model(
            shape_of(RESTORERS, content["configuration"]["generator"]),
            shape_of(SEGMENTERS, content["configuration"]["segmenter"]),
            provenance=content["provenance"],
            classes=tuple(content["classes"]),
            name=path.name,
            sha256=sha256,
        )
        model.generator.load_state_dict(content["generator"])
        model.segmenter.load_state_dict(content["segmenter"])
    except (RuntimeError, KeyError, TypeError, ValueError, AttributeError, MemoryError) as error:
        sentence = _("{path} says one thing of its networks and holds another: it can't be used.")
        raise ModelError(sentence.format(path=path)) from error
    for network in model.networks:
        freeze(network)
    return model


def refuse_odd(content: dict[str, Any], path: Path) -> None:
    """Raise ModelError for other classes than ours, in any order, and for weights that are no numbers."""
    if not isinstance(content["classes"], list | tuple) or tuple(content["classes"]) != CLASSES:
        sentence = _("{path} has the classes {classes}, and not {known}: choose another model.")
        found = str(content["classes"])[:200]
        raise ModelError(sentence.format(path=path, classes=found, known=", ".join(CLASSES)))
    parts = [content[name] if isinstance(content[name], dict) else {"": None} for name in ("generator", "segmenter")]
    weights = [value for part in parts for value in part.values()]
    if not all(isinstance(value, torch.Tensor) and bool(torch.isfinite(value).all()) for value in weights):
        sentence = _("{path} holds weights that are no numbers (NaN or infinite): train it again, or choose another.")
        raise ModelError(sentence.format(path=path))


def unpacked(data: bytes, path: Path) -> Any:
    """What torch.save wrote, tensors and plain data only. Raises ModelError if it has changed since, or was written on
    a computer that keeps numbers the other way round."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            # torch neither packs, nor compares checksums
            if any(each.compress_type != zipfile.ZIP_STORED for each in entries) or archive.testzip() is not None:
                raise zipfile.BadZipFile
            order = [archive.read(each) for each in entries if each.filename.endswith("/byteorder")]
            if any(each != b"little" for each in order):
                raise zipfile.BadZipFile
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # whatever foreign bytes lead zipfile and torch to
        raise model_card.damaged(path) from error


def freeze(network: nn.Module) -> None:
    """Ready for inference: no gradients, no dropout, fixed batch statistics."""
    network.eval().requires_grad_(False)


def expected_checksum() -> str:
    """The bundled file's sha256 as its checksum file gives it; empty if that is missing."""
    bundled = model_card.BUNDLED
    checksum = bundled.with_name(bundled.name + CHECKSUM)
    words = checksum.read_text(encoding="utf-8", errors="replace").split() if checksum.is_file() else []
    return words[0] if words else ""
