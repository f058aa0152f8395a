"""The user's own model file, chosen in the panel: shown, used, kept, refused."""

import hashlib

import numpy as np
import pytest
import torch

slicer = pytest.importorskip("slicer")
pytest.importorskip("PySide6")

from clinician import expected_result, nodes, results  # noqa: E402

from DAGANSpineLib.model import Model, save_model  # noqa: E402
from DAGANSpineLib.model.shapes import GeneratorShape, PanopticFPNShape  # noqa: E402

PROVENANCE = {
    "preset": "paper",
    "data": "St. Elsewhere",
    "subjects": 80,
    "validation dice": 0.8172,
    "date": "2026-05-04",
}


@pytest.fixture
def retrained(tmp_path):
    """Writes a model file of other networks than the bundled one's, and others again for another seed."""

    def write(seed=2, provenance=PROVENANCE, name="best.pt"):
        torch.manual_seed(seed)
        shapes = GeneratorShape((8, 16, 32)), PanopticFPNShape(depth=18, width=16, pyramid=16, head=16)
        path = tmp_path / "our clinic's" / name
        save_model(Model(*shapes, provenance=dict(provenance)), path)
        return path

    return write


def choose(panel, path):
    panel.ui.modelPathLineEdit.currentPath = str(path)


def restored_pixels():
    return slicer.util.arrayFromVolume(results()[0])[0]


def test_without_a_choice_the_bundled_model_is_shown(panel):
    assert panel.ui.modelPathLineEdit.currentPath == ""
    assert panel.ui.modelCardLabel.text.startswith("Bundled model")
    assert not panel.ui.bundledModelButton.enabled


def test_a_chosen_file_shows_its_card(chosen, retrained):
    choose(chosen, retrained())
    assert chosen.ui.modelCardLabel.text.splitlines() == [
        "best.pt (preset paper)",
        "Trained on: St. Elsewhere",
        "80 subjects learnt from, validation Dice 0.82, 2026-05-04",
        "Research use, not for diagnosis.",
    ]
    assert chosen.ui.runButton.enabled


def test_a_file_may_say_anything_or_nothing_of_itself(chosen, retrained):
    import qt

    choose(chosen, retrained(provenance={}))
    assert "How it was trained is not recorded." in chosen.ui.modelCardLabel.text
    choose(chosen, retrained(provenance={"data": "<b>x</b> " * 1000, "validation dice": "high"}, name="other.pt"))
    assert len(chosen.ui.modelCardLabel.text) < 250
    assert chosen.ui.modelCardLabel.textFormat == qt.Qt.PlainText


def test_a_chosen_model_restores_and_is_named_with_the_results(chosen, volume, retrained):
    path = retrained()
    choose(chosen, path)
    chosen.ui.runButton.click()
    expected = expected_result(volume, path)
    np.testing.assert_array_equal(restored_pixels(), expected.restored)
    assert (expected.restored != expected_result(volume).restored).any()
    named = f"Model: best.pt, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
    assert named in chosen.ui.resultsLabel.text.splitlines()


def test_results_keep_the_name_of_their_model_when_another_is_chosen(chosen, retrained):
    chosen.ui.runButton.click()
    choose(chosen, retrained())
    assert "Model: slim.pt" in chosen.ui.resultsLabel.text
    chosen.ui.runButton.click()
    assert "Model: best.pt" in chosen.ui.resultsLabel.text
    assert "slim.pt" not in chosen.ui.resultsLabel.text


@pytest.mark.parametrize("back", ["button", "emptied field"])
def test_there_is_a_way_back_to_the_bundled_model(chosen, volume, retrained, back):
    choose(chosen, retrained())
    if back == "button":
        chosen.ui.bundledModelButton.click()
    else:
        choose(chosen, "")
    assert chosen.logic.getParameterNode().modelPath == ""
    assert chosen.ui.modelPathLineEdit.currentPath == ""
    assert chosen.ui.modelCardLabel.text.startswith("Bundled model")
    assert not chosen.ui.bundledModelButton.enabled
    chosen.ui.runButton.click()
    np.testing.assert_array_equal(restored_pixels(), expected_result(volume).restored)


