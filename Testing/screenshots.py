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

import slicer  # noqa: E402
from PIL import Image  # noqa: E402
from PySide6 import QtCore, QtGui  # noqa: E402
from SlicerHost.i18n import long_texts  # noqa: E402

VIEW = 240, 760  # columns, rows of a view
BAR = 22  # rows of the coloured bar above a view
NARROW, WIDE = 344, 500  # columns of the dock: what Slicer gives it at first, and what a user may drag it to
REPORT = 660  # columns of the page, shown smaller than it is
TAGS = "DAGANSpineOriginal", "DAGANSpineRestored"
SAMPLES = ROOT / "Resources" / "SampleData"


def panel_picture(width: int = NARROW) -> QtGui.QImage:
    """The module's panel as it looks in a dock of this width, in a window so high that nothing needs to be scrolled."""
    window, ui = HOST.window, slicer.modules.DAGANSpineWidget.ui
    HOST.set_dock_width(width)
    for _ in range(3):  # without the scroll bar the sections are wider, and then lower
        window.resize(window.width(), window.height() + ui.sections.height - ui.sectionsArea.height)
        window.settle()
    surplus = ui.sectionsArea.height - ui.sections.layout().totalHeightForWidth(ui.sections.width)
    window.resize(window.width(), window.height() - surplus)
    window.settle()
    if HOST.dock_width() != width:
        raise RuntimeError(f"The dock became {HOST.dock_width()} pixels wide instead of {width}")
    return window.panel.grab().toImage()


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
    """The panel before, during and after a run, narrow and wide; its results, and what restoration removed."""
    yield "panel-before", panel_picture()
    running = run(widget, "Restoring, tile 3")
    yield "panel", beside([running, panel_picture()], gap=12)
    yield "panel-wide", panel_picture(WIDE)
    yield "results", views_picture()
    widget.ui.showRemovedCheckBox.click()
    yield "removed", views_picture()
    widget.ui.showRemovedCheckBox.click()


def picture_in_long_words() -> QtGui.QImage:
    """The panel with the same results, opened anew in a language whose words are half as long again."""
    HOST.unload("DAGANSpine")
    with long_texts():
        HOST.open("DAGANSpine")
        picture = panel_picture()
    HOST.unload("DAGANSpine")
    return picture


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
    return beside([panel_picture().copy(0, 0, NARROW, views.height()), views])


def save(picture: QtGui.QImage, path: Path) -> None:
    """In 256 colours: half as large, and the repository keeps every picture that there ever was."""
    picture.save(str(path), "PNG")
    few = Image.open(path).convert("RGB").quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(path, optimize=True)
    print(f"{path}: {path.stat().st_size // 1000} kB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", type=Path, default=SAMPLES / "simulated-single-curve.png", help="a VPI")
    parser.add_argument("--volume", type=Path, default=SAMPLES / "simulated-double-curve-volume.nrrd", help="a volume")
    parser.add_argument("--output", type=Path, default=ROOT / "Resources" / "Screenshots", help="folder")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)

    HOST.load(ROOT / "DAGANSpine" / "DAGANSpine.py")
    widget = HOST.open("DAGANSpine")
    slicer.util.loadVolume(str(arguments.picture), {"singleFile": True})  # and it is chosen
    slicer.app.processEvents()
    for name, picture in pictures_of_a_run(widget):
        save(picture, arguments.output / f"{name}.png")
    save(picture_of_the_report(widget), arguments.output / "report.png")
    save(picture_in_long_words(), arguments.output / "panel-long-words.png")
    save(picture_of_a_projection(HOST.open("DAGANSpine"), arguments.volume), arguments.output / "projection.png")


if __name__ == "__main__":
    main()
