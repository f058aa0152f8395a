"""A run: from a volume of the scene to its results, without any widget."""

import contextlib
import logging
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import slicer
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

from DAGANSpineLib import scene
from DAGANSpineLib.model import card as model_card
from DAGANSpineLib.progress import Cancelled, unheard
from DAGANSpineLib.projection import Slab
from DAGANSpineLib.report import findings
from DAGANSpineLib.scene import projection as scene_projection
from DAGANSpineLib.spine import Spine, read
from DAGANSpineLib.vpi import lit_body
from DAGANSpinePanel.background import PATIENCE, Errand, inBackground
from DAGANSpinePanel.installation import howToGetTorch, importTorch, torchIsInstalled
from DAGANSpinePanel.parameters import DAGANSpineParameterNode
from DAGANSpinePanel.projection import findSkin


@dataclass(frozen=True)
class Outcome:
    """The nodes that a run made, and what to know about them; seconds by stage. edited: the former segmentation, if a
    user had edited it: the new one has not replaced it. drawn: the former lines that a user had dragged, kept as well.
    """

    restoredVolume: vtkMRMLScalarVolumeNode
    segmentation: vtkMRMLSegmentationNode
    model: str
    device: str
    seconds: dict
    findings: dict
    edited: vtkMRMLSegmentationNode | None
    drawn: list


@dataclass(frozen=True)
class Made:
    """What a model made of a picture: pixels and labels, uint8 (rows, columns), upright; the spine read off them, the
    figures, seconds by stage; which model, and on which device."""

    restored: np.ndarray
    labels: np.ndarray
    spine: Spine
    findings: dict
    seconds: dict
    model: str
    device: str


