"""What Slicer's extension index and GitHub read of the project agrees with what is there."""

import json
import re
from pathlib import Path

import pytest
import SimpleITK as sitk

ROOT = Path(__file__).resolve().parents[2]
CMAKE = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
ENTRY = json.loads((ROOT / "DAGANSpine.json").read_text(encoding="utf-8"))
# of version 1.0.1 of the index's schema
KEYS = {
    "$schema", "category", "scm_url", "scm_revision", "scm_type", "build_dependencies", "build_subdirectory", "enabled",
    "tier",
}  # fmt: skip
MODEL_LIMIT, CLONE_LIMIT = 16e6, 100e6  # bytes; the index limits a clone


def setting(name):
    return re.search(rf'set\(EXTENSION_{name} "([^"]*)"\)', CMAKE).group(1)


def test_the_index_entry_has_the_keys_that_the_index_knows():
    assert {"$schema", "category", "scm_url"} <= set(ENTRY) <= KEYS
    assert ENTRY["$schema"].endswith("/slicer-extension-catalog-entry-schema-v1.0.1.json#")
    assert 1 <= ENTRY["tier"] <= 5
    assert ENTRY["scm_url"].startswith("https://") and ENTRY["scm_url"].endswith(".git")


def test_the_index_entry_and_cmake_say_the_same():
    assert re.search(r"project\((\w+)\)", CMAKE).group(1) == "DAGANSpine"  # as the entry's file is called
    assert setting("CATEGORY") == ENTRY["category"] == "Ultrasound"  # which the index accepts
    assert setting("DEPENDS").split() == ENTRY["build_dependencies"] == ["PyTorch"]
    assert setting("HOMEPAGE") + ".git" == ENTRY["scm_url"]
    assert setting("HOMEPAGE").rpartition("/")[2] == "SlicerDAGANSpine"  # the index asks for Slicer in the name
    assert "Research use, not for diagnosis." in setting("DESCRIPTION")


@pytest.mark.parametrize("name", ["ICONURL", "SCREENSHOTURLS"])
def test_the_icon_and_the_screenshots_are_pictures_of_the_repository(name):
    raw = setting("HOMEPAGE").replace("https://github.com/", "https://raw.githubusercontent.com/") + "/main/"
    for address in setting(name).split():
        assert address.startswith(raw)
        assert (ROOT / address.removeprefix(raw)).suffix == ".png" and (ROOT / address.removeprefix(raw)).is_file()


def test_the_icon_has_the_size_that_slicer_asks_for():
    icon = sitk.ReadImage(str(ROOT / "DAGANSpine" / "Resources" / "Icons" / "DAGANSpine.png"))
    assert icon.GetSize() == (128, 128) and icon.GetNumberOfComponentsPerPixel() == 4


def test_the_index_finds_a_licence_and_the_model_and_samples_are_small():
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").strip()
    assert (ROOT / "Resources" / "Models" / "DAGANSpine.pt").stat().st_size <= MODEL_LIMIT
    bundled = sum(path.stat().st_size for path in (ROOT / "Resources").rglob("*") if path.is_file())
    assert bundled < CLONE_LIMIT / 2  # a clone brings their history as well


def test_the_changelog_tells_of_the_present_version():
    version = re.search(
        r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE
    ).group(1)
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == "Unreleased" and version in headings


def test_github_runs_the_readmes_two_commands_on_three_systems():
    yaml = pytest.importorskip("yaml")
    (job,) = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8"))["jobs"].values()
    systems = {system.partition("-")[0] for system in job["strategy"]["matrix"]["system"]}
    assert systems == {"ubuntu", "macos", "windows"}
    commands = [step["run"] for step in job["steps"] if "run" in step]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in ("make demo", "make test"):
        assert f"    {command} " in readme
        assert sum(each.startswith(command) for each in commands) == 1


def test_both_ways_of_testing_on_linux_install_the_same_system_libraries():
    named = [
        set(
            re.findall(
                r"\b(?:lib[a-z]+\d[\w-]*|libdbus-[\d-]+|fonts-[\w-]+)\b", (ROOT / path).read_text(encoding="utf-8")
            )
        )
        for path in (".ci/run", ".github/workflows/tests.yml")
    ]
    assert named[0] == named[1] and len(named[0]) == 7
