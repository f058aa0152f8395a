"""The module's own test, which Slicer runs by Reload and Test, and as a unit test of its build."""

import shutil
import tempfile
import unittest
from pathlib import Path

import numpy as np
import qt
import slicer
import vtk
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleTest

from DAGANSpineLib import scene
from DAGANSpineLib.model import card as model_card
from DAGANSpineLib.segments import SEGMENTS
from DAGANSpinePanel.export import OUTPUTS
from DAGANSpinePanel.installation import torchIsInstalled

CURVED = 1  # which of the samples has a curve


class DAGANSpineTest(ScriptedLoadableModuleTest):
    """The clinician's path on a bundled simulated spine, with a main window or without; see Testing/Python for the
    rest. What needs PyTorch is skipped where it is missing: a test installs nothing."""

    def runTest(self):
        """Run all tests, as Slicer does it, but go on after one that has to be skipped, and say so."""
        for name in unittest.defaultTestLoader.getTestCaseNames(type(self)):
            self.setUp()
            try:
                getattr(self, name)()
            except unittest.SkipTest as reason:
                self.delayDisplay(f"{name} was skipped: {reason}")
            finally:
                self.tearDown()

    def setUp(self):
        slicer.mrmlScene.Clear()
        slicer.modules.daganspine.widgetRepresentation()  # where there is no main window, nobody has opened it
        self.panel = slicer.modules.DAGANSpineWidget
        self.panel.enter()

    def test_theWholePath(self):
        self.loadASample(CURVED)
        self.requireTorch()
        self.cancelARun()
        self.restoreAndSegment()
        self.measureByHand()
        self.saveAndLoadTheScene()
        self.exportTheResults()
        self.keepForTraining()
        self.delayDisplay("From the sample to the report: all there.")

    def test_withoutTorchASentenceSaysHowToGetIt(self):
        self.loadASample()
        if torchIsInstalled():
            self.skipTest("PyTorch is installed.")
        with self.assertRaisesRegex(RuntimeError, "Extensions Manager"):
            self.panel.logic.restoreAndSegment(self.input())
        self.assertEqual(scene.results_of(self.input()), (None, None))

    def test_aChosenModelFileIsUsed(self):
        self.loadASample()
        self.requireTorch()
        part = slicer.util.arrayFromVolume(self.input())[:, :320]
        volume = slicer.util.addVolumeFromArray(part.copy(), np.diag([-0.5, -0.5, 1, 1]), "Part")
        with tempfile.TemporaryDirectory() as folder:
            path = shutil.copy(model_card.BUNDLED, Path(folder) / "chosen.pt")
            outcome = self.panel.logic.restoreAndSegment(volume, "cpu", modelPath=str(path))
        self.assertTrue(outcome.model.startswith("chosen.pt, sha256 "))

    def test_twoModelsAreCompared(self):
        self.loadASample()
        self.requireTorch()
        part = slicer.util.arrayFromVolume(self.input())[:, :320]
        volume = slicer.util.addVolumeFromArray(part.copy(), np.diag([-0.5, -0.5, 1, 1]), "Part")
        self.panel.ui.inputSelector.setCurrentNode(volume)
        before = slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLVolumeNode")
        with tempfile.TemporaryDirectory() as folder:
            path = shutil.copy(model_card.BUNDLED, Path(folder) / "other.pt")
            self.panel.ui.comparedPathLineEdit.currentPath = str(path)
            self.panel.ui.compareButton.click()
            agreements = [self.panel.ui.comparisonTable.item(row, 3).text() for row in range(len(SEGMENTS))]
            self.assertLessEqual(set(agreements), {"1.00", "–"})  # the same model, by another name
            self.panel.ui.closeComparisonButton.click()
            self.panel.ui.comparedPathLineEdit.currentPath = ""
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLVolumeNode"), before)
        self.assertEqual(scene.results_of(volume), (None, None))

    def input(self):
        return self.panel.ui.inputSelector.currentNode()

    def requireTorch(self):
        if not torchIsInstalled():
            self.skipTest("PyTorch is not installed.")

    def loadASample(self, number=0):
        self.panel.ui.sampleButton.menu().actions()[number].trigger()
        self.assertIsNotNone(self.input())
        self.assertTrue(self.panel.ui.runButton.enabled)

    def cancelARun(self):
        before = slicer.mrmlScene.GetNumberOfNodes()
        qt.QTimer.singleShot(0, self.panel.ui.runButton.click)
        self.panel.ui.runButton.click()
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodes(), before)
        self.assertEqual(scene.results_of(self.input()), (None, None))

    def restoreAndSegment(self):
        self.panel.ui.runButton.click()
        self.checkResults()
        expected, actual = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
        self.input().GetIJKToRASMatrix(expected)
        scene.results_of(self.input())[0].GetIJKToRASMatrix(actual)
        np.testing.assert_array_equal(slicer.util.arrayFromVTKMatrix(actual), slicer.util.arrayFromVTKMatrix(expected))

    def checkResults(self):
        """The restored image and all segments are there, and have the image's size."""
        restored, segmentation = scene.results_of(self.input())
        self.assertNotIn(None, (restored, segmentation))
        shape = slicer.util.arrayFromVolume(self.input()).shape
        self.assertEqual(slicer.util.arrayFromVolume(restored).shape, shape)
        for segment in SEGMENTS:
            mask = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment.name, self.input())
            self.assertEqual(mask.shape, shape)
            self.assertTrue(mask.any(), segment.name)

    def measureByHand(self):
        """Dragging a line changes the angle, and one click goes back."""
        segmentation, panel = scene.results_of(self.input())[1], self.panel.ui
        self.assertTrue(scene.lines_of(segmentation))
        automatic, line = scene.spine_of(segmentation).curves, scene.lines_of(segmentation)[0]
        self.assertEqual(panel.curvesTable.rowCount, len(automatic))
        place = np.array(line.GetNthControlPointPosition(1))
        up = scene.picture_axes(self.input())[1]
        line.SetNthControlPointPosition(1, *(place + 0.3 * line.GetLineLengthWorld() * up))
        drawn = scene.drawn_spine_of(segmentation, self.input()).curves
        self.assertNotEqual([curve.uca_deg for curve in drawn], [curve.uca_deg for curve in automatic])
        self.assertTrue(any(curve.by_hand for curve in drawn))
        panel.automaticButton.click()
        self.assertEqual(scene.drawn_spine_of(segmentation, self.input()).curves, automatic)

    def saveAndLoadTheScene(self):
        name = self.input().GetName()
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "scene.mrb")
            self.assertTrue(slicer.mrmlScene.WriteToMRB(path))
            slicer.mrmlScene.Clear()
            self.assertTrue(slicer.mrmlScene.ReadFromMRB(path))
        self.assertEqual(self.input().GetName(), name)
        self.checkResults()

    def exportTheResults(self):
        with tempfile.TemporaryDirectory() as folder:
            self.panel.ui.exportPathLineEdit.currentPath = folder
            self.panel.ui.exportButton.click()
            self.assertEqual(sorted(file.name for file in Path(folder).glob("*/*")), sorted(OUTPUTS))

    def keepForTraining(self):
        """A segment is corrected, and the picture and its labels are a subject of a new data set."""
        segmentation = scene.results_of(self.input())[1]
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, "Rib", self.input())
        mask[:, : mask.shape[1] // 2] = 0
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, "Rib", self.input())
        with tempfile.TemporaryDirectory() as folder:
            self.panel.ui.trainingPathLineEdit.currentPath = str(Path(folder) / "clinic")
            self.panel.ui.keepButton.click()
            kept = sorted(str(path.relative_to(folder).as_posix()) for path in Path(folder).rglob("*.*"))
            self.assertEqual(kept, ["clinic/dataset.json", "clinic/images/s001.png", "clinic/labels/s001.png"])
            self.assertIn("--from bundled", self.panel.ui.trainingCommandEdit.toPlainText())
            self.panel.ui.trainingPathLineEdit.currentPath = ""
