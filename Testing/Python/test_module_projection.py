"""A volume in the panel: its slab is chosen while it is seen, and its projection is restored."""

import time

import numpy as np
import pytest

slicer = pytest.importorskip("slicer")
pytest.importorskip("PySide6")

from clinician import during_the_run, nodes, results  # noqa: E402

from DAGANSpineLib.projection import Projector, Slab  # noqa: E402
from DAGANSpineLib.simulation import simulate_subject, simulate_volume  # noqa: E402

pytestmark = pytest.mark.usefixtures("small_tiles")

TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def simulated():
    return simulate_volume(simulate_subject(5, spacing_mm=0.4, missing=0.0), (1.2, 1.2, 1.0))


@pytest.fixture(scope="module")
def projector(simulated):
    return Projector.of(simulated.voxels, simulated.index_to_lps)


@pytest.fixture
def sweep(scene, simulated):
    return add(simulated)


@pytest.fixture
def looking(sweep, panel):
    """The panel with a volume chosen, and its preview shown."""
    assert panel.ui.inputSelector.currentNode() is sweep
    settle(panel)
    return panel


def add(simulated, name="Sweep"):
    ijk_to_ras = TO_RAS @ simulated.index_to_lps[:, [2, 1, 0, 3]]
    return slicer.util.addVolumeFromArray(simulated.voxels.copy(), ijk_to_ras, name)


def settle(panel, seconds=60):
    """Let time pass until the preview has followed."""
    chooser, end = panel._projection, time.monotonic() + seconds
    while chooser._finding or chooser._timer.isActive():
        slicer.app.processEvents()
        assert time.monotonic() < end, "the preview does not come to rest"


def parameters(panel):
    return panel.logic.getParameterNode()


def shown(label):
    """What a label shows: (rows, columns), grey."""
    image = label.pixmap.toImage()
    values = [[image.pixelColor(x, y).lightness() for x in range(image.width())] for y in range(image.height())]
    return np.array(values)


def to_lps(node):
    """(4, 4), from (slice, row, column, 1) of a volume node to LPS."""
    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return TO_RAS @ slicer.util.arrayFromVTKMatrix(matrix)[:, [2, 1, 0, 3]]


def vpi():
    return next(iter(slicer.util.getNodes("* VPI").values()), None)


def test_the_section_is_there_for_volumes_alone(looking, sweep, volume):
    section = looking.ui.projectionCollapsibleButton
    assert not section.isHidden()
    looking.ui.inputSelector.setCurrentNode(volume)
    assert section.isHidden() and looking.ui.runButton.enabled
    looking.ui.inputSelector.setCurrentNode(sweep)
    assert not section.isHidden()


def test_the_slab_is_chosen_automatically_at_first(looking, sweep, projector):
    chosen = parameters(looking)
    assert chosen.projectedVolume is sweep
    assert chosen.projectionDepth == pytest.approx(projector.depth_mm)
    assert looking.ui.projectionDepthSlider.value == pytest.approx(projector.depth_mm)
    assert looking.ui.projectionThicknessSlider.value == pytest.approx(3.0)
    assert "Head: Superior, skin: Posterior" in looking.ui.projectionLabel.text
    assert looking.ui.runButton.enabled


def test_the_preview_shows_the_vpi_and_follows_the_depth(looking, projector):
    def likeness(depth):
        expected = projector.project(Slab(depth))
        picture = shown(looking.ui.projectionPicture)
        rows, columns = (
            np.arange(count) * size // count for count, size in zip(picture.shape, expected.shape, strict=True)
        )
        return np.corrcoef(picture.ravel(), expected[np.ix_(rows, columns)].ravel())[0, 1]

    assert likeness(projector.depth_mm) > 0.9
    cut = shown(looking.ui.projectionCut)
    looking.ui.projectionDepthSlider.value = 20.0
    settle(looking)
    assert likeness(20.0) > 0.9 > likeness(projector.depth_mm)
    assert (shown(looking.ui.projectionCut) != cut).any(), "the slab has moved"


def test_a_dragged_slider_is_followed_once_it_rests(looking, monkeypatch):
    project, projected = Projector.project, []
    monkeypatch.setattr(Projector, "project", lambda *given: projected.append(given) or project(*given))
    for depth in range(4, 20):
        looking.ui.projectionDepthSlider.value = float(depth)
    settle(looking)
    assert [slab.depth_mm for _, slab in projected] == [19.0]


def test_the_skin_is_found_once_for_all_slabs(looking, sweep, monkeypatch):
    find, found = Projector.of, []
    monkeypatch.setattr(Projector, "of", lambda *given: found.append(given) or find(*given))
    looking.ui.projectionThicknessSlider.value = 6.0
    looking.ui.projectionMethodComboBox.currentIndex = 1
    settle(looking)
    assert not found
    slicer.util.arrayFromVolume(sweep)[:, :, :3] = 0
    slicer.util.arrayFromVolumeModified(sweep)
    looking.ui.projectionThicknessSlider.value = 3.0
    settle(looking)
    assert len(found) == 1, "other voxels may have another skin"


