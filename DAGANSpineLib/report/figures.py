"""What a run found, in figures: components and areas of each class, what restoration removed and what it changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import SimpleITK as sitk

from .. import metrics
from ..files import plain_text
from ..progress import Progress, unheard
from ..segments import SEGMENTS
from ..spine import CERTAIN, CERTAIN_NAMES, how_certain
from ..texts import tr as _
from ..vpi import gaps_of, height_mm, is_a_backs, lit_body, runs

DISCLAIMER = "Research use, not for diagnosis."
MOST_BANDS = 5  # that a sentence names
SLENDER = 1.5  # a VPI of a spine is about four times as tall as wide; below this it is something else

# what begins so is computed by spreadsheets, some of which know the wide forms, too
FORMULA = "=", "+", "-", "@", "\t", "\r", "\n", "|", "\uff1d", "\uff0b", "\uff0d", "\uff20"


def findings(
    pixels: np.ndarray,
    restored: np.ndarray,
    labels: np.ndarray,
    spacing: tuple[float, float] | None,
    progress: Progress = unheard,
    body: np.ndarray | None = None,
    gaps: np.ndarray | None = None,
) -> dict[str, Any]:
    """Figures of one run, ready for JSON.

    All pictures (rows, columns); `spacing` in mm between rows and columns; `body`: the lit body, and `gaps`: those
    of the sweep, looked for where none are given. Keys: "corrupted patches" (before, after, of how many), "largest g"
    (before, after), "change of clean patches" (grey levels), "filled in" (pixels of the gaps, and the first and last
    row of each), "classes" (per class components and area in pixels, in mm² where the spacing is known),
    "warnings". Patches are those of `metrics.patches`, every 32 pixels, at least 80 % within the lit body; None stands
    where there are none. `progress` is called between the parts, a quarter of a second each for a large VPI.
    """
    if body is None:
        progress(0.0, _("Looking for the lit body"))
        body = lit_body(pixels)
    progress(0.3, _("Measuring the original"))
    before = metrics.patches(pixels, body)
    progress(0.5, _("Measuring the restored image"))
    after = metrics.patches(restored, body)
    progress(0.7, _("Measuring what changed"))
    change = metrics.change_of_clean(restored, pixels, before)
    progress(0.9, _("Measuring the segments"))
    unseen = gaps_of(pixels, body) if gaps is None else gaps
    doubts = doubts_of_size(body, spacing)
    spacing = None if doubts else spacing
    classes = {segment.name.lower(): extent(labels == segment.label, spacing) for segment in SEGMENTS}
    return {
        "corrupted patches": {
            "before": int(before.corrupted.sum()),
            "after": int(after.corrupted.sum()),
            "of": int((before.lit >= metrics.LIT).sum()),
        },
        "largest g": {"before": rounded(before.largest), "after": rounded(after.largest)},
        "change of clean patches": rounded(change),
        "filled in": {"pixels": int(unseen.sum()), "rows": bands_of(unseen)},
        "classes": classes,
        "warnings": [*invented(unseen), *doubts, *warnings(body, classes, bool(doubts) or spacing is not None)],
    }


def bands_of(mask: np.ndarray) -> list[list[int]]:
    """First and last row of each stretch of rows that a mask (rows, columns) has a pixel in."""
    return [[run.start, run.stop - 1] for run in runs(mask.any(1))]


def invented(unseen: np.ndarray) -> list[str]:
    """A sentence if the sweep has gaps, so that restoration filled in what was not seen."""
    bands = bands_of(unseen)
    if not bands:
        return []
    rows = ", ".join(f"{first} – {last}" for first, last in bands[:MOST_BANDS]) + (", …" if bands[MOST_BANDS:] else "")
    sentence = _("Rows {rows} were not seen throughout: the sweep has a gap there, and what it shows is filled in.")
    return [sentence.format(rows=rows)]


def doubts_of_size(body: np.ndarray, spacing: tuple[float, float] | None) -> list[str]:
    """A sentence if the pixel size can't be right, since the lit body would be no back."""
    if spacing is None or not body.any():
        return []
    height = height_mm(body, spacing[0])
    if is_a_backs(height):
        return []
    sentence = _("The lit body is {height:.3g} cm high, so that the pixel size is doubtful: no areas in mm² are given.")
    return [sentence.format(height=height / 10)]


