"""Is the simulated like the real? Statistics of both, and a contact sheet to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from .. import metrics
from ..files import whole_folder
from ..progress import Progress
from ..vpi import lit_body, write_image
from .subject import simulate_subject
from .worlds import USUAL

# Cycles per pixel. The finest hold banding and dashes, the coarsest the bones.
BANDS = ((0.004, 0.02), (0.02, 0.06), (0.06, 0.12), (0.12, 0.2), (0.2, 0.3), (0.3, 0.4), (0.4, 0.5))
STRIP = 128  # columns about the body's middle of which the spectra are taken
SHOWN = 8  # simulated VPI on the contact sheet
SHEETS = "sheet.png", "simulated.png"  # of real and simulated VPI, and of the latter alone
SHEET_ROWS = 1200  # height of the contact sheet


def statistics(pixels: np.ndarray) -> dict[str, float]:
    """What a VPI, (rows, columns) grey 0 to 255, looks like in figures; black margins are left out."""
    body = lit_body(pixels)
    figures = {f"grey, percentile {p}": float(np.percentile(pixels[body], p)) for p in (5, 25, 50, 75, 95)}
    figures["grey step from row to row"] = float(np.abs(np.diff(pixels, axis=0))[body[1:] & body[:-1]].mean())
    figures["grey step from column to column"] = float(
        np.abs(np.diff(pixels, axis=1))[body[:, 1:] & body[:, :-1]].mean()
    )
    measured = metrics.patches(pixels, body)
    variation = measured.variation[measured.lit >= metrics.LIT]
    if variation.size:
        figures |= {f"g of patches, percentile {p}": float(np.percentile(variation, p)) for p in (10, 50, 90, 99)}
        figures["share of clean patches"] = float((variation <= metrics.CLEAN).mean())
        figures["share of corrupted patches"] = float((variation >= metrics.CORRUPTED).mean())
    return figures | dashes(pixels, body) | spectra(pixels, body)


def dashes(pixels: np.ndarray, body: np.ndarray) -> dict[str, float]:
    """The unfilled runs along the rows of the body: their share of it and their lengths in pixels."""
    # the ragged edge of the body is no dash
    inside = sitk.GetArrayFromImage(sitk.BinaryErode(sitk.GetImageFromArray(body.astype(np.uint8)), [6, 6])).astype(
        bool
    )
    unfilled = np.pad((pixels == 0) & inside, ((0, 0), (1, 1))).astype(np.int8)
    change = np.diff(unfilled, axis=1)
    lengths = np.nonzero(change == -1)[1] - np.nonzero(change == 1)[1]
    figures = {"unfilled, share of the body": float(unfilled.sum() / max(inside.sum(), 1))}
    if lengths.size:
        figures |= {f"dash length, percentile {p}": float(np.percentile(lengths, p)) for p in (50, 95)}
        figures["dash length, mean"] = float(lengths.mean())
    return figures


def spectra(pixels: np.ndarray, body: np.ndarray) -> dict[str, float]:
    """Log power along rows and columns by frequency band, of a strip in the middle of the body without its ends."""
    rows = np.flatnonzero(body.sum(1) > STRIP)
    if len(rows) < 4 * STRIP:
        return {}
    rows = rows[len(rows) // 10 : -len(rows) // 10]
    middle = int(np.median([np.flatnonzero(body[row]).mean() for row in rows]))
    strip = pixels[rows[0] : rows[-1], max(middle - STRIP // 2, 0) : middle + STRIP // 2].astype(float)
    figures = {}
    for axis, name in ((0, "down"), (1, "across")):
        window = np.hanning(strip.shape[axis])
        window = window[:, None] if axis == 0 else window
        power = (np.abs(np.fft.rfft((strip - strip.mean(axis, keepdims=True)) * window, axis=axis)) ** 2).mean(1 - axis)
        frequency = np.fft.rfftfreq(strip.shape[axis])
        for low, high in BANDS:
            within = (frequency >= low) & (frequency < high)
            if within.any():
                figures[f"log power {name}, {low} to {high} / pixel"] = float(np.log10(power[within].mean() + 1e-12))
    return figures


def compare(
    real: Sequence[np.ndarray], folder: Path, subjects: int, seed: int, progress: Progress, severity: str = USUAL
) -> str:
    """Compare real VPI, each (rows, columns) grey, with simulated ones of a `severity`; writes comparison.md, sheet.png
    (the real ones, then simulated ones) and simulated.png (the latter alone, which may be shown to anybody).

    Returns the table.
    """
    with whole_folder(folder, replaces=("comparison.md", *SHEETS)) as target:
        simulated = []
        for index in range(subjects):
            progress(index / subjects, f"Simulating {index + 1} of {subjects}")
            subject = simulate_subject(1000003 * seed + index, severity=severity)
            simulated.append(np.where(subject.body, subject.vpi, 0).astype(np.float32))  # without a window around it
        table = table_of(real, simulated, f"{severity}, seed {seed}")
        (target / "comparison.md").write_text(table, encoding="utf-8")
        shown = simulated[:SHOWN]
        for name, pictures in zip(SHEETS, ([*real, *shown], shown), strict=True):
            write_image(sitk.GetImageFromArray(contact_sheet(pictures)), target / name)
    progress(1.0, "Done")
    return table


def table_of(real: Sequence[np.ndarray], simulated: Sequence[np.ndarray], which: str) -> str:
    """Where the real VPI lie among the simulated ones, `which` these are: Markdown."""
    found, rows = [statistics(vpi) for vpi in real], [statistics(vpi) for vpi in simulated]
    lines = [
        f"{len(real)} real VPI against {len(simulated)} simulated ones ({which}).",
        "",
        "| | real | simulated: percentile 5 | 50 | 95 | real lies within |",
        "|---|---|---|---|---|---|",
    ]
    for name in found[0]:
        here = float(np.mean([figures[name] for figures in found if name in figures]))
        low, middle, high = np.percentile([row[name] for row in rows if name in row], [5, 50, 95])
        inside = "yes" if low <= here <= high else "no"
        lines.append(f"| {name} | {here:.3g} | {low:.3g} | {middle:.3g} | {high:.3g} | {inside} |")
    return "\n".join(lines) + "\n"


def contact_sheet(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures side by side at one scale, uint8; the tallest fills `SHEET_ROWS`."""
    tallest = max(len(picture) for picture in pictures)
    step = max(1, round(tallest / SHEET_ROWS))
    columns = [np.pad(picture, ((0, tallest - len(picture)), (4, 4)))[::step, ::step] for picture in pictures]
    return np.concatenate(columns, axis=1).round().astype(np.uint8)
