"""`slicer.ScriptedLoadableModule`: the base classes of scripted modules."""

from __future__ import annotations

import importlib
import logging
import types
import unittest
from pathlib import Path

import slicer
import slicer.util

from .pythonqt import qt


class ScriptedLoadableModule:
    def __init__(self, parent: object) -> None:
        self.parent = parent
        self.moduleName = type(self).__name__
        parent.title, parent.categories, parent.dependencies = "", [], []
        icon = Path(self.resourcePath(f"Icons/{self.moduleName}.png"))
        if icon.is_file():
            parent.icon = qt.QIcon(str(icon))
        if not hasattr(slicer, "selfTests"):
            slicer.selfTests = {}
        slicer.selfTests[self.moduleName] = self.runTest

    def resourcePath(self, filename: str) -> str:
        return str(Path(self.parent.path).parent / "Resources" / filename)

    def getDefaultModuleDocumentationLink(self, docPage: str | None = None) -> str:
        return "<p>For more information see the online documentation.</p>"

    def runTest(self, msec: int = 100, **kwargs: object) -> None:
        test = getattr(importlib.import_module(type(self).__module__), f"{self.moduleName}Test")()
        test.messageDelay = msec
        test.runTest(**kwargs)


class ScriptedLoadableModuleWidget:
    def __init__(self, parent: object = None) -> None:
        if parent is None:
            raise TypeError("In the host a module's widget gets its parent from Host.open")
        super().__init__()
        self.moduleName = type(self).__name__.removesuffix("Widget")
        self.developerMode = False
        self.parent = parent
        self.layout = parent.layout()
        slicer.app.moduleManager().connect("moduleAboutToBeUnloaded(QString)", self._onModuleAboutToBeUnloaded)

    def resourcePath(self, filename: str) -> str:
        return str(Path(slicer.util.modulePath(self.moduleName)).parent / "Resources" / filename)

    def setup(self) -> None:
        """The developer section would go here; the host shows what a clinician sees."""

    def cleanup(self) -> None:
        """For the module to override."""

    def onReload(self) -> None:
        slicer.util.reloadScriptedModule(self.moduleName)

    def _onModuleAboutToBeUnloaded(self, moduleName: str) -> None:
        if moduleName == self.moduleName:
            self.cleanup()
            slicer.app.moduleManager().disconnect("moduleAboutToBeUnloaded(QString)", self._onModuleAboutToBeUnloaded)


class ScriptedLoadableModuleLogic:
    def __init__(self, parent: object = None) -> None:
        super().__init__()
        self.moduleName = type(self).__name__.removesuffix("Logic")
        self.isSingletonParameterNode = True

    def getParameterNode(self) -> slicer.vtkMRMLScriptedModuleNode:
        node = slicer.mrmlScene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
        if node is None:
            return slicer.mrmlScene.AddNode(self.createParameterNode())
        # closing the scene takes the attribute away
        node.SetAttribute("ModuleName", self.moduleName)
        return node

    def createParameterNode(self) -> slicer.vtkMRMLScriptedModuleNode:
        node = slicer.vtkMRMLScriptedModuleNode()
        node.SetSingletonTag(self.moduleName)
        node.SetAttribute("ModuleName", self.moduleName)
        node.SetName(slicer.mrmlScene.GenerateUniqueName(self.moduleName))
        return node


class ScriptedLoadableModuleTest(unittest.TestCase):
    """`runTest` runs every method whose name has "test" in it. What a test raises ends the run, SkipTest as well."""

    messageDelay = 0

    def delayDisplay(self, message: str, requestedDelay: int | None = None, msec: int | None = None) -> None:
        slicer.util.delayDisplay(message, self.messageDelay)

    def runTest(self) -> None:
        names = [name for name in dir(self) if "test" in name and callable(getattr(self, name))]
        self.setUpClass()
        for name in names:
            self.setUp()
            logging.info("Running %s", name)
            getattr(self, name)()
            self.tearDown()
        self.tearDownClass()


def as_module() -> types.ModuleType:
    module = types.ModuleType("slicer.ScriptedLoadableModule")
    for kind in (
        ScriptedLoadableModule,
        ScriptedLoadableModuleWidget,
        ScriptedLoadableModuleLogic,
        ScriptedLoadableModuleTest,
    ):
        setattr(module, kind.__name__, kind)
    module.__all__ = [name for name in vars(module) if name.startswith("Scripted")]
    return module