class DAGANSpineLogic(ScriptedLoadableModuleLogic):
    """Restores and segments, without any widget. The loaded model stays in memory for the next run."""

    def __init__(self):
        ScriptedLoadableModuleLogic.__init__(self)
        self._pipeline = None
        self._pipelineKey = None  # of what it was made
        self._preparation = self._preparedKey = None  # the errand, and what it was to load
        self._running = False
        self._cancelled = False
        self.devices = {}  # what each choice of device means here, from the first run on

    def getParameterNode(self):
        return DAGANSpineParameterNode(super().getParameterNode())

    def cancel(self):
        """Stop the run in progress, if there is one, before its next tile."""
        self._cancelled = self._running

    def prepare(self, device="auto", modelPath="", onDone=lambda: None):
        """Import torch and load the model in a thread, so that the next run finds both; once for each choice.

        onDone: called when they are there, or can't be had, of which the next run speaks. Nothing is installed.
        """
        key = keyOf(modelPath, device)
        busy = self._running or (self._preparation is not None and not self._preparation.isDone)
        if busy or key in (self._preparedKey, self._pipelineKey):
            return

        def work():
            importTorch()
            with contextlib.suppress(Exception):  # of model and device: the run meets it again, and tells
                self.load(modelPath, device)

        self._preparedKey, self._preparation = key, Errand(work, onDone)

    def endPreparation(self):
        """Wait until nothing is prepared any more."""
        if self._preparation is not None:
            self._preparation.end()

    def restoreAndSegment(self, volumeNode, device="auto", progress=unheard, modelPath="", projection=None):
        """Restore and segment an image; the results get its geometry and transform.

        volumeNode: of one slice, vtkMRMLScalarVolumeNode or vtkMRMLVectorVolumeNode; or a vtkMRMLScalarVolumeNode of
        more slices, which gets a projection image (VPI) of its own. device: "auto", "cpu", "cuda" or "mps".
        progress: called with (fraction, message) all the while; Slicer stays responsive meanwhile. modelPath: the
        model's file, "" for the bundled one. projection: how a volume is projected, a scene_projection.Projection;
        None finds it out.
        Returns an Outcome with the new nodes, or, on a second run, the same nodes with new content. Returns None,
        with the scene as it was, if the run was cancelled or the volume was removed from the scene.
        Raises UserError (image, model, device) and RuntimeError (no torch, already running) with a sentence.
        """
        self._refuse()
        self._running, self._cancelled = True, False
        try:
            return self._run(volumeNode, device, progress, modelPath, projection)
        finally:
            self._end()

    def _refuse(self):
        """Raise RuntimeError if nothing can be run now."""
        if self._running:
            raise RuntimeError(_("A run is in progress already; wait for its end or cancel it."))
        if not torchIsInstalled():
            raise RuntimeError(howToGetTorch())

    def _run(self, volumeNode, device, progress, modelPath, projection):
        def work(report):
            return self._make(pixels, spacing, device, modelPath, report)

        def isCancelled():
            return self._cancelled or not slicer.mrmlScene.IsNodePresent(volumeNode)

        frame = scene.frame_of(volumeNode)  # a film may go on meanwhile
        try:
            if projection is None and scene_projection.is_volume(volumeNode):
                projector = findSkin(volumeNode, progress=progress, isCancelled=isCancelled)
                projection = scene_projection.Projection.of(volumeNode, projector, Slab(projector.depth_mm))
            if projection is None:
                pixels, spacing, notes = scene.pixels_of(volumeNode), scene.OneSlice.of(volumeNode).spacing, []
            else:
                pixels, spacing, notes = projection.pixels, projection.spacing, projection.projector.notes
            made = inBackground(work, progress, isCancelled)
        except Cancelled:
            return None
        found = {**made.findings, "warnings": [*notes, *made.findings["warnings"]], "frame": frame}
        results = made.restored, made.labels, made.model, found
        image = volumeNode if projection is None else scene_projection.vpi_of(volumeNode)
        former = scene.results_of(image)[1] if image is not None else None
        drawn = [line for line in scene.lines_of(former) if scene.is_moved(line)]
        if projection is None:
            nodes = scene.publish(volumeNode, *results, made.spine, pixels)
        else:
            nodes = projection.publish_with(*results, made.spine)
        logging.info(
            "DAGANSpine restored and segmented %s on %s with %s", volumeNode.GetName(), made.device, made.model
        )
        edited = former if former is not nodes[1] else None
        return Outcome(*nodes, made.model, made.device, made.seconds, found, edited, drawn)

    def _make(self, pixels, spacing, device, modelPath, report):
        """What a model makes of a picture; in a thread. report: called with (fraction, message)."""
        loading = _("Loading the model")
        report(0.0, loading)
        self.awaitPreparation(lambda: report(0.0, loading))
        importTorch()
        pipeline = self.load(modelPath, device)
        result = pipeline.run(pixels, lambda done, message: report(0.93 * done, message), spacing)
        report(0.94, _("Reading the curves"))
        spine = read(result.labels, result.body, result.probabilities, spacing)
        pictures = pixels, result.restored, result.labels
        parts = result.body, result.gaps
        found = findings(*pictures, spacing, lambda done, message: report(0.95 + 0.05 * done, message), *parts)
        found["warnings"] = [*result.warnings, *found["warnings"]]
        model = f"{pipeline.model.name}, sha256 {pipeline.model.sha256[:12]}"
        return Made(result.restored, result.labels, spine, found, result.seconds, model, pipeline.device.type)

    def compareModels(self, volumeNode, modelPaths, device="auto", progress=unheard, isCancelled=lambda: False):
        """What several models make of the same image of one slice: a list of `Made`, one for each of the models' files
        ("" for the bundled one). Nothing is added to the scene.

        Raises Cancelled, UserError (image, model, device) and RuntimeError (no torch, already running) with a sentence.
        """
        self._refuse()
        pixels, spacing, count = scene.pixels_of(volumeNode), scene.OneSlice.of(volumeNode).spacing, len(modelPaths)

        def work(report):
            def reportOf(index):
                stage = _("model {number} of {count}").format(number=index + 1, count=count)
                return lambda done, message: report((index + done) / count, f"{message} ({stage})")

            return [self._make(pixels, spacing, device, path, reportOf(index)) for index, path in enumerate(modelPaths)]

        def isOver():
            return isCancelled() or not slicer.mrmlScene.IsNodePresent(volumeNode)

        self._running = True
        try:
            return inBackground(work, progress, isOver)
        finally:
            self._end()

    def measureAgain(self, volumeNode, progress=unheard, isCancelled=lambda: False):
        """Read the spine off the segments of this image as they are now, edited or not: what the model drew is as
        doubtful as it was, and what a user has added is certain. Returns the lines that were drawn by hand before,
        which are kept under other names. Raises Cancelled."""
        segmentation = scene.results_of(volumeNode)[1]
        labels, pixels = scene.labels_of(segmentation, volumeNode), scene.pixels_of(volumeNode)
        spacing, stage = scene.OneSlice.of(volumeNode).spacing, _("Reading the curves")
        doubt = scene.doubt_of(segmentation)

        def work(report):
            report(0.2, stage)
            body = lit_body(pixels)
            report(0.6, stage)
            probabilities = None if doubt is None else doubt.probabilities(labels.shape)
            return read(labels, body if body[labels > 0].any() else None, probabilities, spacing)

        def isGone():
            present = slicer.mrmlScene.IsNodePresent(volumeNode) and slicer.mrmlScene.IsNodePresent(segmentation)
            return isCancelled() or not present

        return scene.measure_again(segmentation, volumeNode, labels, inBackground(work, progress, isGone))

    def awaitPreparation(self, report):
        """In a run's thread: torch's first error, if it has one, is the one that says what is wrong with it."""
        preparation = self._preparation
        while preparation is not None and not preparation.isDone:
            report()
            time.sleep(PATIENCE)
        if preparation is not None:
            preparation.result()

    def _end(self):
        """A run is over: what was prepared for it has been used, and a new choice may be."""
        self._running = False
        if self._preparation is not None and self._preparation.isDone:
            self._preparation = self._preparedKey = None

    def load(self, modelPath, device):
        """The devices, looked at once, and the loaded model; loaded anew for another device, another file, or the same
        file with other content."""
        from DAGANSpineLib.inference import Pipeline, survey

        self.devices = self.devices or survey()
        key = keyOf(modelPath, device)
        if self._pipelineKey != key:
            self._pipeline = self._pipelineKey = None  # before another one takes memory
            self._pipeline = Pipeline.load(key[0], device)
            self._pipelineKey = key
        return self._pipeline


def keyOf(modelPath, device):
    """What a loaded model was made of: its file, that file's state, and the device."""
    path = Path(modelPath or model_card.BUNDLED)
    return path, model_card.state_of(path), device
