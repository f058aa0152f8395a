"""Films: images that a sequence browser exchanges, frame by frame."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _


def frame_of(volume: slicer.vtkMRMLVolumeNode) -> str:
    """Which frame of its film a volume shows now, for people; empty for what is no film."""
    for browser in slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode"):
        if browser.IsProxyNode(volume.GetID()):
            number, count = browser.GetSelectedItemNumber() + 1, browser.GetNumberOfItems()
            return _("{number} of {count}").format(number=number, count=count)
    return ""
