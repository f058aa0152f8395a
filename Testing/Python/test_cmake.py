"""The CMake lists name exactly the files that exist: Slicer installs nothing else, and says nothing."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def listed(folder, variable):
    """The entries of `set(variable …)` in a folder's CMakeLists.txt."""
    text = (ROOT / folder / "CMakeLists.txt").read_text()
    entries = re.search(rf"set\({variable}\n(.*?)\n\s*\)", text, re.DOTALL).group(1).split()
    return sorted(entry.replace("${MODULE_NAME}", folder) for entry in entries)


def existing(folder, *patterns):
    paths = (path for pattern in patterns for path in (ROOT / folder).glob(pattern))
    return sorted(path.relative_to(ROOT / folder).as_posix() for path in paths)


@pytest.mark.parametrize(
    ("folder", "variable", "patterns"),
    [
        ("DAGANSpineLib", "LIBRARY_PYTHON_SCRIPTS", ("**/*.py",)),
        ("DAGANSpine", "MODULE_PYTHON_SCRIPTS", ("**/*.py",)),
        ("DAGANSpine", "MODULE_PYTHON_RESOURCES", ("Resources/*/*",)),
    ],
)
def test_the_lists_name_exactly_the_files_that_exist(folder, variable, patterns):
    assert listed(folder, variable) == existing(folder, *patterns)


def test_every_folder_that_is_copied_or_added_exists():
    text = (ROOT / "CMakeLists.txt").read_text()
    folders = re.findall(r"add_subdirectory\((\S+)\)", text)
    folders += re.search(r"file\(COPY (.*)", text).group(1).split()
    assert folders
    assert [folder for folder in folders if not (ROOT / folder).is_dir()] == []
