"""What tests of the module ask and do, as a clinician would."""

import numpy as np
import slicer
import slicer.util

LEARN, TEST, WITHOUT_LABELS = range(3)  # what a picture is kept for, as in the panel's box


def nodes():
    """Every node's ID with its class: what must be the same before and after."""
    every = slicer.mrmlScene.GetNodes()
    return {every.GetItemAsObject(index).GetID() for index in range(every.GetNumberOfItems())}


def results():
    return (
        next(iter(slicer.util.getNodes("* restored").values()), None),
        next(iter(slicer.util.getNodes("* segmentation").values()), None),
    )


def said(panel):
    """The status line, without the marks where its long words may be broken."""
    return panel.ui.statusLabel.text.replace("\u200b", "")


def during_the_run(panel, act, message="Restoring, tile 2"):
    """Do something, as a user might, when the run has come to this message."""
    show, done = panel.onProgress, []

    def onProgress(fraction, text):
        show(fraction, text)
        if text.startswith(message) and not done:
            done.append(text)
            act()

    panel.onProgress = onProgress
    return done


def expected_result(volume, model=None):
    from DAGANSpineLib import scene
    from DAGANSpineLib.inference import Pipeline

    return Pipeline.load(model, "cpu").run(scene.pixels_of(volume))


def draw(volume, rows=slice(100, 140), columns=slice(50, 90), segment="Lumbar", segmentation=None):
    """Correct a segment, as Segment Editor does: it is this rectangle now."""
    mask = np.zeros(slicer.util.arrayFromVolume(volume).shape[:3], np.uint8)
    mask[0, rows, columns] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation or results()[1], segment, volume)
    return mask[0] > 0


def keep(panel, subject=None, use=LEARN):
    panel.ui.keepAsComboBox.currentIndex = use
    if subject is not None:
        panel.ui.subjectLineEdit.text = subject
        panel.ui.subjectLineEdit.textEdited.emit(subject)
    panel.ui.keepButton.click()
    return said(panel)


def rows(panel):
    """The rows of the curves' table as texts: which curve, UCA, SPA."""
    table = panel.ui.curvesTable
    return [[table.item(row, column).text() for column in range(table.columnCount)] for row in range(table.rowCount)]


def angles(panel):
    """The UCA in the curves' table, degrees."""
    return [int(row[1].rstrip("°")) for row in rows(panel)]


def lines():
    """The curves' lines in the scene, from head to foot."""
    found = slicer.util.getNodesByClass("vtkMRMLMarkupsLineNode")
    return sorted(found, key=lambda line: -line.GetNthControlPointPositionWorld(0)[2])


def drag_upper(host, rows=30, end=1, tag="DAGANSpineRestored"):
    """Drag an end of the uppermost line so many of a view's pixels upwards."""
    host.slice_view(tag).drag(lines()[0], end, 0, rows)


def notes(panel):
    """What is said beside the curves' table."""
    return panel.ui.curveNotesLabel.text.replace("\u200b", "")


def save_and_load(scene, folder):
    """Save the scene, close it and load it again."""
    path = str(folder / "scene.mrb")
    assert scene.WriteToMRB(path, None)
    scene.Clear()
    assert scene.ReadFromMRB(path, True)
    slicer.app.processEvents()
