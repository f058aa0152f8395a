"""From the panel to training: a picture and its segments become a subject of a data set, whole or not at all."""

import shlex
import threading

import numpy as np
import pytest

slicer = pytest.importorskip("slicer")
pytest.importorskip("PySide6")

from clinician import LEARN, TEST, WITHOUT_LABELS, draw, during_the_run, keep, nodes, results  # noqa: E402
from disks import full_disk  # noqa: E402

from DAGANSpineLib import collection  # noqa: E402
from DAGANSpineLib.progress import unheard  # noqa: E402
from DAGANSpineLib.training.checking import check  # noqa: E402
from DAGANSpineLib.training.dataset import load, open_dataset  # noqa: E402


@pytest.fixture
def asked(monkeypatch):
    """Says no to every question; the questions."""
    questions = []

    def decline(text, **_more):
        questions.append(text)
        return False

    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", decline)
    return questions


def counts(panel):
    return panel.ui.keptLabel.text


def content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_corrected_picture_is_kept_as_it_is_in_the_scene(ready, volume, small_vpi, folder):
    lumbar = draw(volume)
    assert keep(ready).startswith(f"Kept as s001 in {folder}.")
    findings = check(folder, unheard)
    assert [trouble for trouble in findings.troubles if "No patch of the training images" not in trouble] == []
    sample = load(open_dataset(folder).train[0])
    np.testing.assert_array_equal(sample.image, small_vpi)
    np.testing.assert_array_equal(sample.labels == 3, lumbar)
    assert set(np.unique(sample.labels)) == {0, 1, 2, 3}
    assert sample.known["spacing_mm"] == [0.75, 0.6]
    assert sample.known["labels"]["corrected"] is True


def test_two_pictures_are_two_subjects_and_the_panel_counts_them(ready, volume, small_vpi, folder):
    keep(ready)
    assert "Subjects in the data set: 1. To learn from: 1" in counts(ready)
    other = slicer.util.addVolumeFromArray(small_vpi[np.newaxis, ::-1].copy(), np.diag([-0.6, -0.75, 1, 1]), "Other")
    ready.ui.inputSelector.setCurrentNode(other)
    assert ready.ui.subjectLineEdit.text == "s002"
    ready.ui.runButton.click()
    keep(ready, use=TEST)
    assert "Subjects in the data set: 2. To learn from: 1, to test on: 1" in counts(ready)
    assert [record.subject for record in open_dataset(folder).test] == ["s002"]
    ready.ui.inputSelector.setCurrentNode(volume)
    assert ready.ui.subjectLineEdit.text == "s001", "its own name comes back with the image"


def test_a_second_keeping_asks_before_it_replaces(ready, volume, folder, asked, monkeypatch):
    keep(ready)
    before = content(folder)
    lumbar = draw(volume, rows=slice(10, 30))
    assert keep(ready) == "Cancelled. Nothing was kept."
    assert len(asked) == 1 and "s001 is already in" in asked[0] and str(folder) in asked[0]
    assert content(folder) == before
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, **_more: True)
    assert keep(ready).startswith("Kept as s001")
    assert "Subjects in the data set: 1." in counts(ready)
    np.testing.assert_array_equal(load(open_dataset(folder).train[0]).labels == 3, lumbar)


def test_another_image_under_a_name_that_is_there_is_asked_for_as_well(ready, small_vpi, asked):
    keep(ready, "Anna")
    other = slicer.util.addVolumeFromArray(small_vpi[np.newaxis], np.diag([-1.0, -1.0, 1, 1]), "Other")
    ready.ui.inputSelector.setCurrentNode(other)
    keep(ready, "anna", WITHOUT_LABELS)
    assert "Anna is already in" in asked[0]


def test_the_same_picture_under_another_name_is_asked_for(ready, folder, asked):
    keep(ready)
    before = content(folder)
    assert keep(ready, "s002", TEST) == "Cancelled. Nothing was kept."
    assert len(asked) == 1 and "already, as s001. Keep it as s002, too?" in asked[0]
    assert content(folder) == before


@pytest.mark.parametrize("subject", ["s001", "s002"])
def test_after_a_kill_the_panel_goes_on_where_all_was_well(ready, volume, folder, monkeypatch, subject):
    """Killed while the first subject, or the second, was brought to its place."""
    from pathlib import Path

    class Killed(BaseException):
        pass

    def kill(*_arguments, **_options):
        raise Killed

    if subject == "s002":
        keep(ready)
        volume.SetAttribute("DAGANSpineSubject", None)
        ready.updateGUI()
    with monkeypatch.context() as patch:
        replace, images = Path.replace, []

        def replaced(path, target):
            if path.suffix == ".png" and images:
                patch.setattr(Path, "unlink", kill)
                patch.setattr(Path, "replace", kill)
                raise Killed
            images.extend([path] * (path.suffix == ".png"))
            return replace(path, target)

        patch.setattr(Path, "replace", replaced)
        with pytest.raises(Killed):
            ready._keeper.keep(ready.logic.getParameterNode(), volume)
    assert (folder / ".keeping").exists() and (folder / "images" / f"{subject}.png").exists()
    ready.updateGUI()
    assert keep(ready, subject).startswith(f"Kept as {subject}")
    assert not (folder / ".keeping").exists()
    assert [record.subject for record in open_dataset(folder).train] == ["s001", "s002"][: int(subject[-1])]


