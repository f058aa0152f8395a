"""The same small search for every system: by how much its learning rate, and the one weight that its losses have,
should be larger than its authors'.

Five short trainings of the system's own stage each: three learning rates a factor apart, then two weights beside the
authors' at the best of them, or two more learning rates for who has no weight. Where the best of the five has the
highest or the lowest rate or weight that was tried, the next one beyond is tried as well: one more of each at most.

Held-out training subjects judge them. Restoration by PSNR within the lit body against the clean truth, which no system
sees in training, so that it is nearer to none of them. Pictures of real spines have no such truth: there by the noise
that is left (as a share of the input's) and by what was changed elsewhere, both negative, so that leaving pictures as
they are has a merit of -1 (`training.validation`); DA-GAN learns by just that noise. Segmentation is judged by Dice; so
is what learns both end to end, since Dice is what restoration is there for, and a sum of both would hang on how many dB
a point of Dice is said to be worth. Nobody looks at test subjects.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import whole_file
from ..records import check_record, read_json
from ..training import Preset
from .budget import Budget
from .systems import ALONE, System

SHARE = 2  # a trial takes half of the stage's steps, or epochs
RATES, MORE_RATES, RATE_STEP = (0.4, 1.0, 2.5), (0.16, 6.25), 2.5
WEIGHTS, WEIGHT_STEP = (0.2, 5.0), 5.0
# what judges trials, as files of searches say it
QUALITY, REMOVAL, AGREEMENT = "PSNR", "noise left and clean patches changed", "Dice"
BOTH = f"{REMOVAL}, and {AGREEMENT}"  # of what learns end to end, in files that don't say by what they were judged


class TuningError(UserError):
    """A file of searches that can't be used; the text says which, and why."""


@dataclass(frozen=True)
class Trial:
    """Factors to try: of the authors' learning rate, and of their weight."""

    rate: float = 1.0
    weight: float = 1.0

    @property
    def name(self) -> str:
        """As its folder is called."""
        return f"rate-{self.rate:g}-weight-{self.weight:g}"


@dataclass(frozen=True)
class Outcome:
    """What a trial came to: the merit on held-out training subjects, the larger the better, None for a training that
    was lost; how long it took, why it was lost, and by what it was judged, empty in a file that doesn't say so."""

    trial: Trial
    merit: float | None
    seconds: float | None = None
    lost: str | None = None
    measure: str = ""


Searches = dict[str, list[Outcome]]  # by the key of the system


def trials(system: System, so_far: Sequence[Outcome] = ()) -> list[Trial]:
    """What to try next: first learning rates, then, with those known, the rest, then what lies beyond the best of them;
    nothing once all are known."""
    first = [Trial(rate) for rate in RATES]
    known = {outcome.trial for outcome in so_far}
    if not known.issuperset(first):
        return [trial for trial in first if trial not in known]
    best = chosen([outcome for outcome in so_far if outcome.trial in first]).rate
    second = [Trial(best, weight) for weight in WEIGHTS] if system.weighs else [Trial(rate) for rate in MORE_RATES]
    if not known.issuperset(second):
        return [trial for trial in second if trial not in known]
    third = beyond([outcome for outcome in so_far if outcome.trial in {*first, *second}])
    return [trial for trial in third if trial not in known]


def beyond(outcomes: Sequence[Outcome]) -> list[Trial]:
    """What lies next to the best trial where nothing was tried: at the ends of rates and weights."""
    best = chosen(outcomes)
    rates, weights = ({getattr(outcome.trial, name) for outcome in outcomes} for name in ("rate", "weight"))
    found = []
    if (factor := out_of(best.rate, rates, RATE_STEP)) is not None:
        found.append(replace(best, rate=factor))
    if (factor := out_of(best.weight, weights, WEIGHT_STEP)) is not None:
        found.append(replace(best, weight=factor))
    return found


def out_of(best: float, factors: Iterable[float], step: float) -> float | None:
    """The factor one step beyond the highest or the lowest, if that is the best; None where it has two neighbours, or
    is alone."""
    lowest, highest = min(factors), max(factors)
    if lowest == highest or lowest < best < highest:
        return None
    return float(f"{best * step if best == highest else best / step:.6g}")


def chosen(outcomes: Iterable[Outcome]) -> Trial:
    """The best trial, of equals the authors' settings; those too where every trial failed."""
    known = [outcome for outcome in outcomes if outcome.merit is not None and math.isfinite(outcome.merit)]
    best = max(known, key=lambda outcome: (outcome.merit, outcome.trial == Trial()), default=None)
    return best.trial if best else Trial()


def duration(outcomes: Sequence[Outcome]) -> float | None:
    """How many seconds the trials of a search took together; None where that of one isn't known."""
    seconds = [outcome.seconds for outcome in outcomes]
    return None if None in seconds else round(sum(seconds), 1)


