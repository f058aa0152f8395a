"""The library stands without Slicer, the module opens without torch and finds the library."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

LIBRARY = """
import importlib, pkgutil, sys
sys.path.insert(0, {root!r})
sys.modules["slicer"] = None
import DAGANSpineLib
names = [each.name for each in pkgutil.walk_packages(DAGANSpineLib.__path__, "DAGANSpineLib.")]

names = [name for name in names if not name.startswith("DAGANSpineLib.scene") and name != "DAGANSpineLib.__main__"]
for name in names:
    importlib.import_module(name)
print(len(names))
"""

MODULE = """
import sys
sys.path[:0] = [{root!r}, {root!r} + "/Testing"]
sys.modules["torch"] = None
import pathlib, SlicerHost
host = SlicerHost.start()
host.load(pathlib.Path({root!r}) / "DAGANSpine" / "DAGANSpine.py")
host.open("DAGANSpine")
print("opened")
"""

# as "additional module path": Slicer puts the module's folder alone on the path
ALONE = """
import sys
sys.path.insert(0, {root!r} + "/Testing")
import pathlib, SlicerHost
sys.path = [path for path in sys.path if path not in ("", {root!r})]
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in str(finder)]
host = SlicerHost.start()
host.load(pathlib.Path({root!r}) / "DAGANSpine" / "DAGANSpine.py")
import DAGANSpineLib.vpi.picture
print(DAGANSpineLib.vpi.picture.__file__)
"""


def output_of(program, tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", program.format(root=str(ROOT))],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_the_library_imports_without_slicer(tmp_path):
    assert int(output_of(LIBRARY, tmp_path)) > 10


def test_the_module_opens_without_torch(tmp_path):
    pytest.importorskip("slicer")
    assert "opened" in output_of(MODULE, tmp_path)


def test_the_module_finds_the_library_beside_its_folder(tmp_path):
    pytest.importorskip("slicer")
    assert str(ROOT / "DAGANSpineLib" / "vpi" / "picture.py") in output_of(ALONE, tmp_path)
