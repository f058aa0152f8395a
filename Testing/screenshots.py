"""Make the pictures of the module in Resources/Screenshots: `python Testing/screenshots.py --help`.

The host runs the module's own panel with the bundled model on the simulated sample; Slicer's own displayable managers
draw the views.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing")]

import SlicerHost  # noqa: E402

HOST = SlicerHost.start()  # before anything that imports slicer's modules

import SimpleITK  # noqa: E402
import slicer  # noqa: E402
from PySide6 import QtCore, QtGui  # noqa: E402

VIEW = 240, 760  # columns, rows of a view
BAR = 22  # rows of the coloured bar above a view
WIDTH = 400  # columns of the panel: what Slicer gives it at first
REPORT = 660  # columns of the page, shown smaller than it is
TAGS = "DAGANSpineOriginal", "DAGANSpineRestored"
SAMPLES = ROOT / "Resources" / "SampleData"


def add_picture(path: Path) -> slicer.vtkMRMLScalarVolumeNode:
    """A picture in the scene, lying as Slicer lays a PNG."""
    pixels = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    return slicer.util.addVolumeFromArray(pixels[np.newaxis], np.diag([-1.0, -1.0, 1.0, 1.0]), path.stem)


def panel_picture() -> QtGui.QImage:
    """The module's panel as it looks now, as high as it needs."""
    panel = slicer.modules.daganspine.widgetRepresentation()
    for _ in range(3):  # a changed text moves its own section first, then what lies below
        panel.resize(WIDTH, max(panel.minimumSizeHint().height(), panel.layout().heightForWidth(WIDTH)))
        slicer.app.processEvents()
    return panel.grab().toImage()


def view_picture(tag: str) -> QtGui.QImage:
    """A slice view under its bar, which Slicer colours and labels."""
    view = HOST.slice_view(tag)
    pixels = np.ascontiguousarray(view.pixels())
    rows, columns, _ = pixels.shape
    picture = QtGui.QImage(columns, rows + BAR, QtGui.QImage.Format_RGB888)
    picture.fill(QtGui.QColor.fromRgbF(*view.node.GetLayoutColor()))
    painter = QtGui.QPainter(picture)
    painter.drawText(8, BAR - 6, view.node.GetLayoutLabel())
    painter.drawImage(0, BAR, QtGui.QImage(pixels.data, columns, rows, 3 * columns, QtGui.QImage.Format_RGB888))
    painter.end()
    return picture


def beside(pictures: list[QtGui.QImage], gap: int = 4) -> QtGui.QImage:
    """Pictures in a row, their tops aligned."""
    width = sum(picture.width() for picture in pictures) + gap * (len(pictures) - 1)
    row = QtGui.QImage(width, max(picture.height() for picture in pictures), QtGui.QImage.Format_RGB888)
    row.fill(QtCore.Qt.white)
    painter, left = QtGui.QPainter(row), 0
    for picture in pictures:
        painter.drawImage(left, 0, picture)
        left += picture.width() + gap
    painter.end()
    return row


def views_picture() -> QtGui.QImage:
    """Both views, as the layout has them."""
    return beside([view_picture(tag) for tag in TAGS])


def run(widget: object, message: str) -> QtGui.QImage:
    """Click the button, wait for the end; the panel's picture when the run said this."""
    pictures, show = [], widget.onProgress

    def onProgress(fraction: float, text: str) -> None:
        show(fraction, text)
        if text.startswith(message) and not pictures:
            pictures.append(panel_picture())

    widget.onProgress = onProgress
    widget.ui.runButton.click()
    widget.onProgress = show
    if not pictures:
        raise RuntimeError(f"The run ended before {message}: {widget.ui.statusLabel.text}")
    for tag in TAGS:
        HOST.slice_view(tag).resize(*VIEW)
    widget.ui.showButton.click()
    return pictures[0]


def pictures_of_a_run(widget: object) -> Iterator[tuple[str, QtGui.QImage]]:
    """The panel before, during and after a run; its results, and what restoration removed."""
    yield "panel-before", panel_picture()
    yield "panel-running", run(widget, "Restoring, tile 9")
    yield "panel-after", panel_picture()
    yield "results", views_picture()
    widget.ui.showRemovedCheckBox.click()
    yield "removed", views_picture()
    widget.ui.showRemovedCheckBox.click()


def picture_of_the_report(widget: object) -> QtGui.QImage:
    """The page that an export draws."""
    with tempfile.TemporaryDirectory() as folder:
        widget.ui.exportPathLineEdit.currentPath = folder
        widget.ui.exportButton.click()
        (page,) = Path(folder).glob("*/report.png")
        widget.ui.exportPathLineEdit.currentPath = ""
        return QtGui.QImage(str(page)).scaledToWidth(REPORT, QtCore.Qt.SmoothTransformation)


def picture_of_a_projection(widget: object, volume: Path) -> QtGui.QImage:
    """The panel with a volume's projection, beside the views of its results."""
    widget.ui.inputSelector.setCurrentNode(slicer.util.loadVolume(str(volume)))
    widget._projection.refresh()
    run(widget, "Restoring")
    views = views_picture()
    return beside([panel_picture().copy(0, 0, WIDTH, views.height()), views])


def save(picture: QtGui.QImage, path: Path) -> None:
    picture.save(str(path), "PNG", 0)  # as small as it gets
    print(f"{path}: {path.stat().st_size // 1000} kB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", type=Path, default=SAMPLES / "simulated-single-curve.png", help="a VPI")
    parser.add_argument("--volume", type=Path, default=SAMPLES / "simulated-double-curve-volume.nrrd", help="a volume")
    parser.add_argument("--output", type=Path, default=ROOT / "Resources" / "Screenshots", help="folder")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)

    HOST.load(ROOT / "DAGANSpine" / "DAGANSpine.py")
    add_picture(arguments.picture)
    widget = HOST.open("DAGANSpine")
    for name, picture in pictures_of_a_run(widget):
        save(picture, arguments.output / f"{name}.png")
    save(picture_of_the_report(widget), arguments.output / "report.png")
    save(picture_of_a_projection(widget, arguments.volume), arguments.output / "projection.png")


if __name__ == "__main__":
    main()
