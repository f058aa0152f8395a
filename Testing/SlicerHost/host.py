"""Starting Slicer without its window, and what a user does with a module: open it, leave it, quit."""

from __future__ import annotations

import importlib.util
import os
import sys
import types
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
if sys.platform == "linux" and not os.environ.get("DISPLAY"):
    os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")  # without it VTK complains of no display

import slicer
import slicer.util
from PySide6 import QtCore, QtWidgets

from . import i18n, parameter_node, sample_data, scripted_module, widgets
from .application import give_cache, keep_subject_hierarchy, load_modules, qSlicerApplication
from .main_window import DOCK, MainWindow
from .pythonqt import qt
from .slice_view import SliceView
from .ui_loader import QUiLoader

_host: Host | None = None


class ScriptedModule:
    """qSlicerScriptedLoadableModule: `slicer.modules.NAME`, and the `parent` of the module's class."""

    __slots__ = (
        "_widget",
        "acknowledgementText",
        "categories",
        "contributors",
        "dependencies",
        "helpText",
        "hidden",
        "icon",
        "name",
        "path",
        "title",
    )

    def __init__(self, path: Path) -> None:
        self.path, self.name, self._widget = str(path), path.stem, None

    def widgetRepresentation(self) -> ModuleParent:
        """The panel, made at the first time, and not entered by that."""
        if self._widget is None:
            parent = ModuleParent()
            QtWidgets.QVBoxLayout(parent)
            parent._module, self._widget = self, parent
            parent.reload()
            parent.resize(420, 640)
        return self._widget


class ModuleParent(qt.QWidget):
    """qSlicerScriptedLoadableModuleWidget: the panel that the module's widget fills."""

    _module = None

    def reload(self) -> None:
        """Build the panel anew from the freshly imported source; see slicer.util.reloadScriptedModule."""
        name = self._module.name
        widget = getattr(sys.modules[name], f"{name}Widget")(self)
        setattr(slicer.modules, f"{name}Widget", widget)
        widget.setup()


def report(kind: QtCore.QtMsgType, context: QtCore.QMessageLogContext, text: str) -> None:
    """What Qt has to say goes to standard error, but for what its off-screen platform says of every window."""
    if "propagateSizeHints" not in text:
        print(f"Qt: {text}", file=sys.stderr)


class Host:
    """Slicer, as far as a scripted module can tell."""

    def __init__(self) -> None:
        QtCore.qInstallMessageHandler(report)
        self.application = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["Slicer"])
        self.scene = slicer.vtkMRMLScene()
        slicer.mrmlScene = self.scene
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(self.scene, True)
        slicer.app = qSlicerApplication(self.application, self.scene)
        slicer.modules = load_modules(self.scene, slicer.app.applicationLogic())
        keep_subject_hierarchy(self.scene)
        give_cache(self.scene)
        self.window = MainWindow()
        self.window.set_dock_width(DOCK)

    def load(self, path: Path) -> types.ModuleType:
        """What Slicer does at its start: import the module's file, construct its class, say that it has started."""
        name = path.stem
        sys.path.insert(0, str(path.parent))
        spec = importlib.util.spec_from_file_location(name, path)
        source = importlib.util.module_from_spec(spec)
        sys.modules[name] = source
        spec.loader.exec_module(source)
        module = ScriptedModule(path)
        setattr(slicer.modules, name.lower(), module)
        setattr(slicer.modules, f"{name}Instance", getattr(source, name)(module))
        slicer.app._emit("startupCompleted()")
        return source

    def open(self, name: str) -> object:
        """Show the module's panel, made at the first time: its widget object."""
        self.window.panel.add_module(getattr(slicer.modules, name.lower()).widgetRepresentation())
        widget = getattr(slicer.modules, f"{name}Widget")
        widget.enter()
        return widget

    def dock_width(self) -> int:
        """How many pixels of the window's width the module's panel takes from the views, once all is at rest."""
        self.window.settle()
        return self.window.dock.width()

    def set_dock_width(self, width: int) -> None:
        """The user drags the border between panel and views."""
        self.window.set_dock_width(width)

    def leave(self, name: str) -> None:
        """Switch to another module."""
        getattr(slicer.modules, f"{name}Widget").exit()
        self.window.panel.remove_module(getattr(slicer.modules, name.lower())._widget)

    def close_windows(self) -> None:
        """The user closes Slicer's window: the opened module is left, then Qt says that no window is left."""
        for name in [name for name in vars(slicer.modules) if name.endswith("Widget")]:
            self.leave(name.removesuffix("Widget"))
        slicer.app._emit("lastWindowClosed()")

    def unload(self, name: str) -> None:
        """What quitting Slicer does to an opened module."""
        module = getattr(slicer.modules, name.lower())
        slicer.app.moduleManager()._emit("moduleAboutToBeUnloaded(QString)", name)
        module._widget.deleteLater()
        module._widget = None
        delattr(slicer.modules, f"{name}Widget")
        slicer.app.processEvents()
        # outside of an event loop, Qt waits for one before it deletes, and until then the widgets observe the scene
        QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.DeferredDelete)

    def slice_view(self, name: str) -> SliceView:
        """The view of this layout name, to be rendered."""
        return slicer.app.layoutManager().sliceWidget(name)._view

    def picture_of(self, name: str, path: Path) -> None:
        """Save what the module's panel looks like as a PNG."""
        for _ in range(2):  # a changed text moves its own section first, then what lies below
            slicer.app.processEvents()
        getattr(slicer.modules, name.lower())._widget.grab().save(str(path))


def start() -> Host:
    """Start Slicer, once per process."""
    global _host
    if _host is None:
        qt.QUiLoader = QUiLoader
        ctk = types.ModuleType("ctk")
        for kind in (widgets.ctkCollapsibleButton, widgets.ctkPathLineEdit, widgets.ctkSliderWidget):
            setattr(ctk, kind.__name__, kind)
        slicer.qMRMLWidget, slicer.qMRMLNodeComboBox = widgets.qMRMLWidget, widgets.qMRMLNodeComboBox
        modules = {
            "qt": qt,
            "ctk": ctk,
            "slicer.i18n": i18n.as_module(),
            "slicer.ScriptedLoadableModule": scripted_module.as_module(),
            "slicer.parameterNodeWrapper": parameter_node.as_module(),
            "SampleData": sample_data.as_module(),
        }
        for name, module in modules.items():
            sys.modules[name] = module
            if name.startswith("slicer."):
                setattr(slicer, name.removeprefix("slicer."), module)
        _host = Host()
    return _host