def test_reset_chooses_automatically_again(looking, projector):
    looking.ui.projectionDepthSlider.value = 30.0
    looking.ui.projectionSkinComboBox.currentIndex = 4
    looking.ui.projectionMethodComboBox.currentIndex = 1
    settle(looking)
    looking.ui.resetProjectionButton.click()
    settle(looking)
    assert looking.ui.projectionDepthSlider.value == pytest.approx(projector.depth_mm)
    assert looking.ui.projectionSkinComboBox.currentIndex == looking.ui.projectionMethodComboBox.currentIndex == 0


def test_another_volume_is_projected_automatically(looking, simulated, projector):
    looking.ui.projectionDepthSlider.value = 30.0
    settle(looking)
    looking.ui.inputSelector.setCurrentNode(add(simulated, "Other"))
    settle(looking)
    assert looking.ui.projectionDepthSlider.value == pytest.approx(projector.depth_mm)


def test_head_and_skin_on_one_line_are_told_and_disable_the_button(looking):
    looking.ui.projectionHeadComboBox.currentIndex = 1
    looking.ui.projectionSkinComboBox.currentIndex = 1
    settle(looking)
    assert "lie on one line" in looking.ui.projectionLabel.text
    assert not looking.ui.runButton.enabled and "lie on one line" in looking.ui.runButton.toolTip
    assert looking.ui.projectionPicture.isHidden()
    looking.ui.resetProjectionButton.click()
    settle(looking)
    assert looking.ui.runButton.enabled and not looking.ui.projectionPicture.isHidden()


def test_a_volume_of_something_else_is_told_and_disables_the_button(panel, scene):
    stack = slicer.util.addVolumeFromArray(np.ones((6, 50, 50), np.uint8), None, "Stack")
    panel.ui.inputSelector.setCurrentNode(stack)
    settle(panel)
    assert not panel.ui.runButton.enabled and "This volume is empty" in panel.ui.runButton.toolTip


def test_a_run_projects_the_volume_and_restores_its_vpi(looking, sweep, projector):
    from DAGANSpineLib import scene

    looking.ui.projectionDepthSlider.value = 11.0
    looking.ui.runButton.click()
    assert looking.ui.statusLabel.text.startswith("Done")
    expected = projector.project(Slab(11.0))
    assert vpi().GetName() == "Sweep VPI"
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(vpi()), expected[None])
    np.testing.assert_allclose(to_lps(vpi())[:, [1, 2, 0, 3]], projector.picture_to_lps(Slab(11.0)), atol=1e-6)
    restored, segmentation = results()
    assert scene.results_of(vpi()) == (restored, segmentation)
    assert slicer.util.arrayFromVolume(restored).shape == (1, *expected.shape)
    np.testing.assert_allclose(to_lps(restored), to_lps(vpi()))
    assert restored.GetName() in looking.ui.resultsLabel.text and looking.ui.showButton.enabled
    assert looking.ui.inputSelector.currentNode() is sweep
    manager = slicer.app.layoutManager()
    assert manager.sliceWidget("DAGANSpineOriginal").mrmlSliceCompositeNode().GetBackgroundVolumeID() == vpi().GetID()


def test_the_views_show_the_vpi_head_up_and_from_behind(looking, host, scene, request):
    """Also where Slicer's nearest turn would show it upside down, or mirrored, and under a transform."""
    import vtk

    transform, turned = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode"), vtk.vtkMatrix4x4()
    looking.ui.runButton.click()
    view = host.slice_view("DAGANSpineOriginal")
    request.addfinalizer(lambda: view.resize(*view.SIZE))
    for angle in (0, 120):
        turned.DeepCopy(slicer.util.vtkMatrixFromArray(rotation(angle)))
        transform.SetMatrixTransformToParent(turned)
        for node in (vpi(), *results()):
            node.SetAndObserveTransformNodeID(transform.GetID())
        view.resize(*slicer.util.arrayFromVolume(vpi()).shape[:0:-1])  # a pixel of the view is one of the image
        looking.ui.showButton.click()
        picture = slicer.util.arrayFromVolume(vpi())[0]
        assert np.corrcoef(view.pixels()[..., 0].ravel(), picture.ravel())[0, 1] > 0.9


def rotation(degrees):
    """About an oblique axis."""
    from vtk import vtkTransform

    turn = vtkTransform()
    turn.RotateWXYZ(degrees, 1, 2, 3)
    return slicer.util.arrayFromVTKMatrix(turn.GetMatrix())


def test_a_second_run_fills_the_same_nodes_anew(looking, projector):
    looking.ui.runButton.click()
    first, before = vpi(), nodes()
    first.SetName("mine VPI")
    looking.ui.projectionDepthSlider.value = 16.0
    looking.ui.runButton.click()
    assert nodes() == before and vpi() is first
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(first)[0], projector.project(Slab(16.0)))


def test_edited_segments_are_kept_when_the_volume_is_projected_at_another_depth(looking):
    looking.ui.runButton.click()
    edited = results()[1]
    edited.GetSegmentation().RemoveSegment("Rib")
    looking.ui.projectionDepthSlider.value = 16.0
    looking.ui.runButton.click()
    assert edited.GetName().endswith("segmentation (edited)")
    assert results()[1] is not edited


