"""A PyTorch that is there, and is broken, half there, too old or somebody else's: told with what to do."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("slicer")
torch = pytest.importorskip("torch")
pytest.importorskip("PySide6")

from clinician import nodes, results  # noqa: E402
from pytorch_extension import fails  # noqa: E402


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


def test_a_torch_that_does_not_fit_numpy_is_told(chosen, monkeypatch, shown):
    monkeypatch.setattr(torch, "from_numpy", lambda _: fails(RuntimeError("Numpy is not available"))())
    chosen.ui.runButton.click()
    assert chosen.ui.statusLabel.text.startswith("PyTorch is installed, but doesn't work (Numpy is not available).")


def test_a_torch_that_is_too_old_is_told(chosen, monkeypatch, shown):
    monkeypatch.setattr(torch, "__version__", "2.3.1+cpu")
    chosen.ui.runButton.click()
    assert chosen.ui.statusLabel.text.startswith("PyTorch 2.3.1+cpu is too old: 2.4 or newer is needed.")
    assert results() == (None, None)
