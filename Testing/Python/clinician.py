"""What tests of the module ask and do, as a clinician would."""

import slicer
import slicer.util


def nodes():
    """Every node's ID with its class: what must be the same before and after."""
    every = slicer.mrmlScene.GetNodes()
    return {every.GetItemAsObject(index).GetID() for index in range(every.GetNumberOfItems())}


def results():
    return (
        next(iter(slicer.util.getNodes("* restored").values()), None),
        next(iter(slicer.util.getNodes("* segmentation").values()), None),
    )


def said(panel):
    """The status line, without the marks where its long words may be broken."""
    return panel.ui.statusLabel.text.replace("\u200b", "")


def during_the_run(panel, act, message="Restoring, tile 2"):
    """Do something, as a user might, when the run has come to this message."""
    show, done = panel.onProgress, []

    def onProgress(fraction, text):
        show(fraction, text)
        if text.startswith(message) and not done:
            done.append(text)
            act()

    panel.onProgress = onProgress
    return done


def expected_result(volume, model=None):
    from DAGANSpineLib import scene
    from DAGANSpineLib.inference import Pipeline

    return Pipeline.load(model, "cpu").run(scene.pixels_of(volume))
