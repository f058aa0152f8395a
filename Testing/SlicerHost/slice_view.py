"""A slice view, rendered off screen by Slicer's own slice logic and displayable managers."""

from __future__ import annotations

from pathlib import Path

import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

MANAGERS = (
    "vtkMRMLVolumeGlyphSliceDisplayableManager",
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLScalarBarDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLMarkupsDisplayableManager",
)


class SliceView:
    """What qMRMLSliceWidget holds: a slice node's logic, a render window, the managers that draw into it.

    CTK's light box, which draws the slice's own image in Slicer, is not in slicer-core: an image actor in the
    background takes its place.
    """

    SIZE = 360, 900  # columns, rows: the shape of a VPI beside another one

    def __init__(self, node: slicer.vtkMRMLSliceNode, application_logic: slicer.vtkMRMLApplicationLogic) -> None:
        self.node = node
        self.renderer = vtk.vtkRenderer()
        self.renderer.GetActiveCamera().ParallelProjectionOn()
        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(True)
        self.window.SetMultiSamples(0)
        self.window.AddRenderer(self.renderer)
        self.interactor = vtk.vtkRenderWindowInteractor()
        self.interactor.SetRenderWindow(self.window)

        mapper = vtk.vtkImageMapper()
        mapper.SetColorWindow(255)
        mapper.SetColorLevel(127.5)
        self.image = vtk.vtkActor2D()
        self.image.SetMapper(mapper)
        self.image.GetProperty().SetDisplayLocationToBackground()
        self.renderer.AddViewProp(self.image)

        self.managers = self._managers(application_logic)
        self.managers.SetMRMLDisplayableNode(node)
        self.logic = slicer.vtkMRMLSliceLogic()
        self.logic.SetMRMLApplicationLogic(application_logic)
        application_logic.GetSliceLogics().AddItem(self.logic)
        self.logic.SetMRMLScene(node.GetScene())
        self.logic.SetSliceNode(node)
        self.logic.AddObserver(vtk.vtkCommand.ModifiedEvent, self._take_image)
        self.resize(*self.SIZE)
        self._take_image()

    def _managers(self, application_logic: slicer.vtkMRMLApplicationLogic) -> slicer.vtkMRMLDisplayableManagerGroup:
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(application_logic)
        for name in MANAGERS:
            if not factory.IsDisplayableManagerRegistered(name):
                factory.RegisterDisplayableManager(name)
        managers = slicer.vtkMRMLDisplayableManagerGroup()
        managers.SetRenderer(self.renderer)
        managers.Initialize(factory, self.renderer)
        return managers

    def resize(self, columns: int, rows: int) -> None:
        """Give the view another size, as dragging its border does."""
        self.window.SetSize(columns, rows)
        self.logic.ResizeSliceNode(columns, rows)

    def _take_image(self, *_: object) -> None:
        connection = self.logic.GetImageDataConnection()
        self.image.GetMapper().SetInputConnection(connection)
        self.image.SetVisibility(connection is not None)

    def place_of(self, world: tuple[float, float, float]) -> tuple[float, float]:
        """Where a place (RAS, mm) is in the view: column, row from below."""
        return tuple(self._to_view().MultiplyPoint((*world, 1))[:2])

    def _to_view(self) -> vtk.vtkMatrix4x4:
        to_view = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(self.node.GetXYToRAS(), to_view)
        return to_view

    def drag(self, markups: slicer.vtkMRMLMarkupsNode, point: int, columns: float, rows: float, steps: int = 4) -> None:
        """Drag a control point by so many pixels to the right and up, with all that vtkSlicerMarkupsWidget does to the
        node meanwhile. What can't be seen here, or is locked, can't be dragged: RuntimeError."""
        display = markups.GetDisplayNode()
        if not (display and display.GetVisibility() and display.IsDisplayableInView(self.node.GetID())):
            raise RuntimeError(f"{markups.GetName()} is not shown in {self.node.GetName()}")
        if markups.GetLocked() or markups.GetNthControlPointLocked(point):
            raise RuntimeError(f"{markups.GetName()} is locked")
        markups.GetScene().SaveStateForUndo()
        markups.InvokeCustomModifiedEvent(markups.PointStartInteractionEvent)
        across, up, away, _ = self._to_view().MultiplyPoint((*markups.GetNthControlPointPositionWorld(point), 1))
        for step in range(1, steps + 1):
            there = across + columns * step / steps, up + rows * step / steps, away, 1
            markups.SetNthControlPointPositionWorld(point, *self.node.GetXYToRAS().MultiplyPoint(there)[:3])
        markups.InvokeCustomModifiedEvent(markups.PointEndInteractionEvent)

    def corner_text(self) -> str:
        """What Slicer's Data Probe writes into the lower left corner: every layer's volume, seen or not."""
        composite = self.logic.GetSliceCompositeNode()
        layers = [
            ("L", composite.GetLabelVolumeID(), composite.GetLabelOpacity()),
            ("F", composite.GetForegroundVolumeID(), composite.GetForegroundOpacity()),
            ("B", composite.GetBackgroundVolumeID(), None),
        ]
        lines = []
        for letter, volume_id, opacity in layers:
            if volume_id:
                name = self.node.GetScene().GetNodeByID(volume_id).GetName()
                lines.append(f"{letter}: {name}" + ("" if opacity is None else f" ({round(100 * opacity)}%)"))
        return "\n".join(lines)

    def pixels(self) -> object:
        """Render: uint8 array (rows, columns, 3), top row first."""
        self.window.Render()
        grabber = vtk.vtkWindowToImageFilter()
        grabber.SetInput(self.window)
        grabber.ReadFrontBufferOff()
        grabber.Update()
        image = grabber.GetOutput()
        columns, rows, _ = image.GetDimensions()
        return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(rows, columns, -1)[::-1, :, :3]

    def save(self, path: Path) -> None:
        """Render into a PNG."""
        self.window.Render()
        grabber = vtk.vtkWindowToImageFilter()
        grabber.SetInput(self.window)
        grabber.ReadFrontBufferOff()
        writer = vtk.vtkPNGWriter()
        writer.SetInputConnection(grabber.GetOutputPort())
        writer.SetFileName(str(path))
        writer.Write()

    def close(self) -> None:
        self.managers.SetMRMLDisplayableNode(None)
        self.window.Finalize()
