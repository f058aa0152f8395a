"""Odd files by the hundred: each gives a picture, the same as its twins', or a sentence; never a traceback.

A longer run: Testing/Benchmarks/fuzz.py --minutes N.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oddities import ENDINGS, coded, damages, odd_headers, pictures, records, twins, write

from DAGANSpineLib.errors import UserError
from DAGANSpineLib.projection import read_input
from DAGANSpineLib.training import open_dataset
from DAGANSpineLib.vpi import lit_body, read_vpi

SLOWEST = 20  # seconds of processor that one odd file may take
QUICK = settings(max_examples=60, deadline=None, database=None, derandomize=True,
                 suppress_health_check=list(HealthCheck))  # fmt: skip


def read(path):
    """The VPI of a file, or None for a sentence."""
    begin = time.process_time()
    try:
        vpi, _projected = read_input(path)
    except UserError as error:
        assert 10 < len(str(error)) < 2000
        return None
    finally:
        assert time.process_time() - begin < SLOWEST
    assert vpi.pixels.dtype == np.float32 and np.isfinite(vpi.pixels).all()
    assert vpi.pixels.min() >= 0 and vpi.pixels.max() <= 255
    assert lit_body(vpi.pixels).shape == vpi.pixels.shape
    return vpi


def twins_give_one_picture(folder, data):
    picture, coding, ending = data.draw(twins())
    vpi = read_vpi(write(coded(picture, coding), ending, folder / f"twin.{ending}"))
    told = coding in ("8 bits", "fractions", "-1 to 1")  # what white is; else it is the brightest pixel
    expected = picture if told else picture * (255 / picture.max())
    np.testing.assert_allclose(vpi.pixels, expected, atol=1.01, err_msg=f"{coding} {ending}")


def damaged_files_give_a_picture_or_a_sentence(folder, data):
    ending = data.draw(st.sampled_from(ENDINGS))
    path = write(data.draw(pictures()), ending, folder / f"whole.{ending}")
    damaged = folder / f"damaged.{ending}"
    damaged.write_bytes(data.draw(damages(path.read_bytes())))
    read(damaged)


def odd_headers_give_a_sentence_and_cost_little(folder, data):
    name, content = data.draw(odd_headers())
    (folder / name).write_bytes(content)
    read(folder / name)


def odd_records_give_a_sentence(folder, data):
    (folder / "dataset.json").write_bytes(data.draw(records()))
    with pytest.raises(UserError):
        open_dataset(folder)


CHECKS = (
    twins_give_one_picture,
    damaged_files_give_a_picture_or_a_sentence,
    odd_headers_give_a_sentence_and_cost_little,
    odd_records_give_a_sentence,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_of_odd_files(check):
    with tempfile.TemporaryDirectory() as folder:  # not pytest's, which is one for all examples as well

        @QUICK
        @given(data=st.data())
        def examples(data):
            check(Path(folder), data)

        examples()
