"""The bundled simulated spines: what the script makes, found by Slicer's Sample Data module, one click away."""

import functools
import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "Resources" / "SampleData"
sys.path.insert(0, str(ROOT / "Testing"))

import make_samples  # noqa: E402

from DAGANSpineLib.vpi import read_vpi  # noqa: E402

subject_of = functools.cache(make_samples.Sample.subject)  # a second or two each


@pytest.mark.parametrize("sample", make_samples.SAMPLES, ids=lambda sample: sample.file)
def test_the_script_makes_the_bundled_samples(sample):
    """But for a pixel in thousands that rounds to the next grey on another platform."""
    made, bundled = sample.image(subject_of(sample)), sitk.ReadImage(str(FOLDER / sample.file))
    pixels, stored = (sitk.GetArrayFromImage(image).astype(int) for image in (made, bundled))
    assert pixels.shape == stored.shape
    assert np.abs(pixels - stored).max() <= 1 and (pixels != stored).mean() < 1e-3
    for name in ("Spacing", "Origin", "Direction"):
        np.testing.assert_allclose(getattr(made, f"Get{name}")(), getattr(bundled, f"Get{name}")(), atol=1e-9)


def test_the_checksums_are_those_of_the_files():
    lines = (FOLDER / make_samples.CHECKSUMS).read_text(encoding="utf-8").splitlines()
    recorded = {name: digest for digest, name in map(str.split, lines)}
    assert recorded == {
        sample.file: hashlib.sha256((FOLDER / sample.file).read_bytes()).hexdigest() for sample in make_samples.SAMPLES
    }


def test_nothing_else_is_bundled_and_all_of_it_is_small_and_said_to_be_simulated():
    names = {path.name for path in FOLDER.iterdir()}
    assert names == {"README.md", "SHA256SUMS", "Thumbnails", *(sample.file for sample in make_samples.SAMPLES)}
    assert all(sample.file.startswith("simulated-") for sample in make_samples.SAMPLES)
    assert sum(path.stat().st_size for path in FOLDER.rglob("*")) < 8e6
    for sample in make_samples.SAMPLES:
        thumbnail = sitk.ReadImage(str(FOLDER / "Thumbnails" / f"{Path(sample.file).stem}.png"))
        assert thumbnail.GetSize() == make_samples.THUMBNAIL[::-1]


def test_one_is_straight_one_has_one_curve_one_two_and_one_is_torn():
    curves = [subject_of(sample).known["curve_type"] for sample in make_samples.SAMPLES]
    assert curves == ["straight", "single", "double", "single"]
    torn = [subject_of(sample).torn.mean() for sample in make_samples.SAMPLES]
    assert torn[3] > 0.1 > 2 * max(torn[:3])


def test_no_training_has_seen_them():
    """Subject i of the data set of seed S has the seed 1000003 S + i."""
    assert all(sample.seed % 1_000_003 >= 900_000 for sample in make_samples.SAMPLES)


def test_the_plane_is_read_upright_with_its_pixel_size():
    plane, straight = read_vpi(FOLDER / "simulated-straight.nrrd"), subject_of(make_samples.SAMPLES[0])
    np.testing.assert_allclose(plane.spacing, straight.known["spacing_mm"])
    assert (np.abs(plane.pixels - straight.vpi) <= 1).all()


slicer = pytest.importorskip("slicer")
pytest.importorskip("PySide6")


@pytest.fixture
def titles(host):
    from DAGANSpinePanel.samples import samples

    return [sample.title for sample in samples()]


def test_the_panel_offers_every_bundled_sample(host):
    from DAGANSpinePanel.samples import samples

    assert [sample.file for sample in samples()] == [sample.file for sample in make_samples.SAMPLES]
    assert all("imulated" in sample.title for sample in samples())


def menu_of(panel):
    return [action for action in panel.ui.sampleButton.menu().actions() if not action.isSeparator()]


@pytest.mark.parametrize("index", range(4))
def test_a_sample_is_loaded_and_chosen_by_a_click(panel, titles, index):
    actions = menu_of(panel)
    assert [action.text() for action in actions] == titles
    actions[index].trigger()
    volume = panel.ui.inputSelector.currentNode()
    assert volume.GetName() == titles[index]
    stored = sitk.GetArrayFromImage(sitk.ReadImage(str(FOLDER / make_samples.SAMPLES[index].file)))
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(volume).squeeze(), stored.squeeze())
    assert panel.logic.getParameterNode().inputVolume is volume


def test_every_sample_can_be_run_at_once(panel):
    for action in menu_of(panel):
        action.trigger()
        assert panel.ui.runButton.enabled, panel.ui.runButton.toolTip


def test_a_sample_loaded_twice_gets_another_name(panel, titles):
    for _ in range(2):
        menu_of(panel)[1].trigger()
    assert panel.ui.inputSelector.currentNode().GetName() not in ("", titles[1])


def test_no_sample_is_loaded_in_mid_run(chosen):
    from clinician import during_the_run

    enabled = []
    during_the_run(chosen, lambda: enabled.append(chosen.ui.sampleButton.enabled), "Restoring")
    chosen.ui.runButton.click()
    assert enabled == [False] and chosen.ui.sampleButton.enabled


def test_a_sample_that_is_not_there_is_told_in_a_sentence(panel, scene, monkeypatch, tmp_path):
    told = []
    monkeypatch.setattr("DAGANSpinePanel.samples.FOLDER", tmp_path)
    monkeypatch.setattr(slicer.util, "errorDisplay", lambda text, **_: told.append(text))
    menu_of(panel)[1].trigger()
    assert len(told) == 1 and "simulated-single-curve.png" in told[0] and "install the extension again" in told[0]
    assert panel.ui.inputSelector.currentNode() is None


def test_slicers_sample_data_module_lists_and_loads_them(scene, titles):
    import SampleData

    sources = slicer.modules.sampleDataSources["DAGANSpine"]
    assert [source.sampleName for source in sources] == titles
    assert SampleData.SampleDataLogic.categories["DAGANSpine"] == "DAGANSpine"
    for title in titles:
        (node,) = SampleData.SampleDataLogic().downloadSamples(title)
        assert node.GetName() == title


def test_slicer_5_10_which_knows_no_titles_of_categories_lists_them_as_well(scene, titles, monkeypatch):
    import SampleData
    from DAGANSpinePanel.samples import registerSamples

    monkeypatch.delattr(SampleData.SampleDataLogic, "registerCustomSampleDataCategory")
    monkeypatch.setattr(slicer.modules, "sampleDataSources", {})
    registerSamples()
    assert [source.sampleName for source in slicer.modules.sampleDataSources["DAGANSpine"]] == titles


def test_slicer_starts_without_its_sample_data_module_as_well(host, monkeypatch):
    from DAGANSpinePanel.samples import registerSamples

    monkeypatch.setitem(sys.modules, "SampleData", None)
    registerSamples()
