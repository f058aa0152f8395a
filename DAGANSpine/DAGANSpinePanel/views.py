"""The views: original and restored side by side, faded into each other, with what was found and what was removed."""

import json
from dataclasses import dataclass

import numpy as np
import qt
import slicer
from slicer.i18n import tr as _

from DAGANSpineLib import scene
from DAGANSpineLib.report import BRIGHTENED, DARKENED, FULL_CHANGE

FORMER = "DAGANSpineFormer"  # attribute of a display node: how it was before the views were shown


@dataclass(frozen=True)
class Look:
    """What the user has chosen of the views. segmentOpacity, fade: 0 to 1; a fade of 1 is the original."""

    swapped: bool = False
    segmentOpacity: float = 1.0
    fade: float = 0.0
    showRemoved: bool = False

    @classmethod
    def of(cls, parameters):
        return cls(parameters.swapped, parameters.segmentOpacity / 100, parameters.fade / 100, parameters.showRemoved)


class SideBySide:
    """The layout "original | restored with segments"; everything is as it was once it is left."""

    LAYOUT, SWAPPED = 5774, 5775  # Slicer's own layouts are below 100, the numbers above are free for extensions
    ORIGINAL, RESTORED = "DAGANSpineOriginal", "DAGANSpineRestored"
    SETTLED = 300  # ms after which the views have their size and fit the image well

    def __init__(self):
        self._former = None  # the layout before ours

    @classmethod
    def register(cls):
        """Let Slicer know the layouts, also for scenes that were saved while they were shown."""
        manager = slicer.app.layoutManager()
        if manager is None:
            return
        layoutNode = manager.layoutLogic().GetLayoutNode()
        for layout in (cls.LAYOUT, cls.SWAPPED):
            if not layoutNode.IsLayoutDescription(layout):
                layoutNode.AddLayoutDescription(layout, cls.description(swapped=layout == cls.SWAPPED))

    @property
    def isShown(self):
        manager = slicer.app.layoutManager()
        return manager is not None and manager.layout in (self.LAYOUT, self.SWAPPED)

    def show(self, volume, restored, segmentation, look):
        """Show the results of this volume, fitted to the views. Does nothing where Slicer has no views."""
        manager = slicer.app.layoutManager()
        if manager is None:
            return
        self.register()
        if not self.isShown:
            self._former = manager.layout
            manager.setLayout(self.SWAPPED if look.swapped else self.LAYOUT)
        for tag, background in ((self.ORIGINAL, volume), (self.RESTORED, restored)):
            composite = self.composite(tag)
            composite.SetBackgroundVolumeID(background.GetID())
            composite.SetForegroundVolumeID(volume.GetID())
            composite.SetForegroundOpacity(0)
            composite.SetLabelVolumeID(None)
            composite.SetLabelOpacity(1)
            composite.SetLinkedControl(True)
        self.showSegments(segmentation)
        if scene.removed_of(volume) is not None:
            scene.show_removed(volume, restored)  # of an earlier run, maybe
        self.apply(volume, restored, segmentation, look)
        self.fit()
        qt.QTimer.singleShot(self.SETTLED, self.fit)

    def apply(self, volume, restored, segmentation, look):
        """Another look of what is shown; where the user has zoomed to stays."""
        slicer.app.layoutManager().setLayout(self.SWAPPED if look.swapped else self.LAYOUT)
        segmentation.GetDisplayNode().SetOpacity(look.segmentOpacity)
        self.composite(self.RESTORED).SetForegroundOpacity(look.fade)
        removed = None
        if look.showRemoved:
            removed = scene.removed_of(volume) or scene.show_removed(volume, restored)
        self.composite(self.ORIGINAL).SetLabelVolumeID(removed.GetID() if removed else None)

    def showSegments(self, segmentation):
        """These segments in the right view alone; others, which would be taken for this image's, in none."""
        shown = segmentation.GetDisplayNode()
        for display in slicer.util.getNodesByClass("vtkMRMLSegmentationDisplayNode"):
            remember(display)
            display.SetVisibility(display is shown)
        shown.RemoveAllViewNodeIDs()
        shown.AddViewNodeID(self.sliceNode(self.RESTORED).GetID())

    def fit(self):
        """Turn both views into the image's plane, head up, and fit the image to them, while they are shown."""
        if not self.isShown:
            return
        for tag in (self.ORIGINAL, self.RESTORED):
            image = slicer.mrmlScene.GetNodeByID(self.composite(tag).GetBackgroundVolumeID() or "")
            if image is not None and not scene.trouble_with(image):
                turn(self.sliceNode(tag), *scene.picture_axes(image))
            slicer.app.layoutManager().sliceWidget(tag).sliceLogic().FitSliceToAll()

    def leave(self):
        """Give the former layout back, unless the user has chosen another, and all segments the look they had."""
        for display in slicer.util.getNodesByClass("vtkMRMLSegmentationDisplayNode"):
            restore(display)
        if self.isShown:
            for tag in (self.ORIGINAL, self.RESTORED):
                self.composite(tag).SetForegroundVolumeID(None)
                self.composite(tag).SetLabelVolumeID(None)
            # a scene that was saved while the views were shown doesn't know the layout before
            former = self._former or slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
            slicer.app.layoutManager().setLayout(former)
        self._former = None

    def composite(self, tag):
        return slicer.app.layoutManager().sliceWidget(tag).sliceLogic().GetSliceCompositeNode()

    def sliceNode(self, tag):
        return slicer.app.layoutManager().sliceWidget(tag).mrmlSliceNode()

    @classmethod
    def description(cls, swapped):
        """Two slice views with a view group of their own, so that zooming here leaves Slicer's own views alone."""
        views = [
            f'<item><view class="vtkMRMLSliceNode" singletontag="{tag}">'
            '<property name="orientation" action="default">Axial</property>'
            f'<property name="viewlabel" action="default">{label}</property>'
            f'<property name="viewcolor" action="default">{colour}</property>'
            f'<property name="viewgroup" action="default">{cls.LAYOUT}</property>'
            "</view></item>"
            for tag, label, colour in (
                (cls.ORIGINAL, _("Original"), "#8C8C8C"),
                (cls.RESTORED, _("Restored"), "#4A90D9"),
            )
        ]
        return f'<layout type="horizontal" split="true">{"".join(reversed(views) if swapped else views)}</layout>'


