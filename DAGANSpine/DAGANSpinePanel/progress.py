"""How far a run is, how long it has taken, and how long it will."""

import time

from slicer.i18n import tr as _

from DAGANSpinePanel.wrapping import wrappable


class ProgressDisplay:
    """The panel's bar and the line of text below it. `ui`: the panel's widgets."""

    def __init__(self, ui):
        self._bar, self._line = ui.progressBar, ui.statusLabel
        self._began = None  # when the run began, None while idle
        self._bar.visible = False

    @property
    def isRunning(self):
        return self._began is not None

    def begin(self):
        self._began = time.monotonic()
        self.show(0.0, "")

    def show(self, fraction, message):
        """The run has come to this; fraction: 0 to 1, None where no end is in sight."""
        elapsed = time.monotonic() - self._began
        text = _("{message} – {elapsed} elapsed").format(message=message, elapsed=clock(elapsed)) if message else ""
        if fraction is not None and fraction > 0.1:
            remaining = clock(elapsed * (1 - fraction) / fraction)
            text = _("{text}, about {remaining} left").format(text=text, remaining=remaining)
        self._bar.visible = True
        self._bar.maximum = 0 if fraction is None else 100  # 0: busy, without an end in sight
        self._bar.value = round(100 * (fraction or 0))
        self._line.text = wrappable(text)

    def end(self):
        self._began = None

    def say(self, text):
        """What has come of it; the bar goes."""
        self._bar.visible = self.isRunning
        self._line.text = wrappable(text)


def clock(seconds):
    """Seconds as minutes and seconds: 75 -> 1:15."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
