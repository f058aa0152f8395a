"""From a voxel volume to its projection image (VPI): a slab under the skin that follows the back, seen from behind.

After Cheung et al., Ultrasound volume projection imaging for assessment of scoliosis, IEEE Trans. Med. Imaging 2015.
Pictures are (rows, columns), head at the top, as who stands before the skin sees them: right is the patient's right.
Patient coordinates are LPS, in mm. Numpy and SimpleITK only.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..errors import ImageError, UserError
from ..progress import Progress, unheard
from ..texts import tr as _
from ..vpi import SMALLEST, VPI, Plane, grey_voxels, refuse_voxel_size
from .orientation import UPRIGHT, side_of
from .side import find_side
from .skin import Beginnings, Surface

THICKNESS_MM = 3.0  # of published slabs (Cheung et al.)
METHODS = ("mean", "maximum")
SKIN_MM = 3.0  # skin and the echo of its surface
DEPTH_MM = 12.0  # of a slab, where the volume says nothing better
BONES_MM = 3.4  # from the roof of the slab down to where a slab's mean grey has halved: measured on simulated backs
AGREEING = 0.5  # share of the columns that have to begin at the skin
LONGEST_MM = 1000.0  # of a back
TURNED_DEG = 20.0  # from here on a picture is not that of who looks at the back: 6 % too narrow
FEW_GREYS = 8  # an image with no more different values is a label map
THINNEST = 4  # voxels in any direction
ROWS = 64  # at a time, so that the work stays within the processor's cache


@dataclass(frozen=True)
class Slab:
    """What is projected: the tissue between two depths under the skin, `depth_mm` (its roof) and that + `thickness_mm`,
    by the `method` "mean" or "maximum". Raises UserError where that is no slab."""

    depth_mm: float
    thickness_mm: float = THICKNESS_MM
    method: str = "mean"

    def __post_init__(self) -> None:
        if not (0 <= self.depth_mm <= LONGEST_MM and 0 < self.thickness_mm <= LONGEST_MM):
            raise UserError(
                _(
                    "A slab of {thickness:g} mm, {depth:g} mm under the skin, can't be: choose a depth of 0 mm or more "
                    "and a thickness above 0 mm, neither beyond {most:g} mm."
                ).format(thickness=self.thickness_mm, depth=self.depth_mm, most=LONGEST_MM)
            )
        if self.method not in METHODS:
            sentence = _("A slab is projected by its mean or maximum, not by {method}.")
            raise UserError(sentence.format(method=self.method))

    @property
    def floor_mm(self) -> float:
        return self.depth_mm + self.thickness_mm

    @property
    def middle_mm(self) -> float:
        return self.depth_mm + self.thickness_mm / 2


@dataclass(frozen=True)
class Projector:
    """A volume whose skin has been found: any slab of it can be projected within a fraction of a second.

    `voxels`: the volume's grey as seen from behind, uint8 (rows, columns, depth), 0 where unfilled. `to_lps`: (4, 4),
    from (row, column, depth, 1) to LPS. `spacing`: mm between rows, columns, depths. `skin_mm`: float32 (rows,
    columns), from the centre of the first voxel in depth to the skin. `depth_mm`: the depth of a slab that shows the
    bones, `moved` to where there is something at all.
    """

    voxels: np.ndarray
    to_lps: np.ndarray
    spacing: tuple[float, float, float]
    skin_mm: np.ndarray
    depth_mm: float
    moved: bool = False

    @classmethod
    def of(
        cls,
        voxels: np.ndarray,
        index_to_lps: np.ndarray,
        head: str | None = None,
        skin: str | None = None,
        progress: Progress = unheard,
    ) -> Projector:
        """Find the skin of a volume.

        `voxels`: (a, b, c), of any real type; unfilled is 0, the lowest value, or a number far from all others. Bytes
        are not copied, and not to be changed meanwhile. `index_to_lps`: (4, 4), from (a, b, c, 1). `head`, `skin`: the
        sides where they lie, letters of `orientation.SIDES`; None finds them out. Raises UserError with a sentence for
        what is no volume of a back; what `progress` raises goes through.
        """
        refuse_other_shapes(voxels)
        refuse_voxel_size(np.linalg.norm(index_to_lps[:3, 2::-1], axis=0))
        refuse_labels(voxels)
        voxels = grey_voxels(voxels, lambda share: progress(0.6 * share, _("Reading the grey levels")))
        found = find_side(voxels, index_to_lps, head, skin, progress)
        view, begin, surface = found.view, found.begin, found.surface
        seen, spacing = view.of(voxels), view.spacing(index_to_lps)
        depth, moved = depth_of_bones(begin, surface, spacing[2])
        projector = cls(
            voxels=seen, to_lps=view.to_lps(index_to_lps, voxels.shape), spacing=spacing,
            skin_mm=surface.over(seen.shape[:2], spacing[:2]), depth_mm=depth,
            moved=moved,
        )  # fmt: skip
        if found.agreeing < AGREEING:
            raise ImageError(
                _(
                    "No smooth skin was found from the side {side} of the volume: choose where the skin and the head "
                    "lie, or is this no ultrasound volume of a back?"
                ).format(side=projector.skin)
            )
        return projector

    @property
    def notes(self) -> list[str]:
        """Sentences on what is doubtful about how the volume was understood."""
        notes, length = [], self.voxels.shape[0] * self.spacing[0]
        if self.head != "S":
            note = _("The head was taken to lie at {side}: check that the picture is upright.")
            notes.append(note.format(side=self.head))
        if self.skin != "P":
            note = _("The skin was taken to lie at {side}: check left and right, and that the picture is upright.")
            notes.append(note.format(side=self.skin))
        if self.turned_deg > TURNED_DEG:
            note = _(
                "The back is turned by {angle:.0f}° within the volume, so that the picture shows it askew and too "
                "narrow or short: turn the volume first, so that the back faces along one of its axes."
            )
            notes.append(note.format(angle=self.turned_deg))
        if self.moved:
            note = _(
                "The volume holds nothing at the usual depth: a slab from {depth:g} mm under the skin on was taken."
            )
            notes.append(note.format(depth=self.depth_mm))
        if length > LONGEST_MM:
            note = _("The volume is {length:.0f} mm long: its voxel size can't be right, and no depth in mm is.")
            notes.append(note.format(length=length))
        return notes

    @property
    def turned_deg(self) -> float:
        """By how much the skin, as a whole, faces away from who looks, degrees."""
        slopes = [np.median(np.gradient(self.skin_mm, self.spacing[axis], axis=axis)) for axis in (0, 1)]
        return math.degrees(math.atan(math.hypot(*slopes)))

    @property
    def head(self) -> str:
        """The side where the head lies, a letter of `orientation.SIDES`."""
        return side_of(-self.to_lps[:3, 0])

    @property
    def skin(self) -> str:
        """The side where the skin lies, a letter of `orientation.SIDES`."""
        return side_of(-self.to_lps[:3, 2])

    def project(self, slab: Slab) -> np.ndarray:
        """The VPI: uint8 (rows, columns), the mean or the maximum over the slab's filled voxels, 0 where none is.

        For the mean, voxels that lie in the slab in part count in part. Raises UserError where the slab holds nothing,
        or lies outside of the volume.
        """
        picture = np.zeros(self.skin_mm.shape, np.uint8)
        for first in range(0, len(picture), ROWS):
            rows = slice(first, first + ROWS)
            roof, floor = ((self.skin_mm[rows] + edge) / self.spacing[2] for edge in (slab.depth_mm, slab.floor_mm))
            grey = gather(self.voxels[rows], roof, floor, slab.method)
            # what is filled is never 0, which says "unfilled"
            picture[rows] = np.where(grey > 0, np.clip(np.rint(grey), 1, 255), 0)
        if not picture.any():
            raise UserError(
                _(
                    "The volume holds nothing from {roof:g} to {floor:g} mm under the skin: choose another depth."
                ).format(roof=slab.depth_mm, floor=slab.floor_mm)
            )
        return picture

    def picture_to_lps(self, slab: Slab) -> np.ndarray:
        """(4, 4), from a VPI's (row, column, slice, 1) to LPS: one slice, as thick as the slab, at its median
        depth.

        Where the head is not superior in the volume's coordinates, they are not the patient's: the VPI stands upright
        then, about the same point.
        """
        depth = (float(np.median(self.skin_mm)) + slab.middle_mm) / self.spacing[2]
        thickness = slab.thickness_mm / self.spacing[2]
        plane = self.to_lps @ np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, thickness, depth], [0, 0, 0, 1]])
        if self.head != "S":
            middle = [*((np.array(self.skin_mm.shape) - 1) / 2), 0.0]
            centre = plane[:3, :3] @ middle + plane[:3, 3]
            plane[:3, :3] = UPRIGHT * (*self.spacing[:2], slab.thickness_mm)
            plane[:3, 3] = centre - plane[:3, :3] @ middle
        return plane

    def report(self, slab: Slab) -> dict[str, Any]:
        """How a slab is projected, JSON-ready; lengths in mm."""
        return asdict(slab) | {"head": self.head, "skin": self.skin}

    def vpi(self, slab: Slab) -> VPI:
        """The VPI with its geometry. Raises UserError as `project` does."""
        picture = self.project(slab)
        image = sitk.GetImageFromArray(picture[None])
        to_lps = self.picture_to_lps(slab)[:, [1, 0, 2, 3]]  # columns, rows, slices, as ITK counts
        sizes = np.linalg.norm(to_lps[:3, :3], axis=0)
        image.SetSpacing(sizes.tolist())
        image.SetDirection((to_lps[:3, :3] / sizes).ravel().tolist())
        image.SetOrigin(to_lps[:3, 3].tolist())
        return VPI(picture.astype(np.float32), self.spacing[:2], image, Plane())

    def lps(self, row: float, column: float, under_mm: float) -> np.ndarray:
        """The point `under_mm` under the skin at a place of the picture: (3,) LPS."""
        skin = self.skin_mm[tuple(np.clip(np.rint((row, column)), 0, np.subtract(self.skin_mm.shape, 1)).astype(int))]
        return (self.to_lps @ [row, column, (skin + under_mm) / self.spacing[2], 1])[:3]


def gather(voxels: np.ndarray, roof: np.ndarray, floor: np.ndarray, method: str) -> np.ndarray:
    """Mean or maximum of the filled voxels between two depths: float32 (rows, columns), 0 for none.

    `voxels`: (rows, columns, depth); `roof`, `floor`: (rows, columns), in voxels, whose centres are whole numbers.
    """
    first = np.floor(roof + 0.5).astype(np.intp)
    row, column = np.ogrid[: roof.shape[0], : roof.shape[1]]
    total, weight = np.zeros(roof.shape, np.float32), np.zeros(roof.shape, np.float32)
    thinnest, thickest = float((floor - roof).min()), float((floor - roof).max())
    last = min(int(np.ceil(thickest)), voxels.shape[2] - 1 - int(first.min()))  # what lies beyond holds nothing
    for step in range(max(0, -int(first.max())), last + 1):
        at = first + step
        within = np.clip(at, 0, voxels.shape[2] - 1)
        grey = voxels[row, column, within].astype(np.float32)
        filled = (grey > 0) & (within == at)
        if 1 <= step <= thinnest - 1:  # the whole voxel lies in the slab
            share = filled
        else:
            share = filled * (np.clip(floor - at + 0.5, 0, 1) - np.clip(roof - at + 0.5, 0, 1))
        if method == "mean":
            total += share * grey
            weight += share
        else:
            np.maximum(total, grey * (share > 0), out=total)
    return total / np.maximum(weight, 1e-6) * (weight > 1e-3) if method == "mean" else total


def depth_of_bones(begin: Beginnings, surface: Surface, size: float) -> tuple[float, bool]:
    """The depth under the skin, mm, of a slab that shows the bones: above where they and their shadows take over.

    There, a slab's mean grey has fallen to half of the brightest one's; `DEPTH_MM` where none does; and whether it
    is another one only because the volume holds nothing there. `size`: mm between depths.
    """
    few = slice(None, None, 4)  # rows are enough
    known, grey = np.isfinite(begin.mm[few]), begin.grey[few]
    start = np.rint(surface.at(begin.down[few], begin.across)[known] / size).astype(np.intp)[:, None]
    at = start + np.arange(grey.shape[2])
    inside = (at >= 0) & (at < grey.shape[2])
    under = np.take_along_axis(grey[known], np.clip(at, 0, grey.shape[2] - 1), 1) * inside
    count = (under > 0).sum(0)
    profile = under.sum(0, dtype=np.float64) / np.maximum(count, 1)
    profile = profile[: int((count > 0.2 * count.max()).nonzero()[0][-1]) + 1]
    thick = max(1, round(THICKNESS_MM / size))
    slabs = np.convolve(profile, np.full(thick, 1 / thick), "valid")  # by the voxel of their roof
    slabs[: round(SKIN_MM / size)] = 0
    dark = slabs < slabs.max(initial=0) / 2
    dark[: int(slabs.argmax())] = False
    depth = round(max(0.0, (float(dark.argmax()) - 0.5) * size - BONES_MM), 1) if dark.any() else DEPTH_MM
    filled = nearest_filled(depth, count > 0, size)
    return filled, filled != depth


def nearest_filled(depth: float, filled: np.ndarray, size: float) -> float:
    """The depth under the skin, mm, nearest to this one, whose slab holds something. `filled`: by voxel of depth."""
    thick = max(1, round(THICKNESS_MM / size))
    holding = np.flatnonzero(np.convolve(filled, np.ones(thick))[thick - 1 :])  # slabs, by the voxel of their roof
    if not holding.size or round(depth / size) in holding:
        return depth
    return round(float(holding[np.abs(holding * size - depth).argmin()] * size), 1)


def refuse_other_shapes(voxels: np.ndarray) -> None:
    """Raise ImageError for what has not three axes, or is too thin or too small for a back."""
    shape = " × ".join(map(str, voxels.shape[::-1]))
    if voxels.ndim > 3:
        sentence = _("A volume has three dimensions and one grey for each voxel; this is {shape}.")
        raise ImageError(sentence.format(shape=shape))
    if voxels.ndim < 3 or min(voxels.shape) < THINNEST:
        sentence = _("This is no volume to be projected, but {shape}: a single picture (VPI) is used as it is.")
        raise ImageError(sentence.format(shape=shape))
    if sorted(voxels.shape)[1] < SMALLEST:
        sentence = _("A volume of {shape} voxels is too small: a VPI has at least {smallest} × {smallest} pixels.")
        raise ImageError(sentence.format(shape=shape, smallest=SMALLEST))


def refuse_labels(voxels: np.ndarray) -> None:
    """Raise ImageError if the voxels are labels rather than greys, or all the same."""
    some = voxels[tuple(slice(None, None, max(1, extent // 50)) for extent in voxels.shape)]
    greys = len(np.unique(some))
    if greys == 1:
        raise ImageError(_("This volume is empty: its voxels have one and the same value."))
    if greys <= FEW_GREYS:
        sentence = _(
            "This volume holds only {count} different values, as a label map does: choose the ultrasound itself."
        )
        raise ImageError(sentence.format(count=greys))
