"""3D Slicer module: restore an ultrasound volume projection image (VPI) of the spine and segment its bones."""

import logging
import sys
import traceback
from pathlib import Path

import qt
import slicer
import vtk
from slicer.i18n import getContext, translate
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleWidget
from slicer.util import VTKObservationMixin

try:
    import DAGANSpineLib  # noqa: F401
except ModuleNotFoundError:
    # as "additional module path", Slicer knows this folder alone, and the library lies beside it
    sys.path.append(str(Path(__file__).resolve().parent.parent))

from DAGANSpinePanel.comparison import Comparer, Comparison, nameOf
from DAGANSpinePanel.curves import CurvesViewer
from DAGANSpinePanel.device import DeviceChooser
from DAGANSpinePanel.export import Exporter, export, mayReplace, targetOf
from DAGANSpinePanel.input import InputSection
from DAGANSpinePanel.installation import installTorch, torchIsInstalled
from DAGANSpinePanel.keeping import Keeper
from DAGANSpinePanel.logic import DAGANSpineLogic
from DAGANSpinePanel.look import ViewChooser
from DAGANSpinePanel.model import ModelChooser
from DAGANSpinePanel.preparation import Preparation
from DAGANSpinePanel.progress import ProgressDisplay
from DAGANSpinePanel.projection import ProjectionChooser
from DAGANSpinePanel.results import ResultsViewer
from DAGANSpinePanel.samples import SampleMenu, isSample, registerSamples
from DAGANSpinePanel.self_test import DAGANSpineTest  # noqa: F401  where Slicer looks for it
from DAGANSpinePanel.sticky import StickyBar
from DAGANSpinePanel.views import Views

from DAGANSpineLib import scene, texts
from DAGANSpineLib.errors import UserError
from DAGANSpineLib.progress import Cancelled
from DAGANSpineLib.scene import projection as scene_projection

# the library's texts, by the context that Slicer's tools give each of its files; after a reload, the new library's
texts.install(lambda source, text: slicer.app.translate(getContext(source), text))


