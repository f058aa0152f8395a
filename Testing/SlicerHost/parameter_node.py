"""`slicer.parameterNodeWrapper`: typed parameters in a MRML node, bound to widgets.

As far as the module uses it: MRML nodes, unions of them with None, enumerations, yes and no, numbers within a range,
and texts without a widget; values are stored and cached as Slicer stores and caches them. Another type raises.
"""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
import weakref
from collections.abc import Callable

import slicer
import slicer.util
import vtk

from .pythonqt import qt
from .widgets import ctkSliderWidget, qMRMLNodeComboBox

PROPERTY = "SlicerParameterName"


@dataclasses.dataclass(frozen=True)
class WithinRange:
    """Annotation of a number: what is outside raises."""

    minimum: float
    maximum: float


class NodeParameter:
    """A MRML node of one of some classes, or None. Stored as a node reference named NAME_INDEX in a union."""

    def __init__(self, kinds: tuple[type, ...]) -> None:
        self.kinds = kinds
        self.default = None

    @classmethod
    def of(cls, annotation: object) -> NodeParameter | None:
        if isinstance(annotation, type) and issubclass(annotation, slicer.vtkMRMLNode):
            return cls((annotation,))
        if typing.get_origin(annotation) is not typing.Union:
            return None
        kinds = typing.get_args(annotation)
        if type(None) not in kinds:
            raise TypeError(f"A union of nodes needs None among them: {annotation}")
        return cls(kinds)

    def names(self, name: str) -> list[str]:
        return [f"{name}_{index}" for index in range(len(self.kinds))] if len(self.kinds) > 1 else [name]

    def is_in(self, node: slicer.vtkMRMLScriptedModuleNode, name: str) -> bool:
        return any(node.HasParameter(each) for each in self.names(name))

    def read(self, node: slicer.vtkMRMLScriptedModuleNode, name: str) -> slicer.vtkMRMLNode | None:
        stored = next(each for each in self.names(name) if node.HasParameter(each))
        return node.GetNodeReference(stored)

    def write(self, node: slicer.vtkMRMLScriptedModuleNode, name: str, value: slicer.vtkMRMLNode | None) -> None:
        fitting = [each for each, kind in zip(self.names(name), self.kinds, strict=True) if isinstance(value, kind)]
        if not fitting and not (value is None and len(self.kinds) == 1):
            raise TypeError(f"{name} can't be {value!r}")
        for each in self.names(name):
            node.UnsetParameter(each)
            node.RemoveNodeReferenceIDs(each)
        stored = fitting[0] if fitting else name
        node.SetParameter(stored, "")
        node.SetNodeReferenceID(stored, value.GetID() if value else None)

    def connector(self, widget: object) -> NodeConnector:
        if not isinstance(widget, qMRMLNodeComboBox):
            raise RuntimeError(f"Unable to create GUI connector for a node and {type(widget)}")
        widget.nodeTypes = [kind.__name__ for kind in self.kinds if kind is not type(None)]
        return NodeConnector(widget)


class EnumParameter:
    """An enumeration, stored by its member's name; a combo box shows `label()` where the enumeration has one."""

    def __init__(self, kind: type[enum.Enum]) -> None:
        self.kind = kind
        self.default = next(iter(kind))

    @classmethod
    def of(cls, annotation: object) -> EnumParameter | None:
        return cls(annotation) if isinstance(annotation, type) and issubclass(annotation, enum.Enum) else None

    def is_in(self, node: slicer.vtkMRMLScriptedModuleNode, name: str) -> bool:
        return node.HasParameter(name)

    def read(self, node: slicer.vtkMRMLScriptedModuleNode, name: str) -> enum.Enum:
        return self.kind[node.GetParameter(name)]

    def write(self, node: slicer.vtkMRMLScriptedModuleNode, name: str, value: enum.Enum) -> None:
        if not isinstance(value, self.kind):
            raise TypeError(f"{name} can't be {value!r}")
        node.SetParameter(name, value.name)

    def connector(self, widget: object) -> EnumConnector:
        if type(widget) is not qt.QComboBox:
            raise RuntimeError(f"Unable to create GUI connector for an enumeration and {type(widget)}")
        return EnumConnector(widget, self.kind)


