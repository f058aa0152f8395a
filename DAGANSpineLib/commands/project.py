"""Project a volume to its VPI, along a slab that follows the back."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..report import DISCLAIMER
from .terminal import Bar, Parser, add_output


def add_arguments(command: Parser) -> None:
    command.add_argument(
        "input", type=Path, metavar="VOLUME", help="NRRD, NIfTI, MHA, DICOM, or a DICOM series' folder"
    )
    add_output(command, "NRRD, NIfTI or MHA, which keep its place; PNG", "VPI")
    command.add_argument("--depth", type=float, metavar="MM", help="of the slab under the skin; without it, found out")
    command.add_argument("--thickness", type=float, default=3.0, metavar="MM", help="of the slab, 3 if not given")
    command.add_argument("--method", default="mean", choices=("mean", "maximum"), help="of the slab's voxels")
    sides = {"choices": tuple("RLAPIS"), "metavar": "SIDE"}
    command.add_argument(
        "--axis", **sides, help="where the head lies, in the volume's coordinates: R, L, A, P, I or S; else found out"
    )
    command.add_argument("--direction", **sides, help="where the skin lies, from which is looked: likewise")


def run(arguments: argparse.Namespace) -> int:
    """Project a volume to its VPI."""
    from ..projection import Wanted, project_file, refuse_to_replace, write_vpi

    wanted = Wanted(arguments.depth, arguments.thickness, arguments.method, arguments.axis, arguments.direction)
    refuse_to_replace(arguments.output, arguments.input)
    projected = project_file(arguments.input, wanted, Bar("Projecting"))
    write_vpi(projected.vpi, arguments.output)
    (rows, columns), (down, across) = projected.vpi.pixels.shape, projected.vpi.spacing
    how = "the {method} of {thickness_mm:g} mm from {depth_mm:g} mm under the skin on; head at {head}, skin at {skin}"
    size = f"{columns} × {rows} pixels of {across:.3g} × {down:.3g} mm"
    print(f"{arguments.output}: {size}; {how.format(**projected.report)}")
    for note in projected.notes:
        print(f"  Note: {note}")
    print(DISCLAIMER)
    return 0
