"""What every system of the comparison has to do: keep greys, and learn at the size that it is tested at."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from stages import learn

from DAGANSpineLib.baselines.budget import SMOKE
from DAGANSpineLib.baselines.systems import SYSTEMS
from DAGANSpineLib.inference import Pipeline
from DAGANSpineLib.model import freeze
from DAGANSpineLib.networks.style_transfer import UNLIKE, WaveCT
from DAGANSpineLib.vpi import denormalise, lit_body, normalise

RESTORING = [each for each in SYSTEMS if each.preset(SMOKE).stages[0].restores]
BRIGHTER = 40  # grey levels


@pytest.fixture(scope="module")
def picture(part):
    """A test subject's picture that can be made brighter without running into white, and its lit body."""
    pixels = sitk.GetArrayFromImage(sitk.ReadImage(str(next((part / "images").glob("*.png"))))).astype(np.float32)
    body = lit_body(pixels)
    return np.where(body, 20 + pixels * 0.6, 0), body


@pytest.mark.parametrize("each", RESTORING, ids=[each.key for each in RESTORING])
def test_brighter_in_is_brighter_out(each, part, picture):
    """Once it has learnt a little, as it is used: most of so many grey levels more are in what is restored. WaveCT
    gives pictures the greys of the clean ones that it remembers, so here it has seen dark and bright ones."""
    budget = replace(SMOKE, widths=(8, 16), discriminator_widths=(4, 8, 16))
    begins_with_the_picture = each.preset(budget).generator.kind in ("generator", "residual generator with a shortcut")
    model, stage = learn(each.preset(budget), part, steps=10 if begins_with_the_picture else 60, rate=2e-3)
    transfers = isinstance(model.generator, WaveCT)
    if transfers:
        model.generator.histograms.fill_(UNLIKE)
        for step in range(64):
            greys = 20 + 0.6 * denormalise(stage.feed(step).clean) + BRIGHTER * (step % 2)
            model.generator.remember(normalise(greys))
    for network in model.networks:
        freeze(network)
    pixels, body = picture
    pipeline = Pipeline(model, "cpu")
    dark, bright = (
        pipeline.restore(np.where(body, pixels + more, 0).astype(np.float32), body)[body].astype(float)
        for more in (0, BRIGHTER)
    )
    assert (0.4 if transfers else 0.6) * BRIGHTER < (bright - dark).mean() < 1.4 * BRIGHTER
    assert np.corrcoef(dark, pixels[body])[0, 1] > 0.5  # and not upside down
