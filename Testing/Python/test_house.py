"""The walls of the library's house: which room may import which, and through its door only."""

import ast
import re

import pytest
from house import LIBRARY, ROOMS, ROOT, door, imports

GROUND = {"doors", "errors", "files", "metrics", "progress", "records", "segments", "texts"}
# from bottom to top: the rooms that each may import, besides the ground
MAY_IMPORT = {
    "networks": {"vpi"},
    "vpi": set(),
    "model": {"networks"},
    "projection": {"vpi"},
    "simulation": {"vpi"},
    "spine": set(),
    "collection": {"vpi"},
    "report": {"vpi", "spine"},
    "inference": {"vpi", "networks", "model", "projection", "spine", "report"},
    "scene": {"vpi", "projection", "spine", "report"},
    # simulated subjects to rehearse, and whether a model's own labels form a spine
    "training": {"vpi", "networks", "model", "simulation", "spine", "inference"},
    "baselines": {"vpi", "networks", "model", "training"},
    "evaluation": {"vpi", "networks", "model", "simulation", "spine", "inference", "report", "training", "baselines"},
    "commands": {"vpi", "projection", "simulation", "inference", "report", "training", "baselines", "evaluation"},
}
NOT_OF_THE_GROUND = {"__main__": {"commands", "report"}}  # the list of commands lies above all rooms
FILES = sorted(path for path in LIBRARY.rglob("*.py"))


def room_of(path):
    """The room that a file lies in; empty for the ground."""
    parts = path.relative_to(LIBRARY).parts
    return parts[0] if len(parts) > 1 else ""


def name(path):
    return path.relative_to(LIBRARY).as_posix()


def crossing(path):
    """The imports of a file from other rooms than its own."""
    return [each for each in imports(path) if each.parts[:1] != (room_of(path),) and each.room in ROOMS]


def outside(path):
    """The packages that a file imports from elsewhere."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name.partition(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]


def test_every_room_is_in_the_plan_and_says_what_it_is_for():
    assert set(ROOMS) == set(MAY_IMPORT)
    for room in ROOMS:
        assert ast.get_docstring(ast.parse((LIBRARY / room / "__init__.py").read_text(encoding="utf-8")))


def test_the_readmes_map_of_the_house_names_every_room_and_only_what_is_there():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = readme.partition("| folder | holds |")[2].partition("\n\n")[0].splitlines()[2:]
    folders = {names[0]: names[1:] for names in (re.findall(r"`([\w./]+)`", row) for row in rows)}
    for folder, names in folders.items():
        assert (ROOT / folder).is_dir(), folder
        assert [each for each in names if not (ROOT / folder / each).exists()] == []
    assert {each.rstrip("/") for each in folders["DAGANSpineLib/"] if each.endswith("/")} == set(ROOMS)


def test_nothing_lies_at_the_root_but_the_ground_and_the_list_of_commands():
    assert {path.stem for path in LIBRARY.glob("*.py")} == GROUND | {"__init__", "__main__"}


def reached(room):
    """All rooms that a room stands on."""
    below = MAY_IMPORT[room]
    return below.union(*map(reached, below)) if below else below


def test_the_plan_has_no_circle():
    assert [room for room in MAY_IMPORT if room in reached(room)] == []  # a circle would not end


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_file_imports_only_from_rooms_below_its_own_and_through_their_doors(path):
    room = room_of(path)
    allowed = MAY_IMPORT[room] if room else NOT_OF_THE_GROUND.get(path.stem, set())
    for each in crossing(path):
        assert each.room in allowed, f"line {each.line}: {room or 'the ground'} may not import {each.room}"
        assert len(each.parts) == 1 and each.name in door(each.room), f"line {each.line}: not a name at the door"


def test_no_files_of_a_room_import_each_other_in_a_circle():
    below = {path: {each.file for each in imports(path)} & set(FILES) - {path} for path in FILES}
    while free := [path for path, others in below.items() if not others & below.keys()]:
        for path in free:
            del below[path]
    assert sorted(map(name, below)) == []


def test_every_name_at_a_door_lies_in_the_file_that_it_points_to():
    for room in ROOMS:
        for given, path in door(room).items():
            tree = ast.parse(path.read_text(encoding="utf-8"))
            bound = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
            bound |= {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
            assert given in bound or given == path.stem, f"{room}: {given}"


def test_no_file_hides_behind_a_name_of_its_rooms_door():
    """A file that is called as a function which its room gives could not be reached by its path."""
    hidden = [
        (room, each) for room in ROOMS for each, path in door(room).items() if path != LIBRARY / room / f"{each}.py"
    ]
    assert [(room, each) for room, each in hidden if (LIBRARY / room / f"{each}.py").is_file()] == []


def test_only_the_scene_imports_slicer():
    assert {room_of(path) for path in FILES if "slicer" in set(outside(path))} == {"scene"}


def test_the_module_imports_no_torch_and_no_file_behind_a_door_that_would():
    module = ROOT / "DAGANSpine" / "DAGANSpine.py"
    waiting, seen = [module], set()
    while waiting:
        path = waiting.pop()
        seen.add(path)
        waiting += [each.file for each in imports(path) if at_file_scope(each) and each.file not in {*seen, None}]
    assert module in seen and len(seen) > 10
    assert [name(path) for path in seen - {module} if "torch" in set(outside(path))] == []
    assert "torch" not in set(outside(module))


def at_file_scope(each):
    """Whether an import is done as soon as its file is."""
    tree = ast.parse(each.path.read_text(encoding="utf-8"))
    return any(node.lineno <= each.line <= node.end_lineno for node in tree.body if isinstance(node, ast.ImportFrom))
