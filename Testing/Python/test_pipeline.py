"""Pixels in, restored pixels and labels out."""

import numpy as np
import pytest
import torch

import DAGANSpineLib.inference.pipeline as pipelines
from DAGANSpineLib.inference import Pipeline, devices, labels_of
from DAGANSpineLib.inference.devices import DeviceError
from DAGANSpineLib.inference.labelling import without_doubtful
from DAGANSpineLib.inference.pipeline import COARSE
from DAGANSpineLib.inference.tiles import core_of, tiles_of
from DAGANSpineLib.model import Model, freeze
from DAGANSpineLib.model.shapes import GeneratorShape, PanopticFPNShape
from DAGANSpineLib.networks import Generator
from DAGANSpineLib.progress import Cancelled
from DAGANSpineLib.training import load, open_dataset
from DAGANSpineLib.vpi import denormalise, lit_body, normalise, within_reach


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


def body_of(*parts: tuple[int, int, int, int]) -> np.ndarray:
    """A body of rectangles (first and last row, first and last column), in a picture of no round size."""
    body = np.zeros((611, 333), bool)
    for top, bottom, left, right in parts:
        body[top : bottom + 1, left : right + 1] = True
    return body


BODIES = {
    "a block": body_of((13, 589, 40, 296)),
    "all": np.ones((611, 333), bool),
    "two parts side by side": body_of((13, 300, 5, 60), (200, 600, 250, 332)),
    "two parts, one below the other": body_of((0, 90, 5, 60), (500, 610, 150, 332)),
    "three columns": body_of((0, 610, 165, 167)),
    "one pixel in a corner": body_of((610, 610, 332, 332)),
    "rows that lie apart": body_of(*((row, row, 100, 200) for row in range(0, 611, 97))),
    "a stair": body_of(*((row, row + 39, row // 2, row // 2 + 50) for row in range(0, 560, 40))),
    "none": body_of(),
}


@pytest.mark.parametrize("limit", [20_000, 60_000, 150_000])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_tiles_cover_each_lit_pixel_once_and_none_exceeds_the_limit(body, limit):
    times = np.zeros(body.shape, int)
    for tile in tiles_of(body, Generator((4, 8, 16)), limit):
        times[tile.inner] += 1
        assert times[tile.outer].size <= limit
    assert (times[body] == 1).all() and times.max(initial=0) <= 1


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize(
    "widths, options",
    [
        ((4, 8, 16), {}),
        ((4, 8), {}),
        ((4, 8, 16), {"unshuffled": True}),
        ((4, 8, 16), {"unshuffled": True, "masked": True}),
        ((4, 8, 16), {"upsampling": "transposed"}),
    ],
    ids=str,
)
def test_tiles_give_the_whole_images_output(widths, options, body):
    torch.manual_seed(1)
    generator = Generator(widths, **options).eval()
    image = torch.rand(1, 1, *body.shape) * 2 - 1
    tiled = torch.full_like(image, float("nan"))
    with torch.inference_mode():
        whole = generator(image)
        for tile in tiles_of(body, generator, limit=30_000):
            tiled[(..., *tile.inner)] = core_of(tile, image[(..., *tile.outer)], generator)
            margins = generator(image[(..., *tile.outer)])[(..., *tile.core)]
            torch.testing.assert_close(tiled[(..., *tile.inner)], margins, atol=2e-6, rtol=0)
    # the same sums in another order where the processor's kernels split the picture otherwise
    lit = torch.from_numpy(body)
    torch.testing.assert_close(tiled[..., lit], whole[..., lit], atol=2e-6, rtol=0)


def test_little_beside_the_lit_body_is_computed():
    """A body such as scanners make, 400 columns that wander to and fro; squares of 256 compute twice the body."""
    rows, columns = np.mgrid[:2574, :640]
    body = (np.abs(columns - 300 - 15 * np.sin(rows / 200)) < 200) & (rows > 70) & (rows < 2500)
    generator = Generator((4, 8, 16), upsampling="transposed")
    computed = sum(body[tile.outer].size for tile in tiles_of(body, generator))
    assert computed <= 1.5 * body.sum()


def test_restoration_is_the_generators_output_within_the_body_and_the_input_outside(pipeline, pixels):
    body = lit_body(pixels)
    restored = pipeline.restore(pixels, body)
    with torch.inference_mode():
        whole = denormalise(pipeline.model.generator(torch.from_numpy(normalise(pixels))[None, None]))[0, 0].numpy()
    assert np.array_equal(restored[~body], pixels[~body])
    assert np.abs(restored[body] - whole[body].clip(0, 255)).max() <= 0.51
    assert np.abs(restored[body] - pixels[body]).max() > 1  # the network does something here


@pytest.mark.parametrize("columns, times", [(800, 1), (257, 1), (256, 2), (128, 3), (80, 4), (20, 4)])
def test_a_coarse_picture_is_restored_with_its_pixels_repeated(pipeline, pixels, columns, times, monkeypatch):
    monkeypatch.setattr(pipelines, "COARSE", 257)
    pixels = pixels[13:77, : min(columns, 333)] if columns <= 257 else np.tile(pixels[13:77], 3)[:, :columns]
    body = np.ones(pixels.shape, bool)
    restored = pipeline.restore(pixels, body)
    with torch.inference_mode():
        fine = torch.from_numpy(normalise(np.kron(pixels, np.ones((times, times), np.float32))))
        fine = denormalise(pipeline.model.generator(fine[None, None]))
    expected = torch.nn.functional.avg_pool2d(fine.round().clamp(0, 255), times)[0, 0].numpy()
    assert np.abs(restored - expected).max() <= 0.51 + 1 / times**2  # a grey of the fine picture may round otherwise


def test_what_lies_beside_a_coarse_body_is_not_repeated(pipeline, monkeypatch):
    pixels = np.zeros((90, 3000), np.float32)
    pixels[5:85, 1001:1041] = np.random.default_rng(0).uniform(20, 250, (80, 40))
    body, widths, restore = pixels > 0, [], Pipeline._restore

    def restoring(self, fine, *others):
        widths.append(fine.shape[1])
        return restore(self, fine, *others)

    monkeypatch.setattr(pipelines, "COARSE", 80)
    fine, lit = (np.kron(each, np.ones((2, 2), each.dtype)) for each in (pixels, body))
    whole = pipeline._restore(fine, lit, lambda *_: None)
    monkeypatch.setattr(Pipeline, "_restore", restoring)
    restored = pipeline.restore(pixels, body)
    generator = pipeline.model.generator
    assert 0 <= widths[0] - 2 * (40 + 2 * generator.halo) < 2 * generator.alignment
    assert np.abs(restored - whole.reshape(90, 2, 3000, 2).mean((1, 3))).max() <= 0.51 + 1 / 4
    assert not restored[~body].any()


def test_of_a_coarse_picture_bones_stay_that_are_as_thin_as_noise(simulated, monkeypatch):
    """Ribs of a picture of some 100 lit columns, as a reconstructed volume's projection has."""
    [record] = open_dataset(simulated).test
    sample = load(record)
    body, ribs = lit_body(sample.image), sample.labels == 1
    change = {}
    for coarse in (1, COARSE):
        monkeypatch.setattr(pipelines, "COARSE", coarse)
        restored = Pipeline.load().restore(sample.image.astype(np.float32), body)
        change[coarse] = np.abs(restored[ribs].astype(float) - sample.clean[ribs]).mean()
    assert change[COARSE] < 0.7 * change[1]


def test_only_the_lit_body_and_its_margins_are_computed(pipeline):
    pixels = np.zeros((1024, 512), np.float32)
    pixels[300:500, 20:200] = np.random.default_rng(0).uniform(20, 250, (200, 180))
    shapes = []
    pipeline.model.generator.register_forward_hook(lambda module, images, output: shapes.append(output.shape[-2:]))
    pipeline.restore(pixels, lit_body(pixels))
    [(rows, columns)] = shapes
    assert 200 <= rows <= 200 + 2 * (28 + 32) and 180 <= columns <= 180 + 2 * (28 + 8)


def test_results_have_the_inputs_size_and_agree_with_each_other(pipeline, pixels):
    result = pipeline.run(pixels)
    assert result.restored.shape == result.labels.shape == pixels.shape == result.probabilities.shape[1:]
    assert (result.restored.dtype, result.labels.dtype) == (np.uint8, np.uint8)
    np.testing.assert_allclose(result.probabilities.sum(0), 1, atol=1e-5)
    assert np.array_equal(labels_of(result.probabilities), result.labels)
    assert not result.labels[~within_reach(lit_body(pixels))].any()
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


def test_progress_rises_from_0_to_1_tile_by_tile(pipeline, pixels, small_tiles):
    heard = []
    pipeline.run(pixels, lambda fraction, message: heard.append((fraction, message)))
    fractions = [fraction for fraction, _ in heard]
    assert fractions == sorted(fractions) and (fractions[0], fractions[-1]) == (0, 1)
    count = len(tiles_of(lit_body(pixels), pipeline.model.generator, small_tiles))
    assert sum("tile" in message for _, message in heard) == count > 2


def test_cancelling_between_tiles_stops_the_run(pipeline, pixels, small_tiles):
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


def test_a_bone_half_as_likely_as_the_background_is_still_drawn():
    of_pixels = [[0.6, 0.1, 0.3, 0.0], [0.6, 0.1, 0.31, 0.0], [0.4, 0.2, 0.19, 0.21], [1, 0, 0, 0]]
    probabilities = np.array(of_pixels, np.float32).T[:, None]
    assert labels_of(probabilities).tolist() == [[0, 2, 3, 0]]


def test_a_piece_that_nobody_is_sure_of_is_not_drawn_and_a_sure_one_grows():
    probabilities = np.zeros((4, 9, 9), np.float32)
    probabilities[1] = np.pad([[0.9, 0.9, 0.9, 0.4], [0.1, 0.1, 0.1, 0.1]] * 2, ((0, 5), (0, 5)))
    probabilities[3, 6:, 6:] = 0.4
    probabilities[0] = 1 - probabilities.sum(0)
    left = without_doubtful(probabilities)
    drawn = labels_of(left)
    assert drawn[0].tolist() == [1, 1, 1, 1, 0, 0, 0, 0, 0] and not drawn[6:].any()
    assert labels_of(probabilities)[6:, 6:].all()
    assert np.array_equal(left[0], probabilities[0])  # nobody has become surer that there is none


def test_no_bone_is_drawn_in_a_gap_that_is_too_high_to_draw_across(pipeline, pixels):
    bones = torch.tensor([-9.0, 9.0, 0.0, 0.0])[:, None, None]
    pipeline.model.segmenter.register_forward_hook(lambda module, images, output: bones.expand_as(output))
    pixels[300:313, 40:297] = 0
    assert pipeline.run(pixels, spacing=(0.3, 0.3)).labels[300:313, 60:280].all()  # of 3.9 mm, of a back
    result = pipeline.run(pixels, spacing=(0.32, 0.32))
    assert result.gaps[300:313, 45:290].all() and not result.labels[300:313].any()
    assert result.labels[200:300, 60:280].all() and np.array_equal(labels_of(result.probabilities), result.labels)
