"""The library's house, read from its sources: its rooms, their doors, and who imports what."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "DAGANSpineLib"
ROOMS = sorted(path.parent.name for path in LIBRARY.glob("*/__init__.py"))


@dataclass(frozen=True)
class Import:
    """One name that a file imports from the library: `parts` are the module's below the library, `line` is where."""

    path: Path
    line: int
    parts: tuple[str, ...]
    name: str

    @property
    def room(self) -> str:
        """The room that it comes from; a file of the ground is called by its own name."""
        return self.parts[0] if self.parts else self.name

    @property
    def file(self) -> Path | None:
        """The file that holds what is imported, behind a room's door too."""
        folder = LIBRARY.joinpath(*self.parts)
        if folder.is_dir():
            within = door(folder.name).get(self.name) if len(self.parts) == 1 else None
            candidates = within, folder / f"{self.name}.py", folder / self.name / "__init__.py"
        else:
            candidates = (folder.with_suffix(".py"),)
        return next((path for path in candidates if path and path.is_file()), None)


def imports(path: Path) -> Iterator[Import]:
    """What a file of the library or of the module imports from the library, wherever it does so."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom):
            continue
        module = tuple(node.module.split(".")) if node.module else ()
        if node.level and path.is_relative_to(LIBRARY):
            parts = path.relative_to(LIBRARY).parts[: -node.level] + module
        elif module[:1] == ("DAGANSpineLib",):
            parts = module[1:]
        else:
            continue
        for each in node.names:
            yield Import(path, node.lineno, parts, each.name)


def door(room: str) -> dict[str, Path]:
    """The names that a room gives to others, with the files that hold them."""
    folder = LIBRARY / room
    names = {}
    for node in ast.walk(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))):
        match node:
            case ast.ImportFrom(module=None, level=1):  # a file as a whole
                names |= {each.name: folder / f"{each.name}.py" for each in node.names}
            case ast.ImportFrom(level=1):
                names |= {each.name: folder / f"{node.module}.py" for each in node.names}
            case ast.Call(func=ast.Name(id="on_demand"), args=[_, files]):
                for file, given in ast.literal_eval(files).items():
                    names |= dict.fromkeys(given, folder / f"{file}.py")
    return names
