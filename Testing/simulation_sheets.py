"""Draw the contact sheets in Resources/Simulation: `python Testing/simulation_sheets.py`. About a minute.

`noise.jpg`: pieces at their own resolution, one kind of noise each. `backs.jpg`: whole pictures, of scanners, layers
and people. `mixed.jpg`, `severe.jpg`: eight subjects of each world.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from DAGANSpineLib.report.lettering import letters  # noqa: E402
from DAGANSpineLib.simulation import Subject, World, simulate_subject  # noqa: E402
from DAGANSpineLib.simulation.grid import pool  # noqa: E402

SEED = 900021  # beyond those of every data set of fewer than 900 000 subjects
PIECE, HEIGHT, TITLE, QUALITY = (340, 460), 620, 22, 76  # pixels; of JPEG, per cent
RESEARCH, CONSOLE, PORTABLE = (100, 0, 0), (0, 100, 0), (0, 0, 100)

NOISE = (
    ("too fast a sweep", PORTABLE), ("interleaved frames", RESEARCH), ("missing bands", RESEARCH),
    ("steps of the lit edge", PORTABLE), ("saturated rows", CONSOLE), ("rows of other gain", RESEARCH),
    ("off the back", RESEARCH), ("another gain from some row on", RESEARCH),
)  # fmt: skip
BACKS = (
    ("research", World("a sheet's")), ("console", World("a sheet's", CONSOLE, sure=("screenshot",))),
    ("portable", World("a sheet's", PORTABLE, sure=("one side darker",))),
    ("layer 2", World("a sheet's", layer=2)), ("layer 8", World("a sheet's", layer=8)),
    ("child", World("a sheet's", sure=("child",))), ("stout adult", World("a sheet's", sure=("stout adult",))),
    ("faint ribs", World("a sheet's", sure=("hardly visible ribs",))),
    ("invisible bones", World("a sheet's", sure=("invisible bones",))),
    ("marks", World("a sheet's", sure=("screenshot", "marks"))),
)  # fmt: skip
WORLDS = ("mixed", "severe")
# Of what differs in strength from back to back, one that shows it: so many seeds further on.
PLAIN = {"too fast a sweep": 50, "steps of the lit edge": 10, "another gain from some row on": 50}
KIND_OF = {"missing bands": "missing band"}


def titled(picture: np.ndarray, title: str) -> np.ndarray:
    """A grey picture under a title, white on black."""
    sheet = np.zeros((picture.shape[0] + TITLE, picture.shape[1]), np.uint8)
    written = letters(title)[:, : picture.shape[1]] * np.uint8(255)
    sheet[4 : 4 + written.shape[0], : written.shape[1]] = written
    sheet[TITLE:] = picture
    return sheet


def piece(kind: str, scanners: tuple[int, int, int], seed: int) -> np.ndarray:
    """Where this kind of noise begins in a subject's picture, at its own resolution."""
    world = World("a sheet's", scanners, torn=(0.4, 0.5), sure=(kind,))
    subject = simulate_subject(seed, severity=world, bursts=0, missing=0.45)
    events = [each for each in subject.known["noise"] if each["kind"] == KIND_OF.get(kind, kind)]
    leaps = kind == "another gain from some row on"
    strong = "gain" if leaps else "aside_mm"
    event = max(events, key=lambda each: (abs(each.get(strong, 0)), each["last"] - each["first"]))
    inside = 0 if leaps else (event["last"] - event["first"]) // 8
    row = event["last"] if event.get("head") else event["first"] + inside
    top = int(np.clip(row - PIECE[0] // 3, 0, max(len(subject.vpi) - PIECE[0], 0)))
    lit = np.flatnonzero(subject.body[top : top + PIECE[0]].any(0))
    left = max(min((lit[0] + lit[-1] - PIECE[1]) // 2, lit[0] - 20), 0)  # with the lit edge, at least one
    found = subject.vpi[top : top + PIECE[0], left : left + PIECE[1]]
    return np.pad(found, [(0, size - has) for size, has in zip(PIECE, found.shape, strict=True)])


def whole(subject: Subject) -> np.ndarray:
    """A whole picture, `HEIGHT` pixels high."""
    step = len(subject.vpi) / HEIGHT
    return (pool(subject.vpi, (step, step)) / step**2).round().clip(0, 255).astype(np.uint8)[:HEIGHT]


def beside(pictures: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.pad(each, ((0, 0), (0, 6))) for each in pictures], axis=1)


def draw_sheets(folder: Path) -> None:
    """Write the sheets into `folder`."""
    pieces = [
        titled(piece(kind, scanners, SEED + at + PLAIN.get(kind, 0)), kind) for at, (kind, scanners) in enumerate(NOISE)
    ]
    sheets = {"noise": np.concatenate([beside(pieces[:4]), beside(pieces[4:])])}
    backs = [(name, simulate_subject(SEED, severity=world, bursts=0, missing=0.0)) for name, world in BACKS]
    sheets["backs"] = beside([titled(whole(subject), name) for name, subject in backs])
    for severity in WORLDS:
        sheets[severity] = beside([whole(simulate_subject(SEED + at, severity=severity)) for at in range(8)])
    folder.mkdir(parents=True, exist_ok=True)
    for name, sheet in sheets.items():
        path = folder / f"{name}.jpg"
        sitk.WriteImage(sitk.GetImageFromArray(sheet), str(path), useCompression=True, compressionLevel=QUALITY)
        print(f"{path}: {sheet.shape[1]} x {sheet.shape[0]} pixels, {path.stat().st_size / 1e3:.0f} kB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=ROOT / "Resources" / "Simulation", help="folder")
    draw_sheets(parser.parse_args().output)


if __name__ == "__main__":
    main()
