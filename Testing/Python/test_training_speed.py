"""What makes training fast doesn't change what it computes."""

import platform
import subprocess
import sys

import pytest
import torch
from accelerate import Accelerator
from batches import random_batch

from DAGANSpineLib.model import Model
from DAGANSpineLib.model.shapes import GeneratorShape, PanopticFPNShape
from DAGANSpineLib.training.dagan import DAGAN
from Testing.Benchmarks.textbook import TextbookDAGAN, with_textbook_adam, with_textbook_attention


def double_precision(kind: type[DAGAN]) -> DAGAN:
    """A small DA-GAN without rounding errors to speak of, which Adam would blow up."""
    torch.manual_seed(0)
    model = Model(GeneratorShape((4, 8, 16)), PanopticFPNShape(depth=18, width=16, pyramid=16, head=16))
    method = kind(model, widths=(4, 8, 16))
    for network in method.networks.values():
        network.double()
    return method


def ready(method: DAGAN) -> DAGAN:
    method.prepare(Accelerator(cpu=True))
    method.set_learning_rate(1e-3)
    return method


def test_the_tuned_step_is_the_textbooks():
    tuned, textbook = double_precision(DAGAN), double_precision(TextbookDAGAN)
    with_textbook_attention(textbook)
    with_textbook_adam(textbook)
    textbook.memory_format = torch.contiguous_format
    for method in (ready(tuned), ready(textbook)):
        method.losses = []
    for step in range(3):
        for method in (tuned, textbook):
            torch.manual_seed(step)
            figures = method.step(random_batch(2, torch.double))
            method.losses.append({name: float(value) for name, value in figures.items()})
    for ours, theirs in zip(tuned.losses, textbook.losses, strict=True):
        assert {name: ours[name] for name in theirs} == pytest.approx(theirs, rel=1e-8)
    for name, network in tuned.networks.items():
        for ours, theirs in zip(network.parameters(), textbook.networks[name].parameters(), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-8)


PAGE_FAULTS = """
import resource, sys, torch
from DAGANSpineLib.inference.devices import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
weights = torch.ones(9_000_000, requires_grad=True)  # 36 MB
def faults_of_a_step():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    (weights * 2).sigmoid().square().mean().backward()
    weights.grad = None
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(sum([faults_of_a_step() for _ in range(10)][-3:]))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is tuned")
def test_steps_use_the_same_memory_again_and_again():
    faults = {
        mode: int(subprocess.run([sys.executable, "-c", PAGE_FAULTS, mode], capture_output=True, check=True).stdout)
        for mode in ("keep", "free")
    }
    assert faults["keep"] * 10 < faults["free"]
