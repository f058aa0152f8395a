"""Pixels in, restored pixels and labels out."""

import numpy as np
import pytest
import torch

from DAGANSpineLib.inference import Pipeline, devices
from DAGANSpineLib.inference.devices import DeviceError
from DAGANSpineLib.inference.pipeline import tiles_of
from DAGANSpineLib.model import Model, freeze
from DAGANSpineLib.model.shapes import GeneratorShape, PanopticFPNShape
from DAGANSpineLib.networks import Generator
from DAGANSpineLib.progress import Cancelled
from DAGANSpineLib.vpi import denormalise, lit_body, normalise


def small_model(seed: int = 0) -> Model:
    torch.manual_seed(seed)
    model = Model(GeneratorShape((4, 8, 16)), PanopticFPNShape(depth=18, width=16, pyramid=8, head=8))
    for network in model.networks:
        freeze(network)
    return model


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline(small_model(), "cpu")


@pytest.fixture
def pixels() -> np.ndarray:
    """A lit body of noise within a black margin, of no round size, 611 x 333."""
    random = np.random.default_rng(0)
    pixels = np.zeros((611, 333), np.float32)
    pixels[13:590, 40:297] = random.uniform(20, 250, (577, 257))
    return pixels


@pytest.mark.parametrize("widths", [(4, 8, 16), (4, 8)])
@pytest.mark.parametrize("options", [{}, {"unshuffled": True}, {"upsampling": "transposed"}], ids=str)
def test_tiles_give_the_whole_images_output(widths, options, pixels):
    torch.manual_seed(1)
    generator = Generator(widths, **options).eval()
    image = torch.from_numpy(normalise(pixels))[None, None]
    tiled = torch.full_like(image, float("nan"))
    with torch.inference_mode():
        whole = generator(image)
        for tile in tiles_of(pixels.shape, generator, size=128):
            tiled[(..., *tile.inner)] = generator(image[(..., *tile.outer)])[(..., *tile.core)]
    # the same sums in another order where the processor's kernels split the picture otherwise
    torch.testing.assert_close(tiled, whole, atol=2e-6, rtol=0)


def test_restoration_is_the_generators_output_within_the_body_and_the_input_outside(pipeline, pixels):
    body = lit_body(pixels)
    restored = pipeline.restore(pixels, body)
    with torch.inference_mode():
        whole = denormalise(pipeline.model.generator(torch.from_numpy(normalise(pixels))[None, None]))[0, 0].numpy()
    assert np.array_equal(restored[~body], pixels[~body])
    assert np.abs(restored[body] - whole[body].clip(0, 255)).max() <= 0.51
    assert np.abs(restored[body] - pixels[body]).max() > 1  # the network does something here


def test_only_tiles_that_meet_the_lit_body_are_computed(pipeline):
    pixels = np.zeros((1024, 512), np.float32)
    pixels[300:500, 20:200] = np.random.default_rng(0).uniform(20, 250, (200, 180))
    calls = []
    pipeline.model.generator.register_forward_hook(lambda *_: calls.append(1))
    pipeline.restore(pixels, lit_body(pixels))
    assert len(calls) == 1  # of 8


def test_results_have_the_inputs_size_and_agree_with_each_other(pipeline, pixels):
    result = pipeline.run(pixels)
    assert result.restored.shape == result.labels.shape == pixels.shape == result.probabilities.shape[1:]
    assert (result.restored.dtype, result.labels.dtype) == (np.uint8, np.uint8)
    np.testing.assert_allclose(result.probabilities.sum(0), 1, atol=1e-5)
    assert np.array_equal(result.probabilities.argmax(0), result.labels)
    assert not result.labels[~lit_body(pixels)].any()
    assert set(result.seconds) == {"lit body", "restore", "segment"}


def test_a_restorer_that_looks_at_the_whole_picture_gets_it_whole(pipeline, pixels):
    class WholeMean(torch.nn.Module):
        halo, alignment = None, 1

        def forward(self, image):
            return image.mean().expand_as(image)

    pipeline.model.generator = WholeMean()
    restored = pipeline.restore(pixels, np.ones(pixels.shape, bool))
    assert np.abs(restored - pixels.mean()).max() <= 0.5 + 1e-3


def test_the_segmenter_sees_256_by_1024(pipeline, pixels):
    shapes = []
    pipeline.model.segmenter.register_forward_hook(lambda module, images, output: shapes.append(images[0].shape))
    pipeline.run(pixels)
    assert shapes == [(2, 1, 1024, 256)]  # as it is, and mirrored


def test_a_mirrored_picture_gets_the_mirrored_labels(pipeline, pixels):
    body = np.ones(pixels.shape, bool)
    seen, mirrored = (pipeline.segment(picture.astype(np.uint8), body) for picture in (pixels, pixels[:, ::-1]))
    np.testing.assert_allclose(mirrored[..., ::-1], seen, atol=1e-5)
    assert np.ptp(seen[0]) > 1e-3  # not the same everywhere


