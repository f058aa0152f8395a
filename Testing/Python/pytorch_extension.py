"""Stands for Slicer's PyTorch extension, as strict as the true one, and for installations that succeed or fail."""

import importlib.machinery
import subprocess
import sys
import threading
import types

import pytest

PIP_FAILED = subprocess.CalledProcessError(1, ["PythonSlicer", "-m", "pip", "install", "light-the-torch>=0.5"])


class Extension:
    """The PyTorch extension's PyTorchUtilsLogic, as strict as the true one: what is not in its API raises."""

    __slots__ = ("_install",)

    def __init__(self, install):
        self._install = install

    @staticmethod
    def _installLightTheTorch():
        assert threading.current_thread() is threading.main_thread(), "pip_install may open a dialog"
        sys.modules["light_the_torch"] = types.ModuleType("light_the_torch")
        sys.modules["light_the_torch"].__spec__ = importlib.machinery.ModuleSpec("light_the_torch", None)

    def installTorch(
        self,
        askConfirmation=False,
        forceComputationBackend=None,
        torchVersionRequirement=None,
    ):
        assert not askConfirmation, "the extension would ask a second time"
        assert forceComputationBackend is None, "the extension knows best which build fits"
        assert torchVersionRequirement == ">=2.4"
        assert sys.modules.get("light_the_torch"), "this thread would install it"
        return self._install()


def comes(without_torch, meanwhile=lambda: None):
    """An installation that succeeds; something happens in Slicer's window meanwhile."""
    import qt

    happened = threading.Event()

    def act():
        meanwhile()
        happened.set()

    def install():
        assert happened.wait(10), "the window stands still while PyTorch is installed"
        without_torch.undo()
        return sys.modules["torch"]

    qt.QTimer.singleShot(0, act)
    return install


def fails(error=PIP_FAILED):
    def install():
        raise error

    return install


@pytest.fixture
def without_torch():
    """Torch can't be imported, until `undo`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "torch", None)
        yield patch


@pytest.fixture
def extension(monkeypatch):
    """Puts the PyTorch extension there; its installation does what it is given."""

    def put(install):
        module = types.ModuleType("PyTorchUtils")
        module.PyTorchUtilsLogic = lambda: Extension(install)
        monkeypatch.setitem(sys.modules, "light_the_torch", None)
        monkeypatch.setitem(sys.modules, "PyTorchUtils", module)

    return put


@pytest.fixture
def asked(monkeypatch):
    """The questions that were asked; `answer` is what the user says."""
    import slicer

    class Questions(list):
        answer = True

    questions = Questions()

    def ask(text, windowTitle=None, parent=None, **more):
        assert threading.current_thread() is threading.main_thread()
        questions.append(text)
        return questions.answer

    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", ask)
    return questions


@pytest.fixture
def shown(monkeypatch):
    """The message boxes that were shown."""
    import slicer

    boxes = []
    monkeypatch.setattr(slicer.util, "errorDisplay", lambda text, **more: boxes.append((text, more)))
    return boxes
