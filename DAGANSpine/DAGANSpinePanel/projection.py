"""Which slab of a volume becomes its VPI: chosen while it is seen."""

import numpy as np
import qt
import slicer
from slicer.i18n import tr as _

from DAGANSpineLib.errors import UserError
from DAGANSpineLib.progress import Cancelled, unheard
from DAGANSpineLib.projection import THICKNESS_MM, Projector, Slab, preview
from DAGANSpineLib.scene import projection as scene_projection
from DAGANSpinePanel.background import inBackground
from DAGANSpinePanel.parameters import DEEPEST, Method, Side
from DAGANSpinePanel.wrapping import wrappable

PATIENCE = 40  # ms without another change, after which the preview follows
HEIGHT, WIDEST = 380, 170  # pixels of each of the preview's pictures, at most
CHOICES = (
    "projectionDepthSlider", "projectionThicknessSlider", "projectionMethodComboBox", "projectionHeadComboBox",
    "projectionSkinComboBox", "resetProjectionButton",
)  # fmt: skip


def findSkin(volume, head=None, skin=None, progress=unheard, isCancelled=lambda: False):
    """A projector of this volume, made while Slicer handles its events.

    head, skin: where they lie, letters of `orientation.SIDES`; None finds them out. Raises UserError with a sentence
    for what is no volume of a back, Cancelled once isCancelled() is true.
    """
    trouble = scene_projection.trouble_with(volume)
    if trouble:
        raise UserError(trouble)
    voxels, toLPS = scene_projection.voxels_of(volume)
    return inBackground(lambda report: Projector.of(voxels, toLPS, head, skin, report), progress, isCancelled)


