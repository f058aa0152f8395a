"""The first use: PyTorch isn't there, is offered, and comes, or why it doesn't."""

import subprocess
import sys

import pytest

slicer = pytest.importorskip("slicer")
pytest.importorskip("torch")
pytest.importorskip("PySide6")

from clinician import nodes, results  # noqa: E402
from pytorch_extension import PIP_FAILED, comes, fails  # noqa: E402


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
