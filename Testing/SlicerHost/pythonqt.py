"""Qt as PythonQt speaks it, made of PySide6: properties are attributes, and a name that an object lacks raises."""

from __future__ import annotations

import ctypes
import sys
import types

from PySide6 import QtCore, QtGui, QtWidgets

# also methods by these names: virtual ones, which Qt itself calls, and QTimer's static one
METHODS = frozenset(("sizeHint", "minimumSizeHint", "singleShot"))


def immortalise() -> None:
    """Let None, True and False live for ever before Python 3.12, as they do since.

    PySide6 6.12 counts on that: it gives back one reference too many to None in every `property()` of an unknown name
    and in every signal that carries None, until Python aborts.
    """
    if sys.version_info < (3, 12):
        for single in (None, True, False):
            ctypes.c_ssize_t.from_address(id(single)).value += 2**40


immortalise()


class Strict:
    """What every QObject has in PythonQt, and that nothing else can be set on it.

    `loading`: PySide6's .ui loader sets each child as an attribute of the form; PythonQt's doesn't, so they are lost.
    """

    loading = False

    @property
    def name(self) -> str:
        return self.objectName

    @name.setter
    def name(self, name: str) -> None:
        self.objectName = name

    def className(self) -> str:
        return self.metaObject().className()

    def __setattr__(self, name: str, value: object) -> None:
        internal = name.startswith("__")  # PySide6 keeps its meta-object so, and breaks without it
        if not internal and not hasattr(self, name):
            if Strict.loading:
                return
            raise AttributeError(f"{type(self).__name__} has no property {name}")
        super().__setattr__(name, value)


def strict(kind: type[QtCore.QObject]) -> type[QtCore.QObject]:
    """The same class with its Qt properties as attributes, as in PythonQt; the setters stay as methods."""
    meta = kind.staticMetaObject
    names = [meta.property(index).name() for index in range(meta.propertyCount())]
    properties = {name: as_attribute(name) for name in names if name not in METHODS}
    return type(kind.__name__, (Strict, kind), {"__module__": "qt", **properties})


def as_attribute(name: str) -> property:
    """A Qt property as a Python one. Writing a value that Qt refuses raises ValueError."""

    def write(target: QtCore.QObject, value: object) -> None:
        if not target.setProperty(name, value):
            raise ValueError(f"{type(target).__name__}.{name} can't be {value!r}")

    return property(lambda target: target.property(name), write)


class QtModule(types.ModuleType):
    """The module `qt`: every class of QtCore, QtGui and QtWidgets, QObjects in their strict form."""

    def __getattr__(self, name: str) -> object:
        for library in (QtCore, QtGui, QtWidgets):
            if hasattr(library, name):
                found = getattr(library, name)
                break
        else:
            raise AttributeError(f"Qt has no {name}")
        if isinstance(found, type) and issubclass(found, QtCore.QObject):
            found = strict(found)
        setattr(self, name, found)
        return found


qt = QtModule("qt", "Qt as Slicer's Python sees it.")
