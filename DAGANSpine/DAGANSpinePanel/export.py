"""From the scene to a folder: the images, a page for people, a table for programs."""

import csv
import json
import time
from pathlib import Path

import ctk
import SimpleITK
import slicer
from slicer.i18n import tr as _

from DAGANSpineLib import scene
from DAGANSpineLib.files import OutputError, portable_name, whole_folder
from DAGANSpineLib.progress import unheard
from DAGANSpineLib.report import DISCLAIMER, cell, curve_cells
from DAGANSpineLib.scene import projection as scene_projection
from DAGANSpineLib.segments import SEGMENTS
from DAGANSpinePanel import page
from DAGANSpinePanel.background import inBackground
from DAGANSpinePanel.curves import curveRows, notesOf, sayingsOf

RESTORED, SEGMENTATION, PAGE, TABLE, REPORT = OUTPUTS = (
    "restored.nrrd", "segmentation.seg.nrrd", "report.png", "figures.csv", "report.json",
)  # fmt: skip
COLUMNS = (
    "image", "class", "components", "area_pixels", "area_mm2", "corrupted_before", "corrupted_after", "patches",
    "largest_g_before", "largest_g_after", "change_of_clean", "curves", "largest_uca_deg", "plausibility", "names",
    "model", "warnings",
)  # fmt: skip


class Exporter:
    """The panel's section of the export. `ui`: the panel's widgets. `onFolderChosen`: called with the folder that the
    user chose, "" for none. `onExport`: called when the button is clicked."""

    def __init__(self, ui, onFolderChosen, onExport):
        self._field, self._button = ui.exportPathLineEdit, ui.exportButton
        self._field.filters = ctk.ctkPathLineEdit.Dirs
        self._onFolderChosen = onFolderChosen
        self._field.currentPathChanged.connect(self.onFieldChanged)
        self._field.validInputChanged.connect(self.onFieldChanged)  # all that is heard of a field that was emptied
        self._button.clicked.connect(onExport)

    def onFieldChanged(self, *_arguments):
        self._onFolderChosen(self._field.currentPath)

    def show(self, folder, volume, found, enabled):
        """Show this folder, and whether the results of this volume can be exported; found: None without findings."""
        if self._field.currentPath != folder:  # or the cursor would jump while somebody types
            self._field.currentPath = folder
        results = scene.results_of(volume) if volume is not None else (None,)
        trouble = ""
        if None in results or found is None:
            trouble = _("There are no results of this image yet.")
        elif not folder:
            trouble = _("Choose a folder first.")
        self._field.enabled = enabled
        self._button.enabled = enabled and not trouble
        self._button.toolTip = trouble or _(
            "Write the restored image (NRRD), the segmentation (seg.nrrd), a page to print (PNG), the figures (CSV) "
            "and a report for programs (JSON)."
        )


def targetOf(folder, volume):
    """The folder that the export of this volume makes in `folder`."""
    name = volume.GetName().strip(" .")
    return Path(folder) / (portable_name(name) if name else "VPI")


def mayReplace(target):
    """Whether `target` is free, or the user agrees to replace what an earlier export left there."""
    if not target.exists():
        return True
    text = _("{folder} exists already. Replace the results in it?").format(folder=target)
    return slicer.util.confirmOkCancelDisplay(text, windowTitle="DAGANSpine")


def export(target, volume, found, progress=unheard):
    """Write the results of this volume into the folder `target`: all files or none.

    found: the findings as the table shows them. progress: called with (fraction, message) before each file.
    Returns a sentence that says so. Raises OutputError with a sentence if the folder's parent is missing, if it holds
    other files, or can't be written.
    """
    if not target.parent.is_dir():
        raise OutputError(_("There is no folder {folder}: choose another one.").format(folder=target.parent))
    restored, segmentation = scene.results_of(volume)
    if restored is None or segmentation is None:  # deleted just now, before the button could tell
        raise OutputError(_("There are no results of this image any more."))
    spine = scene.drawn_spine_of(segmentation, volume)
    notes = notesOf(spine, scene.is_outdated(segmentation, volume)) if spine else [sayingsOf(None)]
    report = reportOf(volume, restored, found, spine, notes)
    with whole_folder(target, replaces=OUTPUTS) as folder:
        progress(0.0, _("Writing the restored image"))
        writeNode(restored, slicer.vtkMRMLVolumeArchetypeStorageNode(), folder / RESTORED)
        progress(0.2, _("Writing the segmentation"))
        writeNode(segmentation, slicer.vtkMRMLSegmentationStorageNode(), folder / SEGMENTATION)
        progress(0.4, _("Writing the figures"))
        writeTable(folder / TABLE, volume, scene.model_of(restored), report)
        (folder / REPORT).write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        drawing = 0.5, _("Drawing the page")
        pixels = scene.pixels_of(volume), scene.pixels_of(restored), scene.labels_of(segmentation, volume)

        def work(report):
            report(*drawing)
            return page.picturesOf(*pixels, spine)

        pictures = inBackground(work, progress)
        facts, curves = factsOf(volume, restored, found), curvesOf(spine, volume, notes)
        if not page.draw(folder / PAGE, facts, pictures, found, lambda: progress(*drawing), curves):
            raise OutputError(unwritable(PAGE, target.parent))
    return _("Exported to {folder}.").format(folder=target)


