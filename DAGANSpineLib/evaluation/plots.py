"""Figures as pictures: of one evaluation, of several against each other, and a contact sheet. The one file that
imports matplotlib."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from ..report import DISCLAIMER
from ..segments import SEGMENTS

INK, GREY = "0.25", "0.6"
COLOURS = {segment.name.lower(): segment.colour for segment in SEGMENTS} | {"average": INK}
RESTORATIONS = {"input": "0.65", "classical repair": "0.45", "model": "#7a4fa3"}
GOALS = {"PSNR": "PSNR, dB\nhigher is better", "SSIM": "SSIM\nhigher is better"} | {
    "corrupted patches": "corrupted patches\nlower is better"
}
READINGS = {"better": "#1f6fb4", "worse": "#d1661b"}
FAR = 3  # times as far from 0 as the next: outside the panel
DOTS = 150  # per inch
PALETTE = 128  # colours
COLUMNS = 6  # panels side by side
OURS, OTHER = RESTORATIONS["model"], READINGS["better"]
ACROSS, PANEL = 9, 1.15  # pictures in a row of a gallery, inches of each
TITLE = 6  # inches, of the longest line above a gallery
LETTERS = 18  # of a name, above such a picture
QUALITY = 80  # of JPEG, per cent


def plot_scores(scores: Mapping[str, Any], path: Path) -> None:
    """Of one evaluation (what scores.json holds): the subjects' Dice by class, and restoration against its rivals."""
    rows = scores["subjects"]
    dice = {
        name: known(row["segmentation"]["dice"][name] for row in rows)
        for name in ("lumbar", "thoracic", "rib", "average")
    }
    measured = [name for name in GOALS if name in scores["restoration"]["input"]]
    figure = Figure(figsize=(4.6 + 2.5 * len(measured), 4.6), layout="constrained")
    axes = figure.subplots(1, 1 + len(measured), width_ratios=[1.6] + [1] * len(measured))
    axes = np.atleast_1d(axes)
    distributions(axes[0], dice, COLOURS, digits=2)
    axes[0].set_ylim(0, 1)
    heading(axes[0], "Dice of each subject\nhigher is better")
    for panel, name in zip(axes[1:], measured, strict=True):
        values = {restored: known(row["restoration"][restored].get(name) for row in rows) for restored in RESTORATIONS}
        distributions(panel, values, RESTORATIONS, digits={"SSIM": 3}.get(name, 1))
        heading(panel, GOALS[name])
    save(figure, f"{scores['data']}: {scores['split']} split, {len(rows)} subjects; {scores['model']['name']}", path)


def plot_curves(scores: Mapping[str, Any], path: Path) -> None:
    """Bland and Altman's plot of measured against true angles (what scores.json holds), by whose labels were read."""
    figure = Figure(figsize=(4.6 * len(scores["curves"]), 4.2), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(scores["curves"]), sharey=True))
    for axes, (whose, summary) in zip(panels, scores["curves"].items(), strict=True):
        rows = [row["curves"][whose] for row in scores["subjects"] if row["curves"]]
        found = [(each["cobb"], each["uca"]) for row in rows for each in row["curves"] if each["uca"] is not None]
        true, measured = np.array(found, dtype=float).reshape(-1, 2).T
        axes.plot((true + measured) / 2, measured - true, "o", ms=4, mew=0, alpha=0.6, color=RESTORATIONS["model"])
        limits = summary["all"]
        for name, style in (("bias", "-"), ("low", "--"), ("high", "--")):
            if limits[name] is not None:
                axes.axhline(limits[name], color=INK, linewidth=1, linestyle=style)
                axes.annotate(
                    f"{limits[name]:+.1f}°", (1, limits[name]), xycoords=("axes fraction", "data"), ha="right",
                    va="bottom", fontsize=8, color=INK,
                )  # fmt: skip
        axes.set_xlabel("mean of measured and true angle, degrees", fontsize=8, color=INK)
        axes.grid(color="0.92")
        heading(axes, f"{whose}\nmeasured minus true; bias and 95 % limits, degrees")
    save(figure, f"{scores['data']}: curves of 10° and more, {scores['split']} split; {scores['model']['name']}", path)


def plot_differences(comparison: Mapping[str, Any], path: Path) -> None:
    """Of evaluations against a reference (what versus.json holds): each figure's mean paired difference."""
    others = comparison["others"]
    figures = list(dict.fromkeys(name for other in others for name in other["differences"]))
    figure = Figure(figsize=(1.5 + 1.6 * len(figures), 1.7 + 0.35 * len(others)), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(figures), sharey=True))
    for axes, name in zip(panels, figures, strict=True):
        axes.axvline(0, color=GREY, linewidth=1)
        differences = {place: found for place, other in enumerate(others) if (found := other["differences"].get(name))}
        far = far_out({place: reach(found) for place, found in differences.items()})
        for place, found in differences.items():
            draw = point_outward if place in far else interval_at
            draw(axes, place, found, READINGS.get(found["reading"], GREY))
        axes.locator_params(axis="x", nbins=3)
        heading(axes, name)
    panels[0].set_yticks(range(len(others)), [other["name"] for other in others], parse_math=False)
    panels[0].set_ylim(len(others) - 0.5, -0.5)
    title = (
        f"{comparison['data']}: {comparison['split']} split, {comparison['subjects']} subjects\n"
        f"Paired difference from {comparison['reference']['name']}, with its 95 % interval: "
        "blue better, orange worse, grey no difference shown"
    )
    save(figure, title, path)


