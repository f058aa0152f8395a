"""Stand-ins for qMRMLLayoutManager and qMRMLSliceWidget on top of Slicer's own layout logic."""

from __future__ import annotations

import slicer

from .slice_view import SliceView


class qMRMLSliceWidget:
    __slots__ = ("_view",)

    def __init__(self, view: SliceView) -> None:
        self._view = view

    def sliceLogic(self) -> slicer.vtkMRMLSliceLogic:
        return self._view.logic

    def mrmlSliceNode(self) -> slicer.vtkMRMLSliceNode:
        return self._view.node

    def mrmlSliceCompositeNode(self) -> slicer.vtkMRMLSliceCompositeNode:
        return self._view.logic.GetSliceCompositeNode()

    def fitSliceToBackground(self) -> None:
        self._view.logic.FitSliceToBackground()


class qMRMLLayoutManager:
    """Makes a slice view for each slice node that vtkMRMLLayoutLogic made for the layouts shown so far."""

    __slots__ = ("_application_logic", "_logic", "_views")

    def __init__(self, scene: slicer.vtkMRMLScene, application_logic: slicer.vtkMRMLApplicationLogic) -> None:
        self._application_logic = application_logic
        self._views: dict[str, SliceView] = {}
        self._logic = slicer.vtkMRMLLayoutLogic()
        self._logic.SetMRMLScene(scene)
        self.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)

    def layoutLogic(self) -> slicer.vtkMRMLLayoutLogic:
        return self._logic

    @property
    def layout(self) -> int:
        return self._logic.GetLayoutNode().GetViewArrangement()

    @layout.setter
    def layout(self, layout: int) -> None:
        self.setLayout(layout)

    def setLayout(self, layout: int) -> None:
        self._logic.GetLayoutNode().SetViewArrangement(layout)
        shown = self._logic.GetViewNodes()
        for index in range(shown.GetNumberOfItems()):
            node = shown.GetItemAsObject(index)
            if node.IsA("vtkMRMLSliceNode") and node.GetLayoutName() not in self._views:
                self._views[node.GetLayoutName()] = SliceView(node, self._application_logic)

    def sliceViewNames(self) -> tuple[str, ...]:
        return tuple(self._views)

    def sliceWidget(self, name: str) -> qMRMLSliceWidget | None:
        return qMRMLSliceWidget(self._views[name]) if name in self._views else None
