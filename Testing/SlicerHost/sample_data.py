"""The module `SampleData`, as far as other modules register samples with it."""

from __future__ import annotations

import hashlib
import types
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlparse
from urllib.request import url2pathname

import slicer
import slicer.util


class SampleDataSource:
    """One sample; what the Sample Data module would stumble over when somebody clicks it raises at once."""

    def __init__(
        self,
        sampleName: str,
        uris: str,
        fileNames: str,
        nodeNames: str,
        checksums: str,
        thumbnailFileName: str,
        loadFileType: str,
        loadFileProperties: dict[str, object],
    ) -> None:
        self.sampleName, self.nodeNames, self.fileNames, self.uris = sampleName, nodeNames, fileNames, uris
        self.loadFileType, self.loadFileProperties = loadFileType, loadFileProperties
        self.thumbnailFileName, self.checksums = thumbnailFileName, checksums
        if not Path(thumbnailFileName).is_file():
            raise FileNotFoundError(thumbnailFileName)
        algorithm, digest = checksums.split(":")
        if hashlib.new(algorithm.lower(), self.path.read_bytes()).hexdigest() != digest:
            raise ValueError(f"{self.path} has another checksum than {checksums}")

    @property
    def path(self) -> Path:
        address = urlparse(self.uris)
        if address.scheme != "file":
            raise ValueError(f"Nothing is downloaded: {self.uris}")
        return Path(url2pathname(address.path))


class SampleDataLogic:
    """Keeps the sources in `slicer.modules.sampleDataSources`, by category."""

    categories: ClassVar[dict[str, str]] = {}

    @staticmethod
    def registerCustomSampleDataCategory(category: str, title: str) -> None:
        """Since Slicer 5.12."""
        SampleDataLogic.categories[category] = title

    @staticmethod
    def registerCustomSampleDataSource(
        category: str = "Custom",
        sampleName: str | None = None,
        uris: str | None = None,
        fileNames: str | None = None,
        nodeNames: str | None = None,
        customDownloader: object = None,
        thumbnailFileName: str | None = None,
        loadFileType: str = "VolumeFile",
        loadFiles: bool | None = None,
        loadFileProperties: dict[str, object] = {},  # noqa: B006  as Slicer's
        checksums: str | None = None,
    ) -> None:
        source = SampleDataSource(
            sampleName, uris, fileNames, nodeNames, checksums, thumbnailFileName, loadFileType, loadFileProperties
        )
        if not hasattr(slicer.modules, "sampleDataSources"):
            slicer.modules.sampleDataSources = {}
        slicer.modules.sampleDataSources.setdefault(category, []).append(source)

    def downloadSamples(self, sampleName: str) -> list[slicer.vtkMRMLNode]:
        every = [source for sources in slicer.modules.sampleDataSources.values() for source in sources]
        (source,) = (source for source in every if source.sampleName == sampleName)
        properties = {**source.loadFileProperties, "name": source.nodeNames}
        return [slicer.util.loadNodeFromFile(str(source.path), source.loadFileType, properties)]


def as_module() -> types.ModuleType:
    module = types.ModuleType("SampleData")
    module.SampleDataLogic, module.SampleDataSource = SampleDataLogic, SampleDataSource
    return module