def without_provenance(path):
    torch.save({key: value for key, value in torch.load(path, weights_only=True).items() if key != "provenance"}, path)


def of_the_future(path):
    torch.save(torch.load(path, weights_only=True) | {"format": 2}, path)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.unlink(), "There is no model file best.pt"),
        (
            lambda path: path.write_bytes(path.read_bytes()[:-100]),
            "best.pt is not a DAGANSpine model, or it is damaged",
        ),
        (lambda path: path.write_text("a shopping list"), "best.pt is not a DAGANSpine model"),
        (lambda path: torch.save([1, 2], path), "choose the best.pt of a training run"),
        (without_provenance, "best.pt is not a DAGANSpine model"),
        (of_the_future, "best.pt has model format 2, and this version reads format 1"),
    ],
    ids=["missing", "cut off", "no archive", "another archive", "without provenance", "of the future"],
)
def test_a_file_that_is_no_model_is_told_in_a_sentence_and_disables_the_button(chosen, retrained, spoil, words):
    path = retrained()
    spoil(path)
    choose(chosen, path)
    assert words in chosen.ui.modelCardLabel.text
    assert str(path.parent) not in chosen.ui.modelCardLabel.text
    assert not chosen.ui.runButton.enabled
    assert chosen.ui.runButton.toolTip == chosen.ui.modelCardLabel.text.replace("\u200b", "")
    chosen.ui.bundledModelButton.click()
    assert chosen.ui.runButton.enabled


def test_a_file_that_goes_before_the_click_is_told_and_changes_nothing(chosen, retrained, caplog):
    path = retrained()
    choose(chosen, path)
    path.unlink()
    before = nodes()
    chosen.ui.runButton.click()
    assert "There is no model file" in chosen.ui.statusLabel.text
    assert nodes() == before
    assert not chosen.ui.runButton.enabled


def test_a_loaded_model_stays_until_its_file_changes(chosen, volume, retrained, monkeypatch):
    from DAGANSpineLib.inference import Pipeline

    load, loaded = Pipeline.load, []

    def counted(*arguments):
        loaded.append(arguments[0])
        return load(*arguments)

    monkeypatch.setattr(Pipeline, "load", counted)
    path = retrained()
    choose(chosen, path)
    chosen.ui.runButton.click()
    chosen.ui.runButton.click()
    assert loaded == [path]
    retrained(seed=3)
    chosen.ui.runButton.click()
    assert loaded == [path, path]
    chosen.ui.deviceComboBox.currentIndex = 1
    chosen.ui.runButton.click()
    assert loaded == [path, path, path]
    np.testing.assert_array_equal(restored_pixels(), expected_result(volume, path).restored)


def test_the_choice_is_saved_with_the_scene_and_comes_back(panel, scene, retrained, tmp_path):
    path = retrained(name="Größe 1%20;.pt")
    choose(panel, path)
    scene.SetURL(str(tmp_path / "scene.mrml"))
    assert scene.Commit()
    scene.Clear()
    assert panel.ui.modelPathLineEdit.currentPath == ""
    assert panel.ui.modelCardLabel.text.startswith("Bundled model")
    scene.Connect()
    assert panel.ui.modelPathLineEdit.currentPath == str(path)
    assert panel.ui.modelCardLabel.text.startswith(path.name)


def test_a_scene_whose_model_is_not_on_this_computer_says_so(chosen, scene, tmp_path):
    choose(chosen, tmp_path / "elsewhere.pt")
    assert not chosen.ui.runButton.enabled
    assert "There is no model file elsewhere.pt" in chosen.ui.runButton.toolTip


def test_a_model_that_training_wrote_can_be_chosen(chosen, tmp_path):
    pytest.importorskip("accelerate")
    from DAGANSpineLib.training.presets import PRESETS
    from DAGANSpineLib.training.run import RunFolder

    preset = PRESETS["smoke"]
    RunFolder(tmp_path).save_best(Model(preset.generator, preset.segmenter, {"preset": "smoke"}))
    choose(chosen, tmp_path / "best.pt")
    assert chosen.ui.modelCardLabel.text.startswith("best.pt (preset smoke)")
    chosen.ui.runButton.click()
    assert chosen.ui.statusLabel.text.startswith("Done")
