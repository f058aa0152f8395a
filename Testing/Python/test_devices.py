"""Which processor computes, and what people are told of it. Stand-ins for torch's view of a graphics card."""

import types

import pytest
import torch

from DAGANSpineLib.inference import devices
from DAGANSpineLib.inference.devices import DeviceError


class Card:
    """torch.cuda with one graphics card, for the tests of what is said of it."""

    def __init__(self, free=8.0, total=12.0, error=None):
        self.free, self.total, self.error = free, total, error

    def put(self, monkeypatch):
        def ones(*shape, device):
            if self.error:
                raise RuntimeError(self.error)
            return torch.zeros(*shape)

        properties = types.SimpleNamespace(name="NVIDIA GeForce RTX 3060", total_memory=int(self.total * 2**30))
        monkeypatch.setattr(devices.torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(devices.torch.cuda, "get_device_properties", lambda _: properties)
        monkeypatch.setattr(
            devices.torch.cuda, "mem_get_info", lambda: (int(self.free * 2**30), int(self.total * 2**30))
        )
        monkeypatch.setattr(devices.torch, "ones", ones)


def test_a_graphics_card_is_named_with_its_size(monkeypatch):
    Card().put(monkeypatch)
    found = devices.survey()
    assert found["auto"] == found["cuda"] == "NVIDIA GeForce RTX 3060, 12.0 GB"
    assert found["cpu"].startswith("Processor, ")


NO_KERNEL = "CUDA error: no kernel image is available for execution on the device"


@pytest.mark.parametrize(
    ("card", "words"),
    [
        (Card(error=NO_KERNEL), "too new or too old"),
        (Card(error="CUDA error: unknown error"), "doesn't work with the installed PyTorch"),
        (Card(free=0.25), "has only 0.2 GB of its memory free, 1.0 GB are needed"),
    ],
    ids=["too new", "broken", "full"],
)
def test_a_graphics_card_that_can_not_be_used_is_told_with_the_reason(monkeypatch, card, words):
    card.put(monkeypatch)
    monkeypatch.setattr(devices.sys, "platform", "linux")
    found = devices.survey()
    assert found["auto"].startswith(found["cpu"])
    assert words in found["auto"]
    assert words in found["cuda"]
    with pytest.raises(DeviceError, match=words):
        devices.choose_device("cuda")


@pytest.mark.parametrize(
    ("cuda", "driver", "words"),
    [
        (None, None, "is built without CUDA."),
        (None, "/usr/bin/nvidia-smi", "built without CUDA, though this computer has an NVIDIA driver"),
        ("12.8", None, "finds no graphics card with a driver for CUDA 12.8."),
    ],
)
def test_the_absence_of_a_graphics_card_is_told_with_the_reason(monkeypatch, cuda, driver, words):
    monkeypatch.setattr(devices, "present", lambda kind: False)
    monkeypatch.setattr(devices.torch.version, "cuda", cuda)
    monkeypatch.setattr(devices.shutil, "which", lambda name: driver)
    monkeypatch.setattr(devices.sys, "platform", "linux")
    assert words in devices.survey()["auto"]


@pytest.mark.parametrize(
    ("asked", "trim"),
    [([2**28], [2**28]), ([2**28, 2**20], [2**28]), ([2**28, None, 2**28], [2**28, -1]), ([None, 2**28], [-1])],
)
def test_the_memory_that_a_process_may_keep_only_grows(monkeypatch, asked, trim):
    said = []
    allocator = types.SimpleNamespace(mallopt=lambda option, value: said.append((option, value)))
    monkeypatch.setattr(devices, "_kept", 0.0)
    monkeypatch.setattr(devices.sys, "platform", "linux")
    monkeypatch.setattr(devices.ctypes, "CDLL", lambda name: allocator)
    for most in asked:
        devices.keep_freed_memory(most)
    trim_threshold, mmap_max = -1, -4  # as in malloc.h
    assert [value for option, value in said if option == trim_threshold] == trim
    assert ((mmap_max, 0) in said) == (None in asked)
