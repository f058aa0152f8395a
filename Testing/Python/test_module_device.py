"""The panel's device: what was found, and why no graphics card."""

import sys

import pytest

slicer = pytest.importorskip("slicer")
pytest.importorskip("torch")
pytest.importorskip("PySide6")


def found(panel):
    return panel.ui.deviceFoundLabel.text


def test_before_the_first_run_the_panel_promises_to_find_out(chosen):
    assert found(chosen) == "The first run finds out what there is."


def test_without_torch_the_panel_says_so_before_the_first_click(chosen, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    chosen.updateGUI()
    assert found(chosen).startswith("PyTorch is not installed yet")


def test_the_first_run_finds_out_what_computes_and_why_no_graphics_card(chosen, monkeypatch):
    from DAGANSpineLib.inference import devices

    monkeypatch.setattr(devices, "present", lambda kind: False)
    monkeypatch.setattr(devices.torch.version, "cuda", None)
    monkeypatch.setattr(devices.shutil, "which", lambda name: None)
    monkeypatch.setattr(devices.sys, "platform", "linux")
    chosen.ui.runButton.click()
    processor, why = found(chosen).split(". ", 1)
    assert processor.startswith("Processor, ")
    assert why.startswith("There is no CUDA device: PyTorch")
    chosen.ui.deviceComboBox.currentIndex = 1
    assert found(chosen) == processor
    chosen.ui.deviceComboBox.currentIndex = 2
    assert found(chosen) == why


def test_a_graphics_card_is_named_with_its_size(chosen):
    chosen.logic.devices = {"auto": "NVIDIA GeForce RTX 3060, 12.0 GB"}
    chosen.updateGUI()
    assert found(chosen) == "NVIDIA GeForce RTX 3060, 12.0 GB"


def test_a_device_that_is_not_there_is_told_in_a_sentence_and_computes_nothing(chosen, monkeypatch):
    from DAGANSpineLib.inference import devices

    monkeypatch.setattr(devices, "present", lambda kind: False)
    chosen.ui.deviceComboBox.currentIndex = 2
    chosen.ui.runButton.click()
    assert chosen.ui.statusLabel.text.startswith("There is no CUDA device")
    assert chosen.ui.statusLabel.text.endswith("Choose the device cpu or auto.")


def test_looking_at_the_panel_imports_no_torch(tmp_path):
    import subprocess

    from conftest import ROOT

    program = f"""
import pathlib, sys
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "Testing")!r}]
import SlicerHost
host = SlicerHost.start()
host.load(pathlib.Path({str(ROOT)!r}) / "DAGANSpine" / "DAGANSpine.py")
panel = host.open("DAGANSpine")
print(panel.ui.deviceFoundLabel.text, "torch" in sys.modules)
"""
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, encoding="utf-8", check=True
    )
    assert run.stdout.strip() == "The first run finds out what there is. False"
