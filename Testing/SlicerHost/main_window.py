"""Slicer's main window, as far as it bears on a module's panel: the dock whose width the panel's hints decide."""

from __future__ import annotations

from PySide6 import QtCore, QtWidgets

from .widgets import ctkCollapsibleButton

SIZE = 1920, 1080
DOCK = 344  # pixels: the width that Slicer gives the dock at first
BARS, PROBE = 90, 110  # pixels of height: menu and tool bars, Data Probe


class qSlicerModulePanel(QtWidgets.QWidget):
    """The scroll area with the opened module. It never scrolls sideways: what is wider than it asks the dock for more
    room by its minimum size hint, which is that of the module's *hint*, since modules may not become narrower."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QtWidgets.QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.area = QtWidgets.QScrollArea()
        self.area.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarAlwaysOff)
        self.area.setWidgetResizable(True)
        layout.addWidget(self.area)
        contents = QtWidgets.QWidget()
        self.modules = QtWidgets.QVBoxLayout(contents)
        self.modules.addWidget(self._help())
        self.modules.addItem(
            QtWidgets.QSpacerItem(218, 0, QtWidgets.QSizePolicy.Minimum, QtWidgets.QSizePolicy.MinimumExpanding)
        )
        self.area.setWidget(contents)

    def _help(self) -> QtWidgets.QWidget:
        section = ctkCollapsibleButton()
        section.setSizePolicy(QtWidgets.QSizePolicy.Ignored, QtWidgets.QSizePolicy.Fixed)
        section.text, section.collapsed = "Help & Acknowledgement", True
        section.setMinimumHeight(section.HEADING)
        return section

    def add_module(self, widget: QtWidgets.QWidget) -> None:
        widget.layout().setContentsMargins(0, 0, 0, 0)
        self.modules.insertWidget(1, widget, 1)
        widget.setSizePolicy(QtWidgets.QSizePolicy.Minimum, QtWidgets.QSizePolicy.Preferred)
        widget.setVisible(True)
        widget.installEventFilter(self)
        self.updateGeometry()

    def remove_module(self, widget: QtWidgets.QWidget) -> None:
        widget.removeEventFilter(self)
        self.modules.removeWidget(widget)
        widget.setVisible(False)
        widget.setParent(None)

    def eventFilter(self, watched: QtCore.QObject, event: QtCore.QEvent) -> bool:
        if event.type() == QtCore.QEvent.Resize:
            self.updateGeometry()
        return False

    def minimumSizeHint(self) -> QtCore.QSize:
        bar = self.area.horizontalScrollBar().sizeHint().width()
        width = self.area.widget().minimumSizeHint().width() + bar
        return QtCore.QSize(width, super().minimumSizeHint().height())


class MainWindow(QtWidgets.QMainWindow):
    """The dock with the module panel on the left; the views, which are drawn elsewhere, have the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.setCentralWidget(QtWidgets.QWidget())
        self.panel = qSlicerModulePanel()
        self.dock = QtWidgets.QDockWidget("Modules")
        contents = QtWidgets.QWidget()
        contents.setSizePolicy(QtWidgets.QSizePolicy.Minimum, QtWidgets.QSizePolicy.Preferred)
        layout = QtWidgets.QVBoxLayout(contents)
        layout.setContentsMargins(0, 2, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.panel)
        layout.addSpacing(PROBE)
        self.dock.setWidget(contents)
        self.addDockWidget(QtCore.Qt.LeftDockWidgetArea, self.dock)

    def set_dock_width(self, width: int) -> None:
        """The user drags the border between panel and views; the dock becomes no narrower than its contents allow."""
        self.show()
        self.resize(SIZE[0], SIZE[1] - BARS)
        QtWidgets.QApplication.processEvents()
        self.resizeDocks([self.dock], [width], QtCore.Qt.Horizontal)
        self.settle()

    def settle(self) -> None:
        """Let all layouts come to rest: a changed hint goes up from widget to widget, an event each."""
        for _ in range(8):
            QtWidgets.QApplication.processEvents()
