"""Batches come in their order, whoever makes them, and nobody goes on making them for nobody."""

import multiprocessing
import pickle
import signal
import threading
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from DAGANSpineLib.errors import UserError
from DAGANSpineLib.training.feed import Feed, Tensors, stream
from DAGANSpineLib.training.interrupt import Interrupt
from DAGANSpineLib.training.spines import SpineFeed

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def in_the_foreground():
    """Ctrl-C reaches this process, even where its shell has put it into the background."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


@dataclass(frozen=True)
class Number(Tensors):
    value: Tensor


class Squares(Feed):
    """Squares of the steps' numbers, and a sentence at the seventh."""

    def draw(self, step, process=0):
        if step == 7:
            raise UserError("Seven can't be squared.")
        return Number(torch.tensor(step**2 + process))

    def finish(self, drawn):
        return drawn.value.item()


@pytest.fixture
def spines():
    """Batches of whole spines, varied in every way."""
    pictures = np.random.default_rng(0).integers(256, size=(3, 1024, 256)).astype(np.uint8)
    return SpineFeed([(picture, picture // 64) for picture in pictures], batch=2, seed=4)


def test_workers_make_the_batches_that_are_asked_for_in_their_order(spines):
    with closing(stream(spines, range(3, 8), process=1, device=CPU, workers=2)) as batches:
        for step, batch in enumerate(batches, 3):
            for name, values in vars(spines(step, process=1)).items():
                assert torch.equal(getattr(batch, name), values)
    assert step == 7


def test_a_feed_is_the_same_after_a_journey_to_another_process(spines):
    there = pickle.loads(pickle.dumps(spines))
    assert torch.equal(there(5).images, spines(5).images)


@pytest.mark.parametrize("workers", [0, 1])
def test_what_a_feed_has_to_say_is_a_sentence_wherever_it_was(workers):
    batches = stream(Squares(), range(5, 9), process=0, device=CPU, workers=workers)
    assert [next(batches), next(batches)] == [25, 36]
    with pytest.raises(UserError) as said:
        next(batches)
    assert str(said.value) == "Seven can't be squared."
    assert not multiprocessing.active_children()


def test_a_closed_stream_leaves_no_workers():
    with closing(stream(Squares(), range(100, 200), process=0, device=CPU, workers=2)) as batches:
        assert next(batches) == 100**2
        assert len(multiprocessing.active_children()) == 2
    assert not multiprocessing.active_children()


def test_drawing_batches_takes_nothing_from_the_networks_random_numbers():
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    next(stream(Squares(), range(3), process=0, device=CPU, workers=0))
    assert torch.equal(torch.rand(1), expected)


def test_an_interrupt_waits_until_it_is_heeded():
    with Interrupt() as interrupt:
        assert interrupt.heard is None
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)  # as a launcher sends on what the terminal has sent
    assert interrupt.heard == signal.SIGINT
    with pytest.raises(KeyboardInterrupt):
        interrupt.heed()


def test_a_second_interrupt_acts_at_once(monkeypatch):
    with pytest.raises(KeyboardInterrupt), Interrupt() as interrupt:
        signal.raise_signal(signal.SIGINT)
        interrupt.since -= 10
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_in_another_thread_interrupts_are_left_to_the_main_one():
    handlers = []

    def enter():
        with Interrupt():
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert handlers == [signal.default_int_handler]
