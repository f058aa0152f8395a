"""The views: original and restored side by side, faded into each other, with what was found and what was removed."""

import json

import numpy as np
import qt
import slicer
from slicer.i18n import tr as _

from DAGANSpineLib import scene
from DAGANSpineLib.records import kept_json
from DAGANSpinePanel.window import CommonWindow

FORMER = "DAGANSpineFormer"  # attribute of a display node: how it was before the views were shown


class Views:
    """The module's own views: an image alone, or "original | restored with segments".

    All that is of this module is shown in them and nowhere else; everything is as it was once they are left. `look`,
    wherever it is asked for, is a `Look` of look.py.
    """

    # Slicer's own are below 100, the numbers above are free for extensions
    LAYOUT, SWAPPED, ALONE, COMPARED = 5774, 5775, 5776, 5777
    ORIGINAL, RESTORED = "DAGANSpineOriginal", "DAGANSpineRestored"
    MODELS = "DAGANSpineModelA", "DAGANSpineModelB"
    SETTLED = 300  # ms after which the views have their size and fit the image well

    def __init__(self):
        self._former = None  # the layout before ours
        self._compared = {}  # the segmentations of the models that are compared, by their views; a user may delete one
        self._window = CommonWindow()

    @classmethod
    def register(cls):
        """Let Slicer know the layouts, also for scenes that were saved while they were shown."""
        manager = slicer.app.layoutManager()
        if manager is None:
            return
        layoutNode = manager.layoutLogic().GetLayoutNode()
        layouts = {
            cls.LAYOUT: (cls.ORIGINAL, cls.RESTORED),
            cls.SWAPPED: (cls.RESTORED, cls.ORIGINAL),
            cls.ALONE: (cls.ORIGINAL,),
            cls.COMPARED: cls.MODELS,
        }
        for layout, tags in layouts.items():
            if not layoutNode.IsLayoutDescription(layout):
                layoutNode.AddLayoutDescription(layout, cls.description(tags))

    @property
    def isShown(self):
        manager = slicer.app.layoutManager()
        return manager is not None and manager.layout in (self.LAYOUT, self.SWAPPED, self.ALONE, self.COMPARED)

    @property
    def isComparing(self):
        return self.isShown and slicer.app.layoutManager().layout == self.COMPARED

    @property
    def shownTags(self):
        """The names of those of our views that can be seen."""
        if not self.isShown:
            return ()
        alone, compared = (self.ORIGINAL,), self.MODELS
        return {self.ALONE: alone, self.COMPARED: compared}.get(
            slicer.app.layoutManager().layout, (self.ORIGINAL, self.RESTORED)
        )

    def showAlone(self, volume):
        """Show this image, whole and upright, with nothing beside it or over it. Nothing where Slicer has no views."""
        if slicer.app.layoutManager() is None:
            return
        self._open(self.ALONE)
        self._fill(self.ORIGINAL, volume)
        self.showSegments(None)
        self.showLines(None)
        self._fitNowAndLater()

    def show(self, volume, restored, segmentation, look):
        """Show the results of this volume, fitted to the views. Does nothing where Slicer has no views."""
        if slicer.app.layoutManager() is None:
            return
        self._open(self.SWAPPED if look.swapped else self.LAYOUT)
        self._fill(self.ORIGINAL, volume)
        self._fill(self.RESTORED, restored)
        self.showSegments(segmentation)
        if scene.removed_of(volume) is not None:
            scene.show_removed(volume, restored)  # of an earlier run, maybe
        self._window.bind(volume, restored)
        self.apply(volume, restored, segmentation, look)
        self._fitNowAndLater()

    def showCompared(self, volume, models, look):
        """Show what two models made of this volume, fitted to the views, until anything else is shown or the views are
        left. Does nothing where Slicer has no views.

        models: for each its name, and the arrays and the spine that `scene.show_compared` puts into the scene.
        """
        if slicer.app.layoutManager() is None:
            return
        self._open(self.COMPARED)
        made = [scene.show_compared(volume, *model) for model in models]
        for tag, (restored, _segmentation) in zip(self.MODELS, made, strict=True):
            self._fill(tag, restored)
        self._compared = {tag: segmentation for tag, (_restored, segmentation) in zip(self.MODELS, made, strict=True)}
        self._window.bind(*(restored for restored, _segmentation in made))
        self.lookAtCompared(look)
        self._fitNowAndLater()

    def lookAtCompared(self, look):
        """Another look of the models' segments and lines, each in its own view."""
        there = {tag: node for tag, node in self._compared.items() if node.GetDisplayNode() is not None}
        self._showIn(there)
        self.showLines(None)
        for tag, segmentation in there.items():
            segmentation.GetDisplayNode().SetOpacity(look.segmentOpacity)
            for node in scene.markups_of(segmentation):
                node.GetDisplayNode().SetViewNodeIDs([self.sliceNode(tag).GetID()])
                node.GetDisplayNode().SetVisibility(look.showLines)

    def _closeCompared(self):
        """Take what was compared out of the views and out of the scene."""
        for tag in self.MODELS:
            if slicer.app.layoutManager().sliceWidget(tag) is not None:
                self._empty(tag)
        self._compared = {}
        scene.remove_compared()

    def reset(self):
        """The whole image again, and as bright as at first."""
        self._window.reset()
        self.fit()

    def _open(self, layout):
        """Show this layout of ours, and keep in mind which there was before."""
        self.register()
        self._window.release()
        self._closeCompared()
        if not self.isShown:
            self._former = slicer.app.layoutManager().layout
        slicer.app.layoutManager().setLayout(layout)

    def _fill(self, tag, background):
        """This image alone into a view, whatever Slicer loads into its own."""
        composite = self.composite(tag)
        composite.SetDoPropagateVolumeSelection(False)
        composite.SetBackgroundVolumeID(background.GetID())
        composite.SetForegroundVolumeID(None)
        composite.SetLabelVolumeID(None)
        composite.SetLabelOpacity(1)
        composite.SetLinkedControl(True)

    def apply(self, volume, restored, segmentation, look):
        """Another look of what is shown; where the user has zoomed to stays."""
        slicer.app.layoutManager().setLayout(self.SWAPPED if look.swapped else self.LAYOUT)
        segmentation.GetDisplayNode().SetOpacity(look.segmentOpacity)
        self.showLines(segmentation if look.showLines else None)
        # Slicer names every layer in the corner of its view, be it as transparent as may be
        self.composite(self.RESTORED).SetForegroundVolumeID(volume.GetID() if look.fade else None)
        self.composite(self.RESTORED).SetForegroundOpacity(look.fade)
        removed = None
        if look.showRemoved:
            removed = scene.removed_of(volume) or scene.show_removed(volume, restored)
        self.composite(self.ORIGINAL).SetLabelVolumeID(removed.GetID() if removed else None)

    def showSegments(self, segmentation):
        """These segments in the right view alone; others, which would be taken for this image's, in none."""
        self._showIn({self.RESTORED: segmentation} if segmentation is not None else {})

    def _showIn(self, segmentations):
        """Each of these segmentations in the view of its name alone, and all others in none."""
        shown = {segmentation.GetDisplayNode(): tag for tag, segmentation in segmentations.items()}
        for display in slicer.util.getNodesByClass("vtkMRMLSegmentationDisplayNode"):
            remember(display)
            display.SetVisibility(display in shown)
        for display, tag in shown.items():
            display.RemoveAllViewNodeIDs()
            display.AddViewNodeID(self.sliceNode(tag).GetID())

    def showLines(self, segmentation):
        """The lines and names of the spine that was read off these segments, None for none, in both views alone."""
        shown = scene.markups_of(segmentation)
        for node in scene.all_markups():
            display = node.GetDisplayNode()
            if display is None:
                continue
            if node in shown:
                display.SetViewNodeIDs([self.sliceNode(tag).GetID() for tag in (self.ORIGINAL, self.RESTORED)])
            display.SetVisibility(node in shown)

    def _fitNowAndLater(self):
        self.fit()
        qt.QTimer.singleShot(self.SETTLED, self.fit)

    def fit(self):
        """Turn the views into the image's plane, head up, and fit the image to them, while they are shown."""
        for tag in self.shownTags:
            image = slicer.mrmlScene.GetNodeByID(self.composite(tag).GetBackgroundVolumeID() or "")
            if image is not None and not scene.trouble_with(image):
                turn(self.sliceNode(tag), *scene.picture_axes(image))
            slicer.app.layoutManager().sliceWidget(tag).sliceLogic().FitSliceToAll()

    def leave(self):
        """Give the former layout back, unless the user has chosen another, and all segments the look they had; ours,
        which lie over whatever Slicer's own views show, are hidden."""
        self._window.release()
        for node in scene.all_markups():
            if node.GetDisplayNode() is not None:
                node.GetDisplayNode().RemoveAllViewNodeIDs()
                node.GetDisplayNode().SetVisibility(False)
        for segmentation in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
            display = segmentation.GetDisplayNode()
            if display is not None:
                restore(display)
                if scene.is_ours(segmentation):
                    display.SetVisibility(False)
        if self.isShown:
            for tag in self.shownTags:
                self._empty(tag)
            # a scene that was saved while the views were shown doesn't know the layout before
            former = self._former or slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
            slicer.app.layoutManager().setLayout(former)
        if slicer.app.layoutManager() is not None:
            self._closeCompared()
        self._former = None

    def _empty(self, tag):
        for layer in ("Background", "Foreground", "Label"):
            getattr(self.composite(tag), f"Set{layer}VolumeID")(None)

    def composite(self, tag):
        return slicer.app.layoutManager().sliceWidget(tag).sliceLogic().GetSliceCompositeNode()

    def sliceNode(self, tag):
        return slicer.app.layoutManager().sliceWidget(tag).mrmlSliceNode()

    @classmethod
    def description(cls, tags):
        """Slice views with a view group of their own, so that zooming here leaves Slicer's own views alone."""
        labels = {
            cls.ORIGINAL: (_("Original"), "#8C8C8C"),
            cls.RESTORED: (_("Restored"), "#4A90D9"),
            cls.MODELS[0]: (_("Model A"), "#4A90D9"),
            cls.MODELS[1]: (_("Model B"), "#D98E4A"),
        }
        views = [
            f'<item><view class="vtkMRMLSliceNode" singletontag="{tag}">'
            '<property name="orientation" action="default">Axial</property>'
            f'<property name="viewlabel" action="default">{labels[tag][0]}</property>'
            f'<property name="viewcolor" action="default">{labels[tag][1]}</property>'
            f'<property name="viewgroup" action="default">{cls.LAYOUT}</property>'
            "</view></item>"
            for tag in tags
        ]
        return f'<layout type="horizontal" split="true">{"".join(views)}</layout>'


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
    former = kept_json(display.GetAttribute(FORMER))
    display.SetAttribute(FORMER, None)
    match former:
        case [int() as visibility, int() | float() as opacity, [*viewNodeIDs]] if all(
            isinstance(viewNodeID, str) for viewNodeID in viewNodeIDs
        ):
            display.SetVisibility(visibility)
            display.SetOpacity(opacity)
            display.RemoveAllViewNodeIDs()
            for viewNodeID in viewNodeIDs:
                display.AddViewNodeID(viewNodeID)