def writeNode(node, storage, path):
    """Write a node without changing where Slicer itself keeps it. Raises OutputError if that is not possible.

    Slicer's writers don't notice if the last bytes find no room on the disk; hence the file is read again.
    """
    storage.SetFileName(str(path))
    storage.SetUseCompression(1)
    try:
        if not storage.WriteData(node):
            raise RuntimeError
        SimpleITK.ReadImage(str(path))
    except RuntimeError as error:
        raise OutputError(unwritable(node.GetName(), path.parent.parent)) from error


def unwritable(name, folder):
    return _("{name} can't be written to {folder}: is the disk full?").format(name=name, folder=folder)


def reportOf(volume, restored, found, spine, notes):
    """What report.json says, as that of the command `segment`, as far as the scene knows it. notes: sentences on the
    spine."""
    name, _comma, digest = scene.model_of(restored).partition(", sha256 ")
    one_slice, frame = scene.OneSlice.of(volume), found.get("frame")
    rows, columns = one_slice.size
    unknown = {"curves": None, "levels": {}, "names_confidence": None, "plausibility": None}
    return {
        "note": DISCLAIMER,
        "input": volume.GetName(),
        **({"frame": frame} if frame else {}),
        "model": {"name": name, "sha256": digest},
        "projection": scene_projection.projection_of(volume),
        "image": {
            "rows": rows,
            "columns": columns,
            "spacing_mm": one_slice.spacing,
            "patients_right_is": scene.patients_right_is(volume),
        },
        **(unknown if spine is None else spine.as_json()),
        **{key: value for key, value in found.items() if key != "frame"},
        "warnings": [*found["warnings"], *notes],
    }


def writeTable(path, volume, model, found):
    """One line for each class; the figures of the restoration and of the curves stand in every line. `found`: as
    `reportOf` gives it."""
    patches, largest = found["corrupted patches"], found["largest g"]
    restoration = {
        "corrupted_before": patches["before"],
        "corrupted_after": patches["after"],
        "patches": patches["of"],
        "largest_g_before": largest["before"],
        "largest_g_after": largest["after"],
        "change_of_clean": found["change of clean patches"],
        **curve_cells(found),
        "model": cell(model),
        "warnings": cell(" ".join(found["warnings"])),
    }
    # spreadsheets tell by the mark at its begin that it is UTF-8
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        for segment in SEGMENTS:
            name = segment.name.lower()
            table.writerow({"image": cell(volume.GetName()), "class": name, **found["classes"][name], **restoration})


def curvesOf(spine, volume, notes):
    """What the page says of the curves: a table, None without any, and sentences. notes: on the spine."""
    if spine is None:
        return None, [sayingsOf(None)]
    return curveRows(spine, volume) if spine.curves else None, [sayingsOf(spine), *notes]


def factsOf(volume, restored, found):
    """Whence the results come: pairs of texts."""
    spacing = scene.OneSlice.of(volume).spacing
    size = _("unknown")
    if spacing is not None:
        size = _("{down:.3g} mm down, {across:.3g} mm across").format(down=spacing[0], across=spacing[1])
    frame = found.get("frame")
    return (
        (_("Image"), volume.GetName()),
        *([(_("Frame"), frame)] if frame else []),
        (_("Pixel size"), size),
        (_("Model"), scene.model_of(restored)),
        (_("Date"), time.strftime("%Y-%m-%d %H:%M")),
    )