def reach(found: Mapping[str, Any]) -> float:
    """How far from 0 a difference, or the far end of its interval, lies."""
    return max(abs(found[name]) for name in ("mean", "low", "high") if found[name] is not None)


def far_out(reaches: Mapping[int, float]) -> set[int]:
    """Those of a panel that lie so far out that, at their scale, the others could not be told from 0."""
    outward, far = sorted(reaches, key=lambda place: reaches[place]), set()
    while len(outward) > 2 and reaches[outward[-1]] > FAR * reaches[outward[-2]] > 0:
        far.add(outward.pop())
    return far


def interval_at(axes: Axes, place: int, found: Mapping[str, Any], colour: str) -> None:
    """A mean difference as a dot, with its interval as a line."""
    if found["low"] is not None:
        axes.plot([found["low"], found["high"]], [place] * 2, color=colour, linewidth=2)
    axes.plot(found["mean"], place, "o", ms=6, color=colour)


def point_outward(axes: Axes, place: int, found: Mapping[str, Any], colour: str) -> None:
    """An arrowhead at the panel's border, and the mean in figures: for what lies far beyond it."""
    side, marker, text = (0, "<", "left") if found["mean"] < 0 else (1, ">", "right")
    across = axes.get_yaxis_transform()  # 0 to 1 sideways, whatever the scale
    axes.plot(side, place, marker, ms=7, color=colour, transform=across, clip_on=False)
    axes.annotate(
        f"{found['mean']:+.1f}", (side, place), xycoords=across, xytext=(7 - 14 * side, 0), textcoords="offset points",
        ha=text, va="center", fontsize=8, color=colour,
    )  # fmt: skip


@dataclass(frozen=True)
class Panel:
    """Lines by colour, with their bands: those of a system and of the reference, or a difference between two."""

    title: str
    lines: Mapping[str, Mapping[str, Any]]
    difference: bool = False

    def draw(self, axes: Axes, share: np.ndarray) -> None:
        """Over the torn share, in per cent."""
        for colour, line in self.lines.items():
            axes.fill_between(share, line["low"], line["high"], color=colour, alpha=0.2, linewidth=0)
            axes.plot(share, line["mean"], color=colour, linewidth=1.5)
        if self.difference:
            axes.axhline(0, color=GREY, linewidth=1)
        axes.grid(color="0.92")
        axes.set_xlabel("torn, %", fontsize=8, color=INK)
        heading(axes, self.title)


