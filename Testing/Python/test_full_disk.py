"""A full disk: one sentence, and nothing half-written, whatever was being written.

A limit on files' sizes stands for it: what goes beyond is refused by the system in the middle of a file.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from DAGANSpineLib.files import FullDiskError, whole_file, whole_folder
from DAGANSpineLib.vpi import read_vpi, write_image

resource = pytest.importorskip("resource", reason="Windows has no limits")
torch = pytest.importorskip("torch")

NOISE = sitk.GetImageFromArray(np.random.default_rng(0).integers(0, 255, (90, 120), np.uint8))


@pytest.fixture
def limited():
    """Lets no file grow beyond so many bytes, until the test is over."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda most: resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("ending", ["png", "nrrd", "nii", "nii.gz", "mha"])
def test_no_image_is_cut_off_without_a_word(ending, tmp_path, limited):
    path = tmp_path / f"a.{ending}"
    write_image(NOISE, path)
    whole = path.stat().st_size
    assert read_vpi(path).pixels.shape == (90, 120)
    for most in (0, 1, 100, whole // 2, *range(whole - 3000, whole, 500), whole - 1):
        limited(most)
        with pytest.raises(OSError, match="No space left"):
            write_image(NOISE, path)


def test_a_file_without_room_is_named_and_the_former_stays(tmp_path, limited):
    path = tmp_path / "a.txt"
    path.write_text("before")
    limited(100)
    with pytest.raises(OSError) as caught, whole_file(path) as partial:
        partial.write_text("x" * 1000)
    assert caught.value.filename == str(path) and path.read_text() == "before"
    with pytest.raises(FullDiskError, match=r"a\.txt can't be written: is the disk full"), whole_file(path) as partial:
        torch.save({"weights": torch.zeros(1000)}, partial)
    with pytest.raises(FullDiskError, match="folder can't be written"), whole_folder(tmp_path / "folder") as partial:
        (partial / "b.txt").write_text("x" * 1000)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder that nobody can write to")
def test_a_folder_that_can_not_be_written_is_no_matter_of_temporary_names():
    with pytest.raises(OSError) as caught, whole_file(Path("/proc") / "a.txt"):
        pass
    assert caught.value.filename == "/proc/a.txt"


def command(say, output, most, arguments):
    """Run a command in a process whose files may not grow beyond `most` bytes."""
    from DAGANSpineLib.__main__ import main
    from DAGANSpineLib.evaluation import changed_pictures
    from DAGANSpineLib.simulation import comparison, dataset, simulate_subject

    # to be quick: no processes of their own, coarse subjects, one change
    dataset.ProcessPoolExecutor = lambda workers, context, begin: ThreadPoolExecutor(1)
    dataset.simulate_subject = comparison.simulate_subject = lambda seed, severity, **size: simulate_subject(
        seed, severity=severity, spacing_mm=0.5
    )
    changed_pictures.CHANGES = dict(list(changed_pictures.CHANGES.items())[-1:])
    with output.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    sys.argv = ["daganspine", *map(str, arguments)]
    say.send(main())


SAID = {  # a command's arguments, bytes that fit, and what it leaves; DATA, MODEL, VPI and OUT stand for paths
    "segment": (("VPI", "-o", "OUT", "--model", "MODEL", "--device", "cpu"), 4000, []),
    "project": (("VOLUME", "-o", "OUT.nrrd"), 400, []),
    "simulate": (("-o", "OUT", "--subjects", "2"), 10_000, []),
    "compare": (("VPI", "-o", "OUT", "--subjects", "2"), 5000, []),
    "evaluate": (("--data", "DATA", "-o", "OUT", "--model", "MODEL", "--device", "cpu"), 30_000, []),
    "robustness": (("--data", "DATA", "-o", "OUT", "--model", "MODEL", "--device", "cpu"), 20_000, []),
    "train": (("--data", "DATA", "-o", "OUT", "--preset", "smoke"), 30_000, ["config.json", "metrics.csv"]),
    "train, its log": (("--data", "DATA", "-o", "OUT", "--preset", "smoke"), 1500, ["config.json", "metrics.csv"]),
    "benchmark": (
        ("--data", "DATA", "-o", "OUT", "--budget", "smoke", "--systems", "u-net", "--seeds", "0", "--device", "cpu"),
        12_000,
        ["runs", "settings.json"],
    ),
}


@pytest.mark.parametrize("name", SAID)
def test_a_command_says_one_sentence_and_leaves_nothing_half_written(name, tmp_path, simulated, slim_model_file):
    import processes

    arguments, most, left = SAID[name]
    volume = tmp_path / "volume.nrrd"
    if "VOLUME" in arguments:
        depth = 255 * np.exp(-np.arange(40) / 12)
        sitk.WriteImage(sitk.GetImageFromArray(np.broadcast_to(depth, (200, 60, 40)).astype(np.uint8)), str(volume))
    places = {"DATA": simulated, "MODEL": slim_model_file, "VPI": next((simulated / "images").iterdir()),
              "VOLUME": volume, "OUT": tmp_path / "out", "OUT.nrrd": tmp_path / "out.nrrd"}  # fmt: skip
    before = set(tmp_path.iterdir())
    words = [name.partition(",")[0], *(places.get(each, each) for each in arguments)]
    process, hear = processes.start(command, tmp_path / "said.txt", most, words)
    status = hear.recv()
    process.join()
    said = (tmp_path / "said.txt").read_text()
    assert status == 2 and "Traceback" not in said, said
    (complaint,) = [line for line in said.replace("\r", "\n").splitlines() if line.startswith(words[0] + ":")]
    assert str(tmp_path / "out") in complaint and "can't be" in complaint
    after = {path for path in tmp_path.iterdir() if path not in before and path.name != "said.txt"}
    assert after == ({tmp_path / "out"} if left else set())
    if left:
        entries = {path.name for path in (tmp_path / "out").iterdir()}
        assert {each for each in entries if not each.startswith(("events", "restored"))} == set(left)
