"""Two models on one image, side by side: seen, measured, and gone again without a trace."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

slicer = pytest.importorskip("slicer")
pytest.importorskip("PySide6")

from clinician import during_the_run, expected_result, nodes, results, said  # noqa: E402

from DAGANSpineLib.metrics import Agreement  # noqa: E402
from DAGANSpineLib.model import load_model, save_model  # noqa: E402

pytestmark = pytest.mark.usefixtures("small_tiles")
MODELS = "DAGANSpineModelA", "DAGANSpineModelB"


@pytest.fixture
def other(slim_model, tmp_path):
    """A model that calls lumbar what the bundled one calls thoracic, and darkens what it restores."""
    model = load_model(slim_model)
    with torch.no_grad():
        for parameter in (model.segmenter.classify.weight, model.segmenter.classify.bias):
            parameter.copy_(parameter[[0, 1, 3, 2]])
    path = tmp_path / "our clinic" / "best.pt"
    save_model(model, path)
    return path


@pytest.fixture
def ready(chosen, other):
    chosen.ui.comparedPathLineEdit.currentPath = str(other)
    chosen.ui.comparisonCollapsibleButton.collapsed = False
    return chosen


def compare(panel):
    panel.ui.compareButton.click()
    return said(panel)


def cells(table):
    header = [table.horizontalHeaderItem(column).text() for column in range(table.columnCount)]
    rows = [[table.item(row, column).text() for column in range(table.columnCount)] for row in range(table.rowCount)]
    return [header, *rows]


def shown_in(tag):
    """The image that a view shows, and the segmentations that are seen in it."""
    widget = slicer.app.layoutManager().sliceWidget(tag)
    image = slicer.mrmlScene.GetNodeByID(widget.mrmlSliceCompositeNode().GetBackgroundVolumeID() or "")
    view = widget.mrmlSliceNode().GetID()
    segmentations = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    seen = [node for node in segmentations
            if node.GetDisplayNode().GetVisibility() and node.GetDisplayNode().IsDisplayableInView(view)]  # fmt: skip
    return image, seen


def labels_in(segmentation, volume):
    from DAGANSpineLib import scene as library

    return library.labels_of(segmentation, volume)


def test_each_model_has_a_view_with_what_it_restored_and_its_segments(ready, volume, other):
    compare(ready)
    assert slicer.app.layoutManager().layout == 5777
    for tag, path in zip(MODELS, (None, other), strict=True):
        image, segmentations = shown_in(tag)
        expected = expected_result(volume, path)
        np.testing.assert_array_equal(slicer.util.arrayFromVolume(image)[0], expected.restored)
        assert len(segmentations) == 1
        np.testing.assert_array_equal(labels_in(segmentations[0], volume), expected.labels)


def test_the_views_are_drawn_with_both_and_turned_to_the_image(ready, host):
    compare(ready)
    first, second = (host.slice_view(tag).pixels().astype(int) for tag in MODELS)
    assert all((np.ptp(picture, axis=2) > 20).sum() > 1000 for picture in (first, second))
    changed = np.abs(first - second).max(axis=2) > 60
    assert changed.sum() > 1000, "green in the one is blue in the other"


def test_the_table_has_the_figures_of_both_and_how_far_they_agree(ready, volume, other):
    assert not ready.ui.comparisonTable.visible
    compare(ready)
    first, second = (expected_result(volume, path).labels for path in (None, other))
    table = cells(ready.ui.comparisonTable)
    assert table[0] == ["", "A", "B", "Dice"]
    dice = Agreement.of(first, second).scores()["dice"]
    for row, label, value in zip(table[1:4], (1, 2, 3), dice, strict=True):
        assert [float(cell) for cell in row[1:3]] == [
            pytest.approx((labels == label).sum() * 0.6 * 0.75, abs=0.5) for labels in (first, second)
        ]
        assert row[3] == f"{value:.2f}"
    assert dice[0] == 1 and dice[1] < 1
    assert table[4][0].startswith("Patches torn by noise that are left, of")
    assert ready.ui.comparisonTable.visible


def test_the_models_are_named_so_that_they_can_be_told_apart(ready):
    compare(ready)
    lines = ready.ui.comparisonLabel.text.replace("\u200b", "").splitlines()
    assert lines[0].startswith("A: Bundled model.") and lines[1].startswith("B: our clinic/best.pt.")
    assert all("lausibility" in line or "curve" in line.lower() for line in lines)


def test_the_scenes_own_results_are_as_they_were(ready, volume):
    ready.ui.runButton.click()
    restored, segmentation = results()
    before = (
        nodes(), slicer.util.arrayFromVolume(restored).copy(), labels_in(segmentation, volume),
        segmentation.GetDisplayNode().GetOpacity(), ready.ui.resultsLabel.text, cells(ready.ui.segmentsTable),
    )  # fmt: skip
    compare(ready)
    from DAGANSpineLib import scene as library

    assert library.results_of(volume) == (restored, segmentation)
    assert not segmentation.GetDisplayNode().GetVisibility(), "the views show the models' own"
    ready.ui.closeComparisonButton.click()
    after = (
        nodes(), slicer.util.arrayFromVolume(restored), labels_in(segmentation, volume),
        segmentation.GetDisplayNode().GetOpacity(), ready.ui.resultsLabel.text, cells(ready.ui.segmentsTable),
    )  # fmt: skip
    assert [one == other for one, other in zip(before[3:], after[3:], strict=True)] == [True] * 3
    for one, other in zip(before[1:3], after[1:3], strict=True):
        np.testing.assert_array_equal(one, other)
    assert without_views(after[0]) == without_views(before[0])
    assert segmentation.GetDisplayNode().GetVisibility(), "the results are shown again"


def without_views(ids):
    """Without the nodes of views, which Slicer keeps once they have been shown."""
    return {each for each in ids if not each.startswith(("vtkMRMLSlice", "vtkMRMLView"))}


def shown_again(panel, host, volume):
    panel.ui.runButton.click()


def another_image(panel, host, volume):
    picture = slicer.util.arrayFromVolume(volume)[:, ::-1].copy()
    other = slicer.util.addVolumeFromArray(picture, np.diag([-1.0, -1.0, 1, 1]), "Other")
    panel.ui.inputSelector.setCurrentNode(other)


def closed(panel, host, volume):
    panel.ui.closeComparisonButton.click()


def left(panel, host, volume):
    host.leave("DAGANSpine")


def deleted(panel, host, volume):
    slicer.mrmlScene.RemoveNode(volume)


def scene_closed(panel, host, volume):
    slicer.mrmlScene.Clear()


@pytest.mark.parametrize("act", [shown_again, another_image, closed, left, deleted, scene_closed])
def test_nothing_is_left_once_something_else_is_shown(ready, host, volume, act):
    compare(ready)
    assert len(slicer.util.getNodesByClass("vtkMRMLSegmentationNode")) == 2
    act(ready, host, volume)
    slicer.app.processEvents()
    from DAGANSpineLib.scene import COMPARED_ROLE

    volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    assert not [node for node in volumes if node.GetNodeReferenceID(COMPARED_ROLE) or "best.pt" in node.GetName()]
    assert len(slicer.util.getNodesByClass("vtkMRMLSegmentationNode")) == (1 if act is shown_again else 0)
    assert not slicer.util.getNodes("*Bundled model*")
    assert not slicer.util.getNodes("*best.pt*")


@pytest.mark.parametrize("stage", ["Loading the model", "Restoring, tile 2", "Segmenting"])
@pytest.mark.parametrize("number", [1, 2])
def test_cancelling_compares_nothing(ready, stage, number):
    before, layout = nodes(), slicer.app.layoutManager().layout
    show, done = ready.onProgress, []

    def onProgress(fraction, text):
        show(fraction, text)
        if text.startswith(stage) and f"(model {number} of 2)" in text and not done:
            done.append(text)
            ready.ui.runButton.click()

    ready.onProgress = onProgress
    assert compare(ready) == "Cancelled. Nothing was compared."
    assert done and nodes() == before and slicer.app.layoutManager().layout == layout
    assert not ready.ui.comparisonTable.visible
    ready.onProgress = show
    assert compare(ready).startswith("Compared")


def test_progress_goes_once_from_nothing_to_all(ready):
    fractions, show = [], ready.onProgress

    def onProgress(fraction, text):
        show(fraction, text)
        fractions.append(fraction)

    ready.onProgress = onProgress
    compare(ready)
    assert fractions == sorted(fractions) and fractions[0] == 0 and fractions[-1] > 0.9


def test_leaving_the_module_meanwhile_finishes_the_comparison_and_touches_no_view(ready, host):
    layout = slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
    before = set()
    during_the_run(ready, lambda: (host.leave("DAGANSpine"), before.update(nodes())), "Restoring, tile 2")
    ready.ui.compareButton.click()
    assert slicer.app.layoutManager().layout == layout
    assert nodes() == before


def test_deleting_the_image_meanwhile_stops_it(ready, volume, scene):
    during_the_run(ready, lambda: scene.RemoveNode(volume), "Restoring, tile 2")
    assert compare(ready).startswith("Cancelled")
    assert results() == (None, None)


def test_quitting_meanwhile_touches_nothing_any_more(ready, host, caplog):
    before, run = nodes(), ready.onCompareButton
    done = during_the_run(ready, lambda: host.unload("DAGANSpine"), "Restoring, tile 2")
    run()
    assert done and without_views(nodes()) == without_views(before)
    assert not caplog.records


def test_nothing_compared_is_saved_with_the_scene(ready, scene, tmp_path):
    compare(ready)
    path = tmp_path / "scene.mrb"
    assert scene.WriteToMRB(str(path), None)
    with zipfile.ZipFile(path) as bundle:
        (described,) = (bundle.read(name).decode() for name in bundle.namelist() if name.endswith(".mrml"))
        assert [Path(name).suffix for name in bundle.namelist()].count(".nrrd") == 1, "the image itself"
    assert "<Segmentation" not in described and "<MarkupsLine" not in described and "ComparedOn" not in described
    scene.Clear()
    assert scene.ReadFromMRB(str(path), True)
    assert len(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")) == 1


def test_the_look_is_that_of_both_models(ready):
    ready.ui.runButton.click()
    compare(ready)
    ready.ui.segmentOpacitySlider.value = 40
    assert slicer.app.layoutManager().layout == 5777
    assert [shown_in(tag)[1][0].GetDisplayNode().GetOpacity() for tag in MODELS] == [0.4, 0.4]
    ready.ui.showButton.click()
    assert slicer.app.layoutManager().layout == 5774


def test_a_models_segments_may_be_deleted_meanwhile(ready, scene):
    ready.ui.runButton.click()
    compare(ready)
    scene.RemoveNode(shown_in(MODELS[1])[1][0])
    ready.ui.segmentOpacitySlider.value = 30
    slicer.app.processEvents()
    assert shown_in(MODELS[0])[1][0].GetDisplayNode().GetOpacity() == 0.3
    ready.ui.closeComparisonButton.click()
    assert not slicer.util.getNodes("*our clinic*")


def test_an_image_of_another_patient_has_no_comparison_of_the_first(ready, host, volume):
    compare(ready)
    another_image(ready, host, volume)
    assert not ready.ui.comparisonTable.visible and not ready.ui.comparisonLabel.visible
    ready.ui.inputSelector.setCurrentNode(volume)
    assert ready.ui.comparisonTable.visible and not ready.ui.closeComparisonButton.enabled


def the_same(panel, other):
    panel.ui.modelPathLineEdit.currentPath = str(other)


def missing(panel, other):
    other.unlink()
    panel.updateGUI()


def no_model(panel, other):
    other.write_text("a shopping list")
    panel.updateGUI()


def no_image(panel, other):
    panel.ui.inputSelector.setCurrentNode(None)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (the_same, "Both models are the same"),
        (missing, "There is no model file"),
        (no_model, "is not a DAGANSpine model"),
        (no_image, "Choose an image first"),
    ],
)
def test_the_button_says_why_it_is_grey(ready, other, spoil, words):
    assert ready.ui.compareButton.enabled
    spoil(ready, other)
    assert not ready.ui.compareButton.enabled
    assert words in ready.ui.compareButton.toolTip


def test_a_file_that_goes_before_the_click_is_told_and_changes_nothing(ready, other):
    before = nodes()
    other.unlink()
    assert "There is no model file" in compare(ready)
    assert nodes() == before and slicer.app.layoutManager().layout != 5777


def test_the_chosen_model_is_compared_with_the_bundled_one_too(ready, volume, other):
    ready.ui.modelPathLineEdit.currentPath = str(other)
    ready.ui.comparedPathLineEdit.currentPath = ""
    compare(ready)
    assert ready.ui.comparisonLabel.text.replace("\u200b", "").startswith("A: our clinic/best.pt.")
    image, _segmentations = shown_in(MODELS[0])
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(image)[0], expected_result(volume, other).restored)


def test_a_picture_as_slicer_loads_a_png_in_colours_is_compared_as_well(ready, small_vpi):
    colours = np.repeat(small_vpi[np.newaxis, ..., np.newaxis], 3, axis=3)
    picture = slicer.util.addVolumeFromArray(
        colours, np.diag([-1.0, -1.0, 1, 1]), "Colours", nodeClassName="vtkMRMLVectorVolumeNode"
    )
    ready.ui.inputSelector.setCurrentNode(picture)
    assert compare(ready).startswith("Compared")
    assert "Pixels" in cells(ready.ui.comparisonTable)[1][0]
    assert shown_in(MODELS[0])[0].GetImageData().GetNumberOfScalarComponents() == 1
