"""Make the pictures of the module in Resources/Screenshots: `python Testing/screenshots.py --help`.

The host runs the module's own panel with the bundled model on the simulated sample; Slicer's own displayable managers
draw the views.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing")]

import SlicerHost  # noqa: E402

HOST = SlicerHost.start()  # before anything that imports slicer's modules

import SimpleITK  # noqa: E402
import slicer  # noqa: E402
from PySide6 import QtCore, QtGui  # noqa: E402

VIEW = 340, 1000  # columns, rows of a view
BAR = 22  # rows of the coloured bar above a view
PANEL = 380, 470  # columns, rows
SAMPLE = ROOT / "Resources" / "SampleData" / "simulated-single-curve.png"


def add_picture(path: Path) -> slicer.vtkMRMLScalarVolumeNode:
    """A picture in the scene, lying as Slicer lays a PNG."""
    pixels = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    return slicer.util.addVolumeFromArray(pixels[np.newaxis], np.diag([-1.0, -1.0, 1.0, 1.0]), path.stem)


def panel_picture(rows: int = PANEL[1]) -> QtGui.QImage:
    """The module's panel as it looks now."""
    panel = slicer.modules.daganspine.widgetRepresentation()
    panel.resize(PANEL[0], rows)
    for _ in range(2):  # a changed text moves its own section first, then what lies below
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


def run(widget: object, message: str) -> QtGui.QImage:
    """Click the button, wait for the end; the panel's picture when the run said this."""
    pictures, show = [], widget.onProgress

    def onProgress(fraction: float, text: str) -> None:
        show(fraction, text)
        if text.startswith(message) and not pictures:
            pictures.append(panel_picture())

    widget.onProgress = onProgress
    widget.ui.runButton.click()
    if not pictures:
        raise RuntimeError(f"The run ended before {message}: {widget.ui.statusLabel.text}")
    return pictures[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", type=Path, default=SAMPLE, help="a VPI (default: the simulated sample)")
    parser.add_argument("--output", type=Path, default=ROOT / "Resources" / "Screenshots", help="folder")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)

    HOST.load(ROOT / "DAGANSpine" / "DAGANSpine.py")
    add_picture(arguments.picture)
    widget = HOST.open("DAGANSpine")
    pictures = {"panel-before": panel_picture(), "panel-running": run(widget, "Restoring, tile 9")}
    tags = "DAGANSpineOriginal", "DAGANSpineRestored"
    for tag in tags:
        HOST.slice_view(tag).resize(*VIEW)
    widget.ui.showButton.click()
    pictures["results"] = beside([panel_picture(VIEW[1] + BAR), *(view_picture(tag) for tag in tags)])
    for name, picture in pictures.items():
        picture.save(str(arguments.output / f"{name}.png"))
        print(arguments.output / f"{name}.png")


if __name__ == "__main__":
    main()