def rounded(value: float | None) -> float | None:
    """To two digits, if it exists."""
    return None if value is None else round(value, 2)


def extent(mask: np.ndarray, spacing: tuple[float, float] | None) -> dict[str, Any]:
    """Components (diagonal neighbours belong together) and area of a mask (rows, columns)."""
    components = sitk.ConnectedComponentImageFilter()
    components.FullyConnectedOn()
    components.Execute(sitk.GetImageFromArray(mask.astype(np.uint8)))
    area = {} if spacing is None else {"area_mm2": round(float(mask.sum()) * spacing[0] * spacing[1], 2)}
    return {"components": components.GetObjectCount(), "area_pixels": int(mask.sum()), **area}


def warnings(body: np.ndarray, classes: dict[str, Any], sized: bool) -> list[str]:
    """What a clinician should know before trusting the result. `sized`: whether a pixel size was given at all."""
    rows, columns = body.shape
    found = []
    if rows < SLENDER * columns:
        found.append(
            _(
                "The picture looks unlike a VPI: it is {columns} pixels wide and {rows} high, and a VPI of a spine is "
                "about four times as high as wide."
            ).format(columns=columns, rows=rows)
        )
    if body[:, [0, -1]].any():
        found.append(_("The lit body touches the border of the picture: ribs may be cut off."))
    if not sized:
        sentence = _("The pixel size is unknown: there are no areas in mm², and angles hold only if pixels are square.")
        found.append(sentence)
    names = {"rib": _("rib"), "thoracic": _("thoracic"), "lumbar": _("lumbar")}
    missing = [names[key] for key, values in classes.items() if not values["components"]]
    if missing:
        found.append(_("Nothing was found of: {names}.").format(names=", ".join(missing)))
    return found


def curve_cells(report: Mapping[str, Any]) -> dict[str, Any]:
    """The curves of a report in a table's cells: "T6-L1 24.1 right; …", with whether one is uncertain, or measured by
    hand; the largest one's angle; the plausibility; whether the levels' names are certain. The first two are empty
    where the bones form no spine, the last is where no curve is given."""
    curves, names = report["curves"] or (), report.get("names_confidence")
    cells = [
        f"{curve['upper']}-{curve['lower']} {curve['uca_deg']} {curve['convex']}{how_far_to_trust(curve)}"
        for curve in curves
    ]
    largest = max((curve["uca_deg"] for curve in curves), default=None)
    straight = "none" if report["curves"] == [] else ""
    return {
        "curves": "; ".join(cells) or straight,
        "largest_uca_deg": largest,
        "plausibility": report["plausibility"],
        "names": "" if names is None or not curves else "certain" if names >= CERTAIN_NAMES else "uncertain",
    }


def how_far_to_trust(curve: Mapping[str, Any]) -> str:
    """What a cell says behind a curve that is not certain; nothing where an earlier version didn't say."""
    confidence = curve.get("confidence", CERTAIN)
    return " by hand" if confidence is None else "" if confidence >= CERTAIN else " uncertain"


def curves_in_words(curves: list[dict[str, Any]] | None) -> str:
    """What a report says of the spine's curves, in a line."""
    if curves is None:
        return _("not given")
    right = _("{upper} - {lower} {uca_deg}° convex to the picture's right (apex {apex}, SPA {spa_deg}°), {how}")
    left = _("{upper} - {lower} {uca_deg}° convex to the picture's left (apex {apex}, SPA {spa_deg}°), {how}")
    each = (
        (right if curve["convex"] == "right" else left).format(**curve, how=how_certain(curve["confidence"]))
        for curve in curves
    )
    return "; ".join(each) or _("none of 10° or more")


def cell(text: object) -> str:
    """Text for a spreadsheet, which is not to take it for a formula."""
    plain = plain_text(str(text))
    return f"'{plain}" if plain.startswith(FORMULA) else plain
