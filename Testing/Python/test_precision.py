"""Mixed precision: the networks compute in half the bits, losses and weights keep theirs."""

import dataclasses
import json

import batches
import pytest
import SimpleITK as sitk
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from DAGANSpineLib.inference.devices import DeviceError, choose_precision
from DAGANSpineLib.model import Model
from DAGANSpineLib.model.shapes import GeneratorShape, PanopticFPNShape
from DAGANSpineLib.training import dagan, trainer
from DAGANSpineLib.training.presets import PRESETS
from DAGANSpineLib.training.validation import Validation
from DAGANSpineLib.training.windows import WindowBatch

SMOKE = PRESETS["smoke"]


@pytest.fixture(autouse=True)
def one_precision_for_each_test():
    """Accelerate keeps the first precision that a process asks for."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.mark.parametrize(
    ("device", "capability", "precision"),
    [("cuda", (8, 0), "bf16"), ("cuda", (7, 5), "fp16"), ("mps", None, "full"), ("cpu", None, "full")],
)
def test_auto_is_what_the_device_is_fastest_in(monkeypatch, device, capability, precision):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert choose_precision("auto", torch.device(device)) == precision


@pytest.mark.parametrize(
    ("name", "device", "choice"),
    [("fp16", "cpu", "full or bf16"), ("bf16", "mps", "full"), ("bf16", "cuda", "full or fp16")],
)
def test_a_precision_that_the_device_lacks_is_refused(monkeypatch, name, device, choice):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    with pytest.raises(DeviceError, match=f"{name} doesn't work on {device.upper()}: choose {choice}"):
        choose_precision(name, torch.device(device))


def test_in_bf16_convolutions_are_short_but_losses_validation_and_weights_are_not(tmp_path, monkeypatch, small_vpi):
    subjects = ("a", "b")
    for folder, pixels in (("images", small_vpi), ("labels", (small_vpi > 150).astype("uint8"))):
        (tmp_path / folder).mkdir()
        for subject in subjects:
            sitk.WriteImage(sitk.GetImageFromArray(pixels), str(tmp_path / folder / f"{subject}.png"))
    (tmp_path / "dataset.json").write_text(json.dumps({"train": subjects, "test": []}))
    seen = {"training": set(), "validation": set(), "losses": set()}
    mode = ["training"]

    def note_convolution(module, inputs, output):
        if isinstance(module, torch.nn.Conv2d):
            seen[mode[0]].add(output.dtype)

    def noting_loss(loss):
        def noted(*tensors, **options):
            seen["losses"].update(tensor.dtype for tensor in tensors if isinstance(tensor, torch.Tensor))
            return loss(*tensors, **options)

        return noted

    def as_validation(judge):
        def noted(*arguments):
            mode[0] = "validation"
            scores = judge(*arguments)
            mode[0] = "training"
            return scores

        return noted

    monkeypatch.setattr(Validation, "score", as_validation(Validation.score))
    monkeypatch.setattr(trainer, "normalise_by_wholes", as_validation(trainer.normalise_by_wholes))
    for name in ("adversarial_loss", "reconstruction_loss", "segmentation_loss"):
        monkeypatch.setattr(dagan, name, noting_loss(getattr(dagan, name)))
    stage = dataclasses.replace(SMOKE.stages[0], steps=2)
    preset = dataclasses.replace(SMOKE, stages=(stage,))
    hook = torch.nn.modules.module.register_module_forward_hook(note_convolution)
    try:
        model = trainer.train(tmp_path, tmp_path / "run", preset, precision="bf16")
    finally:
        hook.remove()
    assert seen == {
        "training": {torch.bfloat16},
        "validation": {torch.float32},
        "losses": {torch.float32, torch.int64},
    }
    checkpoint = torch.load(tmp_path / "run" / "last.pt", weights_only=True)
    kept = [weight for weights in checkpoint["method"]["networks"].values() for weight in weights.values()]
    assert {weight.dtype for weight in kept} == {torch.float32, torch.int64}
    assert all(weight.isfinite().all() for weight in kept)
    assert model.provenance["step"] == 2
    assert json.loads((tmp_path / "run" / "config.json").read_text(encoding="utf-8"))["precision"] == "bf16"


def scaled(scale: float) -> dagan.DAGAN:
    """A small DA-GAN whose gradients are scaled as fp16 needs it, computing in full precision on the CPU."""
    torch.manual_seed(0)
    model = Model(GeneratorShape((4, 8, 16)), PanopticFPNShape(depth=18, width=16, pyramid=16, head=16))
    method = dagan.DAGAN(model, widths=(4, 8, 16))
    accelerator = Accelerator(cpu=True)
    accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=scale)
    method.prepare(accelerator)
    method.set_learning_rate(1e-3)
    return method


def random_batch() -> WindowBatch:
    torch.manual_seed(1)
    return batches.random_batch(2)


def weights_of(method: dagan.DAGAN) -> torch.Tensor:
    parameters = (parameter for network in method.networks.values() for parameter in network.parameters())
    return torch.cat([parameter.detach().flatten() for parameter in parameters])


def test_scaled_gradients_give_the_same_step():
    plain, large = scaled(1.0), scaled(1024.0)
    for method in (plain, large):
        method.step(random_batch())
    torch.testing.assert_close(weights_of(plain), weights_of(large), rtol=1e-4, atol=1e-5)


def test_a_step_whose_gradients_overflow_is_left_out_and_the_scale_falls():
    method = scaled(1024.0)
    before = weights_of(method)
    batch = random_batch()
    method.step(dataclasses.replace(batch, windows=batch.windows * 1e37))
    assert torch.equal(weights_of(method), before)
    assert method.accelerator.scaler.get_scale() == 1024.0 / 2 / 2  # once for each optimiser


def test_a_resumed_run_has_the_scale_that_it_was_stopped_with():
    method = scaled(1024.0)
    method.step(random_batch())
    state = method.state()
    AcceleratorState._reset_state(reset_partial_state=True)
    resumed = scaled(1.0)
    resumed.load_state(state)
    assert resumed.accelerator.scaler.state_dict() == method.accelerator.scaler.state_dict()
