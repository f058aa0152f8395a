"""What is going to be restored: chosen when it is loaded; its pixel size, and where that is known from."""

import qt
import slicer
from slicer.i18n import tr as _

from DAGANSpineLib import scene
from DAGANSpineLib.scene import projection as scene_projection


class InputSection:
    """The panel's section of the input. `ui`: the panel's widgets. `onLoaded`: called with an image or volume that can
    be restored, when it has been loaded. `onSized`: called when the user has said how large an image's pixels are."""

    def __init__(self, ui, onLoaded, onSized):
        self._line, self._onLoaded, self._onSized = ui.pixelSizeLabel, onLoaded, onSized
        self._field, self._fieldLabel, self._volume = ui.givenPixelSize, ui.givenPixelSizeLabel, None
        self._field.valueChanged.connect(self._give)
        self._added = []  # IDs of nodes that were added, and may not hold their images yet
        self._timer = qt.QTimer(ui.inputSelector)
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)  # once whatever is loading has handed over
        self._timer.timeout.connect(self._tell)

    def noteAdded(self, node):
        """A node has been added to the scene; the first of several that can be restored is told, in a moment."""
        if node.IsA("vtkMRMLScalarVolumeNode") and not slicer.mrmlScene.IsImporting():
            self._added.append(node.GetID())
            self._timer.start()

    def _tell(self):
        added, self._added = [slicer.mrmlScene.GetNodeByID(nodeID) for nodeID in self._added], []
        for node in added:
            if node is not None and scene_projection.is_input(node):
                self._onLoaded(node)
                return

    def show(self, volume, enabled=True):
        """Describe this image or volume, None for none, and offer to say how large its pixels are, if it doesn't."""
        self._line.text = pixelSize(volume)
        self._line.visible = bool(self._line.text)
        self._volume = volume if lacksPixelSize(volume) else None
        self._field.visible = self._fieldLabel.visible = self._volume is not None
        self._field.enabled = enabled
        blocked = self._field.blockSignals(True)
        self._field.value = (scene.given_pixel_size(volume) if self._volume is not None else None) or 0
        self._field.blockSignals(blocked)

    def _give(self, size):
        if self._volume is not None:
            scene.give_pixel_size(self._volume, size or None)
            self._onSized()


def lacksPixelSize(volume):
    """Whether this is an image that doesn't know how large its pixels are, whatever somebody has said since."""
    if scene_projection.trouble_with(volume) or scene_projection.is_volume(volume):
        return False
    return scene.given_pixel_size(volume) is not None or scene.OneSlice.of(volume).spacing is None


def pixelSize(volume):
    """How large the pixels of an image or the voxels of a volume are, and whence that is known; empty for what can't
    be restored."""
    if scene_projection.trouble_with(volume):
        return ""
    if scene_projection.is_volume(volume):
        sizes = " × ".join(f"{size:.3g}" for size in volume.GetSpacing())
        return _("Voxels of {sizes} mm, {whence}.").format(sizes=sizes, whence=whence(volume))
    spacing = scene.OneSlice.of(volume).spacing
    if spacing is None:
        return (
            _("Pixel size unknown: PNG, JPEG and TIFF files don't tell it.")
            if scene.is_picture_file(volume)
            else _("Pixel size unknown: the image doesn't tell it.")
        )
    return _("Pixels of {across:.3g} mm across, {down:.3g} mm down, {whence}.").format(
        down=spacing[0], across=spacing[1], whence=whence(volume)
    )


def whence(volume):
    """Who says how large the pixels are."""
    if scene_projection.projection_of(volume) is not None:
        return _("from the projected volume")
    if scene.given_pixel_size(volume) is not None:
        return _("as given below")
    storage = volume.GetStorageNode()
    return _("from the file") if storage is not None and storage.GetFileName() else _("as set in Slicer")
