"""Stand-ins for the widgets of Slicer and CTK that the module's .ui names.

Each is a real Qt widget with the properties, methods and signals of the original that scripted modules use, under
the original's names (Slicer: Libs/MRML/Widgets, CTK: Libs/Widgets); anything else raises.
"""

from __future__ import annotations

from collections.abc import Callable

import slicer
import slicer.util
from PySide6 import QtCore, QtWidgets

from .pythonqt import qt


def plain(kind: type | str, name: str, default: object) -> QtCore.Property:
    """A Qt property that only keeps its value."""
    attribute = f"_{name}"

    def write(widget: QtCore.QObject, value: object) -> None:
        widget.__dict__[attribute] = value

    return QtCore.Property(kind, lambda widget: widget.__dict__.get(attribute, default), write)


def of_part(kind: type, part: str, name: str) -> QtCore.Property:
    """A Qt property that is one of a part of the widget."""
    return QtCore.Property(
        kind,
        lambda widget: getattr(getattr(widget, part), name),
        lambda widget, value: setattr(getattr(widget, part), name, value),
    )


class Watch:
    """Observers of the scene that end with the widget they serve."""

    def __init__(self, widget: QtCore.QObject) -> None:
        self.scene, self.tags = None, []
        widget.destroyed.connect(self.stop)

    def start(self, scene: slicer.vtkMRMLScene, events: tuple[int, ...], callback: Callable[..., None]) -> None:
        self.stop()
        self.scene = scene
        self.tags = [scene.AddObserver(event, callback) for event in events]

    def stop(self, *_: object) -> None:
        for tag in self.tags:
            self.scene.RemoveObserver(tag)
        self.tags = []


class qMRMLWidget(qt.QWidget):
    mrmlSceneChanged = QtCore.Signal(object)
    _scene = None

    def mrmlScene(self) -> slicer.vtkMRMLScene | None:
        return self._scene

    def setMRMLScene(self, scene: slicer.vtkMRMLScene | None) -> None:
        if scene is not self._scene:
            self._scene = scene
            self.mrmlSceneChanged.emit(scene)


