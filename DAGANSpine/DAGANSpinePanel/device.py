"""Which processor computes, and what that choice turns out to be on this computer."""

from slicer.i18n import tr as _

from DAGANSpinePanel.installation import torchIsInstalled


class DeviceChooser:
    """The panel's box of devices, bound to the parameter node by its name, and the line below it.

    `ui`: the panel's widgets.
    """

    def __init__(self, ui):
        self._box, self._line = ui.deviceComboBox, ui.deviceFoundLabel

    def show(self, device, found, enabled):
        """device: the one chosen. found: what `devices.survey` says of each, empty before the first run, since only
        PyTorch knows, and importing it takes seconds."""
        self._box.enabled = enabled
        if device.value in found:
            self._line.text = found[device.value]
        elif torchIsInstalled():
            self._line.text = _("The first run finds out what there is.")
        else:
            self._line.text = _("PyTorch is not installed yet; the first run offers to do it.")
