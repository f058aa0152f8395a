"""The scanner's voxel volume of a simulated subject, whose projection is the subject's VPI.

Patient coordinates are LPS, in mm. The VPI is seen from behind, as the scanner shows it and as scoliosis is read: the
picture's right is the patient's right.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..vpi import write_image
from .back import Slab
from .echo import blur
from .grid import pool
from .subject import Subject
from .texture import smooth_field
from .tissue import Columns, fill

AIR_MM = 4.0  # of air behind the most prominent skin
BELOW_MM = 16.0  # of depth below the slab's floor
DEEPEST_MM = 7.0  # below the slab's floor: laminae and pleura, where no bone stands in the slab
# LPS directions (as columns) of growing row, column and depth: to the feet, to the patient's right, forward.
AXES_LPS = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]])


@dataclass(frozen=True)
class Volume:
    """A simulated voxel volume, and what is true of it.

    `voxels`: uint8 (rows, columns, depth): head to feet, patient's left to right, back to front; 0 where the sweep left
    nothing. `spacing`: mm between rows, columns, depths. `index_to_lps`: (4, 4), from (row, column, depth, 1).
    `skin`: float32 (rows, columns), mm from the centre of the first voxel in depth to the skin. `vpi`: uint8 (rows,
    columns), the mean over the `slab` under the skin, along depth; 0 where unfilled or unlit. `centres`: by name, the
    point of each drawn bone's surface over its centre, (3,) LPS.
    """

    voxels: np.ndarray
    spacing: tuple[float, float, float]
    index_to_lps: np.ndarray
    skin: np.ndarray
    vpi: np.ndarray
    slab: Slab
    centres: dict[str, np.ndarray]

    def image(self) -> sitk.Image:
        """The voxels as ITK and Slicer know them, with spacing, origin and directions."""
        image = sitk.GetImageFromArray(self.voxels)
        image.SetSpacing(self.spacing[::-1])
        image.SetOrigin(self.index_to_lps[:3, 3].tolist())
        image.SetDirection((self.index_to_lps[:3, 2::-1] / self.spacing[::-1]).ravel().tolist())
        return image


def write_volume(volume: Volume, path: Path) -> None:
    """Write a volume, compressed, in a format that keeps its geometry (NRRD, NIfTI, MHA)."""
    write_image(volume.image(), path)


def simulate_volume(
    subject: Subject,
    spacing: tuple[float, float, float] = (0.45, 0.45, 0.45),
    rotation: np.ndarray | None = None,
    noise: bool = True,
) -> Volume:
    """The volume whose projection is the subject's VPI (its clean one without `noise`).

    `spacing`: mm between rows, columns, depths; voxels larger than the VPI's pixels hold the mean of the filled ones.
    `rotation`: (3, 3), turns patient and voxel grid together about the volume's middle, which is LPS 0; None: upright.
    Raises ValueError where `rotation` is no rotation, or where a voxel is deeper than half of the slab.
    """
    slab = Slab(**subject.known["slab"])
    if min(spacing) <= 0 or spacing[2] > slab.thickness_mm / 2:
        raise ValueError(f"Voxels of 0 to {slab.thickness_mm / 2} mm of depth show the slab, not of {spacing}.")
    rotation = np.eye(3) if rotation is None else np.asarray(rotation, float)
    if not np.allclose(rotation @ rotation.T, np.eye(3)) or np.linalg.det(rotation) < 0:
        raise ValueError("A rotation is an orthonormal matrix of determinant 1.")
    rng = np.random.Generator(np.random.PCG64([subject.known["seed"], 3]))
    columns = _columns(rng, subject, slab, spacing, noise)
    lit = columns.slab > 0
    depth = int(np.ceil((columns.skin[lit].max() + slab.floor_mm + BELOW_MM) / spacing[2]))
    voxels = np.empty((*lit.shape, depth), np.uint8)
    for rows, grey in fill(columns, slab, spacing, depth, rng):
        voxels[rows] = grey
    index_to_lps = np.eye(4)
    index_to_lps[:3, :3] = rotation @ AXES_LPS * spacing
    index_to_lps[:3, 3] = -index_to_lps[:3, :3] @ (np.array(voxels.shape) - 1) / 2
    return Volume(
        voxels=voxels, spacing=spacing, index_to_lps=index_to_lps, skin=columns.skin,
        vpi=np.rint(columns.slab).astype(np.uint8), slab=slab, centres=_centres(subject, index_to_lps, spacing),
    )  # fmt: skip


def _columns(
    rng: np.random.Generator, subject: Subject, slab: Slab, spacing: tuple[float, float, float], noise: bool
) -> Columns:
    """The subject's maps on the volume's grid, and the soft tissue that they leave open."""
    pixel = subject.known["spacing_mm"]
    step = spacing[0] / pixel[0], spacing[1] / pixel[1]
    cell, covered = step[0] * step[1], pool(np.ones(subject.clean.shape), step)
    lit = pool(subject.body, step)
    clean = pool(subject.clean * subject.body, step) / np.maximum(lit, 1e-6)
    picture = (subject.vpi if noise else subject.clean) * subject.body
    filled = pool(picture > 0, step)
    grey = pool(picture, step) / np.maximum(filled, 1e-6)
    grey[(lit < 0.5 * cell) | (filled < 0.5 * cell)] = 0

    skin = pool(subject.skin, step) / covered
    bone = pool(subject.bone_depth, step) / covered
    muscle = _muscle_grey(clean, (lit > 0.5 * cell) & (bone > slab.floor_mm - 0.2 * slab.thickness_mm), spacing)
    # a frame's gain is that of its whole depth
    muscle *= np.where(grey > 0, np.clip(grey / np.maximum(clean, 1), 0.6, 1.6), 1)
    bone = _with_flanks(bone, slab, spacing)
    uneven = 1 + 0.2 * smooth_field(rng, skin.shape, (40 / spacing[0], 25 / spacing[1]))
    maps = {
        "skin": AIR_MM - spacing[2] / 2 + subject.skin[subject.body].max() - skin,
        "fascia": np.clip(rng.uniform(3.5, 6.0) * uneven, 2.5, bone - 1.5),
        "bone": bone,
        "reflection": _reflection(bone, slab, spacing),
        "muscle": muscle,
        "slab": grey,
    }
    return Columns(**{name: values.astype(np.float32) for name, values in maps.items()})


def _muscle_grey(clean: np.ndarray, free: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    """Grey of the muscle around each point, from where no bone stands in the slab: (rows, columns)."""
    sigma = 7 / spacing[0], 7 / spacing[1]
    share = blur(free.astype(np.float64), *sigma)
    return np.clip(blur(np.where(free, clean, 0.0), *sigma) / np.maximum(share, 1e-3), 8, 235)


def _with_flanks(bone: np.ndarray, slab: Slab, spacing: tuple[float, float, float]) -> np.ndarray:
    """Depth of the bone's surface below the slab too: beside each bone it falls off, down to laminae and pleura."""
    stands = sitk.GetImageFromArray((bone < slab.floor_mm - 0.01 * slab.thickness_mm).astype(np.uint8))
    stands.SetSpacing((spacing[1], spacing[0]))
    away = sitk.GetArrayFromImage(sitk.SignedMaurerDistanceMap(stands, False, False, True))
    deep = slab.floor_mm + DEEPEST_MM * np.tanh(np.maximum(away, 0) / DEEPEST_MM)
    return np.where(away > 0, blur(deep, 1.2 / spacing[0], 1.2 / spacing[1]), bone)


def _reflection(bone: np.ndarray, slab: Slab, spacing: tuple[float, float, float]) -> np.ndarray:
    """How bright the bone's surface is, 0 to 1: most where it faces the probe, less from below the slab."""
    slope = np.hypot(*np.gradient(bone, spacing[0], spacing[1]))
    return 1 / (1 + slope**2) * np.exp(-np.maximum(bone - slab.floor_mm, 0) / 10)


def _centres(subject: Subject, index_to_lps: np.ndarray, spacing: tuple[float, float, float]) -> dict[str, np.ndarray]:
    """LPS of each drawn bone's surface over its centre, by name."""
    pixel = np.array(subject.known["spacing_mm"])
    back = subject.skin[subject.body].max()
    centres = {}
    for name, bone in subject.known["bones"].items():
        if bone["drawn"]:
            row, column = (round(at) for at in bone["centre"])
            depth = AIR_MM + back - subject.skin[row, column] + subject.bone_depth[row, column]
            mm = [*((np.array(bone["centre"]) + 0.5) * pixel), depth]
            centres[name] = (index_to_lps @ [*(np.array(mm) / spacing - 0.5), 1.0])[:3]
    return centres