def test_no_name_leaves_the_scene(ready, volume, folder):
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "Mustermann^Erika")
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(volume), patient)
    volume.SetName("Erika Mustermann 2014-03-01")
    results()[1].SetName("Erika's spine")
    for use in (LEARN, WITHOUT_LABELS):
        keep(ready, use=use)
    told = b"".join([str(path).encode() + what for path, what in content(folder).items()])
    assert b"s001" in told and not any(word in told for word in (b"Erika", b"Mustermann", b"2014"))


def test_a_picture_without_results_can_be_kept_without_labels(chosen, small_vpi, folder):
    chosen.ui.trainingPathLineEdit.currentPath = str(folder)
    assert not chosen.ui.keepButton.enabled
    assert "There are no segments of this image yet" in chosen.ui.keepButton.toolTip
    chosen.ui.keepAsComboBox.currentIndex = WITHOUT_LABELS
    assert keep(chosen, use=WITHOUT_LABELS).startswith("Kept as s001")
    (record,) = open_dataset_of_unlabelled(folder)
    np.testing.assert_array_equal(load(record).image, small_vpi)
    assert not (folder / "labels").exists()
    assert "without labels: 1" in counts(chosen)


def open_dataset_of_unlabelled(folder):
    from DAGANSpineLib.training.dataset import listed

    return listed(folder)[0].unlabelled


def test_the_button_says_what_is_missing(chosen, folder):
    assert not chosen.ui.keepButton.enabled
    chosen.ui.runButton.click()
    assert chosen.ui.keepButton.toolTip == "Choose a folder first."
    chosen.ui.trainingPathLineEdit.currentPath = str(folder)
    assert chosen.ui.keepButton.enabled
    chosen.ui.inputSelector.setCurrentNode(None)
    assert not chosen.ui.keepButton.enabled and "Choose an image first" in chosen.ui.keepButton.toolTip


@pytest.mark.parametrize("name", ["a/b", "..", "con"])
def test_a_name_that_is_none_is_told(ready, folder, name):
    assert "can't be a subject's name" in keep(ready, name)
    assert not folder.exists()


def test_a_folder_with_other_files_is_told_and_left_alone(ready, folder):
    folder.mkdir()
    (folder / "thesis.doc").write_text("years of work")
    ready.updateGUI()
    assert "holds other files (thesis.doc)" in counts(ready).replace("\u200b", "")
    assert not ready.ui.keepButton.enabled
    assert "holds other files" in ready.ui.keepButton.toolTip
    assert [path.name for path in folder.iterdir()] == ["thesis.doc"]


def test_a_folder_that_cannot_be_written_is_told_in_a_sentence(ready, volume, folder, monkeypatch):
    from pathlib import Path

    keep(ready)
    before, replace = content(folder), Path.replace

    def refuse(path, target):
        if Path(target).suffix == ".png":
            raise PermissionError(13, "Permission denied", str(target))
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, **_more: True)  # the picture is there
    draw(volume)
    assert keep(ready, "s002") == f"{folder} can't be written (Permission denied)."
    assert content(folder) == before


def test_a_folder_whose_place_is_gone_is_told(ready, tmp_path):
    ready.ui.trainingPathLineEdit.currentPath = str(tmp_path / "gone" / "clinic")
    assert f"There is no folder {tmp_path / 'gone'}" in keep(ready)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_and_leaves_the_data_set_as_it_was(ready, volume, folder, monkeypatch):
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, **_more: True)
    with full_disk(500):
        assert "is the disk full" in keep(ready)
    assert not folder.exists()
    keep(ready)
    before = content(folder)
    draw(volume)
    with full_disk(500):
        assert "is the disk full" in keep(ready)
    assert content(folder) == before


@pytest.fixture
def keep_and_cancel(ready, monkeypatch):
    """Keep the picture, and click Cancel at a stage of that, which goes on only then; what is said in the end."""

    def cancelled_at(stage):
        clicked = threading.Event()

        def held(folder, kept, progress):
            def hold(fraction, message):
                progress(fraction, message)
                assert message != stage or clicked.wait(60)

            return collection.keep(folder, kept, hold)

        def click():
            ready.ui.runButton.click()
            clicked.set()

        monkeypatch.setattr("DAGANSpinePanel.keeping.keep", held)
        during_the_run(ready, click, stage)
        told = keep(ready)
        assert clicked.is_set()
        return told

    return cancelled_at


