"""From an image file to a folder of results."""

from __future__ import annotations

import glob
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import slicerio

from ..files import OutputError, whole_folder
from ..progress import Progress, unheard
from ..projection import Projected, read_input
from ..report import DISCLAIMER, findings, overlay, residual
from ..segments import SEGMENTS
from ..vpi import VPI
from .pipeline import Pipeline, Result

OUTPUTS = ("restored.nrrd", "segmentation.seg.nrrd", "labels.png", "overlay.png", "residual.png", "report.json")
HEADERS = (".mhd", ".nhdr")  # their pixels lie in another file


def segment_file(path: Path, folder: Path, pipeline: Pipeline, progress: Progress = unheard) -> dict[str, Any]:
    """Restore and segment one image file, a VPI or a volume, which is projected first; the results go into
    `folder`/NAME, all of them or none.

    Returns the report. Results of an earlier run are replaced. Raises ImageError or OutputError; what `progress`
    raises stops the run and leaves nothing.
    """
    (vpi, projected), origin = read_input(path), origin_of(path, pipeline)
    with whole_folder(folder / name_of(path), replaces=OUTPUTS) as target:
        result = pipeline.run(vpi.pixels, progress)
        report = report_of(origin, vpi, pipeline, result, projected)
        try:
            write_results(target, vpi, result, report)
        except RuntimeError as error:  # SimpleITK's word for a full disk
            raise OutputError(f"The results of {path} can't be written to {folder}: is the disk full?") from error
    return report


def name_of(path: Path) -> str:
    """The file's name without its ending; .nii.gz is one ending."""
    return path.with_suffix("").stem if path.name.endswith(".nii.gz") else path.stem


def origin_of(path: Path, pipeline: Pipeline) -> dict[str, Any]:
    """What results are made of: the input's name and content, and the model; the report's first keys."""
    content = hashlib.sha256()
    parts = sorted(path.parent.glob(f"{glob.escape(path.stem)}.*")) if path.suffix.lower() in HEADERS else [path]
    for part in parts:
        content.update(part.read_bytes())
    return {
        "input": path.name,
        "input_sha256": content.hexdigest(),
        "model": {"name": pipeline.model.name, "sha256": pipeline.model.sha256},
    }


def former_report(path: Path, folder: Path, pipeline: Pipeline) -> dict[str, Any] | None:
    """The report of results that an earlier run made of the same content with the same model, None without them."""
    results = folder / name_of(path)
    if not path.is_file() or not all((results / name).is_file() for name in OUTPUTS):
        return None
    try:
        report = json.loads((results / "report.json").read_text(encoding="utf-8"))
    except ValueError:  # another program's report.json, or a damaged one
        return None
    return report if isinstance(report, dict) and report.items() >= origin_of(path, pipeline).items() else None


def report_of(
    origin: dict[str, Any], vpi: VPI, pipeline: Pipeline, result: Result, projected: Projected | None = None
) -> dict[str, Any]:
    """All that report.json says; `origin` is what `origin_of` gives, `projected` how a volume became the VPI."""
    found = findings(vpi.pixels, result.restored, result.labels, vpi.spacing, body=result.body)
    rows, columns = vpi.pixels.shape
    return {
        "note": DISCLAIMER,
        **origin,
        "projection": None if projected is None else projected.report,
        "device": str(pipeline.device),
        "seconds": {stage: round(seconds, 3) for stage, seconds in result.seconds.items()},
        "image": {"rows": rows, "columns": columns, "spacing_mm": vpi.spacing},
        **found,
        "warnings": [*(projected.notes if projected else ()), *result.warnings, *found["warnings"]],
    }


def write_results(folder: Path, vpi: VPI, result: Result, report: dict[str, Any]) -> None:
    """restored.nrrd, segmentation.seg.nrrd (both with the input's geometry); labels.png, overlay.png, residual.png (all
    upright); report.json."""
    sitk.WriteImage(vpi.like_input(result.restored), str(folder / "restored.nrrd"), useCompression=True)
    write_segmentation(vpi.like_input(result.labels), folder / "segmentation.seg.nrrd")
    sitk.WriteImage(sitk.GetImageFromArray(result.labels), str(folder / "labels.png"))
    pictures = {
        "overlay.png": overlay(result.restored, result.labels),
        "residual.png": residual(vpi.pixels, result.restored),
    }
    for name, picture in pictures.items():
        sitk.WriteImage(sitk.GetImageFromArray(picture, isVector=True), str(folder / name))
    (folder / "report.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


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
