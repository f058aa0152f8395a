"""What several test files share: the host, an empty scene, and models that are quick to run."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from pytorch_extension import asked, extension, shown, without_torch  # noqa: F401 - fixtures, beside what they need

# small networks and pictures gain nothing from more threads, and lose much where other processes want the cores
for threads in ("OMP_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"):
    os.environ.setdefault(threads, "1")

ROOT = Path(__file__).resolve().parents[2]
PART = 384  # rows
sys.path[:0] = [str(ROOT), str(ROOT / "Testing")]


@pytest.fixture
def small_tiles(monkeypatch) -> int:
    """The limit of tiles so small that a test's pictures have several, and a run can be stopped between them."""
    from DAGANSpineLib.inference.tiles import tiles_of

    limit = 40_000
    monkeypatch.setattr("DAGANSpineLib.inference.pipeline.tiles_of", partial(tiles_of, limit=limit))
    return limit


@pytest.fixture
def figures(monkeypatch) -> list:
    """The plots that a test saves, as matplotlib has them."""
    from matplotlib.figure import Figure

    saved, savefig = [], Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *at, **how: (saved.append(self), savefig(self, *at, **how)))
    return saved


@pytest.fixture(scope="session", autouse=True)
def fine():
    """The tests' pictures are small, and count as fine: with their pixels repeated, as a coarse picture's are, they
    would take up to 16 times as long to restore. What a test file imports of it is the usual number."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("DAGANSpineLib.inference.pipeline.COARSE", 1)
        yield


@pytest.fixture(scope="session", autouse=True)
def forked():
    """Whatever was forked ends with the tests."""
    yield
    if "processes" in sys.modules:
        sys.modules["processes"].end()


@pytest.fixture(scope="session")
def host():
    """Slicer without its window, with the module loaded."""
    import SlicerHost

    started = SlicerHost.start()
    started.load(ROOT / "DAGANSpine" / "DAGANSpine.py")
    return started


@pytest.fixture(scope="module")
def swept():
    """What the tests of a file leave of Qt's and VTK's ends in the main thread, and not in a later test's threads."""
    yield
    gc.collect()


@pytest.fixture
def scene(host, swept, monkeypatch):
    """The host's MRML scene, empty before and after. An error in a slot or an observer, which Qt and VTK only print,
    fails the test."""
    printed = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: printed.append(error))
    host.scene.Clear()
    yield host.scene
    host.scene.Clear()
    assert not printed


@pytest.fixture
def library(scene):
    """The library's room `scene`, with an empty scene."""
    from DAGANSpineLib import scene as library

    return library


