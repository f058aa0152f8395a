"""The module's own test, DAGANSpineTest, as Slicer runs it: by Reload and Test, and as a unit test of its build."""

import sys
import unittest

import pytest

slicer = pytest.importorskip("slicer")
pytest.importorskip("torch")
pytest.importorskip("PySide6")


@pytest.fixture
def self_test(host, scene):
    """Runs it as Reload and Test does. The panel that it opens is closed afterwards, as when Slicer quits."""
    yield slicer.selfTests["DAGANSpine"]
    if hasattr(slicer.modules, "DAGANSpineWidget"):
        host.unload("DAGANSpine")


def test_it_passes_with_the_bundled_model(self_test, caplog):
    with caplog.at_level("INFO"):
        self_test()
    assert "From the sample to the report: all there." in caplog.text
    assert "test_aChosenModelFileIsUsed was skipped" not in caplog.text


def test_it_fails_where_the_path_is_broken(self_test, slim_model, monkeypatch):
    from DAGANSpineLib import scene as library
    from DAGANSpineLib.errors import UserError

    def fail(*_):
        raise UserError("The results are lost.")

    monkeypatch.setattr(library, "publish", fail)
    with pytest.raises(UserError, match="lost"):
        self_test()


def test_without_torch_it_says_what_it_could_not_test_and_installs_nothing(self_test, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda *_, **__: pytest.fail("asked to install"))
    with caplog.at_level("INFO"):
        self_test()
    skipped = [record.message for record in caplog.records if "was skipped" in record.message]
    assert skipped == [
        "test_aChosenModelFileIsUsed was skipped: PyTorch is not installed.",
        "test_theWholePath was skipped: PyTorch is not installed.",
        "test_twoModelsAreCompared was skipped: PyTorch is not installed.",
    ]


def test_as_a_unit_test_without_torch_it_counts_as_skipped_not_as_passed(self_test, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    result = unittest.TestResult()
    unittest.TestLoader().loadTestsFromName("DAGANSpine").run(result)
    assert result.wasSuccessful()
    assert result.testsRun - len(result.skipped) == 1  # how to get torch
    assert {reason for _, reason in result.skipped} == {"PyTorch is not installed."}
