"""CMake configures, builds and installs the extension: all of it, where the module looks for it, with its tests.

Slicer's macros install only what is listed, and say nothing of what is missing. `Testing/SlicerCMake` stands for them.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = "lib/Slicer-5.12/qt-scripted-modules"
TOOLS = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
COMPILER_UNUSED = [  # project() would look for compilers, which nothing here needs
    f"-DCMAKE_{language}_{setting}"
    for language in ("C", "CXX")
    for setting in (f"COMPILER={sys.executable}", "COMPILER_FORCED=ON", "COMPILER_ID_RUN=ON")
]


def listed(folder, variable):
    """The entries of `set(variable …)` in a folder's CMakeLists.txt."""
    text = (ROOT / folder / "CMakeLists.txt").read_text(encoding="utf-8")
    entries = re.search(rf"set\({variable}\n(.*?)\n\s*\)", text, re.DOTALL).group(1).split()
    return sorted(entry.replace("${MODULE_NAME}", folder) for entry in entries)


def files(folder, *patterns):
    """The files of these patterns below a folder, as relative paths; caches left out."""
    paths = (path for pattern in patterns for path in folder.glob(pattern) if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in paths if path.parent.name != "__pycache__")


@pytest.mark.parametrize(
    ("folder", "variable", "patterns"),
    [
        ("DAGANSpineLib", "LIBRARY_PYTHON_SCRIPTS", ("**/*.py",)),
        ("DAGANSpine", "MODULE_PYTHON_SCRIPTS", ("**/*.py",)),
        ("DAGANSpine", "MODULE_PYTHON_RESOURCES", ("Resources/*/*",)),
    ],
)
def test_the_lists_name_exactly_the_files_that_exist(folder, variable, patterns):
    assert listed(folder, variable) == files(ROOT / folder, *patterns)


def run(*command, cwd=None):
    finished = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=os.environ | {"PATH": TOOLS},
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished


def configure(source, build):
    slicer = f"-DSlicer_DIR={ROOT / 'Testing' / 'SlicerCMake'}"
    return run("cmake", "-G", "Ninja", "-S", source, "-B", build, slicer, *COMPILER_UNUSED)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The build tree and the installed extension."""
    if not shutil.which("ninja", path=TOOLS):
        pytest.skip("cmake and ninja come with the tests' packages")
    build = tmp_path_factory.mktemp("build")
    assert configure(ROOT, build).stderr == ""  # where CMake warns
    run("cmake", "--build", build)
    run("cmake", "--install", build, "--prefix", build / "installed")
    return build, build / "installed"


@pytest.mark.parametrize("layout", ["built", "installed"])
def test_every_file_is_where_the_module_looks_for_it(built, layout):
    modules = built[layout == "installed"] / MODULES
    source = {
        **{f"DAGANSpineLib/{path}": ROOT / "DAGANSpineLib" / path for path in files(ROOT / "DAGANSpineLib", "**/*.py")},
        **{path: ROOT / "DAGANSpine" / path for path in files(ROOT / "DAGANSpine", "**/*.py", "Resources/*/*")},
        **{path: ROOT / path for path in files(ROOT, "Resources/Models/*", "Resources/SampleData/**/*")},
        "DAGANSpineLib/LICENSE": ROOT / "LICENSE",
    }
    assert files(modules, "**/*") == sorted(source)
    assert [path for path, original in source.items() if (modules / path).read_bytes() != original.read_bytes()] == []


def test_slicers_test_runner_finds_the_modules_tests(built):
    tests = {test["name"] for test in json.loads(run("ctest", "--show-only=json-v1", cwd=built[0]).stdout)["tests"]}
    assert tests == {"py_DAGANSpine", "py_nomainwindow_qSlicerDAGANSpineModuleGenericTest"}


def test_a_changed_resource_is_built_and_installed_anew(tmp_path):
    """A retrained model, for instance; a copy made once while configuring would stay as it was."""
    if not shutil.which("ninja", path=TOOLS):
        pytest.skip("cmake and ninja come with the tests' packages")
    source = tmp_path / "source"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "__pycache__", "out", "runs", "data"))
    configure(source, tmp_path / "build")
    resources = tmp_path / "build" / MODULES / "Resources"
    for path, content in (("SampleData/new.txt", b"new"), ("Models/DAGANSpine.pt", b"retrained")):
        (source / "Resources" / path).write_bytes(content)
        run("cmake", "--build", tmp_path / "build")
        assert (resources / path).read_bytes() == content


INSTALLED = """
import json, pathlib, sys
modules = pathlib.Path({modules!r})
sys.path = [path for path in sys.path if path not in ("", {root!r})]
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in str(finder)]
sys.path[:0] = [{root!r} + "/Testing"]
import SlicerHost
host = SlicerHost.start()
host.load(modules / "DAGANSpine.py")
panel = host.open("DAGANSpine")
import slicer, DAGANSpineLib.model.card, DAGANSpinePanel.samples
print(json.dumps([DAGANSpineLib.__file__, str(DAGANSpineLib.model.card.BUNDLED), panel.ui.modelCardLabel.text,
                  [str(source.path) for source in slicer.modules.sampleDataSources["DAGANSpine"]]]))
"""


def test_the_installed_module_opens_with_its_own_library_model_and_samples(built, tmp_path):
    pytest.importorskip("slicer")
    modules = (built[1] / MODULES).resolve()
    program = INSTALLED.format(modules=str(modules), root=str(ROOT))
    library, model, card, samples = json.loads(run(sys.executable, "-c", program, cwd=tmp_path).stdout.splitlines()[-1])
    assert Path(library) == modules / "DAGANSpineLib" / "__init__.py"
    assert Path(model) == modules / "Resources" / "Models" / "DAGANSpine.pt" and card.startswith("Bundled model")
    assert {Path(sample).parent for sample in samples} == {modules / "Resources" / "SampleData"}
