"""The systems of a comparison, in the order of Table 1, and what the paper found of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..training import Preset
from . import (
    ablations,
    classical,
    cyclegan,
    dagan,
    noise2self,
    noise2void,
    ntgan,
    ppmu,
    rsnu,
    unet,
    vanilla_fpn,
    wavect,
)
from .budget import Budget

REFERENCE = "DA-GAN"  # whom the others are compared with
VANILLA = "vanilla-fpn"  # a segmenter on which as many multiply-adds are spent as on DA-GAN
# Than whom DA-GAN has restoration alone in front; its search is for the segmenter behind every restoration, too.
ALONE = "segmenter-alone"
MANY = 5  # trainings of those that the paper's claims stand on

Published = dict[str, tuple[float, float, float]]


@dataclass(frozen=True)
class System:
    """A row of the table.

    `preset`: how it is trained in a budget. `published`: its Dice, Jaccard and pixel accuracy in per cent by class as
    the paper gives them, None if it isn't in the paper's table. `note`: what a reader should know of the row. `weighs`:
    whether its losses have a weight to search for. `like`: the key of the system whose search holds for it too.
    `trainings`: with how many seeds, if nobody says. `ranked`: whether it takes part in any order of the systems.
    """

    name: str
    preset: Callable[[Budget], Preset]
    published: Published | None = field(default=None, hash=False)
    note: str = ""
    weighs: bool = False
    like: str = ""
    trainings: int = 3
    ranked: bool = True

    @property
    def searched(self) -> str:
        """The key of the system whose search holds for this one."""
        return self.like or self.key

    @property
    def key(self) -> str:
        """The name as it is typed, and as folders have it: w/o DAL -> w-o-dal."""
        words = "".join(letter if letter.isalnum() else " " for letter in self.name.lower()).split()
        return "-".join(words)


def published(lumbar: tuple, thoracic: tuple, rib: tuple, average: tuple) -> Published:
    """A row of Table 1: Dice, Jaccard, pixel accuracy of each."""
    return {"lumbar": lumbar, "thoracic": thoracic, "rib": rib, "average": average}


SYSTEMS = (
    System(
        "CycleGAN",
        cyclegan.preset,
        published((86.81, 76.96, 87.90), (76.71, 62.47, 80.74), (78.54, 65.00, 80.46), (80.67, 68.14, 83.03)),
        "without instance normalisation and around a shortcut, so that it can keep greys; the hyperbolic tangent "
        "bounds what is added, not the picture; its generators leave alone what is in the wanted domain, with weight "
        "0.5",
        weighs=True,
        trainings=MANY,
    ),
    System(
        "CycleGAN without identity",
        cyclegan.without_identity,
        note="not in the paper: the same, not asked to leave anything alone",
        like="cyclegan",
    ),
    System(
        "N2S",
        noise2self.preset,
        published((86.82, 76.97, 88.75), (76.60, 62.32, 80.28), (77.96, 64.21, 81.29), (80.46, 67.84, 83.44)),
        "the paper prints 80.46 for its lumbar Dice, a misprint for 86.82, as its Jaccard index and average tell",
    ),
    System(
        "N2V",
        noise2void.preset,
        published((87.28, 77.71, 88.50), (77.51, 63.50, 75.84), (78.87, 65.32, 78.40), (81.22, 68.84, 80.91)),
    ),
    System(
        "structured N2V",
        noise2void.structured,
        note="not in the paper: Noise2Void with a mask along the rows",
        trainings=MANY,  # by PSNR the best of the denoisers so far
    ),
    System(
        "Vanilla FPN",
        vanilla_fpn.preset,
        published((85.69, 75.29, 85.57), (76.42, 62.12, 74.12), (78.02, 64.24, 76.45), (80.04, 67.21, 78.72)),
        "widened until it has at least DA-GAN's parameters and multiply-adds",
        trainings=MANY,
    ),
    System(
        "segmenter alone",
        vanilla_fpn.alone,
        note="not in the paper: DA-GAN's segmenter as it is, on pictures as they come, so that what DA-GAN does better "
        "or worse is its restoration's doing",
        trainings=MANY,
    ),
    System(
        "U-Net",
        unet.preset,
        published((82.21, 70.26, 83.28), (74.70, 59.94, 72.39), (77.37, 63.46, 76.37), (78.09, 64.56, 77.35)),
        trainings=MANY,
    ),
    System(
        "RSNU",
        rsnu.preset,
        published((85.85, 75.52, 88.24), (77.45, 63.39, 77.30), (79.26, 65.92, 80.28), (80.86, 68.28, 81.94)),
        weighs=True,
    ),
    System(
        "WaveCT",
        wavect.preset,
        published((86.59, 76.58, 87.91), (75.91, 61.36, 72.34), (78.49, 64.82, 79.72), (80.33, 67.58, 79.99)),
        "its features learnt from the training subjects' patches, in the place of a VGG's; it gives a picture the "
        "greys of the clean patches that it remembers, so that how bright it is hangs on these",
    ),
    System(
        "PPMU",
        ppmu.preset,
        published((84.58, 73.68, 85.11), (76.55, 62.22, 75.22), (78.21, 64.48, 78.30), (79.78, 66.79, 79.55)),
        "larger than DA-GAN where that is slim: slimmer, its pooled branches would be left with two or three channels",
    ),
    System(
        "without SA",
        ablations.without_attention,
        published((87.23, 77.65, 89.07), (77.85, 63.94, 77.33), (79.24, 65.84, 79.78), (81.44, 69.14, 82.06)),
        like="da-gan",
        trainings=MANY,
    ),
    System(
        "without DAL",
        ablations.without_dual,
        published((87.44, 77.97, 89.32), (77.98, 64.11, 77.28), (79.11, 65.64, 78.97), (81.51, 69.24, 81.86)),
        like="da-gan",
        trainings=MANY,
    ),
    System(
        "classical repair",
        classical.preset,
        note="interpolation over unfilled pixels, then the vanilla FPN",
        like=VANILLA,
    ),
    System(
        REFERENCE,
        dagan.preset,
        published((87.72, 78.46, 88.73), (77.81, 63.90, 77.70), (79.68, 66.42, 79.54), (81.73, 69.59, 81.99)),
        weighs=True,
        trainings=MANY,
    ),
    System(
        "NTGAN",
        ntgan.preset,
        note="not in the paper; assumed: Gaussian noise as its degradation model, and its losses, of which only the "
        "abstract is known here",
        weighs=True,
        ranked=False,
    ),
)