class ProjectionChooser:
    """The panel's section of the projection, there for volumes alone, with a live preview.

    `ui`: the panel's widgets; those that hold a choice are bound to the parameter node by their names. `onChanged`:
    called when `trouble` has changed. `trouble`: why the volume can't be projected as chosen; empty if it can, or if
    that is not known yet.
    """

    def __init__(self, ui, onChanged):
        self._ui, self._onChanged = ui, onChanged
        self.trouble = ""
        self._parameters = self._volume = None
        self._enabled = False
        self._projector = self._projectorKey = None  # the latest, and what it was made of
        self._shown = None  # what the preview shows
        self._finding = False
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(PATIENCE)
        self._timer.timeout.connect(self.refresh)
        ui.resetProjectionButton.clicked.connect(self.onResetButton)

    def follow(self, parameters, volume, enabled):
        """Bring the section into the state that the parameters allow; the preview follows a moment later.

        parameters, volume: None if there are none. enabled: whether anything can be chosen now.
        """
        isVolume = scene_projection.is_volume(volume)
        self._parameters, self._volume, self._enabled = parameters, volume if isVolume else None, enabled
        self._ui.projectionCollapsibleButton.visible = isVolume
        for name in CHOICES:
            getattr(self._ui, name).enabled = enabled
        if not isVolume:
            self._timer.stop()
            self.trouble, self._shown = "", None
            if parameters is not None or slicer.mrmlScene.IsClosing():
                self._projector = self._projectorKey = None  # it holds the voxels
        elif enabled and self._shown != self._wanted():
            self._timer.start()

    def imageOf(self, volume):
        """What results are made of: a single picture itself, or what a volume was projected to, None if it was not."""
        return scene_projection.vpi_of(volume) if scene_projection.is_volume(volume) else volume

    def make(self, progress=unheard, isCancelled=lambda: False):
        """The projection of the chosen volume, as chosen; None for a single picture.

        Raises UserError with a sentence, Cancelled once isCancelled() is true.
        """
        if self._volume is None:
            return None
        projector = self._findSkin(progress, isCancelled)
        self._chooseAutomatically(projector)
        return scene_projection.Projection.of(self._volume, projector, slabOf(self._parameters))

    def onResetButton(self):
        self._parameters.projectedVolume = None

    def refresh(self):
        """Bring the preview up to date."""
        if self._volume is None or not self._enabled or self._finding or self._shown == self._wanted():
            return
        trouble = ""
        try:
            projector = self._findSkin()
            self._chooseAutomatically(projector)
            slab = slabOf(self._parameters)
            self._show(projector, slab, projector.project(slab))
        except Cancelled:
            return
        except UserError as error:
            trouble = str(error)
            self._showTrouble(trouble)
        self._shown = self._wanted()
        if trouble != self.trouble:
            self.trouble = trouble
            self._onChanged()

    def _wanted(self):
        """All that the preview depends on."""
        parameters = self._parameters
        slab = parameters.projectionDepth, parameters.projectionThickness, parameters.projectionMethod
        return self._keyOfSkin(), slab, parameters.projectedVolume is self._volume

    def _keyOfSkin(self):
        """What the skin's place depends on: the voxels, and where head and skin are said to lie, which is nowhere for a
        volume that nothing was chosen for."""
        parameters, sides = self._parameters, (None, None)
        if parameters.projectedVolume is self._volume:
            sides = parameters.projectionHead.value, parameters.projectionSkin.value
        return scene_projection.state_of(self._volume), *sides

    def _findSkin(self, progress=unheard, isCancelled=lambda: False):
        """The projector of the chosen volume, made only once for the same voxels and sides."""
        key, parameters = self._keyOfSkin(), self._parameters
        if key == self._projectorKey:
            return self._projector

        def isOver():
            # the scene may be closed, another volume chosen, Slicer left meanwhile
            return (
                isCancelled() or self._volume is None or self._parameters is not parameters or key != self._keyOfSkin()
            )

        self._projector = self._projectorKey = None  # before another one takes memory
        self._finding = True
        try:
            self._projector = findSkin(self._volume, *key[1:], progress, isOver)
        finally:
            self._finding = False
            if self._volume is not None:
                self._timer.start()  # for what was chosen meanwhile
        self._projectorKey = key
        return self._projector

    def _chooseAutomatically(self, projector):
        """For a volume that nothing was chosen for yet, choose the slab that shows its bones."""
        parameters, volume = self._parameters, self._volume
        if parameters.projectedVolume is volume:
            return
        parameters.projectionHead = parameters.projectionSkin = Side.AUTO
        parameters.projectionMethod = Method.MEAN
        parameters.projectionThickness = THICKNESS_MM
        parameters.projectionDepth = min(projector.depth_mm, DEEPEST)
        parameters.projectedVolume = volume

    def _show(self, projector, slab, picture):
        (rows, columns), (down, across, deep) = picture.shape, projector.spacing
        show(self._ui.projectionPicture, np.repeat(picture[..., None], 3, 2), (down, across))
        show(self._ui.projectionCut, preview.cut(projector, slab), (down, deep))
        said = _("{columns} × {rows} pixels of {across:.2f} × {down:.2f} mm. Head: {head}, skin: {skin}.").format(
            columns=columns, rows=rows, across=across, down=down,
            head=Side(projector.head).label(), skin=Side(projector.skin).label(),
        )  # fmt: skip
        self._ui.projectionLabel.text = "\n".join([said, *projector.notes])

    def _showTrouble(self, trouble):
        self._ui.projectionLabel.text = wrappable(trouble)
        self._ui.projectionPicture.visible = self._ui.projectionCut.visible = False


def slabOf(parameters):
    """The slab that the parameters describe."""
    return Slab(parameters.projectionDepth, parameters.projectionThickness, parameters.projectionMethod.value)


def show(label, picture, spacing):
    """Show a picture, uint8 (rows, columns, 3), in a label, its pixels (mm between rows, columns) in proportion."""
    rows, columns, _colours = picture.shape
    pixmap = qt.QPixmap()
    header = b"P6 %d %d 255\n" % (columns, rows)
    pixmap.loadFromData(qt.QByteArray(header + np.ascontiguousarray(picture).tobytes()), "PPM")
    height, width = rows * spacing[0], columns * spacing[1]
    scale = min(HEIGHT / height, WIDEST / width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    label.setPixmap(pixmap.scaled(*size, qt.Qt.IgnoreAspectRatio, qt.Qt.SmoothTransformation))
    label.visible = True