class TextParameter:
    """A text, stored as it is. Slicer binds it to a QLineEdit; here to none."""

    def __init__(self) -> None:
        self.default = ""

    @classmethod
    def of(cls, annotation: object) -> TextParameter | None:
        return cls() if annotation is str else None

    def is_in(self, node: slicer.vtkMRMLScriptedModuleNode, name: str) -> bool:
        return node.HasParameter(name)

    def read(self, node: slicer.vtkMRMLScriptedModuleNode, name: str) -> str:
        return node.GetParameter(name)

    def write(self, node: slicer.vtkMRMLScriptedModuleNode, name: str, value: str) -> None:
        if not isinstance(value, str):
            raise TypeError(f"{name} can't be {value!r}")
        node.SetParameter(name, value)

    def connector(self, widget: object) -> NodeConnector:
        raise RuntimeError(f"Unable to create GUI connector for a text and {type(widget)}")


class BoolParameter:
    """Yes or no; a check box or a push button that can be down."""

    def __init__(self) -> None:
        self.default = False

    @classmethod
    def of(cls, annotation: object) -> BoolParameter | None:
        return cls() if annotation is bool else None

    def is_in(self, node: slicer.vtkMRMLScriptedModuleNode, name: str) -> bool:
        return node.HasParameter(name)

    def read(self, node: slicer.vtkMRMLScriptedModuleNode, name: str) -> bool:
        return node.GetParameter(name) == "True"

    def write(self, node: slicer.vtkMRMLScriptedModuleNode, name: str, value: bool) -> None:
        if not isinstance(value, bool):
            raise TypeError(f"{name} can't be {value!r}")
        node.SetParameter(name, str(value))

    def connector(self, widget: object) -> ValueConnector:
        if type(widget) not in (qt.QCheckBox, qt.QPushButton):
            raise RuntimeError(f"Unable to create GUI connector for a bool and {type(widget)}")
        if not widget.checkable:
            raise RuntimeError(f"{widget.name} is not checkable")
        return ValueConnector(widget, "checked", widget.toggled)


class FloatParameter:
    """A number, with a range if it is annotated; a slider, which needs a range, or a spin box."""

    def __init__(self, within: WithinRange | None) -> None:
        self.within = within
        self.default = 0.0

    @classmethod
    def of(cls, annotation: object) -> FloatParameter | None:
        plain, *annotations = typing.get_args(annotation) or (annotation,)
        if plain is not float or not all(isinstance(each, WithinRange) for each in annotations):
            return None
        return cls(next(iter(annotations), None))

    def is_in(self, node: slicer.vtkMRMLScriptedModuleNode, name: str) -> bool:
        return node.HasParameter(name)

    def read(self, node: slicer.vtkMRMLScriptedModuleNode, name: str) -> float:
        return float(node.GetParameter(name))

    def write(self, node: slicer.vtkMRMLScriptedModuleNode, name: str, value: float) -> None:
        if not isinstance(value, (int, float)):
            raise TypeError(f"{name} can't be {value!r}")
        if self.within and not self.within.minimum <= value <= self.within.maximum:
            raise ValueError(f"{name} can't be {value}: it is not within {self.within}")
        node.SetParameter(name, str(value))

    def connector(self, widget: object) -> ValueConnector:
        if type(widget) not in (ctkSliderWidget, qt.QDoubleSpinBox):
            raise RuntimeError(f"Unable to create GUI connector for a float and {type(widget)}")
        if type(widget) is ctkSliderWidget and self.within is None:
            raise RuntimeError("Cannot have a connection to ctkSliderWidget where the float types is unbounded.")
        if self.within:
            widget.minimum, widget.maximum = self.within.minimum, self.within.maximum
        return ValueConnector(widget, "value", widget.valueChanged)


class ValueConnector:
    """A widget that keeps its value in a property."""

    def __init__(self, widget: object, attribute: str, changed: object) -> None:
        self.widget, self.attribute, self.changed = widget, attribute, changed

    def read(self) -> bool | float:
        return getattr(self.widget, self.attribute)

    def write(self, value: bool | float) -> None:
        setattr(self.widget, self.attribute, value)


KINDS = NodeParameter, EnumParameter, TextParameter, BoolParameter, FloatParameter
Parameter = typing.Union[KINDS]  # noqa: UP007


class NodeConnector:
    def __init__(self, widget: qMRMLNodeComboBox) -> None:
        self.widget, self.changed = widget, widget.currentNodeChanged

    def read(self) -> slicer.vtkMRMLNode | None:
        return self.widget.currentNode()

    def write(self, value: slicer.vtkMRMLNode | None) -> None:
        self.widget.setCurrentNode(value)


class EnumConnector:
    def __init__(self, widget: object, kind: type[enum.Enum]) -> None:
        self.widget, self.changed, self.members = widget, widget.currentIndexChanged, list(kind)
        widget.clear()
        widget.addItems([member.label() if hasattr(kind, "label") else member.name for member in kind])

    def read(self) -> enum.Enum:
        return self.members[self.widget.currentIndex]

    def write(self, value: enum.Enum) -> None:
        self.widget.currentIndex = self.members.index(value)