def turn(sliceNode, right, top):
    """Turn a view so that these directions, unit vectors in RAS, point to its right and to its top.

    Slicer's own turning to a volume's axes knows nothing of heads: it takes the turn that is nearest.
    """
    normal = np.cross(right, top)
    if normal[np.abs(normal).argmax()] < 0:
        normal = -normal  # as in Slicer's Axial, Coronal and Sagittal, so that it calls the view by such a name
    matrix = sliceNode.GetSliceToRAS()
    for column, axis in enumerate((right, top, normal)):
        for row in range(3):
            matrix.SetElement(row, column, axis[row])
    sliceNode.UpdateMatrices()


def remember(display):
    """Keep with a display node how it is, unless that has been done; saved with the scene."""
    if display.GetAttribute(FORMER) is None:
        former = display.GetVisibility(), display.GetOpacity(), display.GetViewNodeIDs()
        display.SetAttribute(FORMER, json.dumps(former))


def restore(display):
    """Give a display node back what `remember` kept."""
    if display.GetAttribute(FORMER) is None:
        return
    visibility, opacity, viewNodeIDs = json.loads(display.GetAttribute(FORMER))
    display.SetVisibility(visibility)
    display.SetOpacity(opacity)
    display.RemoveAllViewNodeIDs()
    for viewNodeID in viewNodeIDs:
        display.AddViewNodeID(viewNodeID)
    display.SetAttribute(FORMER, None)


class ViewChooser:
    """The panel's section of the views: the button that shows them, and how they look.

    `ui`: the panel's widgets; those that hold a choice are bound to the parameter node by their names.
    """

    def __init__(self, ui):
        self._ui = ui
        self._sideBySide = SideBySide()
        self._look = None  # as it was when it was last followed
        self._results = None  # volume, restored volume, segmentation; None if any is missing
        ui.showButton.clicked.connect(self.show)
        ui.removedLegendLabel.text = legend()

    def follow(self, parameters, volume, running, entered):
        """Bring the widgets into the state that the results of this volume and the run allow, and the views into the
        look that the user chose. parameters, volume: None if there are none."""
        results = (volume, *scene.results_of(volume)) if volume is not None else (None,)
        formerResults, self._results = self._results, None if None in results else results
        self.enable(self._results is not None and not running)
        formerLook, self._look = self._look, Look.of(parameters) if parameters is not None else None
        self._ui.removedLegendLabel.visible = bool(self._look and self._look.showRemoved)
        if not entered or running or self._results is None:
            return
        if self._sideBySide.isShown and self._results == formerResults:
            if self._look != formerLook:
                self._sideBySide.apply(*self._results, self._look)
        elif self._sideBySide.isShown or formerLook not in (None, self._look):
            self.show()  # what the user has just chosen can be seen, what a loaded scene brings stays in the panel

    def enable(self, enabled):
        for name in ("showButton", "swapButton", "segmentOpacitySlider", "fadeSlider", "showRemovedCheckBox"):
            getattr(self._ui, name).enabled = enabled
        self._ui.showButton.toolTip = (
            _("Original on the left, restored image with the segments on the right.")
            if enabled
            else _("There are no results of this image yet.")
        )

    def show(self, *_arguments):
        """Show the results of the chosen image as the user likes them."""
        self._sideBySide.show(*self._results, self._look)

    def leave(self):
        self._sideBySide.leave()


def legend():
    """What the colours of the removed mean, as rich text."""
    text = _("{darkened} darkened, {brightened} brightened; full colour from {levels} grey levels on")
    squares = (
        '<span style="color: rgb({}, {}, {})">■</span>'.format(*(round(255 * part) for part in colour))
        for colour in (DARKENED, BRIGHTENED)
    )
    return text.format(**dict(zip(("darkened", "brightened"), squares, strict=True)), levels=FULL_CHANGE)
