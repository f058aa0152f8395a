"""The views: original and restored side by side."""

import qt
import slicer
from slicer.i18n import tr as _


class SideBySide:
    """The layout "original | restored with segments"; gives the former layout back when it is left."""

    LAYOUT = 5774  # Slicer's own layouts are below 100, the numbers above are free for extensions
    ORIGINAL, RESTORED = "DAGANSpineOriginal", "DAGANSpineRestored"
    SETTLED = 300  # ms after which the views have their size and fit the image well

    def __init__(self) -> None:
        self._former: int | None = None

    @classmethod
    def register(cls) -> None:
        """Let Slicer know the layout, also for scenes that were saved while it was shown."""
        manager = slicer.app.layoutManager()
        if manager is None:
            return
        layout_node = manager.layoutLogic().GetLayoutNode()
        if not layout_node.IsLayoutDescription(cls.LAYOUT):
            layout_node.AddLayoutDescription(cls.LAYOUT, cls.description())

    def show(
        self,
        volume: slicer.vtkMRMLScalarVolumeNode,
        restored: slicer.vtkMRMLScalarVolumeNode,
        segmentation: slicer.vtkMRMLSegmentationNode,
    ) -> None:
        """Does nothing where Slicer has no views (no main window)."""
        manager = slicer.app.layoutManager()
        if manager is None:
            return
        self.register()
        if manager.layout != self.LAYOUT:
            self._former = manager.layout
            manager.setLayout(self.LAYOUT)
        for tag, background in ((self.ORIGINAL, volume), (self.RESTORED, restored)):
            composite = manager.sliceWidget(tag).sliceLogic().GetSliceCompositeNode()
            composite.SetBackgroundVolumeID(background.GetID())
            composite.SetForegroundVolumeID(None)
            composite.SetLabelVolumeID(None)
            composite.SetLinkedControl(True)
        display = segmentation.GetDisplayNode()
        display.RemoveAllViewNodeIDs()
        display.AddViewNodeID(manager.sliceWidget(self.RESTORED).mrmlSliceNode().GetID())
        self.fit()
        qt.QTimer.singleShot(self.SETTLED, self.fit)

    def fit(self) -> None:
        """Turn both views into the image's plane and fit the image to them, while they are shown."""
        manager = slicer.app.layoutManager()
        if manager is None or manager.layout != self.LAYOUT:
            return
        for tag in (self.ORIGINAL, self.RESTORED):
            logic = manager.sliceWidget(tag).sliceLogic()
            logic.RotateSliceToLowestVolumeAxes()
            logic.FitSliceToAll()

    def leave(self) -> None:
        """Give the former layout back, unless the user has chosen another; the segments show in every view again."""
        manager = slicer.app.layoutManager()
        if manager is None or self._former is None:
            return
        shown_in = manager.sliceWidget(self.RESTORED).mrmlSliceNode().GetID()
        for display in slicer.util.getNodesByClass("vtkMRMLSegmentationDisplayNode"):
            display.RemoveViewNodeID(shown_in)
        if manager.layout == self.LAYOUT:
            manager.setLayout(self._former)
        self._former = None

    @classmethod
    def description(cls) -> str:
        """Two slice views with a view group of their own, so that zooming here leaves Slicer's own views alone."""
        views = "".join(
            f'<item><view class="vtkMRMLSliceNode" singletontag="{tag}">'
            '<property name="orientation" action="default">Axial</property>'
            f'<property name="viewlabel" action="default">{label}</property>'
            f'<property name="viewcolor" action="default">{colour}</property>'
            '<property name="viewgroup" action="default">5774</property>'
            "</view></item>"
            for tag, label, colour in (
                (cls.ORIGINAL, _("Original"), "#8C8C8C"),
                (cls.RESTORED, _("Restored"), "#4A90D9"),
            )
        )
        return f'<layout type="horizontal" split="true">{views}</layout>'