class DAGANSpine(ScriptedLoadableModule):
    """What Slicer lists of the module."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = "DAGANSpine"
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Ultrasound")]
        self.parent.dependencies = ["Segmentations", "Volumes"]
        self.parent.contributors = ["DAGANSpine contributors"]
        self.parent.helpText = _(
            "Removes structured noise from an ultrasound volume projection image (VPI) of the spine and segments "
            "ribs, thoracic and lumbar vertebrae. Choose an image and click Restore &amp; Segment. "
            "Research use, not for diagnosis."
        )
        self.parent.acknowledgementText = _(
            "After Z. Huang et al., DA-GAN: Learning Structured Noise Removal In Ultrasound Volume Projection Imaging "
            "For Enhanced Spine Segmentation, ISBI 2021, "
            "<a href='https://doi.org/10.1109/ISBI48211.2021.9434136'>doi.org/10.1109/ISBI48211.2021.9434136</a>."
        )
        slicer.app.connect("startupCompleted()", Views.register)
        slicer.app.connect("startupCompleted()", registerSamples)


class DAGANSpineWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The module's panel: it shows and asks, the logic works."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = self.ui = None
        # the sections of the panel, each with a controller of its own
        self._sampleMenu = self._input = self._projection = self._modelChooser = self._deviceChooser = None
        self._preparation = self._progress = self._runBar = self._curves = self._results = None
        self._views = self._exporter = self._keeper = self._comparer = None
        self._parameterNode = self._parameterNodeGuiTag = None
        self._entered = False
        self._cancelled = False  # whether the run is to stop
        self._waiting = False  # whether the panel is going to look at the scene's markups anew
        self._followed = None  # the chosen image or volume, of which the status line speaks

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        panel = slicer.util.loadUI(self.resourcePath("UI/DAGANSpine.ui"))
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self.logic = DAGANSpineLogic()
        self._sampleMenu = SampleMenu(self.ui, self.choose)
        self._input = InputSection(self.ui, self.onImageLoaded, self.onPixelSizeGiven)
        self._projection = ProjectionChooser(self.ui, self.updateGUI)
        self._modelChooser = ModelChooser(self.ui, self.onModelChosen)
        self._deviceChooser = DeviceChooser(self.ui)
        self._preparation = Preparation(self.ui, self.logic, self.updateGUI)
        self._progress = ProgressDisplay(self.ui)
        self._runBar = StickyBar(self.ui.runSection, self.ui.runPlace, self.ui.sectionsArea)
        self._curves = CurvesViewer(self.ui, self.onMeasureButton)
        self._results = ResultsViewer(self.ui)
        self._views = ViewChooser(self.ui)
        self._exporter = Exporter(self.ui, self.onExportFolderChosen, self.onExportButton)
        self._keeper = Keeper(self.ui, self.onTrainingFolderChosen, self.onKeepButton)
        self._comparer = Comparer(self.ui, self.onComparedModelChosen, self.onCompareButton, self.onCloseComparison)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneReady)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartImportEvent, self.onSceneStartImport)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndImportEvent, self.onSceneReady)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeAddedEvent, self.onNodeAdded)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeRemovedEvent, self.onNodeRemoved)
        self.ui.runButton.clicked.connect(self.onRunButton)
        slicer.app.connect("lastWindowClosed()", self.cancel)
        self.initializeParameterNode()

    def cleanup(self):
        """Slicer quits or reloads the module: a run in progress stops at its next tile and touches no widget."""
        self.cancel()
        self._preparation.end()
        slicer.app.disconnect("lastWindowClosed()", self.cancel)
        self._views.leave()
        self.setParameterNode(None)
        self._curves.release()
        self.removeObservers()
        self.ui = None

    def enter(self):
        self._entered = True
        self.initializeParameterNode()

    def exit(self):
        self._entered = False
        self.setParameterNode(None)
        self._views.leave()

    def onReload(self):
        """Reload all parts as well: Slicer itself imports only this file anew, and does not enter it again. A run in
        progress is cancelled by that, which only the new panel can tell."""
        entered, running = self._entered, self._progress.isRunning
        self._preparation.end()  # or it would import parts that are gone
        for name in [name for name in sys.modules if name.split(".")[0] in ("DAGANSpinePanel", "DAGANSpineLib")]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)
        if entered:
            slicer.modules.DAGANSpineWidget.enter()
        if running:
            slicer.modules.DAGANSpineWidget.sayCancelled(_("Nothing was added to the scene."))

    def onSceneStartClose(self, caller, event):
        self.cancel()
        self._views.leave()  # before Slicer notes the layout, which it gives back to the empty scene
        self.setParameterNode(None)

    def onSceneStartImport(self, caller, event):
        """The selectors lose their nodes on the way, and would tell the parameter node that none is chosen."""
        self.setParameterNode(None)

    def onSceneReady(self, caller, event):
        """After closing and after loading: a parameter node that was loaded before its image has cached None."""
        if self._entered:
            self.initializeParameterNode()

    def initializeParameterNode(self):
        """Follow the scene's parameter node; the first image of the scene is chosen if none is."""
        scene.remove_orphans()
        self.setParameterNode(self.logic.getParameterNode())
        if self._parameterNode.inputVolume is None:
            self._parameterNode.inputVolume = scene_projection.first_input()

    def setParameterNode(self, parameterNode):
        """Bind the widgets to this parameter node, or to none."""
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.updateGUI)
        self._parameterNode = parameterNode
        if parameterNode is not None:
            # what connectGui does, but that doesn't return the tag which disconnectGui asks for
            bound = {widget.property("SlicerParameterName"): widget for widget in vars(self.ui).values()}
            bound.pop(None, None)
            self._parameterNodeGuiTag = parameterNode.connectParametersToGui(bound)
            self.addObserver(parameterNode, vtk.vtkCommand.ModifiedEvent, self.updateGUI)
        self.updateGUI()

    def updateGUI(self, caller=None, event=None):
        """Bring every widget into the state that the parameters and the run allow."""
        if self.ui is None:
            return
        running = self._progress.isRunning
        parameters = self._parameterNode
        volume = parameters.inputVolume if parameters is not None else None
        if parameters is not None and volume is not self._followed and not running:
            self.follow(volume)
        self._input.show(volume, enabled=not running)
        self._projection.follow(parameters, volume, enabled=not running)
        self._modelChooser.show(parameters.modelPath if parameters is not None else "", enabled=not running)
        trouble = scene_projection.trouble_with(volume) or self._projection.trouble or self._modelChooser.trouble
        trouble = "" if running else trouble
        self.ui.inputSelector.enabled = not running
        self.ui.sampleButton.enabled = not running
        if parameters is not None:
            self._deviceChooser.show(parameters.device, self.logic.devices, enabled=not running)
        self._preparation.follow(parameters, wanted=self._entered and not running and not trouble)
        self.ui.runButton.text = _("Cancel") if running else _("Restore && Segment")
        self.ui.runButton.enabled = not trouble and not (running and self._cancelled)
        self.ui.runButton.toolTip = trouble or (
            _("Stop the run; the scene stays as it was before.")
            if running
            else _("Remove the structured noise and label ribs, thoracic and lumbar vertebrae.")
        )
        image = self._projection.imageOf(volume)
        self._curves.show(image, enabled=not running)
        self._results.show(image)
        self._views.follow(parameters, image, running, self._entered)
        exportFolder = parameters.exportFolder if parameters is not None else ""
        self._exporter.show(exportFolder, image, self._results.found, enabled=not running)
        self._keeper.show(parameters, image, enabled=not running)
        paths = (parameters.modelPath, parameters.comparedPath) if parameters is not None else ("", "")
        self._comparer.show(paths, image, self._modelChooser.trouble, not running, self._views.isComparing)

    def follow(self, volume):
        """Another image or volume is chosen, None for none: what the status line says is not about it."""
        self._followed = volume
        self._progress.say("")
        self.removeObservers(self.onImageModified)
        if volume is not None:
            self.addObserver(volume, volume.ImageDataModifiedEvent, self.onImageModified)

    def onImageModified(self, caller, event):
        """The next frame of a film, for instance: the results stay those of the frame that was restored."""
        self.updateGUI()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onNodeAdded(self, caller, event, node):
        self._input.noteAdded(node)
        self.noteSpine(node)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onNodeRemoved(self, caller, event, node):
        self.noteSpine(node)

    def noteSpine(self, node):
        """Lines come and go when the user deletes them, their segmentation, or undoes something: look at what is there
        once Slicer has done with it."""
        busy = self._waiting or slicer.mrmlScene.IsClosing() or slicer.mrmlScene.IsImporting()
        if not busy and (node.IsA("vtkMRMLMarkupsNode") or node.IsA("vtkMRMLSegmentationNode")):
            self._waiting = True
            qt.QTimer.singleShot(0, self.onSpineChanged)

    def onSpineChanged(self):
        self._waiting = False
        if self.ui is not None and self._parameterNode is not None:
            scene.remove_orphans()
            self.updateGUI()

    def onImageLoaded(self, volume):
        """Choose what has been loaded, unless the image that is chosen still waits for its run."""
        parameters = self._parameterNode
        if parameters is None or not self._entered or self._progress.isRunning or volume is parameters.inputVolume:
            return
        if self.isDoneWith(parameters.inputVolume):
            self.choose(volume)

    def onPixelSizeGiven(self):
        """The image is larger or smaller than before: show it whole again."""
        self.updateGUI()
        if self._entered:
            self._views.showImage()

    def isDoneWith(self, volume):
        """Whether this image, None for none, is nothing that the user would miss if another were chosen."""
        if volume is None or isSample(volume):
            return True
        image = self._projection.imageOf(volume)
        return image is not None and scene.results_of(image) != (None, None)

    def choose(self, volume):
        """Choose this image or volume, and show an image whole."""
        if self._parameterNode is not None:
            self._parameterNode.inputVolume = volume
            self._views.showImage()

    def onModelChosen(self, path):
        if self._parameterNode is not None:
            self._parameterNode.modelPath = path

    def onExportFolderChosen(self, path):
        if self._parameterNode is not None:
            self._parameterNode.exportFolder = path

    def onTrainingFolderChosen(self, path):
        if self._parameterNode is not None:
            self._parameterNode.trainingFolder = path
            self.updateGUI()  # also where the scene knows this folder already

    def onComparedModelChosen(self, path):
        if self._parameterNode is not None:
            self._parameterNode.comparedPath = path

    def onRunButton(self):
        if self._progress.isRunning:
            self.cancel()
            self._progress.say(_("Cancelling…"))
            self.updateGUI()
        elif self._parameterNode.inputVolume is not None:
            self.run(self._parameterNode.inputVolume, self._parameterNode.device, self._parameterNode.modelPath)

    def onMeasureButton(self, *_arguments):
        image = self._projection.imageOf(self._parameterNode.inputVolume)

        def work():
            kept = self.logic.measureAgain(image, self.onProgress, lambda: self._cancelled)
            return " ".join([_("The curves were measured again."), *keptLines(kept)])

        self.attempt(work, _("The curves are as they were."))

    def onExportButton(self):
        self.updateGUI()  # the segments may have been edited since
        image, found = self._projection.imageOf(self._parameterNode.inputVolume), self._results.found
        target = targetOf(self._parameterNode.exportFolder, image)
        if mayReplace(target):
            self.attempt(lambda: export(target, image, found, self.onExportProgress), _("Nothing was written."))

    def onKeepButton(self, *_arguments):
        parameters = self._parameterNode
        image = self._projection.imageOf(parameters.inputVolume)
        self.attempt(
            lambda: self._keeper.keep(parameters, image, self.onProgress, lambda: self._cancelled),
            _("Nothing was kept."),
        )

    def onCompareButton(self, *_arguments):
        parameters, comparison = self._parameterNode, None
        image = self._projection.imageOf(parameters.inputVolume)
        paths = parameters.modelPath, parameters.comparedPath

        def work():
            nonlocal comparison
            if not self.hasTorch():
                return withoutTorch()
            made = self.logic.compareModels(
                image, paths, parameters.device.value, self.onProgress, lambda: self._cancelled
            )
            comparison = Comparison(image.GetID(), tuple(map(nameOf, paths)), tuple(made))
            return _("Compared: see Compare models for the figures.")

        self.attempt(work, _("Nothing was compared."))
        if comparison is not None and self.ui is not None:
            self._comparer.take(comparison)
            if self._entered:
                self._views.compare(comparison.models)
            self.updateGUI()

    def onCloseComparison(self, *_arguments):
        self._views.showImage()
        self.updateGUI()

    def hasTorch(self):
        """Whether PyTorch is there, or the user lets it be installed, which takes a while."""
        return torchIsInstalled() or installTorch(self.onProgress, lambda: self._cancelled)

    def cancel(self):
        """Stop the run in progress, if there is one, as soon as it can be stopped."""
        self._cancelled = True
        self.logic.cancel()

    def run(self, volume, device, modelPath):
        """Run the logic on this volume; the results are shown unless the user has gone to another module."""
        outcome = None

        def work():
            nonlocal outcome
            if not self.hasTorch():
                return withoutTorch()
            if not self._cancelled:
                # how long the skin takes says nothing of how long the run does
                projection = self._projection.make(
                    lambda fraction, message: self.onProgress(None, message), lambda: self._cancelled
                )
                outcome = self.logic.restoreAndSegment(volume, device.value, self.onProgress, modelPath, projection)
            if outcome is None:
                raise Cancelled
            return summary(outcome)

        self.attempt(work, _("Nothing was added to the scene."))
        if outcome is not None and self._entered:
            self._views.show()

    def attempt(self, work, nothing):
        """Do long work while the panel shows how far it is, and say what it returns; errors become sentences.

        work: returns a sentence, or raises. nothing: the sentence that says that all is as before.
        """
        self._cancelled = False
        self._progress.begin()
        self.updateGUI()
        said, trouble = None, None
        try:
            said = work()
        except Cancelled:
            pass
        except UserError as error:
            trouble = str(error), traceback.format_exc() if error.__cause__ else None
        except Exception as error:
            logging.exception("DAGANSpine failed")
            text = _("Something went wrong: {error}. {nothing}").format(error=error, nothing=nothing)
            trouble = text, traceback.format_exc()
        self._progress.end()
        if self.ui is None:  # Slicer is quitting
            return
        self.updateGUI()
        if trouble is not None:
            self.fail(*trouble)
        elif said is not None:
            self._progress.say(said)
        else:
            self.sayCancelled(nothing)

    def sayCancelled(self, nothing):
        """nothing: the sentence that says that all is as before."""
        self._progress.say(_("Cancelled. {nothing}").format(nothing=nothing))

    def onProgress(self, fraction, message):
        """A tile is done, or some time has gone by."""
        if self.ui is not None and not self._cancelled:
            self._progress.show(fraction, message)

    def onExportProgress(self, fraction, message):
        """A file is written."""
        self.onProgress(fraction, message)
        slicer.app.processEvents()
        if self._cancelled:
            raise Cancelled

    def fail(self, text, details=None):
        """Show an error in the panel and in a message box."""
        self._progress.say(text)
        more = {"detailedText": details} if details else {}  # None would be shown as a text
        slicer.util.errorDisplay(text, windowTitle="DAGANSpine", **more)


def withoutTorch():
    return _("PyTorch was not installed; without it nothing can be computed.")


def summary(outcome):
    """What a run has come to, for the status line."""
    seconds = sum(outcome.seconds.values())
    said = _("Done in {seconds:.1f} s on {device}.").format(seconds=seconds, device=outcome.device.upper())
    kept = keptLines(outcome.drawn)
    if outcome.edited is not None:
        kept.insert(0, _("The segments that were edited are kept as {name}.").format(name=outcome.edited.GetName()))
    return " ".join([said, *kept])


def keptLines(lines):
    """A sentence on former lines that were drawn by hand, if there are any."""
    names = ", ".join(line.GetName() for line in lines)
    return [_("The lines that were drawn by hand are kept: {names}.").format(names=names)] if lines else []