class qMRMLNodeComboBox(qt.QWidget):
    """Lists the scene's nodes of certain classes in a real combo box."""

    currentNodeChanged = QtCore.Signal(object)
    currentNodeIDChanged = QtCore.Signal(str)
    nodeActivated = QtCore.Signal(object)
    showHidden = plain(bool, "showHidden", False)
    addEnabled = plain(bool, "addEnabled", True)
    removeEnabled = plain(bool, "removeEnabled", True)
    editEnabled = plain(bool, "editEnabled", False)
    renameEnabled = plain(bool, "renameEnabled", False)
    selectNodeUponCreation = plain(bool, "selectNodeUponCreation", True)

    _box = None
    _scene = None
    _nodes = ()
    _types = ()
    _children = True
    _none = False
    _none_text = "None"
    _watch = None
    _watch_import = None
    _told = None

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._box = QtWidgets.QComboBox(self)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box)
        self._box.currentIndexChanged.connect(self._tell)
        self._watch, self._watch_import = Watch(self), Watch(self)

    def _get_types(self) -> list[str]:
        return list(self._types)

    def _set_types(self, types: list[str]) -> None:
        for name in types:
            if not hasattr(slicer, name):
                raise AttributeError(f"There is no node class {name}")
        self._types = tuple(types)
        self._fill()

    def _get_children(self) -> bool:
        return self._children

    def _set_children(self, show: bool) -> None:
        self._children = show
        self._fill()

    def _get_none(self) -> bool:
        return self._none

    def _set_none(self, enabled: bool) -> None:
        self._none = enabled
        self._fill()

    def _get_none_text(self) -> str:
        return self._none_text

    def _set_none_text(self, text: str) -> None:
        self._none_text = text
        self._fill()

    def _get_id(self) -> str:
        node = self.currentNode()
        return node.GetID() if node else ""

    nodeTypes = QtCore.Property("QStringList", _get_types, _set_types)
    showChildNodeTypes = QtCore.Property(bool, _get_children, _set_children)
    noneEnabled = QtCore.Property(bool, _get_none, _set_none)
    noneDisplay = QtCore.Property(str, _get_none_text, _set_none_text)

    def setCurrentNodeID(self, node_id: str) -> None:
        self.setCurrentNode(self._scene.GetNodeByID(node_id) if node_id else None)

    currentNodeID = QtCore.Property(str, _get_id, setCurrentNodeID)

    def mrmlScene(self) -> slicer.vtkMRMLScene | None:
        return self._scene

    def setMRMLScene(self, scene: slicer.vtkMRMLScene | None) -> None:
        self._watch.stop()
        self._watch_import.stop()
        self._scene = scene
        if scene:
            self._watch.start(scene, (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndCloseEvent), self._fill)
            self._watch_import.start(scene, (scene.EndImportEvent,), self._start_again)
        self._fill()

    def currentNode(self) -> slicer.vtkMRMLNode | None:
        row = self._box.currentIndex() - (1 if self._none else 0)
        return self._nodes[row] if 0 <= row < len(self._nodes) else None

    def setCurrentNode(self, node: slicer.vtkMRMLNode | None) -> None:
        row = self._nodes.index(node) + (1 if self._none else 0) if node in self._nodes else (0 if self._none else -1)
        self._box.setCurrentIndex(row)

    def nodeCount(self) -> int:
        return len(self._nodes)

    def nodeFromIndex(self, index: int) -> slicer.vtkMRMLNode | None:
        return self._nodes[index] if 0 <= index < len(self._nodes) else None

    def _offered(self, node: slicer.vtkMRMLNode) -> bool:
        if node.GetHideFromEditors() and not self.showHidden:
            return False
        return any(node.IsA(kind) if self._children else node.GetClassName() == kind for kind in self._types)

    def _candidates(self) -> list[slicer.vtkMRMLNode]:
        """The scene's nodes of these classes, in its order. Handing over every node would take long, and this is asked
        whenever one comes or goes."""
        if not self._scene:
            return []
        found = {node for kind in self._types for node in slicer.util.getNodesByClass(kind, self._scene)}
        return sorted(found, key=self._scene.IsNodePresent)  # which gives its place

    def _fill(self, *_: object) -> None:
        if self._scene is not None and self._scene.IsImporting():
            return  # qMRMLSceneModel waits for the end
        current, row = self.currentNode(), self._box.currentIndex()
        self._box.blockSignals(True)
        self._nodes = tuple(node for node in self._candidates() if self._offered(node))
        self._box.clear()
        self._box.addItems([self._none_text] * self._none + [node.GetName() for node in self._nodes])
        if current is None and self._none:
            self._box.setCurrentIndex(0)
        elif current in self._nodes:
            self.setCurrentNode(current)
        elif current is not None:
            self._box.setCurrentIndex(max(row - 1, 0))  # the row before a removed one, as QComboBox does
        # otherwise, without "None", Qt has selected the first row by itself, as in Slicer
        self._box.blockSignals(False)
        self._tell()

    def _start_again(self, *_: object) -> None:
        """After an import qMRMLSceneModel lists all nodes anew, and the selection is lost."""
        self._nodes = ()
        self._box.clear()
        self._tell()
        self._fill()

    def _tell(self, *_: object) -> None:
        node = self.currentNode()
        if node is not self._told:
            self._told = node
            self.currentNodeChanged.emit(node)
            self.currentNodeIDChanged.emit(self._get_id())


class ctkCollapsibleButton(qt.QWidget):
    """A section under a heading that opens and closes it."""

    HEADING = 26

    contentsCollapsed = QtCore.Signal(bool)
    _heading = ""
    _is_collapsed = False

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setContentsMargins(0, self.HEADING, 0, 0)

    def _get_text(self) -> str:
        return self._heading

    def _set_text(self, text: str) -> None:
        self._heading = text
        self.update()

    def _get_collapsed(self) -> bool:
        return self._is_collapsed

    def _set_collapsed(self, collapsed: bool) -> None:
        self._is_collapsed = collapsed
        self._hide_contents()
        self.contentsCollapsed.emit(collapsed)

    text = QtCore.Property(str, _get_text, _set_text)
    collapsed = QtCore.Property(bool, _get_collapsed, _set_collapsed)

    def _hide_contents(self) -> None:
        for child in self.findChildren(QtWidgets.QWidget, options=QtCore.Qt.FindDirectChildrenOnly):
            child.setVisible(not self._is_collapsed)
        self.maximumHeight = self.HEADING if self._is_collapsed else 16777215

    def childEvent(self, event: QtCore.QChildEvent) -> None:
        super().childEvent(event)
        if self._is_collapsed and event.added() and event.child().isWidgetType():
            event.child().setVisible(False)

    def mousePressEvent(self, event: QtCore.QEvent) -> None:
        if event.position().y() < self.HEADING:
            self._set_collapsed(not self._is_collapsed)

    def paintEvent(self, event: QtCore.QEvent) -> None:
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        option.rect = QtCore.QRect(0, 0, self.width, self.HEADING - 2)
        painter = QtWidgets.QStylePainter(self)
        painter.drawControl(QtWidgets.QStyle.CE_PushButtonBevel, option)
        option.rect.adjust(10, 0, 0, 0)
        text = f"{'▸' if self._is_collapsed else '▾'}  {self._heading}"
        painter.drawItemText(option.rect, QtCore.Qt.AlignVCenter, self.palette, self.enabled, text)


