"""Make the simulated spines in Resources/SampleData: `python Testing/make_samples.py`.

Their seeds lie beyond those of every data set of fewer than 900 000 subjects, so that no model has learnt from them.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from DAGANSpineLib.simulation import Subject, simulate_subject  # noqa: E402
from DAGANSpineLib.simulation.volume import AXES_LPS, pool, simulate_volume  # noqa: E402

VOXEL_MM = (0.8, 0.8, 1.4)  # rows, columns, depth: coarser than a scanner's, so that the volume stays small
THUMBNAIL = (280, 260)  # rows, columns, as Slicer's Sample Data module asks
CHECKSUMS = "SHA256SUMS"


def as_picture(subject: Subject) -> sitk.Image:
    """The VPI as a hospital's export often has it: a picture, without pixel size and orientation."""
    return sitk.GetImageFromArray(subject.vpi)


def as_plane(subject: Subject) -> sitk.Image:
    """The VPI as a coronal plane in the patient's coordinates, with its pixel size."""
    image = sitk.GetImageFromArray(subject.vpi[None])
    rows, columns = subject.known["spacing_mm"]
    image.SetSpacing((columns, rows, 1.0))
    image.SetDirection(AXES_LPS[:, [1, 0, 2]].ravel().tolist())
    return image


def as_volume(subject: Subject) -> sitk.Image:
    """The voxels that the VPI is a projection of."""
    return simulate_volume(subject, VOXEL_MM).image()


@dataclass(frozen=True)
class Sample:
    """A file in Resources/SampleData, and how its spine is simulated."""

    file: str
    seed: int
    curves: int
    cobb_deg: float | None
    image: Callable[[Subject], sitk.Image]
    severity: str = "mixed"

    def subject(self) -> Subject:
        return simulate_subject(self.seed, severity=self.severity, curves=self.curves, cobb_deg=self.cobb_deg)


SAMPLES = (
    Sample("simulated-straight.nrrd", 900103, 0, None, as_plane),
    Sample("simulated-single-curve.png", 900101, 1, 38.0, as_picture),
    Sample("simulated-double-curve-volume.nrrd", 900105, 2, 32.0, as_volume),
    Sample("simulated-torn-sweep.png", 900010, 1, 30.0, as_picture, "severe"),
)


def thumbnail(vpi: np.ndarray) -> np.ndarray:
    """The whole VPI, small, on black: uint8 `THUMBNAIL`."""
    step = max(vpi.shape[0] / THUMBNAIL[0], vpi.shape[1] / THUMBNAIL[1])
    small = (pool(vpi, (step, step)) / step**2).round().clip(0, 255).astype(np.uint8)[: THUMBNAIL[0], : THUMBNAIL[1]]
    picture = np.zeros(THUMBNAIL, np.uint8)
    top, left = (np.array(THUMBNAIL) - small.shape) // 2
    picture[top : top + small.shape[0], left : left + small.shape[1]] = small
    return picture


def make_samples(folder: Path) -> None:
    """Write the samples, their thumbnails and their checksums into `folder`."""
    (folder / "Thumbnails").mkdir(parents=True, exist_ok=True)
    lines = []
    for sample in SAMPLES:
        subject, path = sample.subject(), folder / sample.file
        sitk.WriteImage(sample.image(subject), str(path), useCompression=True)
        small = sitk.GetImageFromArray(thumbnail(subject.vpi))
        sitk.WriteImage(small, str(folder / "Thumbnails" / f"{path.stem}.png"), useCompression=True)
        lines.append(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")
        print(f"{path}: {subject.known['curve_type']}, {path.stat().st_size / 1e6:.1f} MB")
    (folder / CHECKSUMS).write_bytes("".join(lines).encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=ROOT / "Resources" / "SampleData", help="folder")
    make_samples(parser.parse_args().output)


if __name__ == "__main__":
    main()
