"""Equations 2 to 5, against values worked by hand."""

import math

import batches
import numpy as np
import pytest
import torch
from accelerate import Accelerator
from scipy.ndimage import gaussian_filter1d

from DAGANSpineLib.model import Model
from DAGANSpineLib.model.shapes import GeneratorShape, PanopticFPNShape
from DAGANSpineLib.training.dagan import DAGAN
from DAGANSpineLib.training.losses import (
    adversarial_loss,
    down_blurred,
    reconstruction_loss,
    segmentation_loss,
    thin_noise,
    within_grey,
)
from DAGANSpineLib.training.method import Batch
from DAGANSpineLib.training.trainer import cosine
from DAGANSpineLib.training.windows import WindowBatch
from DAGANSpineLib.vpi import DEVIATION, filled_pixels, normalise


def test_the_adversarial_loss_is_minus_the_log_of_the_right_probability():
    probabilities = torch.tensor([0.9, 0.2])
    logits = torch.log(probabilities / (1 - probabilities))
    assert adversarial_loss(logits, True).item() == pytest.approx(-(math.log(0.9) + math.log(0.2)) / 2, rel=1e-5)
    assert adversarial_loss(logits, False).item() == pytest.approx(-(math.log(0.1) + math.log(0.8)) / 2, rel=1e-5)


def test_the_reconstruction_loss_is_a_sum_over_the_patch_in_units_of_the_grey_range():
    observed = normalise(torch.full((2, 1, 96, 96), 100.0))
    restored = observed.clone()
    restored[0, 0, :10, :3] = normalise(torch.tensor(100.0 + 51))  # 30 pixels off by a fifth of the range
    assert reconstruction_loss(restored, observed).item() == pytest.approx(30 * 0.2**2 / 2, rel=1e-4)


def test_the_blur_down_the_columns_is_scipys():
    images = torch.rand(2, 1, 96, 40, generator=torch.Generator().manual_seed(0))
    expected = gaussian_filter1d(images.numpy(), 3.0, axis=2, mode="mirror")
    np.testing.assert_allclose(down_blurred(images, 3.0).numpy(), expected, atol=1e-5)
    assert down_blurred(images, 0.0) is images


def test_behind_the_blur_a_clean_patch_may_lose_its_banding_but_not_its_grey():
    clean = normalise(torch.full((1, 1, 96, 96), 100.0))
    banded, middle = clean.clone(), clean + 0.05
    banded[:, :, ::2] += 0.1
    levelled, darkened = (
        reconstruction_loss(down_blurred(restored, 3.0), down_blurred(banded, 3.0)).item()
        for restored in (middle, clean)
    )
    assert darkened == pytest.approx(reconstruction_loss(clean, middle).item(), rel=0.1)
    assert levelled < 0.05 * darkened


def test_the_segmentation_loss_of_a_blank_guess_is_log_4():
    assert segmentation_loss(torch.zeros(2, 4, 8, 8), torch.ones(2, 8, 8, dtype=torch.long)).item() == pytest.approx(
        math.log(4)
    )


def test_the_learning_rate_falls_along_a_half_cosine():
    assert cosine(1e-4, 1e-6, 0) == pytest.approx(1e-4)
    assert cosine(1e-4, 1e-6, 0.5) == pytest.approx((1e-4 + 1e-6) / 2)
    assert cosine(1e-4, 1e-6, 1) == pytest.approx(1e-6)


def small_dagan(**options) -> DAGAN:
    torch.manual_seed(0)
    model = Model(GeneratorShape((4, 8, 16)), PanopticFPNShape(depth=18, width=16, pyramid=8, head=8))
    method = DAGAN(model, widths=(4, 8, 16), **options)
    method.prepare(Accelerator(cpu=True))
    method.set_learning_rate(1e-3)
    return method


def random_batch() -> WindowBatch:
    torch.manual_seed(1)
    return batches.random_batch(4)


def snapshot(network: torch.nn.Module) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in network.parameters()]


def changed(network: torch.nn.Module, before: list[torch.Tensor]) -> bool:
    return any(not torch.equal(now, then) for now, then in zip(network.parameters(), before, strict=True))


def test_a_step_teaches_every_network():
    method = small_dagan()
    before = {name: snapshot(network) for name, network in method.networks.items()}
    figures = method.step(random_batch())
    assert {name for name, network in method.networks.items() if changed(network, before[name])} == set(before)
    assert all(math.isfinite(value) for value in figures.values())
    assert all(parameter.requires_grad for network in method.networks.values() for parameter in network.parameters())


def test_a_generator_that_has_learnt_before_waits_for_its_adversaries():
    method, others = small_dagan(warm_up=2), small_dagan(warm_up=2)
    before = {name: snapshot(network) for name, network in method.networks.items()}
    names = method.step(random_batch()).keys()
    assert not changed(method.networks["generator"], before["generator"])
    assert all(changed(network, before[name]) for name, network in method.networks.items() if "discriminator" in name)
    others.load_state(method.state())
    for each in (method, others):  # the second step belongs to the discriminators, whoever takes it
        assert each.step(random_batch()).keys() == names
        assert not changed(each.networks["generator"], before["generator"])
        each.step(random_batch())
        assert changed(each.networks["generator"], before["generator"])


