"""What an expert draws: each bone that can be told from the muscle around it, out to the edge of its visible shadow.

The picture is the mean over a slab, seen by a beam of some width. Where a bone's flank leaves the slab through its
floor its shadow has no edge but fades, over a millimetre or two, and the beam's width spreads that further. An expert
does not draw at half depth, where a physicist would, but around all that is darker than the muscle beside it: where
the shadow as the picture shows it, in grey levels, has faded to `FADED` of its depth at the bone's summit. A rib runs
out of the picture, so it is drawn to the lit edge and a little over it. Lumps are drawn as long as they look like one:
mostly five, and a sixth where the sacrum's wings are as dark as lumps.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..segments import CLASSES
from ..vpi import sideways
from .blotches import Blotches
from .bones import LUMBAR, RIB, SACRUM, THORACIC, Bones
from .echo import GreyCurve, blur

# Of the shadow's depth at its summit, what is left of it where the outline is drawn: the one number of the rule. A
# shadow takes half to all of the slab; a seventh of it drowns in muscle's own blotches, so that muscle looks as bright
# there as elsewhere. Outlines come to lie 1 to 2 mm beyond the half depth.
FADED = 0.15
# By how much an outline runs over the lit edge that the bone crosses, mm: a stroke of the mouse.
OVERRUN_MM = 1.0
# A rim beside the lit edge so dark that there is nothing to tell bone from doesn't end a rib if it is this narrow, mm.
DARK_RIM_MM = 2.5
# Between two bones of a kind whose shadows touch, an outline each leaves this much free, mm.
PARTING_MM = 0.6
# Over so much of a bone at least its shadow, or a neighbour's that it lies in, has to be seen; then it is drawn whole.
VISIBLE_PART = 0.5
# Muscle about a bone is compared with over this far, mm (standard deviation).
EYE_MM = 2.0
# As dark as this share of what the lumps above it are (their median): the sacrum's wings look like one more lump.
LIKE_A_LUMP = 0.6

# Grey levels by which a bone has to darken the image on average where its shadow is at least half as deep as at its
# summit: the eye's own limit, and what frames differ by.
FAINTEST_CONTRAST = 8.0
# In blotchy muscle that is not enough: with the blotch that it lies in, a bone has to be as much darker than what lies
# about it as blotches of its size are among each other (standard deviations). One place in six is as dark by chance;
# an expert tells a bone from it by the row that it stands in, but from still more of them not even so.
DISTINCT = 1.0
# Where muscle itself is darker than this grey (contact lost, the fading foot), there is nothing to tell bone from.
FAINTEST_MUSCLE = 18.0
# Of a bone that the lit body cuts off, this much has to be left to be recognised, mm^2.
SMALLEST_AREA = {RIB: 12.0, THORACIC: 20.0, LUMBAR: 120.0}
SPECK = 6.0  # mm^2: what the ragged lit edge or a neighbour leaves of a bone in pieces smaller than this
# Of a bone's whole outline, what a band or the lit edge leaves of it in one piece: less is a sliver that nobody takes
# for that bone; a bone that a band parts leaves two of fair size.
SLIVER = 0.15


def outlines(
    bones: Bones,
    body: np.ndarray,
    readable: np.ndarray,
    grey_behind: Callable[[np.ndarray | float, np.ndarray], np.ndarray],
    beam: tuple[float, float],
    spacing: float,
) -> np.ndarray:
    """Whose visible shadow each pixel lies in, uint8 (rows, columns) as in `Bones.owner`; a lump lies over a process,
    and that over its rib.

    `body`: the lit pixels; `readable`: those of them where muscle is bright enough to tell bone from; `grey_behind`:
    the grey that the picture shows where so much of the slab is free, at some pixels, bool (rows, columns); `beam`: its
    standard deviations along and across the sweep, mm; `spacing`: mm per pixel.
    """
    owner = np.zeros(body.shape, np.uint8)
    for value in (RIB, THORACIC, LUMBAR):
        shadow = bones.shadows[value]
        blurred = np.clip(blur(np.maximum(shadow.share, 0), beam[0] / spacing, beam[1] / spacing), 0, 1)
        where = shadow.whose > 0
        where &= to_the_lit_edge(body, readable, spacing) if value == RIB else body
        muscle, summit = grey_behind(1.0, where), shadow.summit[where]
        deepest = muscle - grey_behind(1 - summit, where)
        seen = muscle - grey_behind(1 - summit * blurred[where], where) >= np.maximum(FADED * deepest, 1e-6)
        where[where] = seen
        owner[where] = shadow.whose[where]
    return _parted(owner, np.array([0, *bones.classes]), max(1, round(PARTING_MM / 2 / spacing)))


def to_the_lit_edge(body: np.ndarray, readable: np.ndarray, spacing: float) -> np.ndarray:
    """`readable`, across a narrow dark rim to the lit edge, and a little over it: bool (rows, columns)."""
    near = sideways(readable, round(DARK_RIM_MM / spacing)) & body
    return near | (sideways(near, round(OVERRUN_MM / spacing)) & ~body)


def _parted(owner: np.ndarray, classes: np.ndarray, by: int) -> np.ndarray:
    """`owner` without the pixels that lie `by` or fewer rows or columns from another bone of the same class."""
    kinds, touching = classes[owner], np.zeros(owner.shape, bool)
    for ahead, behind in ((np.s_[by:], np.s_[:-by]), (np.s_[:, by:], np.s_[:, :-by])):
        meet = (kinds[ahead] == kinds[behind]) & (owner[ahead] != owner[behind])
        touching[ahead] |= meet
        touching[behind] |= meet
    return np.where(touching, 0, owner).astype(np.uint8)


def without_specks(labels: np.ndarray, smallest: float) -> np.ndarray:
    """`labels` (rows, columns) without the pieces of fewer than `smallest` pixels: nobody draws such."""
    return without_slivers(labels, np.arange(LUMBAR + 1), np.full(LUMBAR, smallest))


def without_slivers(whose: np.ndarray, classes: np.ndarray, least: np.ndarray) -> np.ndarray:
    """The classes, uint8 (rows, columns), of the bones in `whose` (rows, columns), but for the pieces of fewer pixels
    than the `least` (bones,) that this bone is drawn by. `classes`: of 0, no bone, and of each bone (1 + bones,)."""
    cleaned, least = np.zeros(whose.shape, np.uint8), np.concatenate([[0], least])
    kinds = classes.astype(np.uint8)[whose]
    for value in (RIB, THORACIC, LUMBAR):
        pieces = sitk.GetArrayFromImage(
            sitk.ConnectedComponent(sitk.GetImageFromArray((kinds == value).astype(np.uint8)))
        )
        bone_of = np.zeros(pieces.max() + 1, np.intp)
        bone_of[pieces[pieces > 0]] = whose[pieces > 0]
        large = np.bincount(pieces.ravel()) >= least[bone_of]
        large[0] = False
        cleaned[large[pieces]] = value
    return cleaned


def own_darkening(
    bones: Bones, muscle: np.ndarray, transmission: np.ndarray, curve: GreyCurve
) -> tuple[np.ndarray, np.ndarray]:
    """By how many grey levels each pixel of a bone is darker than it would be without that bone, and where it lies
    beside the midline, which casts less than half of the shadow there: (rows, columns) each, 0 and False elsewhere.

    `muscle`: linear, as if it had no bones; `transmission`: the part of the slab that bones leave free; both (rows,
    columns).
    """
    darkening, beside, at = np.zeros(muscle.shape), np.zeros(muscle.shape, bool), bones.owner > 0
    behind, free = muscle[at], transmission[at]
    # of a shadow, what the midline would cast without the bone; both have the same edges, as the beam blurs them
    part = np.clip(bones.midline[at], 0, 1) / np.clip(bones.height[at], 1e-6, 1)
    darkening[at] = curve(behind * (1 - (1 - free) * part)) - curve(behind * free)
    beside[at] = part < 0.5
    return darkening, beside


@dataclass(frozen=True)
class Sight:
    """What an expert has before his eyes: the `outlines` (rows, columns) of all bones, and the pixels that bands leave
    of them to be `seen`; the pixels of the `back`, and those of them `beside` the midline's own shadow, bool
    (rows, columns); muscle's `blotches`; how large the person is.
    """

    outlines: np.ndarray
    seen: np.ndarray
    back: np.ndarray
    beside: np.ndarray
    blotches: Blotches
    size: float = 1.0


def read_shadows(
    bones: Bones, readable: np.ndarray, darkening: np.ndarray, spacing: float, sight: Sight
) -> tuple[np.ndarray, dict]:
    """As `read_labels`, for experts who draw the visible shadow of each bone that they see.

    `darkening`: by how many grey levels each pixel (rows, columns) is darker than without the bone that it belongs to.
    """
    owner, classes = np.where(readable, bones.owner, 0), np.array([0, *bones.classes])
    contrast, dark = bones.mean_over(np.where(sight.beside, owner, 0), darkening), darkening >= FAINTEST_CONTRAST
    area, uncut = bones.pixels_in(owner), bones.pixels_in(bones.owner)
    smallest = np.array([SMALLEST_AREA[value] for value in bones.classes]) * (sight.size / spacing) ** 2
    drawn = (contrast >= FAINTEST_CONTRAST) & (contrast - sight.blotches.whiter >= DISTINCT * sight.blotches.spread)
    drawn &= area >= np.minimum(smallest, VISIBLE_PART * uncut)
    whole = bones.pixels_in(bones.owner[sight.back & sight.beside])
    drawn &= bones.pixels_in(owner[dark & sight.beside]) >= VISIBLE_PART * whole
    drawn &= _like_lumps(bones, contrast, drawn)
    least = np.maximum(SPECK * (sight.size / spacing) ** 2, SLIVER * bones.pixels_in(sight.outlines))
    whose = np.where(sight.seen & np.concatenate([[False], drawn])[sight.outlines], sight.outlines, 0)
    labels = without_slivers(whose, classes, least)
    drawn &= bones.pixels_in(whose[labels > 0]) > 0
    return labels, _readings(bones, contrast, area * spacing**2, centres(owner, area), drawn)


def read_labels(bones: Bones, readable: np.ndarray, darkening: np.ndarray, spacing: float) -> tuple[np.ndarray, dict]:
    """Labels (rows, columns) uint8, and per bone by name its class, contrast (grey levels), area (mm^2), centre ([row,
    column], None where nothing can be read of it), and whether drawn: as in the first simulation, where bones end where
    their shadow is half as deep as at the summit, and nobody draws the sacrum.

    `readable`: the pixels lit well enough to read; `darkening`: by how many grey levels the bones darken each pixel;
    `spacing`: mm per pixel.
    """
    owner = np.where(readable, bones.owner, 0)
    pixels, contrast = bones.pixels_in(owner), bones.mean_over(owner, darkening)
    area = pixels * spacing**2
    smallest = np.array([SMALLEST_AREA[value] for value in bones.classes])
    drawn = (contrast >= FAINTEST_CONTRAST) & (area >= smallest) & (np.array(bones.names) != SACRUM)
    label_of = np.concatenate([[0], np.where(drawn, bones.classes, 0)]).astype(np.uint8)
    labels = without_specks(label_of[owner], SPECK / spacing**2)
    return labels, _readings(bones, contrast, area, centres(owner, pixels), drawn)


def _readings(bones: Bones, contrast: np.ndarray, area: np.ndarray, middles: list, drawn: np.ndarray) -> dict:
    """By each bone's name what was read of it, JSON-ready."""
    return {
        name: {
            "class": CLASSES[value],
            "contrast": round(float(c), 2),
            "area_mm2": round(float(m), 2),
            "centre": centre,
            "drawn": bool(d),
        }
        for name, value, c, m, centre, d in zip(bones.names, bones.classes, contrast, area, middles, drawn, strict=True)
    }


def _like_lumps(bones: Bones, contrast: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Which bones look like what their class is: all, but for a sacrum that is fainter than lumps, bool (bones,)."""
    names = np.array(bones.names)
    lumps = drawn & (np.array(bones.classes) == LUMBAR) & (names != SACRUM)
    return (names != SACRUM) | (lumps.any() and contrast >= LIKE_A_LUMP * np.median(contrast[lumps]))


def centres(owner: np.ndarray, pixels: np.ndarray) -> list[list[float] | None]:
    """[row, column] of each bone's middle, by the `pixels` that `owner` (rows, columns) gives it; None without any."""
    rows, columns = (
        np.bincount(owner.ravel(), weights=np.broadcast_to(at, owner.shape).ravel(), minlength=len(pixels) + 1)[1:]
        for at in np.ogrid[: owner.shape[0], : owner.shape[1]]
    )
    return [
        [round(float(row / size), 2), round(float(column / size), 2)] if size else None
        for row, column, size in zip(rows, columns, pixels, strict=True)
    ]
