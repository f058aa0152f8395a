"""What users see and do while PyTorch is installed: wait, cancel, close, delete, quit."""

import sys
import time

import pytest

slicer = pytest.importorskip("slicer")
pytest.importorskip("torch")
pytest.importorskip("PySide6")

from clinician import nodes, results  # noqa: E402
from pytorch_extension import comes, fails  # noqa: E402


def test_while_pytorch_is_installed_the_panel_says_so_and_for_how_long(chosen, without_torch, extension, asked):
    seen = []

    def look():
        slicer.app.processEvents()
        seen.append((chosen.ui.statusLabel.text, chosen.ui.progressBar.visible, chosen.ui.progressBar.maximum))

    extension(comes(without_torch, look))
    chosen.ui.runButton.click()
    assert seen == [("Downloading and installing PyTorch – 0:00 elapsed", True, 0)]
    assert chosen.ui.progressBar.maximum == 100


def test_a_click_while_pytorch_is_installed_cancels_the_run_and_asks_nothing(
    chosen, without_torch, extension, asked, shown
):
    before = nodes()
    said = []

    def click_twice():
        for _ in range(2):
            chosen.ui.runButton.click()
        said.append((chosen.ui.statusLabel.text, chosen.ui.runButton.enabled))

    extension(comes(without_torch, click_twice))
    chosen.ui.runButton.click()
    assert said == [("Cancelling…", False)]
    assert len(asked) == 1
    assert chosen.ui.statusLabel.text.startswith("Cancelled")
    assert nodes() == before
    chosen.ui.runButton.click()
    assert None not in results()


PIP = """
import pathlib, signal, sys, time
if {deaf}:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
folder = pathlib.Path({folder!r})
for name, done in (("sympy", True), ("torch", False)):
    about = folder / f"{{name}}-1.0.dist-info"
    (folder / name).mkdir()
    about.mkdir()
    (folder / name / "__init__.py").write_text("")
    (about / "METADATA").write_text(f"Name: {{name}}\\nVersion: 1.0\\n")
    (about / "RECORD").write_text(f"{{name}}/__init__.py,,\\n{{about.name}}/METADATA,,\\n")
    if done:
        (about / "INSTALLER").write_text("pip\\n")
(folder / "begun").touch()
time.sleep(60)
"""
# as PythonSlicer is one: without it, Python goes on
LAUNCHER = "#!{python}\nimport subprocess, sys\nsys.exit(subprocess.call([sys.executable, {program!r}]))\n"


@pytest.mark.skipif(sys.platform == "win32", reason="the launcher is a script")
@pytest.mark.parametrize("deaf", [False, True])
def test_cancelling_stops_the_installation_and_leaves_no_half_package(
    chosen, without_torch, extension, asked, shown, tmp_path, monkeypatch, deaf
):
    import sysconfig

    import qt
    from DAGANSpinePanel import processes

    packages = tmp_path / "site-packages"
    packages.mkdir()
    (packages / "numpy").mkdir()
    monkeypatch.setattr(sysconfig, "get_paths", lambda: {"purelib": str(packages)})
    (tmp_path / "pip.py").write_text(PIP.format(folder=str(packages), deaf=deaf))
    launcher = tmp_path / "PythonSlicer"
    launcher.write_text(LAUNCHER.format(python=sys.executable, program=str(tmp_path / "pip.py")))
    launcher.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    extension(lambda: slicer.util.executePythonModule("light_the_torch", ["install", "torch"]))
    monkeypatch.setattr(processes, "PATIENCE", 1.0)
    said, timer = [], qt.QTimer()

    def click():
        if (packages / "begun").exists() and not said:
            chosen.ui.runButton.click()
            said.append(chosen.ui.statusLabel.text)

    timer.timeout.connect(click)
    timer.start(10)
    begin = time.monotonic()
    chosen.ui.runButton.click()
    timer.stop()
    assert time.monotonic() - begin < 20
    assert said == ["Cancelling…"]
    assert chosen.ui.statusLabel.text == "Cancelled. Nothing was added to the scene."
    assert not shown and results() == (None, None)
    assert sorted(entry.name for entry in packages.iterdir()) == ["numpy", "sympy", "sympy-1.0.dist-info"]


def test_closing_the_scene_while_pytorch_is_installed_leaves_nothing(
    chosen, scene, without_torch, extension, asked, shown
):
    extension(comes(without_torch, scene.Clear))
    chosen.ui.runButton.click()
    assert results() == (None, None)
    assert chosen.ui.statusLabel.text.startswith("Cancelled")
    assert not shown


def test_deleting_the_input_while_pytorch_is_installed_leaves_nothing(
    chosen, scene, volume, without_torch, extension, asked, shown
):
    extension(comes(without_torch, lambda: scene.RemoveNode(volume)))
    chosen.ui.runButton.click()
    assert results() == (None, None)
    assert chosen.ui.statusLabel.text.startswith("Cancelled")
    assert not shown


@pytest.mark.parametrize("way", ["window", "module"])
def test_quitting_while_pytorch_is_installed_computes_nothing(
    chosen, host, without_torch, extension, asked, shown, way, monkeypatch
):
    from DAGANSpineLib.inference import Pipeline

    monkeypatch.setattr(Pipeline, "load", fails(AssertionError("computed for nobody")))
    leave = {"window": host.close_windows, "module": lambda: host.unload("DAGANSpine")}[way]
    extension(comes(without_torch, leave))
    chosen.onRunButton()
    assert results() == (None, None)
    assert not shown
