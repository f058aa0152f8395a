"""What an expert draws: each bone that can be told from the muscle around it, out to the edge of its visible shadow.

The picture is the mean over a slab, seen by a beam of some width. Where a bone's flank leaves the slab through its
floor its shadow has no edge but fades, over a millimetre or two, and the beam's width spreads that further. An expert
does not draw at half depth, where a physicist would, but around all that is darker than the muscle beside it: where
the shadow as the picture shows it, in grey levels, has faded to `FADED` of its depth at the bone's summit. A rib runs
out of the picture, so it is drawn to the lit edge and a little over it. Lumps are drawn as long as they look like one:
mostly five, and a sixth where the sacrum's wings are as dark as lumps.
"""

from collections.abc import Callable

import numpy as np
import SimpleITK as sitk

from ..segments import CLASSES
from .bones import LUMBAR, RIB, SACRUM, THORACIC, Bones
from .echo import blur

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
# Across lines and bands without any frame up to this high an outline is drawn, as if they weren't there, mm.
BRIDGED_MM = 4.0
# As dark as this share of what the lumps above it are (their median): the sacrum's wings look like one more lump.
LIKE_A_LUMP = 0.6

# Grey levels by which a bone darkens the image on average where its shadow is at least half as deep as at its summit:
# fainter ones drown in the muscle's own blotches.
FAINTEST_CONTRAST = 8.0
# Where muscle itself is darker than this grey (contact lost, the fading foot), there is nothing to tell bone from.
FAINTEST_MUSCLE = 18.0
# Of a bone that the lit body cuts off, this much has to be left to be recognised, mm^2.
SMALLEST_AREA = {RIB: 12.0, THORACIC: 20.0, LUMBAR: 120.0}
SPECK = 6.0  # mm^2: what the ragged lit edge or a neighbour leaves of a bone in pieces smaller than this


def outlines(
    bones: Bones,
    body: np.ndarray,
    readable: np.ndarray,
    grey_behind: Callable[[np.ndarray | float], np.ndarray],
    beam: tuple[float, float],
    spacing: float,
) -> np.ndarray:
    """Whose visible shadow each pixel lies in, uint8 (rows, columns) as in `Bones.owner`; a lump lies over a process,
    and that over its rib.

    `body`: the lit pixels; `readable`: those of them where muscle is bright enough to tell bone from; `grey_behind`:
    the grey that the picture shows where so much of the slab is free; `beam`: its standard deviations along and across
    the sweep, mm; `spacing`: mm per pixel.
    """
    owner = np.zeros(body.shape, np.uint8)
    muscle = grey_behind(1.0)
    for value in (RIB, THORACIC, LUMBAR):
        shadow = bones.shadows[value]
        blurred = np.clip(blur(np.maximum(shadow.share, 0), beam[0] / spacing, beam[1] / spacing), 0, 1)
        deepest = muscle - grey_behind(1 - shadow.summit)
        seen = muscle - grey_behind(1 - shadow.summit * blurred) >= np.maximum(FADED * deepest, 1e-6)
        where = to_the_lit_edge(body, readable, spacing) if value == RIB else body
        own = shadow.whose * (seen & where)
        owner[own > 0] = own[own > 0]
    return _parted(owner, np.array([0, *bones.classes]), max(1, round(PARTING_MM / 2 / spacing)))


def to_the_lit_edge(body: np.ndarray, readable: np.ndarray, spacing: float) -> np.ndarray:
    """`readable`, across a narrow dark rim to the lit edge, and a little over it: bool (rows, columns)."""
    near = sideways(readable, DARK_RIM_MM / spacing) & body
    return near | (sideways(near, OVERRUN_MM / spacing) & ~body)


def sideways(mask: np.ndarray, by: float) -> np.ndarray:
    """A mask (rows, columns) grown by so many pixels to the left and to the right."""
    return sitk.GetArrayFromImage(sitk.BinaryDilate(sitk.GetImageFromArray(mask.astype(np.uint8)), [round(by), 0])) > 0


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
    cleaned = np.zeros_like(labels)
    for value in (RIB, THORACIC, LUMBAR):
        image = sitk.GetImageFromArray((labels == value).astype(np.uint8))
        pieces = sitk.GetArrayFromImage(sitk.ConnectedComponent(image))
        large = np.bincount(pieces.ravel()) >= smallest
        large[0] = False
        cleaned[large[pieces]] = value
    return cleaned


def read_labels(
    bones: Bones,
    readable: np.ndarray,
    darkening: np.ndarray,
    spacing: float,
    drawn_in: np.ndarray | None = None,
    body: np.ndarray | None = None,
) -> tuple[np.ndarray, dict]:
    """Labels (rows, columns) uint8, and per bone by name its class, contrast (grey levels), area (mm^2), centre ([row,
    column], None where nothing can be read of it), and whether drawn.

    `readable`: the pixels lit well enough to read; `darkening`: by how many grey levels the bones darken each pixel;
    `spacing`: mm per pixel; `drawn_in`: the `outlines`, and the `body` that they lie in. Without them bones end where
    their shadow is half as deep as at the summit, and nobody draws the sacrum.
    """
    owner = np.where(readable, bones.owner, 0)
    pixels = np.bincount(owner.ravel(), minlength=len(bones.names) + 1)[1:]
    total = np.bincount(owner.ravel(), weights=darkening.ravel(), minlength=len(bones.names) + 1)[1:]
    contrast = total / np.maximum(pixels, 1)
    area = pixels * spacing**2
    smallest = np.array([SMALLEST_AREA[value] for value in bones.classes])
    drawn = (contrast >= FAINTEST_CONTRAST) & (area >= smallest)
    if drawn_in is None:
        drawn &= np.array(bones.names) != SACRUM
    else:
        dark = np.bincount(owner[darkening >= FAINTEST_CONTRAST], minlength=len(bones.names) + 1)[1:]
        whole = np.bincount(bones.owner[body], minlength=len(bones.names) + 1)[1:]
        drawn &= dark >= VISIBLE_PART * whole
        drawn &= _like_lumps(bones, contrast, drawn)
    label_of = np.concatenate([[0], np.where(drawn, bones.classes, 0)]).astype(np.uint8)
    readings = {
        name: {
            "class": CLASSES[value],
            "contrast": round(float(c), 2),
            "area_mm2": round(float(m), 2),
            "centre": centre,
            "drawn": bool(d),
        }
        for name, value, c, m, centre, d in zip(
            bones.names, bones.classes, contrast, area, centres(owner, pixels), drawn, strict=True
        )
    }
    return without_specks(label_of[owner if drawn_in is None else drawn_in], SPECK / spacing**2), readings


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
