"""Torch and the model are fetched while the user still looks at the image, so that the first click is as quick as the
second."""

import qt

from DAGANSpinePanel.installation import torchIsInstalled

PATIENCE = 300  # ms in which nothing else is chosen, and the panel and the views are painted


class Preparation:
    """Has the logic prepare what is chosen, a moment later. `ui`: the panel's widgets. `onDone`: called when that has
    ended."""

    def __init__(self, ui, logic, onDone):
        self._logic, self._onDone, self._parameters = logic, onDone, None
        self._timer = qt.QTimer(ui.runButton)  # Qt's own, for a thread may collect what Python owns
        self._timer.setSingleShot(True)
        self._timer.setInterval(PATIENCE)
        self._timer.timeout.connect(self._prepare)

    def follow(self, parameters, wanted):
        """parameters: the choices. wanted: whether a click could run them now."""
        self._parameters = parameters
        if wanted:
            self._timer.start()
        else:
            self._timer.stop()

    def _prepare(self):
        if torchIsInstalled():  # or a click asks first
            self._logic.prepare(self._parameters.device.value, self._parameters.modelPath, self._onDone)

    def end(self):
        """Prepare nothing any more, and wait for what is in work."""
        self._timer.stop()
        self._logic.endPreparation()
