"""`slicer.app` and `slicer.modules`: the application, its logics, and the subject hierarchy's upkeep."""

from __future__ import annotations

import atexit
import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator

import slicer
import vtk
from PySide6 import QtCore, QtWidgets

from .layout import qMRMLLayoutManager
from .loading import qSlicerCoreIOManager

LOGICS = {
    "colors": "vtkMRMLColorLogic",
    "volumes": "vtkSlicerVolumesLogic",
    "markups": "vtkSlicerMarkupsLogic",
    "terminologies": "vtkSlicerTerminologiesModuleLogic",
    "segmentations": "vtkSlicerSegmentationsModuleLogic",
    "sequences": "vtkSlicerSequencesLogic",
    "subjecthierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
}


class Module:
    """A module without widget: `slicer.modules.volumes` and its like."""

    __slots__ = ("_logic",)

    def __init__(self, logic: slicer.vtkMRMLAbstractLogic) -> None:
        self._logic = logic

    def logic(self) -> slicer.vtkMRMLAbstractLogic:
        return self._logic


class Modules:
    """`slicer.modules`: a name that is no loaded module raises AttributeError."""


class Signals:
    """An object with those signals of it that scripted modules use, connected by their C++ signatures."""

    __slots__ = ("_slots",)

    SIGNALS = ()

    def __init__(self) -> None:
        self._slots: dict[str, list[Callable[..., None]]] = {signal: [] for signal in self.SIGNALS}

    def connect(self, signal: str, slot: Callable[..., None]) -> bool:
        self._slots_of(signal).append(slot)
        return True

    def disconnect(self, signal: str, slot: Callable[..., None]) -> bool:
        self._slots_of(signal).remove(slot)
        return True

    def _slots_of(self, signal: str) -> list[Callable[..., None]]:
        if signal not in self._slots:
            raise AttributeError(f"{type(self).__name__} has no signal {signal}")
        return self._slots[signal]

    def _emit(self, signal: str, *arguments: object) -> None:
        for slot in tuple(self._slots_of(signal)):
            slot(*arguments)


class qSlicerModuleManager(Signals):
    __slots__ = ()

    SIGNALS = ("moduleAboutToBeUnloaded(QString)",)


class qSlicerApplication(Signals):
    """`slicer.app`, in testing mode: message boxes are logged and answered with yes."""

    __slots__ = (
        "_qt",
        "applicationLogic",
        "coreIOManager",
        "layoutManager",
        "moduleManager",
        "mrmlScene",
        "temporaryPath",
    )

    SIGNALS = ("startupCompleted()", "lastWindowClosed()")

    applicationName = "Slicer"
    majorVersion, minorVersion = 5, 13

    def __init__(self, application: QtWidgets.QApplication, scene: slicer.vtkMRMLScene) -> None:
        logic = application_logic(scene)
        super().__init__()
        manager, modules = qMRMLLayoutManager(scene, logic), qSlicerModuleManager()
        self.applicationLogic = lambda: logic
        self.layoutManager = lambda: manager
        self.moduleManager = lambda: modules
        self.mrmlScene = lambda: scene
        loading = qSlicerCoreIOManager(lambda: slicer.modules.volumes.logic())
        self.coreIOManager = lambda: loading
        self.temporaryPath = tempfile.gettempdir()
        self._qt = application

    def testingEnabled(self) -> bool:
        return True

    def processEvents(self) -> None:
        self._qt.processEvents()

    def topLevelWidgets(self) -> list[QtWidgets.QWidget]:
        return self._qt.topLevelWidgets()

    def translate(self, context: str, text: str) -> str:
        return QtCore.QCoreApplication.translate(context, text)

    def setOverrideCursor(self, cursor: object) -> None:
        self._qt.setOverrideCursor(cursor)

    def restoreOverrideCursor(self) -> None:
        self._qt.restoreOverrideCursor()


def application_logic(scene: slicer.vtkMRMLScene) -> slicer.vtkSlicerApplicationLogic:
    logic = slicer.vtkSlicerApplicationLogic()
    logic.SetMRMLScene(scene)
    logic.SetSliceLogics(vtk.vtkCollection())
    logic.SetViewLogics(vtk.vtkCollection())
    return logic


def give_cache(scene: slicer.vtkMRMLScene) -> None:
    """The place where the scene unpacks bundles (.mrb) that it reads."""
    cache, files = slicer.vtkCacheManager(), slicer.vtkDataIOManager()
    folder = tempfile.mkdtemp(prefix="SlicerHost-")  # of its own: all that lies in it is looked at
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    cache.SetRemoteCacheDirectory(folder)
    files.SetCacheManager(cache)
    scene.SetCacheManager(cache)
    scene.SetDataIOManager(files)


def load_modules(scene: slicer.vtkMRMLScene, logic: slicer.vtkSlicerApplicationLogic) -> Modules:
    """The modules whose logics scripted modules ask for."""
    modules = Modules()
    for name, kind in LOGICS.items():
        module_logic = getattr(slicer, kind)()
        module_logic.SetMRMLApplicationLogic(logic)
        with silent():  # slicer-core comes without the terminology files
            module_logic.SetMRMLScene(scene)
        logic.SetModuleLogic(name.capitalize(), module_logic)
        setattr(modules, name, Module(module_logic))
    return modules


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """VTK's messages are not printed meanwhile."""
    vtk.vtkObject.GlobalWarningDisplayOff()
    try:
        yield
    finally:
        vtk.vtkObject.GlobalWarningDisplayOn()


def keep_subject_hierarchy(scene: slicer.vtkMRMLScene) -> None:
    """Each node that users see gets its item, and takes its display nodes with it when it goes, as in Slicer."""

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def added(_scene: object, _event: object, node: slicer.vtkMRMLNode) -> None:
        if node.IsA("vtkMRMLDisplayableNode") and not node.GetHideFromEditors():
            hierarchy = scene.GetSubjectHierarchyNode()
            if not hierarchy.GetItemByDataNode(node):
                hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def going(_scene: object, _event: object, node: slicer.vtkMRMLNode) -> None:
        if node.IsA("vtkMRMLDisplayableNode"):
            for index in reversed(range(node.GetNumberOfDisplayNodes())):
                scene.RemoveNode(node.GetNthDisplayNode(index))

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def gone(_scene: object, _event: object, node: slicer.vtkMRMLNode) -> None:
        hierarchy = scene.GetSubjectHierarchyNode()
        item = hierarchy.GetItemByDataNode(node) if hierarchy else 0
        if item:
            hierarchy.RemoveItem(item, False, False)

    scene.AddObserver(scene.NodeAddedEvent, added)
    scene.AddObserver(scene.NodeAboutToBeRemovedEvent, going)
    scene.AddObserver(scene.NodeRemovedEvent, gone)
