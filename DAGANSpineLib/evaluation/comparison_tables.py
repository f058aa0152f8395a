"""A benchmark's findings for people: Markdown in the layout of Table 1, and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from ..baselines import REFERENCE
from ..report import DISCLAIMER
from .crossed import ERROR
from .paired import FEWEST, LEVEL, RESAMPLES, SEED
from .scoring import AVERAGE
from .subjects import without
from .tables import difference, percent, shown, table

CLASSES = ("lumbar", "thoracic", "rib", "average")  # as Table 1 orders them
DIGITS = {"SSIM": 4}
DIFFERENCE = "Dice average, %"  # the figure of versus that the reading speaks of

Described = Mapping[str, Any]  # a system in benchmark.json


def as_markdown(comparison: Mapping[str, Any]) -> str:
    """All tables, and what can be read from them."""
    systems = comparison["systems"]
    parts = [
        "# Every system side by side",
        heading(comparison),
        *without(comparison["left out"]),
        "## Segmentation",
        segmentation(systems),
        "Dice / Jaccard / pixel accuracy in per cent: means over the test subjects (scores of each picture), then over "
        f"the seeds. {AVERAGE} Spread: standard deviation of the average Dice between the seeds' means. All systems "
        "segment a picture and its mirror image, and average the two answers. In brackets: outside any ranking.",
        *notes(systems),
        "## Restoration",
        restoration(comparison),
        "Means over subjects and seeds. Change of clean patches in grey levels, the lower the better; PSNR and SSIM "
        "need the clean truth, which simulated data alone have.",
        "## Cost",
        cost(systems),
        "Multiply-adds of restoration and segmentation at 256 × 1024, the size at which systems are matched. "
        f"{used(comparison)} Seconds to restore a picture at its native size "
        f"and segment it: {computed_by(comparison)}. Minutes of training and evaluation; a dash: it was "
        "interrupted. Rate, weight: by how much the learning rate, and the one weight of the losses, are larger than "
        "the authors', as the search on held-out training subjects has chosen (tuning.json); a dash: nobody has "
        "searched. Minutes of search: of all its trials, which are equal in steps, not in time; a dash: not known.",
        *paired(comparison["differences"]),
        "## Beside the paper",
        *beside(systems),
        *reading(comparison),
        DISCLAIMER,
    ]
    return "\n\n".join(parts) + "\n"


def heading(comparison: Mapping[str, Any]) -> str:
    """What was compared, on what."""
    systems = comparison["systems"]
    seeds = sorted({seed for each in systems for seed in each["seeds"]})
    uneven = [each["name"] for each in systems if each["seeds"] != seeds]
    fewer = f" Not yet with all of them: {', '.join(uneven)}." if uneven else ""
    return (
        f"{comparison['data']}, {comparison['split']} split, {comparison['subjects']} subjects; budget "
        f"{comparison['budget']} (all settings: settings.json); seeds {', '.join(map(str, seeds))}.{fewer}"
    )


def cells(scores: Mapping[str, Mapping[str, float | None]]) -> list[str]:
    """Dice / Jaccard / accuracy of each class."""
    return [" / ".join(shown(percent(values[name])) for values in scores.values()) for name in CLASSES]


def segmentation(systems: Sequence[Described]) -> str:
    rows = [
        [called(each), *cells(each["segmentation"]), shown(percent(each["spread over seeds"])), str(len(each["seeds"]))]
        for each in systems
    ]
    return table(["D / J / P, %", *CLASSES, "spread", "trainings"], rows)


def called(system: Described) -> str:
    """A system's name, in brackets where it is outside the ranking."""
    return system["name"] if system.get("ranked", True) else f"({system['name']})"


def notes(systems: Sequence[Described]) -> list[str]:
    """What a reader should know of some rows."""
    said = [f"- {each['name']}: {each['note']}." for each in systems if each["note"]]
    return ["\n".join(said)] if said else []


def restoration(comparison: Mapping[str, Any]) -> str:
    names = list(comparison["input"])
    rows = [("input", comparison["input"]), *((called(each), each["restoration"]) for each in comparison["systems"])]
    return table(
        ["", *names], [[name, *(shown(values[one], DIGITS.get(one, 2)) for one in names)] for name, values in rows]
    )


def computed_by(comparison: Mapping[str, Any]) -> str:
    """By which machine, or which systems by which."""
    by: dict[str, list[str]] = {}
    for system in comparison["systems"]:
        for each in {machine(found | {"date": ""}): found for found in system["by"]}.values():
            by.setdefault(machine(each | {"date": ""}).rstrip("; "), []).append(called(system))
    if len(by) < 2:
        return machine(comparison["machine"])
    return "; ".join(f"{', '.join(names)} by {each}" for each, names in by.items())


def machine(found: Mapping[str, Any]) -> str:
    """What computed, and when."""
    processes = "1 process" if found["processes"] == 1 else f"{found['processes']} processes at a time"
    return f"{found['device']} ({found['architecture']}), torch {found['torch']}, {processes}; {found['date']}"


def used(comparison: Mapping[str, Any]) -> str:
    """What the multiply-adds as used are of."""
    size = comparison["native size"]
    of = "its native size" if size is None else f"{size[0]} × {size[1]}, the test pictures' median size"
    return (
        f"As used: of restoration at {of} (its black margins, most of which are left out, counted in), and of "
        "segmentation twice, of the picture and its mirror image; a dash: the trainings are from before this was kept."
    )


