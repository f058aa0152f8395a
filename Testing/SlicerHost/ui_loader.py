"""Qt's own .ui loader, strict: a class, property, signal or slot that the widget lacks raises."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from PySide6 import QtCore, QtUiTools, QtWidgets

from .pythonqt import Strict
from .widgets import widget_class


class QUiLoader(QtUiTools.QUiLoader):
    """Qt reports unknown properties and failed connections on the console and goes on; this one raises."""

    def load(self, file: QtCore.QIODevice) -> QtWidgets.QWidget:
        root = ElementTree.fromstring(bytes(file.readAll()))
        connections = root.find("connections")
        if connections is not None:
            root.remove(connections)  # made below: Qt doesn't know the signatures of signals made in Python
        buffer = QtCore.QBuffer()
        buffer.setData(ElementTree.tostring(root))
        buffer.open(QtCore.QIODevice.ReadOnly)
        Strict.loading = True
        try:
            widget = super().load(buffer)
        finally:
            Strict.loading = False
        check_properties(root, widget)
        for connection in connections if connections is not None else ():
            connect(widget, connection)
        return widget

    def createWidget(self, class_name: str, parent: QtWidgets.QWidget | None = None, name: str = "") -> object:
        widget = widget_class(class_name)(parent)
        widget.setObjectName(name)
        return widget


def find(widget: QtWidgets.QWidget, name: str) -> QtWidgets.QWidget:
    """The widget of this name, itself or a child. Raises AttributeError."""
    found = widget if widget.objectName == name else widget.findChild(QtWidgets.QWidget, name)
    if found is None:
        raise AttributeError(f"The .ui has no widget {name}")
    return found


def check_properties(root: ElementTree.Element, widget: QtWidgets.QWidget) -> None:
    """Raise AttributeError for a property that became a dynamic one without being meant to (stdset="0")."""
    for element in root.iter("widget"):
        meant = {item.get("name") for item in element.findall("property") if item.get("stdset") == "0"}
        dynamic = {bytes(name).decode() for name in find(widget, element.get("name")).dynamicPropertyNames()}
        unknown = {name for name in dynamic - meant if not name.startswith(("_q_", "_PySide"))}
        if unknown:
            raise AttributeError(f"{element.get('class')} {element.get('name')} has no property {sorted(unknown)}")


def connect(widget: QtWidgets.QWidget, connection: ElementTree.Element) -> None:
    """Make one connection of the .ui by the names of its signal and slot."""
    part = {child.tag: child.text for child in connection}
    signal, slot = (re.match(r"\w+", part[tag]).group() for tag in ("signal", "slot"))
    getattr(find(widget, part["sender"]), signal).connect(getattr(find(widget, part["receiver"]), slot))