def test_the_vpi_lies_under_the_volumes_transform_and_beside_it(looking, sweep, scene):
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    sweep.SetAndObserveTransformNodeID(transform.GetID())
    hierarchy = scene.GetSubjectHierarchyNode()
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "Patient")
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(sweep), patient)
    looking.ui.runButton.click()
    for node in (vpi(), *results()):
        assert node.GetParentTransformNode() is transform
        assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) == patient


def test_a_cancelled_run_adds_no_vpi_either(looking):
    before = nodes()
    asked = during_the_run(looking, looking.ui.runButton.click)
    looking.ui.runButton.click()
    assert asked and nodes() == before
    assert looking.ui.statusLabel.text.startswith("Cancelled")


def test_a_failure_while_results_are_made_takes_the_vpi_back(looking, monkeypatch, caplog):
    from DAGANSpineLib import scene

    def fail(*_):
        raise RuntimeError("out of memory")

    before = nodes()
    monkeypatch.setattr(scene.projection.results, "publish", fail)
    looking.ui.runButton.click()
    assert nodes() == before and "out of memory" in looking.ui.statusLabel.text


def test_the_results_of_a_volume_are_shown_before_and_after_another_image(looking, sweep, volume):
    looking.ui.runButton.click()
    listed = looking.ui.resultsLabel.text
    looking.ui.inputSelector.setCurrentNode(volume)
    assert looking.ui.resultsLabel.text == "None yet."
    looking.ui.inputSelector.setCurrentNode(sweep)
    assert looking.ui.resultsLabel.text == listed
    settle(looking)


@pytest.mark.parametrize("what", ["scene closed", "volume deleted", "module left", "Slicer quits"])
def test_what_happens_while_the_skin_is_found_ends_the_search(what, panel, scene, host, simulated, monkeypatch):
    import qt

    begun = []

    def slowly(*given):
        begun.append(given)
        while True:
            given[-1](0.5, "Finding the skin")  # until it is stopped
            time.sleep(0.01)

    monkeypatch.setattr(Projector, "of", slowly)
    sweep = add(simulated)
    panel.ui.inputSelector.setCurrentNode(sweep)
    acts = {
        "scene closed": scene.Clear,
        "volume deleted": lambda: scene.RemoveNode(sweep),
        "module left": lambda: host.leave("DAGANSpine"),
        "Slicer quits": lambda: host.unload("DAGANSpine"),
    }
    qt.QTimer.singleShot(300, acts[what])
    settle(panel)
    assert len(begun) == 1


def test_a_saved_scene_brings_back_the_slab(looking, scene, tmp_path):
    looking.ui.projectionDepthSlider.value = 9.5
    looking.ui.projectionMethodComboBox.currentIndex = 1
    looking.ui.runButton.click()
    scene.SetURL(str(tmp_path / "scene.mrml"))
    for name in ("Sweep", "Sweep VPI", "Sweep VPI restored"):
        node = slicer.util.getNode(name)
        node.AddDefaultStorageNode(str(tmp_path / f"{name}.nrrd"))
        assert node.GetStorageNode().WriteData(node)
    scene.RemoveNode(results()[1])
    assert scene.Commit()
    scene.Clear()
    scene.Connect()
    settle(looking)
    assert looking.ui.inputSelector.currentNode() is slicer.util.getNode("Sweep")
    assert looking.ui.projectionDepthSlider.value == pytest.approx(9.5)
    assert looking.ui.projectionMethodComboBox.currentIndex == 1
    from DAGANSpineLib.scene import projection as scene_projection

    kept = scene_projection.vpi_of(slicer.util.getNode("Sweep"))
    assert kept is slicer.util.getNode("Sweep VPI")
    assert scene_projection.projection_of(kept)["depth_mm"] == pytest.approx(9.5)


def test_the_logic_projects_a_volume_without_any_widget(host, slim_model, sweep, projector):
    from DAGANSpine import DAGANSpineLogic

    outcome = DAGANSpineLogic().restoreAndSegment(sweep)
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(vpi())[0], projector.project(Slab(projector.depth_mm)))
    assert outcome.restoredVolume is results()[0]


def test_the_first_input_is_a_picture_before_a_volume_and_never_a_projection(looking, sweep, volume):
    from DAGANSpineLib.scene import projection as scene_projection

    looking.ui.runButton.click()
    assert scene_projection.first_input() is volume
    slicer.mrmlScene.RemoveNode(volume)
    assert scene_projection.first_input() is sweep
    settle(looking)


def test_a_volume_in_colours_is_told(panel, scene):
    colours = slicer.util.addVolumeFromArray(
        np.ones((40, 50, 50, 3), np.uint8), None, "Colours", "vtkMRMLVectorVolumeNode"
    )
    panel.ui.inputSelector.setCurrentNode(colours)
    settle(panel)
    assert "Colours is a volume in colours" in panel.ui.runButton.toolTip and not panel.ui.runButton.enabled
