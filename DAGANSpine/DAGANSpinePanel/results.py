"""What a run found: a table of the segments, a table of the restoration, and what to know before trusting them."""

import qt
from slicer.i18n import tr as _

from DAGANSpineLib import metrics, scene
from DAGANSpineLib.segments import SEGMENTS
from DAGANSpinePanel.wrapping import wrappable

SWATCH = 12  # pixels of a segment's colour beside its name
ABSENT = "–"
NARROWEST = 52  # pixels of a column: figures side by side stay apart
BINARY = "Binary labelmap"  # the representation that is edited


class ResultsViewer:
    """The panel's section of the results. `ui`: the panel's widgets."""

    def __init__(self, ui):
        self._ui = ui
        self._shown = ()  # the state whose findings the tables show; none so far
        self.found = None  # those findings
        for table in (ui.segmentsTable, ui.restorationTable):
            prepare(table)

    def show(self, volume):
        """Show what is known of the results of this volume, None for no volume."""
        results = scene.results_of(volume) if volume is not None else (None, None)
        self._ui.resultsLabel.text = wrappable(describe(*results))
        state = stateOf(volume, *results)
        if state == self._shown:
            return
        self._shown = state
        self.found = currentFindings(volume, *results)
        for table in (self._ui.segmentsTable, self._ui.restorationTable):
            table.visible = self.found is not None
        warnings = []
        if self.found is not None:
            fill(self._ui.segmentsTable, *segmentRows(self.found))
            for row, segment in enumerate(SEGMENTS):
                self._ui.segmentsTable.item(row, 0).setIcon(swatch(segment.colour))
            fill(self._ui.restorationTable, *restorationRows(self.found))
            warnings = self.found["warnings"]
        self._ui.warningsLabel.visible = bool(warnings)
        notes = "\n".join(_("Note: {warning}").format(warning=warning) for warning in warnings)
        self._ui.warningsLabel.text = wrappable(notes)


def stateOf(volume, restored, segmentation):
    """What the findings depend on; two states that are equal have the same findings."""
    if restored is None and segmentation is None:
        return None
    findings = (restored or segmentation).GetAttribute(scene.FINDINGS)
    return volume.GetID(), findings, timesOf(segmentation), scene.frame_of(volume)


def timesOf(segmentation):
    """When each of these segments was last changed; None for no segmentation."""
    segments = segmentation.GetSegmentation() if segmentation is not None else None
    count = segments.GetNumberOfSegments() if segments is not None else 0
    masks = (segments.GetNthSegment(index).GetRepresentation(BINARY) for index in range(count))
    return tuple(mask.GetMTime() if mask is not None else 0 for mask in masks)


def currentFindings(volume, restored, segmentation):
    """The run's findings, with the segments as they are now, in case that somebody has edited them, and with a warning
    if a film shows another frame; None if there are none."""
    stored = scene.findings_of(restored or segmentation) if restored or segmentation else None
    if stored is None or scene.trouble_with(volume):
        return stored
    frame, shown, notes = stored.get("frame"), scene.frame_of(volume), []
    if frame and shown and frame != shown:
        notes.append(
            _("The film shows frame {shown} now; the results are those of frame {frame}, and don't follow it.").format(
                shown=shown, frame=frame
            )
        )
    classes = scene.classes_of(segmentation, volume) if segmentation is not None else stored["classes"]
    if classes != stored["classes"]:
        notes.append(_("The segments were changed after the run: pieces and areas are those of now."))
    return {**stored, "classes": classes, "warnings": [*stored["warnings"], *notes]}


def describe(restoredVolume, segmentation):
    """A line each for the nodes that are there, and for the model that made them."""
    lines = []
    if restoredVolume is not None:
        lines.append(_("Restored image: {name}").format(name=restoredVolume.GetName()))
    if segmentation is not None:
        lines.append(_("Segmentation: {name}").format(name=segmentation.GetName()))
    if not lines:
        return _("None yet.")
    frame = (scene.findings_of(restoredVolume or segmentation) or {}).get("frame")
    if frame:
        lines.append(_("Frame: {frame}").format(frame=frame))
    model = scene.model_of(restoredVolume or segmentation)
    if model:
        lines.append(_("Model: {model}").format(model=model))
    return "\n".join(lines)


def segmentRows(found):
    """The table of the segments: its header, and a row of texts for each class."""
    known = all("area_mm2" in values for values in found["classes"].values())
    header = [_("Bone"), _("Pieces"), _("Area (mm²)") if known else _("Pixels")]
    names = {"rib": _("Rib"), "thoracic": _("Thoracic"), "lumbar": _("Lumbar")}
    rows = []
    for segment in SEGMENTS:
        values = found["classes"][segment.name.lower()]
        area = f"{values['area_mm2']:.0f}" if known else str(values["area_pixels"])
        rows.append([names[segment.name.lower()], str(values["components"]), area])
    return header, rows


def restorationRows(found):
    """The table of the restoration: its header, and a row of texts for each figure, which explains itself."""
    patches, largest = found["corrupted patches"], found["largest g"]
    torn = _("Patches torn by noise, of {count}").format(count=patches["of"])
    strongest = _("Strongest noise in a patch (g): torn from {corrupted:.0f} on, clean up to {clean:.0f}").format(
        corrupted=metrics.CORRUPTED, clean=metrics.CLEAN
    )
    changed = _("Mean change of clean patches, in grey levels (0 to 255)")
    return [_("Noise"), _("Before"), _("After")], [
        [torn, str(patches["before"]), str(patches["after"])],
        [strongest, number(largest["before"]), number(largest["after"])],
        [changed, ABSENT, number(found["change of clean patches"])],
    ]


def number(value):
    return ABSENT if value is None else f"{value:.2f}"


def prepare(table):
    """Let the first column of a table take the width that the others leave, and wrap its texts in it."""
    sections = table.horizontalHeader()
    sections.setMinimumSectionSize(NARROWEST)
    sections.setSectionResizeMode(qt.QHeaderView.ResizeToContents)
    wrapping = qt.QTimer(table)
    wrapping.setSingleShot(True)
    wrapping.setInterval(0)  # once all columns have their widths
    wrapping.timeout.connect(lambda: table.resizeRowsToContents())
    sections.sectionResized.connect(lambda *_arguments: wrapping.start())


def fill(table, header, rows):
    """Texts into a table."""
    table.setColumnCount(len(header))
    table.setRowCount(len(rows))
    for column, text in enumerate(header):
        table.setHorizontalHeaderItem(column, cell(text, column))
    for row, texts in enumerate(rows):
        for column, text in enumerate(texts):
            table.setItem(row, column, cell(text, column))
    table.horizontalHeader().setSectionResizeMode(0, qt.QHeaderView.Stretch)
    table.resizeRowsToContents()


def cell(text, column):
    """A text to the left in the first column, a number to the right in the others."""
    item = qt.QTableWidgetItem(text)
    item.setTextAlignment(qt.Qt.AlignVCenter | (qt.Qt.AlignRight if column else qt.Qt.AlignLeft))
    return item


def swatch(colour):
    """A square of this colour (red, green, blue, 0 to 1)."""
    pixmap = qt.QPixmap(SWATCH, SWATCH)
    pixmap.fill(qt.QColor(*(round(255 * part) for part in colour)))
    return qt.QIcon(pixmap)
