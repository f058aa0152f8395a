"""From an image file to a folder of results."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import slicerio

from ..errors import UserError
from ..files import plain_text, portable_name, whole_folder
from ..progress import Progress, unheard
from ..projection import Projected, read_input
from ..records import check_record, read_json
from ..report import DISCLAIMER, findings, overlay, residual, with_lines
from ..segments import SEGMENTS
from ..spine import Spine, read
from ..texts import tr as _
from ..vpi import ENDINGS, VPI, files_of, is_whole, write_image
from .crew import Room
from .pipeline import Pipeline, Result

REPORT = "report.json"
OUTPUTS = ("restored.nrrd", "segmentation.seg.nrrd", "labels.png", "overlay.png", "residual.png", REPORT)
CHUNK = 1 << 20  # bytes
NONE = np.empty((0, 0, 0), np.float32)


def segment_file(
    path: Path,
    folder: Path,
    pipeline: Pipeline,
    progress: Progress = unheard,
    spacing: tuple[float, float] | None = None,
    room: Room | None = None,
) -> dict[str, Any]:
    """Restore and segment one image file, a VPI or a volume, which is projected first, as is the DICOM series of a
    folder; the results go into `folder`/NAME, all of them or none.

    `spacing`: mm, down and across, of pixels of pictures that don't know theirs. `room`: shared with other files that
    are in work. Returns the report. Results of an earlier run are replaced. Raises ImageError or OutputError; what
    `progress` raises stops the run and leaves nothing.
    """
    (vpi, projected), origin = read_input(path), origin_of(path, pipeline, spacing)
    vpi, room = vpi.sized(spacing), room or Room()
    waiting = partial(progress, 0.0, _("Waiting for memory"))
    with whole_folder(folder / name_of(path), replaces=OUTPUTS) as target, room.of(vpi.pixels.size, waiting):
        result = pipeline.run(vpi.pixels, progress, vpi.spacing)
        spine = read(result.labels, result.body, result.probabilities, vpi.spacing)
        result = replace(result, probabilities=NONE)  # nearly a gigabyte of the largest pictures
        report = report_of(origin, vpi, pipeline, result, spine, projected)
        write_results(target, vpi, result, spine, report)
    return report


def name_of(path: Path) -> str:
    """The name of the folder that a file's results go into: its own, without an ending that says what it is, and fit
    for every system. 1.2.840.1 and 1.2.840.2, as DICOM files are called, stay different."""
    ending = max((each for each in ENDINGS if path.name.lower().endswith(each)), key=len, default="")
    return portable_name(path.name if os.path.isdir(path) else path.name[: len(path.name) - len(ending)])


def origin_of(path: Path, pipeline: Pipeline, spacing: tuple[float, float] | None = None) -> dict[str, Any]:
    """What results are made of: the input's name and content, the model, and the pixel size that was given, mm; the
    report's first keys."""
    content = hashlib.sha256()
    for part in files_of(path):
        with part.open("rb") as file:
            while chunk := file.read(CHUNK):
                content.update(chunk)
    return {
        "input": plain_text(path.name),
        "input_sha256": content.hexdigest(),
        "model": {"name": pipeline.model.name, "sha256": pipeline.model.sha256},
        **({} if spacing is None else {"given_spacing_mm": list(spacing)}),
    }


def former_report(
    path: Path, folder: Path, pipeline: Pipeline, spacing: tuple[float, float] | None = None
) -> dict[str, Any] | None:
    """The report of results that an earlier run made of the same content with the same model; None without them, and
    where one of them is cut off."""
    results = folder / name_of(path)
    try:
        if not path.exists() or not all((results / name).is_file() for name in OUTPUTS):
            return None
        if not all(is_whole(results / name) for name in OUTPUTS if name != REPORT):
            return None
        report = read_report(results / REPORT)
        origin = origin_of(path, pipeline, spacing)
    except (UserError, OSError):  # another program's report.json or a damaged one; what can't be read
        return None
    same = {name: report.get(name) for name in (*origin, "given_spacing_mm")}
    return report if same == {"given_spacing_mm": None, **origin} else None