def cost(systems: Sequence[Described]) -> str:
    rows = [
        [
            called(each),
            shown(each["parameters"] / 1e6, 3),
            shown(each["multiply-adds"] / 1e9),
            shown(each["multiply-adds as used"] and each["multiply-adds as used"] / 1e9),
            shown(each["seconds per image"]),
            minutes(each["seconds of training"]),
            *(shown(each["found by search"][name]) for name in ("rate", "weight")),
            minutes(each["seconds of search"]),
        ]
        for each in systems
    ]
    header = [
        "parameters, millions",
        "multiply-adds, 10⁹",
        "as used, 10⁹",
        "seconds per image",
        "minutes",
        "rate ×",
        "weight ×",
        "minutes of search",
    ]
    return table(["", *header], rows)


def minutes(seconds: float | None) -> str:
    return shown(seconds and seconds / 60, 1)


def paired(differences: Mapping[str, Any] | None) -> list[str]:
    """The differences from DA-GAN, a line for each system."""
    if not differences or not differences["others"]:
        return []
    names = list(dict.fromkeys(name for other in differences["others"] for name in other["differences"]))
    rows = [
        [other["name"], *(difference(other["differences"].get(name), DIGITS.get(name, 2)) for name in names)]
        for other in differences["others"]
    ]
    return [
        f"## Differences from {REFERENCE}",
        table([f"minus {REFERENCE}", *names], rows),
        f"System minus {REFERENCE}, with {LEVEL} % bootstrap intervals over subjects, which both share, and over each "
        f"one's trainings ({RESAMPLES} resamples, seed {SEED}; wider where trainings are few, as Student's t is). "
        f"Bold: shown, which is p below {ERROR:.2f} after Holm's correction for the systems of the table, "
        f"and at least {FEWEST} subjects differ.",
    ]


def beside(systems: Sequence[Described]) -> list[str]:
    """Ours and the paper's figures, of the systems that both have."""
    both = [each for each in systems if each["published"]]
    if not both:
        return ["None of these systems is in the paper's table."]
    rows = []
    for each in both:
        rows += [[each["name"], "here", *cells(each["segmentation"])], ["", "paper", *cells(each["published"])]]
    return [
        table(["D / J / P, %", "", *CLASSES], rows),
        "The paper's figures are of 29 real subjects and its own training, ours of the data above: what can be "
        "compared is the order of the systems.",
    ]


def reading(comparison: Mapping[str, Any]) -> list[str]:
    """Which orders agree with the paper's, in sentences."""
    found, lines = comparison["agreement"], []
    if found["rank"]:
        places = found["rank"]
        lines.append(
            f"By average Dice {REFERENCE} has place {places['segmentation']} here and {places['published']} in the "
            f"paper, of the {found['systems']} systems that both have."
        )
    pairs = [f"{name} {each['same']} of {each['of']}" for name, each in found["pairs"].items() if each["of"]]
    if pairs:
        lines.append(f"Pairs of systems in the paper's order by Dice: {', '.join(pairs)} (by chance half of them).")
    differences = comparison["differences"]
    if differences and differences["others"]:
        lines += ahead(differences["others"])
    return ["\n".join(f"- {line}" for line in lines)] if lines else []


def ahead(others: Sequence[Mapping[str, Any]]) -> list[str]:
    """Against whom DA-GAN's average Dice is shown to be higher, lower, or neither."""
    readings = {other["name"]: other["differences"].get(DIFFERENCE, {}).get("reading") for other in others}
    groups = {
        f"{REFERENCE}'s average Dice is shown to be higher than that of": "worse",
        f"{REFERENCE}'s average Dice is shown to be lower than that of": "better",
    }
    lines = []
    for words, wanted in groups.items():
        names = [name for name, said in readings.items() if said == wanted]
        lines.append(f"{words}: {', '.join(names) or 'none'}.")
    undecided = ", ".join(name for name, said in readings.items() if said not in groups.values())
    return [*lines, f"No difference of average Dice is shown between {REFERENCE} and: {undecided or 'none'}."]


def as_csv(comparison: Mapping[str, Any]) -> str:
    """A row for each system: scores and shares 0 to 1, and the paper's."""
    lines = io.StringIO()
    writer = csv.writer(lines)
    rows = [flat(each) for each in comparison["systems"]]
    header = list(dict.fromkeys(name for row in rows for name in row))
    writer.writerow(header)
    writer.writerows([["" if row.get(name) is None else row[name] for name in header] for row in rows])
    return lines.getvalue()


def flat(system: Described) -> dict[str, Any]:
    """One system's figures under names of one level."""
    figures = {"system": system["name"], "ranked": system["ranked"], "seeds": " ".join(map(str, system["seeds"]))}
    for kind, prefix in (("segmentation", ""), ("published", "paper ")):
        for score, values in (system[kind] or {}).items():
            figures |= {f"{prefix}{score} {name}": values[name] for name in CLASSES}
    figures |= {"spread over seeds": system["spread over seeds"], **system["restoration"]}
    costs = ("parameters", "multiply-adds", "multiply-adds as used", "seconds per image", "seconds of training")
    return figures | {name: system[name] for name in costs}
