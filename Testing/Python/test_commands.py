"""The list of commands: how they are called, and what they say of themselves."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from house import LIBRARY, ROOT

from DAGANSpineLib.__main__ import COMMANDS, build_parser
from DAGANSpineLib.baselines.systems import ALONE, VANILLA
from DAGANSpineLib.evaluation.benchmarking import named

SCRIPT = shutil.which("daganspine", path=str(Path(sys.executable).parent))


def output_of(*command):
    finished = subprocess.run(
        [*map(str, command)], cwd=ROOT, capture_output=True, encoding="utf-8", check=False
    )  # from the root, the module is this one, and so is the installed script's
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_the_commands_for_a_graphics_card_can_be_given_and_tell_what_restoration_alone_does():
    """Which takes the same segmenter without it."""
    page = (ROOT / "Resources" / "Benchmark" / "GPU.md").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.split() for line in page.splitlines() if line.startswith("    .venv/bin/daganspine ")]
    given = [build_parser().parse_args(words) for _, *words in lines]
    compared = [{system.key for system in named(each.systems)} for each in given if getattr(each, "systems", None)]
    assert len(given) == 6 and len(compared) == 2
    assert all({"da-gan", ALONE, VANILLA} <= keys for keys in compared)


def test_the_console_script_and_the_module_say_the_same():
    if SCRIPT is None:
        pytest.skip("the package is not installed")
    for arguments in (("--help",), ("segment", "--help")):
        assert output_of(SCRIPT, *arguments) == output_of(sys.executable, "-m", "DAGANSpineLib", *arguments)


def test_every_command_has_a_file_and_is_listed_by_what_the_file_says_of_itself():
    files = {path.stem for path in (LIBRARY / "commands").glob("*.py")} - {"__init__", "terminal"}
    listed = build_parser().format_help()
    assert {each.__name__.rpartition(".")[2] for each in COMMANDS} == files
    for each in COMMANDS:
        sentence = " ".join(each.__doc__.strip().rstrip(".").split())
        assert sentence.lower() in " ".join(listed.split()).lower()