@pytest.fixture(scope="session")
def small_vpi():
    """A synthetic VPI, uint8 (300, 160): bright body, dark midline and blobs, a burst of black dashes."""
    rows, columns = np.mgrid[:300, :160]
    pixels = 170 + 25 * np.sin(rows / 3) - 120 * np.exp(-(((columns - 80) / 8) ** 2))
    for row in range(30, 300, 40):
        for column in (50, 110):
            pixels -= 110 * np.exp(-(((rows - row) / 9) ** 2 + ((columns - column) / 11) ** 2))
    pixels[(rows % 4 == 0) & (rows > 140) & (rows < 180) & (columns // 6 % 2 == 0)] = 0
    pixels[(columns < 20) | (columns > 140)] = 0
    return pixels.clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def pixels():
    """uint8 (240, 80): noise, so that nothing packs well, within a black margin, from 0 to 255."""
    picture = np.zeros((240, 80), np.uint8)
    picture[20:220, 10:70] = np.random.default_rng(0).integers(0, 256, (200, 60))
    return picture


@pytest.fixture(scope="session")
def simulated(tmp_path_factory):
    """A data set of five simulated subjects, one of them to test on. Their pixels are 0.5 mm, of which each has a sixth
    as many as a real VPI: what is made of them depends on their bones and dashes, not on their size."""
    import SimpleITK as sitk

    from DAGANSpineLib.simulation import simulate_subject

    folder, known = tmp_path_factory.mktemp("simulated") / "coarse", {}
    for index in range(5):
        subject, name = simulate_subject(1_000_003 + index, spacing_mm=0.5), f"sim{index:04d}"
        known[name] = subject.known
        torn = subject.torn.astype(np.uint8)
        pictures = {"images": subject.vpi, "clean": subject.clean, "labels": subject.labels, "torn": torn}
        for kind, pixels in pictures.items():
            (folder / kind).mkdir(parents=True, exist_ok=True)
            sitk.WriteImage(sitk.GetImageFromArray(pixels), str(folder / kind / f"{name}.png"))
    first, test, *others = known
    description = {"name": "Simulated spine VPI, coarse", "train": [first, *others], "test": [test], "subjects": known}
    description["spacing"] = {name: each["spacing_mm"] for name, each in known.items()}
    (folder / "dataset.json").write_text(json.dumps(description), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def part(simulated, tmp_path_factory):
    """The same subjects, a part of each: the rows around its torn ones. For trainings, which learn from patches, and
    restore and validate whole pictures."""
    import SimpleITK as sitk

    folder = tmp_path_factory.mktemp("part") / "part"
    description = json.loads((simulated / "dataset.json").read_text(encoding="utf-8"))
    del description["subjects"]  # whose curves are those of whole spines
    for name in description["spacing"]:
        torn = sitk.GetArrayFromImage(sitk.ReadImage(str(simulated / "torn" / f"{name}.png")))
        middle = int(np.average(np.arange(len(torn)), weights=torn.sum(1) + 1e-9))
        first = min(max(middle - PART // 2, 0), len(torn) - PART)
        for kind in ("images", "clean", "labels", "torn"):
            pixels = sitk.GetArrayFromImage(sitk.ReadImage(str(simulated / kind / f"{name}.png")))
            (folder / kind).mkdir(parents=True, exist_ok=True)
            cut = np.ascontiguousarray(pixels[first : first + PART])
            sitk.WriteImage(sitk.GetImageFromArray(cut), str(folder / kind / f"{name}.png"))
    (folder / "dataset.json").write_text(json.dumps(description), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def data(part):
    """The data set that trainings learn from, where a file has no other."""
    return part


@pytest.fixture(scope="session")
def subject():
    """A simulated subject with two curves whose bones are all seen, of finer pixels than the data set's."""
    from DAGANSpineLib.simulation import simulate_subject

    return simulate_subject(2, spacing_mm=0.3, missing=0.0, curves=2, cobb_deg=35.0)


@pytest.fixture(scope="session")
def upright(subject):
    """The subject's back as a volume, too coarse for figures."""
    from truth import Stored

    from DAGANSpineLib.simulation import simulate_volume

    return Stored.of(simulate_volume(subject, (1.2, 1.2, 1.0)))


@pytest.fixture(scope="session")
def looked_at(upright):
    """The projector of that volume."""
    return upright.projector()


@pytest.fixture(scope="session")
def slim_model_file(tmp_path_factory, small_vpi):
    """A model file of slim, untrained networks that finds some of every class in `small_vpi`."""
    import torch

    from DAGANSpineLib.model import Model, save_model
    from DAGANSpineLib.model.shapes import GeneratorShape, PanopticFPNShape
    from DAGANSpineLib.vpi import normalise

    torch.manual_seed(1)
    model = Model(GeneratorShape((4, 8, 16)), PanopticFPNShape(depth=18, width=8, pyramid=16, head=16))
    for network in model.networks:
        network.eval()
    with torch.inference_mode():
        image = torch.from_numpy(normalise(small_vpi.astype(np.float32)))[None, None]
        logits = model.segmenter(torch.nn.functional.interpolate(image, size=(1024, 256)))
        # untrained networks prefer one class: take the preferences away and spread the scores
        spread = logits.std((0, 2, 3))
        model.segmenter.classify.weight /= spread[:, None, None, None]
        model.segmenter.classify.bias.copy_((model.segmenter.classify.bias - logits.mean((0, 2, 3))) / spread)
    path = tmp_path_factory.mktemp("model") / "slim.pt"
    save_model(model, path)
    path.with_name(path.name + ".sha256").write_text(hashlib.sha256(path.read_bytes()).hexdigest())
    return path


@pytest.fixture
def slim_model(slim_model_file, monkeypatch):
    """The slim model in the place of the bundled one."""
    monkeypatch.setattr("DAGANSpineLib.model.card.BUNDLED", slim_model_file)
    return slim_model_file


@pytest.fixture
def pipeline(slim_model):
    """The slim model at work on the CPU."""
    from DAGANSpineLib.inference import Pipeline

    return Pipeline.load(device="cpu")


@pytest.fixture
def run(monkeypatch, capsys):
    """Run a command as from a shell; returns (exit status, standard output, standard error)."""
    from DAGANSpineLib.__main__ import main

    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["DAGANSpineLib", *map(str, arguments)])
        try:
            status = main()
        except SystemExit as stop:
            status = stop.code
        return status, *capsys.readouterr()

    return command


@pytest.fixture
def segment(run, slim_model):
    """Run the segment command with the slim model, as `run` does."""
    return partial(run, "segment", "--device", "cpu")


@pytest.fixture
def clinic(tmp_path, small_vpi):
    """A folder with three VPI of one size, each a little different."""
    from writers import write

    for index, name in enumerate(("anna.png", "ben.png", "carl.png")):
        write(tmp_path / "clinic" / name, np.roll(small_vpi, 5 * index, 0))
    return tmp_path / "clinic"


@pytest.fixture
def volume(scene, small_vpi):
    """A loaded VPI, not quite where and how large Slicer would put a PNG."""
    import slicer

    matrix = np.diag([-0.6, -0.75, 1, 1])  # 22 cm high, as a small child's spine
    matrix[:3, 3] = 12, -30, 5
    return slicer.util.addVolumeFromArray(small_vpi[np.newaxis], matrix, "VPI")


@pytest.fixture(scope="session")
def spines_read():
    """What was read off labels in a panel, by what it was read off. That takes as long as all else of a run, and most
    runs are of one and the same picture."""
    return {}


@pytest.fixture
def panel(host, scene, slim_model, spines_read, monkeypatch):
    """The module's widget, opened; closed as when Slicer quits. The same labels are read once in all tests."""
    import slicer
    from DAGANSpinePanel import logic

    read = logic.read

    def read_once(*given, **named):
        arguments = (*given, *sorted(named.items()))
        key = tuple((each.shape, each.tobytes()) if isinstance(each, np.ndarray) else each for each in arguments)
        if key not in spines_read:
            spines_read[key] = read(*given, **named)
        return spines_read[key]

    monkeypatch.setattr(logic, "read", read_once)
    widget = host.open("DAGANSpine")
    yield widget
    if hasattr(slicer.modules, "DAGANSpineWidget"):
        host.unload("DAGANSpine")


@pytest.fixture
def reloadable(slim_model):
    """Clicks on Reload. Afterwards the parts that all tests share are in their places again."""
    ours = "DAGANSpine", "DAGANSpineLib", "DAGANSpinePanel"
    kept = {name: module for name, module in sys.modules.items() if name.split(".")[0] in ours}

    def reload(panel):
        panel.onReload()
        import DAGANSpineLib.model.card

        DAGANSpineLib.model.card.BUNDLED = slim_model

    yield reload
    for name in [name for name in sys.modules if name.split(".")[0] in ours]:
        del sys.modules[name]
    sys.modules.update(kept)


@pytest.fixture
def chosen(volume, panel):
    """The panel with the VPI chosen."""
    assert panel.ui.inputSelector.currentNode() is volume
    return panel


@pytest.fixture
def folder(tmp_path):
    """Where the data set is going to be; not there yet."""
    return tmp_path / "clinic"


@pytest.fixture
def ready(chosen, folder):
    """The panel after a run, with a folder chosen for the data set."""
    chosen.ui.runButton.click()
    chosen.ui.trainingPathLineEdit.currentPath = str(folder)
    chosen.ui.trainingCollapsibleButton.collapsed = False
    return chosen


@pytest.fixture
def finds(monkeypatch):
    """A model that finds what its picture was drawn of: `finds(labels, name)` adds such a picture to the scene;
    `sure`: how sure it is of each bone."""
    import slicer
    from drawn_spine import CORONAL

    from DAGANSpineLib.inference import Pipeline, Result
    from DAGANSpineLib.scene import OneSlice

    known = {}

    def run(pipeline, pixels, progress=lambda *_: None, spacing=None):
        progress(0.5, "Segmenting")
        labels, sure = known.get(pixels.shape, (np.zeros(pixels.shape, np.uint8), 1.0))
        probabilities = np.stack([sure * (labels == value) for value in range(4)]).astype(np.float32)
        return Result(pixels.astype(np.uint8), labels, probabilities, np.ones(labels.shape, bool), {"segment": 0.1}, [])

    def add(labels, name="VPI", matrix=CORONAL, stored=lambda picture: picture[np.newaxis], sure=1.0):
        known[labels.shape] = labels, sure
        picture = np.where(labels > 0, 60, 180).astype(np.uint8)
        picture[:, [0, 1, -2, -1]] = 0
        volume = slicer.util.addVolumeFromArray(np.ascontiguousarray(stored(picture)), matrix, name)
        assert OneSlice.of(volume).size == labels.shape
        return volume

    monkeypatch.setattr(Pipeline, "run", run)
    return add


@pytest.fixture
def spine(finds, panel):
    """The panel after a run on an S-shaped spine: the volume."""
    from drawn_spine import labels_of

    volume = finds(labels_of())
    panel.ui.inputSelector.setCurrentNode(volume)
    panel.ui.runButton.click()
    return volume
