"""Window and level: one for the original and its restored image, so that they can be compared."""

import json

from DAGANSpineLib import scene
from DAGANSpineLib.records import kept_json

FIRST = "DAGANSpineWindow"  # attribute of the original's display node: how it was when it was first shown with results


class CommonWindow:
    """Keeps two images as bright as each other, whichever of them the user's mouse changes."""

    def __init__(self):
        self._observed = []  # display nodes, with the tags of their observers
        self._original = self._restored = None  # display nodes
        self._scale = 0.0, 1.0

    def bind(self, volume, restored):
        """From now on the restored image is shown as this volume is, and the other way round."""
        self.release()
        self._original, self._restored = volume.GetDisplayNode(), restored.GetDisplayNode()
        if None in (self._original, self._restored):
            return
        self._scale = scene.grey_scale(volume)
        if self._original.GetAttribute(FIRST) is None:
            first = self._original.GetAutoWindowLevel(), *shownBy(self._original)
            self._original.SetAttribute(FIRST, json.dumps(first))
        self.onModified(self._original)
        for display in (self._original, self._restored):
            self._observed.append((display, display.AddObserver("ModifiedEvent", self.onModified)))

    def release(self):
        """Each image is by itself again."""
        for display, tag in self._observed:
            display.RemoveObserver(tag)
        self._observed = []

    def onModified(self, display, event=None):
        """Show the other image as this one."""
        offset, factor = self._scale
        shown = shownBy(display)
        if display is self._original:
            show(self._restored, *(offset + factor * level for level in shown))
        elif factor:
            show(self._original, *((level - offset) / factor for level in shown))

    def reset(self):
        """Window and level as they were when the original was first shown with its results."""
        match kept_json(self._original.GetAttribute(FIRST)):
            case [int() as auto, int() | float() as black, int() | float() as white]:
                show(self._original, black, white)
                self._original.SetAutoWindowLevel(auto)


def shownBy(display):
    """What is black and what is white."""
    return display.GetWindowLevelMin(), display.GetWindowLevelMax()


def show(display, black, white):
    """Let a display node show these levels, unless it does."""
    if max(abs(black - shownBy(display)[0]), abs(white - shownBy(display)[1])) > 1e-3:
        display.AutoWindowLevelOff()
        display.SetWindowLevelMinMax(black, white)
