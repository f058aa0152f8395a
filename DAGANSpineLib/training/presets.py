"""Named settings of a training: the paper's, the bundled model's, and a quick one for tests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..metrics import LEVELLING
from ..model import GeneratorShape, PanopticFPNShape, RestorerShape, SegmenterShape
from .stages import AdversarialStage, SegmentationStage, Stage


@dataclass(frozen=True)
class Preset:
    """A whole training: the networks and the stages one after the other."""

    generator: RestorerShape
    segmenter: SegmenterShape
    stages: tuple[Stage, ...]
    checkpoint_minutes: float = 5.0  # at the least; the paper's networks make it half a gigabyte
    validate_every: int = 500  # steps
    log_every: int = 10  # steps

    def described(self) -> dict[str, Any]:
        """All settings, as plain data; a run may be resumed with the very same ones."""
        shapes = {name: getattr(self, name).described() for name in ("generator", "segmenter")}
        return vars(self) | shapes | {"stages": [stage.described() for stage in self.stages]}


# Restoration learnt by itself, as for the bundled model: half of λ2 on corrupted patches, ten times that on clean ones;
# held to the black of lines that take half of a patch, it would leave them grey.
RESTORATION_ALONE = {
    "weight_segmentation": 0.0,
    "weight_reconstruction": 0.005,
    "weight_identity": 0.05,
    "filled_alone": True,
}

# slim enough for 16 MB and for a laptop: restoration on native patches, then segmentation of whole spines
BUNDLED = Preset(
    GeneratorShape(widths=(16, 48, 128), unshuffled=True),  # less than half of the operations of widths 32, 64, 128
    PanopticFPNShape(depth=18, width=32, pyramid=64, head=64),
    (
        AdversarialStage(
            steps=800,
            learning_rate=4e-4,
            discriminator_widths=(32, 64, 128),
            **RESTORATION_ALONE,
            identity_blur=LEVELLING,  # held to it as it is, restoration learns in time to keep the banding as well
            clean=1.5,  # with the paper's 2, the clean patches that teach have more banding than need be
        ),
        SegmentationStage(steps=3000),
    ),
    validate_every=200,
)

# A model that has learnt before gets used to other pictures: shorter steps than from nothing, so that little is lost,
# and it isn't held to the noise that it doesn't know. The segmenter is used halfway between what it was and what it has
# become, as Wortsman et al. (CVPR 2022) advise where nobody can say how much of either counts.
TRANSPLANTED = {
    "weight_reconstruction": 0.0,
    "weight_identity": 0.4,
    "identity_blur": 0.0,
    "weight_transplanted": 0.3,
}
ADAPT = replace(
    BUNDLED,
    stages=(
        replace(BUNDLED.stages[0], steps=300, learning_rate=3e-4, warm_up=60, **TRANSPLANTED),
        replace(BUNDLED.stages[1], steps=300, learning_rate=5e-4, remembered=0.5),
    ),
    validate_every=100,
)

PRESETS = {
    # sections 3.1 and 3.2: ResNet-50, batch 16, 100 epochs, Adam from 1e-4 to 1e-6; a table in the README has the rest
    "paper": Preset(GeneratorShape(), PanopticFPNShape(), (AdversarialStage(epochs=100),), validate_every=2500),
    "bundled": BUNDLED,
    # the same for a segmenter that has learnt before: it gets used to other restorations, greys and labels
    "renewed": replace(BUNDLED, stages=(BUNDLED.stages[0], SegmentationStage(steps=720, learning_rate=5e-4))),
    # the segmenter alone, behind the generator of the model that it begins from
    "segmenter": replace(BUNDLED, stages=(SegmentationStage(steps=2000, learning_rate=5e-4),), validate_every=250),
    # for a model that has learnt before, and a clinic's ten pictures
    "adapt": ADAPT,
    # a minute: for tests, and to see that a data set can be trained on
    "smoke": Preset(
        GeneratorShape(widths=(8, 16, 32)),
        # not slimmer: with 8 channels in channels_last, torch 2.13 on a CPU corrupts memory in the gradient of a
        # strided 1 x 1 convolution
        PanopticFPNShape(depth=18, width=16, pyramid=16, head=16),
        (
            AdversarialStage(batch=4, steps=6, learning_rate=1e-3, discriminator_widths=(8, 16, 32)),
            SegmentationStage(batch=2, steps=6),
        ),
        checkpoint_minutes=0.0,
        validate_every=6,
        log_every=2,
    ),
}
