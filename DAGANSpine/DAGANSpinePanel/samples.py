"""The bundled simulated spines: one click away in the panel, and in Slicer's Sample Data module."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

import DAGANSpineLib

FOLDER = Path(DAGANSpineLib.__file__).resolve().parent.parent / "Resources" / "SampleData"
CATEGORY = "DAGANSpine"
AS_ONE = {"singleFile": True}  # or Slicer would stack a picture with its numbered neighbours


@dataclass(frozen=True)
class Sample:
    """A file among the samples, and what people read of it."""

    file: str
    title: str

    @property
    def path(self):
        return FOLDER / self.file

    @property
    def thumbnail(self):
        return FOLDER / "Thumbnails" / f"{self.path.stem}.png"


def samples():
    return (
        Sample("simulated-straight.nrrd", _("Simulated straight spine (VPI)")),
        Sample("simulated-single-curve.png", _("Simulated single curve (VPI as a picture)")),
        Sample("simulated-double-curve-volume.nrrd", _("Simulated double curve (volume)")),
        Sample("simulated-torn-sweep.png", _("Simulated severely torn sweep (VPI as a picture)")),
    )


def isSample(volume):
    """Whether this volume was loaded from one of the bundled files, or from the copy that Sample Data makes of it."""
    storage = volume.GetStorageNode()
    return storage is not None and Path(storage.GetFileName() or "").name in [sample.file for sample in samples()]


def registerSamples():
    """List the samples in the Sample Data module; once, when Slicer has started."""
    try:
        from SampleData import SampleDataLogic
    except ModuleNotFoundError:  # Slicer can be started without that module
        return
    if hasattr(SampleDataLogic, "registerCustomSampleDataCategory"):  # since Slicer 5.12
        SampleDataLogic.registerCustomSampleDataCategory(CATEGORY, title=CATEGORY)
    digests = {
        name: digest
        for digest, name in map(str.split, (FOLDER / "SHA256SUMS").read_text(encoding="utf-8").splitlines())
    }
    for sample in samples():
        SampleDataLogic.registerCustomSampleDataSource(
            category=CATEGORY,
            sampleName=sample.title,
            uris=sample.path.as_uri(),
            fileNames=sample.file,
            nodeNames=sample.title,
            checksums=f"SHA256:{digests[sample.file]}",
            thumbnailFileName=str(sample.thumbnail),
            loadFileType="VolumeFile",
            loadFileProperties=AS_ONE,
        )


class SampleMenu:
    """The panel's button that loads a sample.

    `ui`: the panel's widgets. `onLoaded`: called with the new volume node.
    """

    def __init__(self, ui, onLoaded):
        self._onLoaded = onLoaded
        self._menu = qt.QMenu(ui.sampleButton)
        for sample in samples():
            self._menu.addAction(sample.title).triggered.connect(partial(self.load, sample))
        ui.sampleButton.setMenu(self._menu)

    def load(self, sample, *_arguments):
        try:
            node = slicer.util.loadVolume(str(sample.path), {**AS_ONE, "name": sample.title})
        except RuntimeError as error:
            text = _("The sample {file} can't be loaded: install the extension again.").format(file=sample.path)
            slicer.util.errorDisplay(text, windowTitle="DAGANSpine", detailedText=str(error))
            return
        self._onLoaded(node)