def plot_severity(found: Mapping[str, Any], path: Path, reference: str, outside: Collection[str] = ()) -> None:
    """Figures over the torn share of the lit body (what severity in benchmark.json holds): in a panel for each system
    its line with its band, and the reference's; last the reference's differences from those that don't restore.
    Systems `outside` any ranking are in brackets."""
    shown = {figure: curve for figure, curve in found["curves"].items() if curve}
    panels = {name: severity_panels(curve["systems"], reference, outside) for name, curve in shown.items()}
    across = min(COLUMNS, max(map(len, panels.values())))
    deep = {name: -(-len(each) // across) for name, each in panels.items()}
    figure = Figure(figsize=(max(2.5 * across + 0.5, TITLE), 2 * sum(deep.values()) + 1), layout="constrained")
    grid = iter(figure.subplots(sum(deep.values()), across, squeeze=False))
    for name, each in panels.items():
        places = [axes for _ in range(deep[name]) for axes in next(grid)]
        for place, (axes, panel) in enumerate(zip(places, each, strict=False)):
            panel.draw(axes, 100 * np.array(shown[name]["torn share"]))
            if place % across == 0:
                axes.set_ylabel(name, fontsize=8, color=INK)
            if place and not panel.difference:
                axes.sharey(places[0])
        for axes in places[len(each) :]:
            axes.set_axis_off()
    names = ", ".join(each["data"] for each in found["sets"].values())
    explained = f"purple {reference}, blue the system above each panel; bands: 95 % over subjects and trainings"
    title = f"{names}: over the torn share of the lit body; {explained}"
    save(figure, textwrap.fill(title, max(28 * across, 60), break_on_hyphens=False), path)


def severity_panels(systems: Mapping[str, Any], reference: str, outside: Collection[str]) -> list[Panel]:
    """The reference has panels of its own for its differences alone, unless nobody is beside it."""
    ours = {OURS: systems[reference]} if reference in systems else {}
    others = {name: ours | {OTHER: line} for name, line in systems.items() if name != reference} or {reference: ours}
    differences = [name for name in systems.get(reference, {}) if name.startswith("minus ")]
    return [
        *(Panel(f"({name})" if name in outside else name, lines) for name, lines in others.items()),
        *(Panel(f"{reference} {name}'s", {OURS: systems[reference][name]}, difference=True) for name in differences),
    ]


def plot_sheet(pictures: Mapping[str, np.ndarray], title: str, path: Path) -> None:
    """A contact sheet: colour pictures (rows, columns, 3) of one spine under their names, all equally wide."""
    across = -(-len(pictures) // 2)
    tallest = max(len(picture) / picture.shape[1] for picture in pictures.values())
    figure = Figure(figsize=(1.5 * across, 2 * (1.43 * tallest + 0.3) + 0.6), layout="constrained")
    panels = figure.subplots(2, across)
    for axes in panels.flat:
        axes.set_axis_off()
    for axes, (name, picture) in zip(panels.flat, pictures.items(), strict=False):
        axes.set_title(name, fontsize=8, color=INK, loc="left", parse_math=False)
        axes.imshow(picture, extent=(0, 1, len(picture) / picture.shape[1], 0), interpolation="antialiased")
        axes.set_ylim(tallest, 0)
    save(figure, title, path)


def plot_gallery(bands: Sequence[Mapping[str, np.ndarray]], title: str, path: Path) -> None:
    """Pictures of one subject under their names, in bands (of equal shapes within a band), each wrapped into rows of
    at most `ACROSS`; grey (rows, columns) or colour (rows, columns, 3), uint8."""
    across = min(ACROSS, max(map(len, bands)))
    rows = [dict(list(band.items())[first : first + across]) for band in bands for first in range(0, len(band), across)]
    heights = [max(len(picture) / picture.shape[1] for picture in row.values()) for row in rows]
    figure = Figure(figsize=(max(PANEL * across, TITLE), sum(PANEL * height + 0.35 for height in heights) + 0.9))
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    panels = figure.subplots(len(rows), across, squeeze=False, height_ratios=heights)
    for axes in panels.flat:
        axes.set_axis_off()
    for line, row in zip(panels, rows, strict=True):
        for axes, (name, picture) in zip(line, row.items(), strict=False):
            words = "\n".join(textwrap.fill(line, LETTERS) for line in name.splitlines())
            axes.set_title(words, fontsize=8, color=INK, loc="left", parse_math=False)
            axes.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="antialiased")
    save(figure, title, path, pil_kwargs={"quality": QUALITY})


def known(values: Iterable[float | None]) -> np.ndarray:
    """Those that exist."""
    return np.array([value for value in values if value is not None], dtype=float)


def distributions(axes: Axes, groups: Mapping[str, np.ndarray], colours: Mapping[str, Any], digits: int) -> None:
    """A box (median, quartiles) over the points of each group, named with its mean."""
    random = np.random.default_rng(0)
    for place, (name, values) in enumerate(groups.items()):
        sideways = place + random.uniform(-0.22, 0.22, len(values))
        axes.plot(sideways, values, "o", ms=3, mew=0, alpha=0.5, color=colours[name], zorder=1)
        lines = {"color": INK, "linewidth": 1}
        axes.boxplot(
            [values], positions=[place], widths=0.6, showfliers=False, manage_ticks=False,
            boxprops=lines, whiskerprops=lines, capprops={"linewidth": 0}, medianprops=lines | {"linewidth": 2},
        )  # fmt: skip
    means = [f"{values.mean():.{digits}f}" if len(values) else "–" for values in groups.values()]
    labels = [f"mean {mean}\n" + name.replace(" ", "\n") for name, mean in zip(groups, means, strict=True)]
    axes.set_xticks(range(len(groups)), labels)
    axes.set_xlim(-0.6, len(groups) - 0.4)
    axes.grid(axis="y", color="0.92")


def heading(axes: Axes, text: str) -> None:
    """What a panel shows; and its frame, quiet."""
    axes.set_title(text, fontsize=9, color=INK, loc="left")
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8, length=0, colors=INK)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GREY)


def save(figure: Figure, title: str, path: Path, **options: Any) -> None:
    """Write the picture, with its title and what it may be used for."""
    # names are anybody's: a dollar sign in them is no formula
    figure.suptitle(title, fontsize=10, color=INK, x=0.01, ha="left", parse_math=False)
    figure.supxlabel(DISCLAIMER, fontsize=7, color=GREY, x=0.01, ha="left")
    figure.savefig(path, dpi=DOTS, **options)
    if not any(axes.images for axes in figure.axes):
        in_few_colours(path)


def in_few_colours(path: Path) -> None:
    """Lines and bands need no more than a palette holds, otherwise than pictures, and the file takes a third of its
    room."""
    with Image.open(path) as drawn:
        few = drawn.convert("RGB").quantize(PALETTE, dither=Image.Dither.NONE)
    few.save(path, optimize=True)