CALLBACKS: list[Callable[..., None]] = []


def weakly(target: object, method: str) -> Callable[..., None]:
    """A callback that doesn't keep its object alive, and does nothing after its end. It is kept itself: Python's
    collector takes what observes a node for garbage as soon as the node's Python side is, though VTK's goes on calling
    it, and calling what the collector has emptied crashes."""
    reference = weakref.ref(target)

    def call(*_: object) -> None:
        if reference() is not None:
            getattr(reference(), method)()

    CALLBACKS.append(call)
    return call


class ParameterNode:
    """What every wrapped class gets. Reading is cached; the cache follows the node's ModifiedEvent."""

    allParameters: typing.ClassVar[dict[str, Parameter]]

    def __init__(self, parameterNode: slicer.vtkMRMLScriptedModuleNode) -> None:
        self.__dict__.update(parameterNode=parameterNode, _cache={}, _guis={}, _updating=False)
        self._read()
        self.AddObserver(vtk.vtkCommand.ModifiedEvent, weakly(self, "_read"))

    def _read(self) -> None:
        for name, parameter in self.allParameters.items():
            if not parameter.is_in(self.parameterNode, name):  # also after the scene was closed
                parameter.write(self.parameterNode, name, parameter.default)
            self._cache[name] = parameter.read(self.parameterNode, name)

    def __getattr__(self, name: str) -> object:
        try:
            return self.__dict__["_cache"][name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no parameter {name}") from None

    def __setattr__(self, name: str, value: object) -> None:
        if name not in self.allParameters:
            raise AttributeError(f"{type(self).__name__} has no parameter {name}")
        with slicer.util.NodeModify(self.parameterNode):
            self.allParameters[name].write(self.parameterNode, name, value)
            self._read()

    def connectParametersToGui(self, mapping: dict[str, object]) -> int:
        connectors = {name: self.allParameters[name].connector(widget) for name, widget in mapping.items()}
        slots = []
        for name, connector in connectors.items():
            connector.write(getattr(self, name))
            slot = self._slot(name, connector)
            connector.changed.connect(slot)
            slots.append((connector.changed, slot))
        tag = len(self._guis)
        self._guis[tag] = connectors, slots
        self.AddObserver(vtk.vtkCommand.ModifiedEvent, weakly(self, "_update_guis"))
        return tag

    def connectGui(self, gui: object) -> None:
        """Connects what `connectParametersToGui` would, but, as in Slicer, returns no tag."""
        widgets = [widget for widget in vars(gui).values() if widget.property(PROPERTY)]
        self.connectParametersToGui({widget.property(PROPERTY): widget for widget in widgets})

    def disconnectGui(self, tag: int | None) -> None:
        _, slots = self._guis.pop(tag, ({}, []))
        for signal, slot in slots:
            signal.disconnect(slot)

    def _slot(self, name: str, connector: NodeConnector | EnumConnector | ValueConnector) -> Callable[..., None]:
        def changed(*_: object) -> None:
            if not self._updating:
                setattr(self, name, connector.read())

        return changed

    def _update_guis(self) -> None:
        if self._updating:
            return
        self.__dict__["_updating"] = True
        try:
            for connectors, _slots in list(self._guis.values()):
                for name, connector in connectors.items():
                    connector.write(getattr(self, name))
        finally:
            self.__dict__["_updating"] = False

    def AddObserver(self, event: int, callback: Callable[..., None], priority: float = 0.0) -> int:
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag: int) -> None:
        self.parameterNode.RemoveObserver(tag)


def parameterNodeWrapper(described: type) -> type:
    """Class decorator: every annotated name becomes a parameter. Raises TypeError for a type the host doesn't know."""
    parameters = {}
    for name, annotation in typing.get_type_hints(described, include_extras=True).items():
        parameter = next(filter(None, (kind.of(annotation) for kind in KINDS)), None)
        if parameter is None:
            raise TypeError(f"The host's parameter nodes don't know {annotation}")
        if name in vars(described):
            parameter.default = vars(described)[name]
        parameters[name] = parameter
    contents = {"allParameters": parameters, "__doc__": described.__doc__, "__module__": described.__module__}
    return type(described.__name__, (ParameterNode,), contents)


def as_module() -> types.ModuleType:
    module = types.ModuleType("slicer.parameterNodeWrapper")
    module.parameterNodeWrapper, module.WithinRange = parameterNodeWrapper, WithinRange
    module.__all__ = ["WithinRange", "parameterNodeWrapper"]
    return module