def test_the_same_input_gives_the_same_output(pixels):
    first, second = (Pipeline(small_model(), "cpu").run(pixels) for _ in range(2))
    assert np.array_equal(first.restored, second.restored)
    assert np.array_equal(first.probabilities, second.probabilities)


def test_progress_rises_from_0_to_1_tile_by_tile(pipeline, pixels):
    heard = []
    pipeline.run(pixels, lambda fraction, message: heard.append((fraction, message)))
    fractions = [fraction for fraction, _ in heard]
    assert fractions == sorted(fractions) and (fractions[0], fractions[-1]) == (0, 1)
    assert sum("tile" in message for _, message in heard) == len(list(tiles_of(pixels.shape, pipeline.model.generator)))


def test_cancelling_between_tiles_stops_the_run(pipeline, pixels):
    computed = []
    pipeline.model.generator.register_forward_hook(lambda *_: computed.append(1))

    def cancel_at_the_third(fraction, message):
        if "tile 3" in message:
            raise Cancelled

    with pytest.raises(Cancelled):
        pipeline.run(pixels, cancel_at_the_third)
    assert len(computed) == 2
    assert pipeline.run(pixels).labels.shape == pixels.shape  # and the pipeline still works


def test_a_picture_without_a_dark_margin_is_all_lit(pipeline):
    result = pipeline.run(np.random.default_rng(0).uniform(20, 250, (200, 100)).astype(np.float32))
    assert result.labels.shape == (200, 100)


def test_a_device_without_memory_is_given_up_for_the_cpu(pipeline, pixels):
    expected = pipeline.run(pixels)
    # torch's meta device stands for the GPU: tensors can be moved there, and the network then fails as a full one
    pipeline.device = torch.device("meta")
    forward = pipeline.model.generator.forward

    def out_of_memory(image):
        if image.is_meta:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return forward(image)

    pipeline.model.generator.forward = out_of_memory
    result = pipeline.run(pixels)
    assert np.array_equal(result.labels, expected.labels)
    assert pipeline.device.type == "cpu"
    assert ["ran out of memory" in warning for warning in result.warnings] == [True]


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[enforce fail at alloc_cpu.cpp:114] DefaultCPUAllocator: can't allocate memory: you tried to"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 42 bytes."),
        MemoryError("Unable to allocate 42. GiB for an array"),
    ],
    ids=["Linux", "Windows", "NumPy"],
)
def test_running_out_of_memory_on_the_cpu_is_told_in_a_sentence(pipeline, pixels, error):
    def out_of_memory(image):
        raise error

    pipeline.model.generator.forward = out_of_memory
    with pytest.raises(DeviceError, match="too little free memory") as caught:
        pipeline.run(pixels)
    assert caught.value.__cause__ is error


def test_another_error_than_of_memory_is_not_taken_for_one(pipeline, pixels):
    def broken(image):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    pipeline.model.generator.forward = broken
    pipeline.device = torch.device("meta")
    with pytest.raises(RuntimeError, match="mat1"):
        pipeline.run(pixels)


def test_a_gpu_too_small_for_the_model_leaves_it_on_the_cpu(monkeypatch, pixels):
    # MPS raises no OutOfMemoryError
    monkeypatch.setattr("DAGANSpineLib.inference.pipeline.choose_device", lambda name: (torch.device("meta"), []))
    move = Pipeline._move_to

    def small(pipeline, device):
        if device.type == "meta":
            raise RuntimeError("MPS backend out of memory (MPS allocated: 1.02 GB)")
        move(pipeline, device)

    monkeypatch.setattr(Pipeline, "_move_to", small)
    result = Pipeline(small_model()).run(pixels)
    assert ["ran out of memory" in warning for warning in result.warnings] == [True]


def test_auto_takes_the_cpu_where_there_is_nothing_else(monkeypatch):
    monkeypatch.setattr(devices, "present", lambda kind: False)
    assert devices.choose_device("auto") == (torch.device("cpu"), [])


def test_a_gpu_that_this_torch_cannot_use_is_passed_over_with_a_warning(monkeypatch):
    monkeypatch.setattr(devices, "present", lambda kind: kind == "cuda")
    monkeypatch.setattr(devices, "trouble_with", lambda kind: f"The {kind.upper()} device is too new.")
    device, warnings = devices.choose_device("auto")
    assert device.type == "cpu"
    assert warnings == ["The CUDA device is too new. The CPU is used instead."]


def test_a_device_asked_for_by_name_is_not_replaced(monkeypatch):
    monkeypatch.setattr(devices, "present", lambda kind: False)
    with pytest.raises(DeviceError, match="no CUDA device"):
        Pipeline(small_model(), "cuda")
    with pytest.raises(DeviceError, match="no device tpu"):
        Pipeline(small_model(), "tpu")
