"""What earlier versions have trained is still read: `stored/` has a run folder of version 0.1."""

import json
import lzma
from pathlib import Path

import numpy as np
import pytest

from DAGANSpineLib.inference import Pipeline
from DAGANSpineLib.model import Model, load_model
from DAGANSpineLib.model.shapes import RESTORERS, SEGMENTERS, shape_of
from DAGANSpineLib.training import RunError, RunFolder

STORED = Path(__file__).parent / "stored"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stored") / "run"
    folder.mkdir()
    for path in STORED.iterdir():
        (folder / path.name.removesuffix(".xz")).write_bytes(
            lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
        )
    return RunFolder(folder)


@pytest.fixture(scope="module")
def configuration(run):
    return json.loads(run.configuration.read_text(encoding="utf-8"))


def test_its_best_model_loads_and_restores(run, small_vpi):
    model = load_model(run.best)
    assert model.provenance["preset"] == "smoke" and model.provenance["validation dice"] == 0.098
    result = Pipeline(model, "cpu").run(small_vpi.astype(np.float32))
    assert result.labels.shape == small_vpi.shape
    assert (result.restored != small_vpi)[result.body].any()  # the generator's weights are the run's own


def test_its_checkpoint_fits_the_networks_that_its_configuration_describes(run, configuration):
    checkpoint = run.checkpoint()
    assert (checkpoint["stage"], checkpoint["step"]) == (1, 6)
    model = Model(shape_of(RESTORERS, configuration["generator"]), shape_of(SEGMENTERS, configuration["segmenter"]))
    model.generator.load_state_dict(checkpoint["generator"])
    model.segmenter.load_state_dict(checkpoint["segmenter"])
    assert checkpoint["provenance"]["data"] == configuration["data"]


def test_its_folder_is_taken_for_a_run_of_its_own_settings(run, configuration):
    run.admit(configuration, resume=True)


def test_a_damaged_checkpoint_is_noticed(run):
    whole = run.last.read_bytes()
    try:
        for place in range(len(whole) // 10, len(whole), len(whole) // 9):
            flipped = bytearray(whole)
            flipped[place] ^= 4
            run.last.write_bytes(flipped)
            with pytest.raises(RunError, match="damaged"):
                run.checkpoint()
    finally:
        run.last.write_bytes(whole)
    with pytest.raises(RunError, match="at stage 1, and this run has 0"):
        run.checkpoint(stages=0)
