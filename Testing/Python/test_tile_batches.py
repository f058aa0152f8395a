"""Several tiles at once, as on a graphics card; here the processor computes them."""

import numpy as np
import pytest
import torch
from test_pipeline import BODIES, small_model

from DAGANSpineLib.inference import Pipeline, labels_of, pipeline
from DAGANSpineLib.inference.batches import BYTES, MOST, at_once, cores_of, evened, padded
from DAGANSpineLib.inference.tiles import length, tiles_of
from DAGANSpineLib.networks import Generator
from DAGANSpineLib.networks.residual_generator import ResidualGenerator
from DAGANSpineLib.progress import Cancelled
from DAGANSpineLib.vpi import normalise

CUDA = torch.device("cuda")


@pytest.fixture
def ready() -> Pipeline:
    return Pipeline(small_model(), "cpu")


@pytest.fixture
def picture() -> np.ndarray:
    """A lit body of noise within a black margin, of no round size, as large as the bodies."""
    picture = np.zeros((611, 333), np.float32)
    picture[13:590, 40:297] = np.random.default_rng(0).uniform(20, 250, (577, 257))
    return picture


@pytest.fixture
def three_at_once(monkeypatch, small_tiles):
    monkeypatch.setattr(pipeline, "at_once", lambda tiles, device: 3)


def shapes_seen(ready) -> list[torch.Size]:
    """The shapes of the batches that the generator sees from now on."""
    shapes = []
    ready.model.generator.register_forward_pre_hook(lambda _module, images: shapes.append(images[0].shape))
    return shapes


def generators() -> list[torch.nn.Module]:
    torch.manual_seed(1)
    restorers = [Generator((4, 8, 16), unshuffled=unshuffled) for unshuffled in (False, True)]
    rival = ResidualGenerator(4, blocks=1)
    # zeros at first; what they give is multiplied by what lies between black and white
    torch.nn.init.normal_(rival.layers[-1].weight, std=0.05 / (normalise(255.0) - normalise(0.0)))
    return [each.eval() for each in (*restorers, rival)]


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("generator", generators(), ids=["pooled", "unshuffled", "residual"])
def test_stacked_tiles_give_the_whole_images_output(generator, body):
    image = np.random.default_rng(0).uniform(-1, 1, body.shape).astype(np.float32)
    tiles = evened(tiles_of(body, generator, limit=60_000), body.shape, generator.alignment)
    seen = padded(image, generator.alignment)
    with torch.inference_mode():
        whole = generator(torch.from_numpy(image)[None, None])[0, 0]
        for first in range(0, len(tiles), 3):
            batch = tiles[first : first + 3]
            stack = torch.from_numpy(np.stack([seen[tile.outer] for tile in batch]))[:, None]
            for tile, core in zip(batch, cores_of(batch, stack, generator), strict=True):
                # the same sums in another order where the processor's kernels split the picture otherwise
                torch.testing.assert_close(core, whole[tile.inner], atol=2e-6, rtol=0)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_batches_restore_and_label_as_tile_by_tile(ready, picture, body, monkeypatch, small_tiles):
    expected = ready.restore(picture, body)
    monkeypatch.setattr(pipeline, "at_once", lambda tiles, device: 3)
    shapes = shapes_seen(ready)
    restored = ready.restore(picture, body)
    count = len(tiles_of(body, ready.model.generator, small_tiles))
    assert [shape[0] for shape in shapes] == [min(3, count - first) for first in range(0, count, 3)]
    # sums in another order, of about 1e-4 grey levels, may round a grey half way between two to the other one
    assert np.abs(restored.astype(int) - expected).max() <= 1 and (restored != expected).mean() < 1e-3
    labels, expected_labels = (labels_of(ready.segment(each, body)) for each in (restored, expected))
    assert np.array_equal(labels, expected_labels)


def test_a_batch_without_memory_is_halved_and_so_are_those_after_it(ready, picture, three_at_once):
    expected = ready.run(picture)
    forward, sizes = ready.model.generator.forward, []

    def small(image):
        sizes.append(len(image))
        if len(image) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return forward(image)

    ready.model.generator.forward = small
    result = ready.run(picture)
    assert sizes[0] == 3 and len(sizes) > 4 and set(sizes[1:]) == {1}
    assert np.abs(result.restored.astype(int) - expected.restored).max() <= 1
    assert np.array_equal(result.labels, expected.labels) and not result.warnings


def test_another_error_than_of_memory_halves_nothing(ready, picture, three_at_once):
    sizes = []

    def broken(image):
        sizes.append(len(image))
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    ready.model.generator.forward = broken
    with pytest.raises(RuntimeError, match="mat1"):
        ready.run(picture)
    assert sizes == [3]


def test_cancelling_between_batches_stops_the_run(ready, picture, three_at_once):
    shapes = shapes_seen(ready)

    def cancel_at_the_second_batch(fraction, message):
        if "tile 4" in message:
            raise Cancelled

    with pytest.raises(Cancelled):
        ready.run(picture, cancel_at_the_second_batch)
    assert [shape[0] for shape in shapes] == [3]


def card(monkeypatch, free: int, kept: int = 0) -> None:
    """A graphics card with so many bytes free, and as many more that torch keeps from former batches."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 2 * free))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: kept)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 0)


def test_a_batch_fills_half_of_what_is_free_on_the_card(monkeypatch):
    body = np.ones((6000, 3000), bool)
    tiles = evened(tiles_of(body, Generator((4, 8, 16))), body.shape, 4)
    [extent] = {length(tile.outer[0]) * length(tile.outer[1]) for tile in tiles}
    assert len(tiles) > MOST
    card(monkeypatch, free=10 * extent * BYTES)
    assert at_once(tiles, CUDA) == 5
    card(monkeypatch, free=10 * extent * BYTES, kept=4 * extent * BYTES)
    assert at_once(tiles, CUDA) == 7
    card(monkeypatch, free=0)
    assert at_once(tiles, CUDA) == 1
    card(monkeypatch, free=2**40)
    assert at_once(tiles, CUDA) == MOST and at_once(tiles[:4], CUDA) == 4
    assert at_once(tiles, torch.device("cpu")) == at_once(tiles, torch.device("mps")) == 1


def test_a_card_gets_batches_from_pinned_memory_without_waiting(monkeypatch, ready, picture):
    sent = []

    class Pinned(torch.Tensor):
        def to(self, device, non_blocking=False):
            sent.append((device.type, non_blocking))
            return self.as_subclass(torch.Tensor)

    ready.device = CUDA
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor.as_subclass(Pinned))
    images = ready._tensor(picture[None])
    assert sent == [("cuda", True)] and np.array_equal(images[0, 0], picture)