@pytest.mark.parametrize("stage", ["Looking for the lit body", "Writing the labels"])
def test_cancelling_keeps_nothing(keep_and_cancel, folder, stage):
    assert keep_and_cancel(stage) == "Cancelled. Nothing was kept."
    assert not folder.exists()


def test_what_was_kept_before_cancelling_could_stop_it_is_said_to_be_kept(keep_and_cancel, folder):
    assert keep_and_cancel("Writing the list of subjects").startswith(f"Kept as s001 in {folder}.")
    assert [record.subject for record in open_dataset(folder).train] == ["s001"]


def test_keeping_changes_nothing_in_the_scene_but_the_images_own_name(ready, volume):
    before, digest = nodes(), results()[1].GetAttribute("DAGANSpineSegments")
    keep(ready)
    assert nodes() == before
    assert results()[1].GetAttribute("DAGANSpineSegments") == digest
    assert volume.GetAttribute("DAGANSpineSubject") == "s001"


def test_the_folder_stays_chosen_for_the_next_patients_scene(ready, scene, small_vpi, folder):
    keep(ready)
    scene.Clear()
    assert not ready.ui.keepButton.enabled
    slicer.util.addVolumeFromArray(small_vpi[np.newaxis], np.diag([-1.0, -1.0, 1, 1]), "Next")
    slicer.app.processEvents()
    ready.ui.runButton.click()
    assert ready.ui.trainingPathLineEdit.currentPath == str(folder)
    assert ready.ui.subjectLineEdit.text == "s002"
    keep(ready)
    assert "Subjects in the data set: 2." in counts(ready)
    ready.ui.trainingPathLineEdit.currentPath = ""
    assert not ready.ui.keepButton.enabled and ready.ui.trainingPathLineEdit.currentPath == ""


def test_the_choices_are_saved_with_the_scene(ready, scene, folder, tmp_path):
    ready.ui.keepAsComboBox.currentIndex = TEST
    path = str(tmp_path / "scene.mrb")
    assert scene.WriteToMRB(path, None)
    scene.Clear()
    ready.ui.trainingPathLineEdit.currentPath = ""
    assert scene.ReadFromMRB(path, True)
    assert ready.ui.trainingPathLineEdit.currentPath == str(folder)
    assert ready.ui.keepAsComboBox.currentIndex == TEST


def test_one_command_trains_and_can_be_copied(ready, tmp_path):
    from PySide6.QtWidgets import QApplication

    from DAGANSpineLib.__main__ import build_parser

    folder = tmp_path / "our clinic's"
    ready.ui.trainingPathLineEdit.currentPath = str(folder)
    assert not ready.ui.trainingCommandEdit.visible
    keep(ready)
    assert ready.ui.trainingCommandEdit.visible
    ready.ui.copyCommandButton.click()
    copied = QApplication.clipboard().text()
    assert copied == ready.ui.trainingCommandEdit.toPlainText()
    program, *arguments = shlex.split(copied)
    parsed = build_parser().parse_args(arguments)
    assert program == "daganspine" and parsed.command == "train"
    assert (str(parsed.data), str(parsed.output)) == (str(folder), f"{folder}-model")
    (tmp_path / "our clinic's-model").mkdir()
    ready.updateGUI()
    assert "our clinic" in ready.ui.trainingCommandEdit.toPlainText()
    assert "-model-2" in ready.ui.trainingCommandEdit.toPlainText()


def test_a_projected_volume_is_kept_as_its_picture(panel, scene, folder):
    from DAGANSpineLib import scene as library
    from DAGANSpineLib.simulation import simulate_subject, simulate_volume

    simulated = simulate_volume(simulate_subject(5, spacing_mm=0.5, missing=0.0), (1.5, 1.5, 1.2))
    matrix = np.diag([-1.0, -1.0, 1.0, 1.0]) @ simulated.index_to_lps[:, [2, 1, 0, 3]]
    volume = slicer.util.addVolumeFromArray(simulated.voxels.copy(), matrix, "Sweep")
    panel.ui.inputSelector.setCurrentNode(volume)
    panel.ui.trainingPathLineEdit.currentPath = str(folder)
    assert "a volume has to be restored and segmented once" in panel.ui.keepButton.toolTip
    panel.ui.runButton.click()
    assert keep(panel, use=WITHOUT_LABELS).startswith("Kept as s001")
    (record,) = open_dataset_of_unlabelled(folder)
    vpi = library.projection.vpi_of(volume)
    np.testing.assert_array_equal(load(record).image, library.pixels_of(vpi).round())
