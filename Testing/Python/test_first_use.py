"""The first use: PyTorch isn't there, is offered, comes, or doesn't, or doesn't work."""

import importlib.machinery
import subprocess
import sys
import threading
import time
import types
from pathlib import Path

import pytest

slicer = pytest.importorskip("slicer")
torch = pytest.importorskip("torch")
pytest.importorskip("PySide6")

from clinician import nodes, results  # noqa: E402

PIP_FAILED = subprocess.CalledProcessError(1, ["PythonSlicer", "-m", "pip", "install", "light-the-torch>=0.5"])


@pytest.fixture
def without_torch():
    """Torch can't be imported, until `undo`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "torch", None)
        yield patch


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
    boxes = []
    monkeypatch.setattr(slicer.util, "errorDisplay", lambda text, **more: boxes.append((text, more)))
    return boxes


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


def test_without_the_extension_a_sentence_says_where_to_get_it(chosen, volume, without_torch, asked, shown):
    before = nodes()
    chosen.ui.runButton.click()
    assert "Install the extension PyTorch with the Extensions Manager" in chosen.ui.statusLabel.text
    assert [text for text, _ in shown] == [chosen.ui.statusLabel.text]
    assert not asked
    assert nodes() == before
    assert chosen.ui.runButton.enabled
    with pytest.raises(RuntimeError, match="Extensions Manager"):
        chosen.logic.restoreAndSegment(volume)


def test_one_question_and_one_click_lead_to_the_result(chosen, without_torch, extension, asked):
    extension(comes(without_torch))
    chosen.ui.runButton.click()
    assert len(asked) == 1
    assert "Download and install it now?" in asked[0]
    assert chosen.ui.statusLabel.text.startswith("Done")
    assert None not in results()
    chosen.ui.runButton.click()
    assert len(asked) == 1


def test_while_pytorch_is_installed_the_panel_says_so_and_for_how_long(chosen, without_torch, extension, asked):
    seen = []

    def look():
        slicer.app.processEvents()
        seen.append((chosen.ui.statusLabel.text, chosen.ui.progressBar.visible, chosen.ui.progressBar.maximum))

    extension(comes(without_torch, look))
    chosen.ui.runButton.click()
    assert seen == [("Downloading and installing PyTorch – 0:00 elapsed", True, 0)]
    assert chosen.ui.progressBar.maximum == 100


def test_a_users_no_is_respected_and_asked_again_at_the_next_click_only(chosen, without_torch, extension, asked, shown):
    extension(fails(AssertionError("installed against the user's will")))
    asked.answer = False
    chosen.ui.runButton.click()
    slicer.app.processEvents()
    assert chosen.ui.statusLabel.text == "PyTorch was not installed; without it nothing can be computed."
    assert chosen.ui.runButton.enabled
    assert len(asked) == 1
    assert not shown
    chosen.ui.runButton.click()
    assert len(asked) == 2


@pytest.mark.parametrize(
    "error", [PIP_FAILED, OSError("no network"), RuntimeError("PythonSlicer executable not found")]
)
def test_without_network_a_sentence_says_what_to_check(chosen, without_torch, extension, asked, shown, error):
    before = nodes()
    extension(fails(error))
    chosen.ui.runButton.click()
    assert chosen.ui.statusLabel.text.startswith("PyTorch could not be installed. Check the internet connection")
    ((text, more),) = shown
    assert "Traceback" not in text
    assert type(error).__name__ in more["detailedText"]
    assert nodes() == before
    assert chosen.ui.runButton.enabled


def test_an_extension_that_installs_nothing_is_told(chosen, without_torch, extension, asked, shown):
    extension(lambda: None)
    chosen.ui.runButton.click()
    assert chosen.ui.statusLabel.text.startswith("PyTorch could not be installed.")
    assert results() == (None, None)


@pytest.mark.parametrize(
    "proxy", ["http://me:secret@127.0.0.1:9", "127.0.0.1:9", "http://", "http://no.such.host.invalid:3128"]
)
def test_a_dead_proxy_is_named_with_what_to_check(chosen, without_torch, extension, asked, shown, monkeypatch, proxy):
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    extension(fails())
    chosen.ui.runButton.click()
    ((text, _more),) = shown
    place = proxy.replace("me:secret@", "")
    assert text.startswith(f"PyTorch could not be installed, since the proxy {place} doesn't let it through. Check")
    assert "HTTPS_PROXY" in text and "secret" not in text
    assert results() == (None, None)


@pytest.mark.parametrize(
    "said, told",
    [
        ("ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed: 407'))", "since the proxy of your"),
        ("SSLError(SSLCertVerificationError(1, 'CERTIFICATE_VERIFY_FAILED'))", "since your network replaces"),
        ("ERROR: Could not install packages: [Errno 28] No space left on device", "since the disk is full"),
    ],
)
def test_what_pip_says_of_its_failure_becomes_a_sentence(chosen, without_torch, extension, asked, shown, said, told):
    def install():
        command = [sys.executable, "-c", "import sys; print(sys.argv[1]); sys.exit(1)", said]
        slicer.util.logProcessOutput(slicer.util.launchConsoleProcess(command, useStartupEnvironment=False))

    extension(install)
    chosen.ui.runButton.click()
    assert f"PyTorch could not be installed, {told}" in chosen.ui.statusLabel.text


def test_a_torch_that_comes_but_does_not_load_asks_for_a_restart(chosen, without_torch, extension, asked, shown):
    def install():
        without_torch.undo()
        raise OSError("[WinError 1114] c10.dll")

    extension(install)
    chosen.ui.runButton.click()
    assert "can't be loaded yet: restart Slicer" in chosen.ui.statusLabel.text


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


def test_a_torch_that_does_not_load_is_told_with_its_reason(chosen, monkeypatch, tmp_path, shown):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text('raise OSError("[WinError 126] c10.dll not found")')
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.syspath_prepend(str(tmp_path))
    before = nodes()
    chosen.ui.runButton.click()
    ((text, more),) = shown
    assert text.startswith("PyTorch is installed, but doesn't work ([WinError 126] c10.dll not found). Restart Slicer")
    assert "OSError" in more["detailedText"]
    assert nodes() == before


def test_a_torch_that_is_half_there_is_told_with_what_is_missing(chosen, monkeypatch, tmp_path, shown):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("import torchgen_that_was_not_installed")
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.syspath_prepend(str(tmp_path))
    chosen.ui.runButton.click()
    ((text, _more),) = shown
    assert text.startswith("PyTorch is installed in part only: torchgen_that_was_not_installed is missing. Uninstall")
    assert results() == (None, None)


@pytest.fixture
def told_of(chosen, monkeypatch, tmp_path, shown):
    """What the panel tells at a click, of a torch of some code in the place of the true one, unknown to pip. None as
    code: its folder without any."""

    def told(code, file="torch/__init__.py"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        if code is not None:
            (tmp_path / file).write_text(code)
        monkeypatch.delitem(sys.modules, "torch")
        monkeypatch.setattr(sys, "path", [str(tmp_path), *(each for each in sys.path if each != torch_folder())])
        chosen.ui.runButton.click()
        ((text, _more),) = shown
        assert results() == (None, None)
        return text

    return told


def torch_folder():
    return str(Path(torch.__file__).parents[1])


@pytest.mark.parametrize(
    "code, missing",
    [
        (None, "torch/__init__.py"),
        ("import torchgen_that_was_not_installed", "torchgen_that_was_not"),
        ("", "torch.__version__"),
        ("__version__ = '2.9.0'", "torch.from_numpy"),
    ],
)
def test_a_torch_that_pip_did_not_finish_is_to_be_deleted(told_of, tmp_path, code, missing):
    text = told_of(code)
    assert text.startswith(f"PyTorch is installed in part only: {missing}")
    assert f"Delete {tmp_path / 'torch'}, restart Slicer" in text


@pytest.mark.parametrize(
    "code",
    [
        'raise ImportError("numpy.core.multiarray failed to import")',
        'raise AttributeError("_ARRAY_API not found")',
        'raise ValueError("numpy.dtype size changed, may indicate binary incompatibility")',
        '__version__ = "2.4.1"\ndef from_numpy(_): raise RuntimeError("Numpy is not available")',
        "import numpy.core_of_another_version",
    ],
)
def test_a_torch_built_for_another_numpy_is_told_with_what_to_do(told_of, code):
    text = told_of(code)
    assert text.startswith("PyTorch is installed, but doesn't work (")
    assert "built for another NumPy than" in text and "uninstall PyTorch in the module PyTorch Utils" in text


def test_somebody_elses_file_that_is_called_torch_is_named(told_of, tmp_path):
    text = told_of("lit = True", "torch.py")
    assert text.startswith(f"PyTorch is installed in part only: torch.__version__ is missing. Delete {tmp_path}")
    assert text.endswith("torch.py, restart Slicer, and try again.")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import sys; sys.exit(1)", "SystemExit"),
        ("x = (", "'(' was never closed"),
        ("\0\0", "source code string cannot contain null bytes"),
        ("raise OSError('libtorch_cpu.so: cannot open shared object file')", "libtorch_cpu.so: cannot open"),
        ("raise MemoryError", "MemoryError"),
    ],
)
def test_whatever_a_broken_torch_does_is_a_sentence(told_of, code, reason):
    text = told_of(code)
    assert text.startswith(f"PyTorch is installed, but doesn't work ({reason}") and "Restart Slicer" in text


def test_where_packages_can_not_be_written_nothing_is_asked_and_nothing_installed(
    chosen, without_torch, extension, asked, shown, monkeypatch, tmp_path
):
    import sysconfig

    gone = tmp_path / "site-packages"  # root may write everywhere, but not where there is no folder
    monkeypatch.setattr(sysconfig, "get_paths", lambda: {"purelib": str(gone)})
    extension(fails(AssertionError("installed where nothing can be written")))
    chosen.ui.runButton.click()
    ((text, _more),) = shown
    assert f"Slicer's folder {gone} can't be written" in text and "administrator" in text
    assert not asked and results() == (None, None)


def test_a_torch_that_does_not_fit_numpy_is_told(chosen, monkeypatch, shown):
    monkeypatch.setattr(torch, "from_numpy", lambda _: fails(RuntimeError("Numpy is not available"))())
    chosen.ui.runButton.click()
    assert chosen.ui.statusLabel.text.startswith("PyTorch is installed, but doesn't work (Numpy is not available).")


def test_a_torch_that_is_too_old_is_told(chosen, monkeypatch, shown):
    monkeypatch.setattr(torch, "__version__", "2.3.1+cpu")
    chosen.ui.runButton.click()
    assert chosen.ui.statusLabel.text.startswith("PyTorch 2.3.1+cpu is too old: 2.4 or newer is needed.")
    assert results() == (None, None)


def test_nothing_is_downloaded_with_torch_there(chosen, asked, extension, monkeypatch):
    import socket

    extension(fails(AssertionError("installed what is there")))
    monkeypatch.setattr(socket.socket, "connect", fails(AssertionError("went into the network")))
    chosen.ui.runButton.click()
    assert chosen.ui.statusLabel.text.startswith("Done")
    assert not asked


def test_torchs_libraries_load_without_the_interpreter(tmp_path):
    """In a process of its own: the longest that another thread waits for the interpreter while they are loaded."""
    from conftest import ROOT

    program = """
import sys, threading, time
sys.path[:0] = [{root!r} + "/Testing", {root!r} + "/DAGANSpine", {root!r}]
import SlicerHost
SlicerHost.start()
from DAGANSpinePanel.installation import preload
waits, thread = [], threading.Thread(target=preload)
begin = last = time.monotonic()
thread.start()
while thread.is_alive():
    time.sleep(0.001)
    waits.append(time.monotonic() - last)
    last = time.monotonic()
maps = open("/proc/self/maps").read()
print("libtorch_python" in maps, "torch" in sys.modules, max(waits) < (last - begin) / 2)
"""
    if not sys.platform.startswith("linux"):
        pytest.skip("what is loaded is looked up in /proc")
    run = subprocess.run(
        [sys.executable, "-c", program.format(root=str(ROOT))], capture_output=True, encoding="utf-8", check=True
    )
    assert run.stdout.split() == ["True", "False", "True"]