def shortened(preset: Preset) -> Preset:
    """A trial: the stage that is searched for, which is the preset's first, for a share of its length, judged at its
    end."""
    stage = preset.stages[0]
    shorter = {
        name: max(1, getattr(stage, name) // SHARE) for name in ("epochs", "steps") if getattr(stage, name) is not None
    }
    return replace(preset, stages=(replace(stage, **shorter),), validate_every=10**9)


def tried(budget: Budget, system: System, trial: Trial) -> Preset:
    """A system's whole training by these factors of its own, all else as the authors have it."""
    own = replace(budget, rate=trial.rate, weight=trial.weight)
    return system.preset(own if restores(system, budget) else with_segmentation(own, trial.rate))


def tuned(budget: Budget, system: System, searches: Searches) -> Budget:
    """The budget as the searches have it for this system; as it is without any.

    Behind a restoration everybody has DA-GAN's segmenter, and the learning rate that the search for that one alone has
    chosen; ablations have what their whole has chosen: all else equal.
    """

    def of(key: str) -> Trial:
        return chosen(searches[key]) if searches.get(key) else Trial()

    own, segmenter = (of(key) for key in searches_behind(system, budget))
    return with_segmentation(replace(budget, rate=own.rate, weight=own.weight), segmenter.rate)


def searches_behind(system: System, budget: Budget) -> Iterator[str]:
    """The keys of the two systems whose searches a system's settings come from: its own, and its segmenter's."""
    yield system.searched
    yield ALONE if restores(system, budget) else system.searched


def with_segmentation(budget: Budget, rate: float) -> Budget:
    """The budget with so many times the learning rate of its segmentation."""
    learning_rate = budget.segmentation.learning_rate * rate
    return replace(budget, segmentation=replace(budget.segmentation, learning_rate=learning_rate))


def restores(system: System, budget: Budget) -> bool:
    """Whether a system learns to restore."""
    return system.preset(budget).stages[0].restores


def end_to_end(system: System, budget: Budget) -> bool:
    """Whether a system learns to restore and to segment at once, so that no stage for segmentation follows."""
    return restores(system, budget) and len(system.preset(budget).stages) == 1


def measure_of(system: System, budget: Budget, truth: bool) -> str:
    """By what a system's trials are judged; `truth`: whether the clean truth of held-out training subjects is known."""
    if end_to_end(system, budget) or not restores(system, budget):
        return AGREEMENT
    return QUALITY if truth else REMOVAL


def judged_by(outcomes: Sequence[Outcome], system: System, budget: Budget) -> str:
    """By what a system's trials have been judged. Files that don't say so are of a time when nobody looked at the clean
    truth."""
    said = next((outcome.measure for outcome in outcomes if outcome.measure), "")
    return said or (BOTH if end_to_end(system, budget) else measure_of(system, budget, truth=False))


def write_searches(
    searches: Mapping[str, Sequence[Outcome]], budget: str, circumstances: Mapping[str, Any], path: Path
) -> None:
    """Write down what was searched with a budget of this name, and what is chosen; `circumstances`: data, machine and
    the like of what is new in the file: of searches that it has already, its own stand. By what trials were judged is
    said there, too."""
    former = read_json(path, TuningError)["systems"] if path.is_file() else {}
    found = {}
    for key, outcomes in searches.items():
        tried = [asdict(outcome) for outcome in outcomes]
        measure = max(each.pop("measure") for each in tried)  # one and the same, or empty
        known = former.get(key, {})
        new = dict(circumstances) | ({"measure": measure} if measure else {})
        how = known.get("by", new) if known.get("trials") == tried else new
        found[key] = {"chosen": asdict(chosen(outcomes)), "by": dict(how), "trials": tried}
    with whole_file(path) as partial:
        text = json.dumps({"budget": budget, "systems": found}, indent=1, ensure_ascii=False)
        partial.write_text(text + "\n", encoding="utf-8")


def read_searches(path: Path, budget: str) -> Searches:
    """What `write_searches` wrote. Raises TuningError, also where another budget was searched for: the same factors
    mean other rates there, in trainings of other lengths."""
    content = read_json(path, TuningError)
    check_record(content, {"systems": dict, "budget": str}, path, TuningError)
    if content["budget"] != budget:
        raise TuningError(f"{path} is of the budget {content['budget']}, not {budget}: search anew with --tune.")
    try:
        return {
            key: [
                Outcome(
                    Trial(**outcome["trial"]),
                    outcome["merit"],
                    outcome["seconds"],
                    outcome.get("lost"),
                    found.get("by", {}).get("measure", ""),
                )
                for outcome in found["trials"]
            ]
            for key, found in content["systems"].items()
        }
    except (TypeError, KeyError, ValueError) as error:
        sentence = f"{path} holds no searches that can be read ({error!r}): let benchmark --tune write it anew."
        raise TuningError(sentence) from error