class ctkSliderWidget(qt.QWidget):
    """A slider beside a spin box of the same value."""

    STEPS = 1000  # of the slider, over its range

    valueChanged = QtCore.Signal(float)
    tracking = plain(bool, "tracking", True)

    _box = None
    _slider = None

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._slider, self._box = QtWidgets.QSlider(QtCore.Qt.Horizontal, self), qt.QDoubleSpinBox(self)
        self._slider.setRange(0, self.STEPS)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._slider)
        layout.addWidget(self._box)
        self._box.valueChanged.connect(self._tell)
        self._slider.sliderMoved.connect(self._take)

    def setValue(self, value: float) -> None:
        self._box.value = value

    def _take(self, step: int) -> None:
        low, high = self._box.minimum, self._box.maximum
        self._box.value = low + (high - low) * step / self.STEPS

    def _tell(self, value: float) -> None:
        low, high = self._box.minimum, self._box.maximum
        self._slider.setValue(round(self.STEPS * (value - low) / (high - low)) if high > low else 0)
        self.valueChanged.emit(value)

    def _set_spin_box_visible(self, visible: bool) -> None:
        self._box.visible = visible

    value = of_part(float, "_box", "value")
    minimum = of_part(float, "_box", "minimum")
    maximum = of_part(float, "_box", "maximum")
    singleStep = of_part(float, "_box", "singleStep")
    decimals = of_part(int, "_box", "decimals")
    prefix = of_part(str, "_box", "prefix")
    suffix = of_part(str, "_box", "suffix")
    spinBoxVisible = QtCore.Property(bool, lambda widget: not widget._box.isHidden(), _set_spin_box_visible)


class ctkPathLineEdit(qt.QWidget):
    """A field for a file's path, with a button that opens a dialog; as in CTK, an empty path is no valid one, and
    `currentPathChanged` never says it."""

    Dirs, Files = 1, 2

    currentPathChanged = QtCore.Signal(str)
    validInputChanged = QtCore.Signal(bool)
    minimumContentsLength = plain(int, "minimumContentsLength", 0)
    showHistoryButton = plain(bool, "showHistoryButton", True)
    filters = plain(int, "filters", 7)

    _edit = None
    _was_valid = False

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._edit = qt.QLineEdit(self)
        button = qt.QToolButton(self)
        button.text = "..."
        button.clicked.connect(self.browse)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._edit)
        layout.addWidget(button)
        self._edit.textChanged.connect(self._tell)

    def _get_path(self) -> str:
        return self._edit.text

    def setCurrentPath(self, path: str) -> None:
        self._edit.text = path

    currentPath = QtCore.Property(str, _get_path, setCurrentPath)

    def browse(self, *_: object) -> None:
        if self.filters & self.Files:
            path, _filter = QtWidgets.QFileDialog.getOpenFileName(self, "Open a file", self._get_path())
        else:
            path = QtWidgets.QFileDialog.getExistingDirectory(self, "Select a directory", self._get_path())
        if path:
            self.setCurrentPath(path)

    def _tell(self, path: str) -> None:
        valid, was_valid = bool(path), self._was_valid
        self._was_valid = valid
        if valid:
            self.currentPathChanged.emit(path)
        if valid != was_valid:
            self.validInputChanged.emit(valid)


STAND_INS = {
    kind.__name__: kind
    for kind in (qMRMLWidget, qMRMLNodeComboBox, ctkCollapsibleButton, ctkPathLineEdit, ctkSliderWidget)
}


def widget_class(name: str) -> type[QtWidgets.QWidget]:
    """The class that a .ui means by this name. Raises AttributeError for one that the host doesn't know."""
    return STAND_INS.get(name) or getattr(qt, name)