def read_report(path: Path) -> dict[str, Any]:
    """What `report_of` says, of this version. Raises UserError for anything else."""
    report = read_json(path)
    needed = {"input": str, "input_sha256": str, "model": dict, "classes": dict, "seconds": dict, "warnings": list,
              "corrupted patches": dict, "largest g": dict, "curves": list | None, "levels": dict,
              "plausibility": int | float}  # fmt: skip
    check_record(report, needed, path)
    for curve in report["curves"] or ():
        check_record(curve, {"upper": str, "lower": str, "uca_deg": int | float, "convex": str}, path)
    check_record(report["corrupted patches"], {"before": int, "after": int, "of": int}, path)
    check_record(report["largest g"], {"before": object, "after": object}, path)
    for segment in SEGMENTS:
        check_record(report["classes"].get(segment.name.lower()), {"components": int, "area_pixels": int}, path)
    if not all(isinstance(seconds, int | float) for seconds in report["seconds"].values()):
        raise UserError(f"{path} holds seconds that are no numbers.")
    return report


def report_of(
    origin: dict[str, Any],
    vpi: VPI,
    pipeline: Pipeline,
    result: Result,
    spine: Spine,
    projected: Projected | None = None,
) -> dict[str, Any]:
    """All that report.json says; `origin` is what `origin_of` gives, `projected` how a volume became the VPI."""
    found = findings(vpi.pixels, result.restored, result.labels, vpi.spacing, body=result.body, gaps=result.gaps)
    rows, columns = vpi.pixels.shape
    return {
        "note": DISCLAIMER,
        **origin,
        "projection": None if projected is None else projected.report,
        "device": str(pipeline.device),
        "seconds": {stage: round(seconds, 3) for stage, seconds in result.seconds.items()},
        "image": {
            "rows": rows,
            "columns": columns,
            "spacing_mm": vpi.spacing,
            "patients_right_is": vpi.patients_right_is,
        },
        **spine.as_json(),
        **found,
        "warnings": [*(projected.notes if projected else ()), *result.warnings, *found["warnings"], *spine.notes],
    }


def write_results(folder: Path, vpi: VPI, result: Result, spine: Spine, report: dict[str, Any]) -> None:
    """restored.nrrd, segmentation.seg.nrrd (both with the input's geometry); labels.png, overlay.png with the levels'
    lines, residual.png (all upright); report.json."""
    write_image(vpi.like_input(result.restored), folder / "restored.nrrd")
    write_segmentation(vpi.like_input(result.labels), folder / "segmentation.seg.nrrd")
    write_image(sitk.GetImageFromArray(result.labels), folder / "labels.png")
    pictures = {
        "overlay.png": with_lines(overlay(result.restored, result.labels), spine),
        "residual.png": residual(vpi.pixels, result.restored, result.gaps),
    }
    for name, picture in pictures.items():
        write_image(sitk.GetImageFromArray(picture, isVector=True), folder / name)
    (folder / REPORT).write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_segmentation(labels: sitk.Image, path: Path) -> None:
    """A label image (three-dimensional) as a segmentation that Slicer reads with names, colours and terminology."""
    ijk_to_lps = np.eye(4)
    ijk_to_lps[:3, :3] = np.array(labels.GetDirection()).reshape(3, 3) * labels.GetSpacing()
    ijk_to_lps[:3, 3] = labels.GetOrigin()
    slicerio.write_segmentation(
        str(path),
        {
            "voxels": sitk.GetArrayFromImage(labels).T,
            "ijkToLPS": ijk_to_lps,
            "encoding": "gzip",
            "containedRepresentationNames": ["Binary labelmap"],
            "segments": [
                {
                    "id": segment.name,
                    "name": segment.name,
                    "labelValue": segment.label,
                    "color": segment.colour,
                    "tags": {"TerminologyEntry": segment.terminology},
                }
                for segment in SEGMENTS
            ],
        },
    )