@pytest.mark.parametrize("noise", [0, 255])
def test_thin_noise_of_either_colour_is_found_and_anatomy_is_not(noise):
    rows, columns = torch.meshgrid(torch.arange(96), torch.arange(96), indexing="ij")
    greys = 120 + 80 * torch.sin(rows / 12) * torch.cos(columns / 9)  # shadows and muscle
    torn = torch.zeros(96, 96, dtype=torch.bool)
    torn[10:13, 20:60] = torn[50, 5:90] = True
    spoiled = normalise(torch.where(torn, float(noise), greys))[None, None]
    assert torch.equal(thin_noise(spoiled)[0, 0], torn)


def test_transplanted_noise_is_to_be_taken_out_again():
    """Equation 3 on the clean patch with another's noise in it, of a generator that changes nothing."""
    method, batch = small_dagan(weight_transplanted=0.3, weight_segmentation=0.0), random_batch()
    generator = method.networks["generator"]
    method.restore = lambda images: images + 0 * generator(images)  # changes nothing, and is to learn
    figures = method.step(batch)
    noise = thin_noise(batch.corrupted)
    left = torch.where(noise, batch.corrupted - batch.clean, 0.0) * (DEVIATION / 255)
    assert noise.any() and not noise.all()
    assert figures["transplanted"].item() == pytest.approx(left.square().sum((1, 2, 3)).mean().item(), rel=1e-5)
    expected = figures["adversarial"] + 0.01 * (figures["reconstruction"] + figures["identity"])
    assert figures["total"].item() == pytest.approx((expected + 0.3 * figures["transplanted"]).item(), rel=1e-5)


def test_black_lines_are_filled_at_no_cost_where_equation_3_leaves_out_what_was_not_observed():
    """A restoration that fills lines without any frame with white, and changes two of the observed pixels."""
    lines = torch.zeros(96, 96, dtype=torch.bool)
    lines[::4] = True
    torn = normalise(torch.where(lines, 0.0, 1.0))[None, None].repeat(2, 1, 1, 1)
    assert torch.equal(filled_pixels(torn)[0, 0], ~lines)
    healed = torch.where(filled_pixels(torn), torn, normalise(torch.tensor(255.0)))
    healed[0, 0, 1, 5:7] = normalise(torch.tensor(1.0 + 51))
    for alone, cost in ((True, 0.2**2), (False, 0.2**2 + 24 * 96)):
        method = small_dagan(weight_segmentation=0.0, filled_alone=alone)
        generator = method.networks["generator"]
        method.restore = lambda images, learning=generator: healed.repeat(2, 1, 1, 1) + 0 * learning(images)
        assert method.step(Batch(torn, torn))["reconstruction"].item() == pytest.approx(cost, rel=1e-3)


def test_the_total_is_equation_5():
    """λ2 in full on the corrupted patches; what holds the clean ones stands beside it."""
    for weight in (0.0, 0.1):
        figures = small_dagan(weight_identity=weight).step(random_batch())
        expected = figures["adversarial"] + 0.5 * figures["segmentation"] + 0.01 * figures["reconstruction"]
        assert figures["total"].item() == pytest.approx((expected + weight * figures["identity"]).item(), rel=1e-5)


def test_the_segmenters_gradient_reaches_the_generator():
    """End to end: without adversaries and reconstruction, the generator still learns."""
    method = small_dagan(weight_reconstruction=0)
    batch = random_batch()
    loss = segmentation_loss(method.segment(batch.seen(method.restore(batch.windows))), batch.labels)
    loss.backward()
    assert all(parameter.grad.abs().any() for parameter in method.networks["generator"].parameters())


def test_without_dual_learning_there_is_no_second_discriminator():
    method = small_dagan(dual=False)
    assert set(method.networks) == {"generator", "segmenter", "clean discriminator"}
    assert "corrupted discriminator accuracy" not in method.step(random_batch())


def test_without_the_segmentation_term_the_segmenter_stays_as_it_is():
    method = small_dagan(weight_segmentation=0)
    before = snapshot(method.networks["segmenter"])
    method.step(random_batch())
    assert not changed(method.networks["segmenter"], before)


def test_discriminators_learn_to_tell_the_domains_apart():
    method = small_dagan(weight_segmentation=0)
    torch.manual_seed(2)
    smooth = torch.zeros(4, 1, 96, 96)
    dashed = smooth.clone()
    dashed[:, :, ::8] = -1.0
    method.optimisers["generator"].param_groups.clear()  # a generator that doesn't answer back
    method.set_learning_rate(5e-3)
    for _ in range(25):
        figures = method.step(Batch(dashed, smooth))
    assert figures["clean discriminator accuracy"] == 1.0


def test_no_discriminator_is_shown_what_is_darker_than_black_or_brighter_than_white():
    """Most of a restored patch, or of one with a residual added, may leave the range of grey: no real patch does."""
    method, shown = small_dagan(weight_segmentation=0), []
    with torch.no_grad():
        method.networks["generator"].correction.bias.fill_(3.0)  # brighter than white by far
    for name in ("clean discriminator", "corrupted discriminator"):
        method.networks[name].register_forward_pre_hook(lambda network, inputs: shown.append(inputs[0].detach()))
    torch.manual_seed(2)
    patches = normalise(torch.randint(256, (2, 4, 1, 96, 96)).float())
    method.step(Batch(*patches))
    assert len(shown) == 4
    for pictures in shown:
        assert normalise(0.0) - 1e-5 <= pictures.min() and pictures.max() <= normalise(255.0) + 1e-5


def test_the_gradient_passes_what_is_cut_off():
    images = torch.tensor([-3.0, 0.5, 4.0], requires_grad=True)
    (within_grey(images) * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert images.grad.tolist() == [1, 2, 3]
    assert within_grey(images).tolist() == pytest.approx([normalise(0.0), 0.5, normalise(255.0)])
