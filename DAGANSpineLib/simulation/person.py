"""Who is examined: children and stout adults, backs whose ribs hardly show, bones that nobody sees."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from .anatomy import Spine
from .bones import LUMPS, PROCESSES, RIBS

# Spines are adults' and adolescents' (`anatomy`); a child's of 5 to 10 years is so much shorter and narrower.
CHILD = (0.62, 0.85)
# Fat spreads the beam on its way to the bone and back (aberration), by so many times, and fills shadows with clutter.
STOUT_BLUR, STOUT_CLUTTER = (1.3, 2.2), (0.05, 0.25)
# Of the ribs' height, what the slab meets where they lie flat under it or the muscle over them is thick.
FAINT_RIBS = (0.15, 0.5)
# Of all bones up to a third are missed, out of the beam or below the slab: of a bone so much stays.
INVISIBLE, LEFT_OF_IT = (0.08, 0.33), (0.0, 0.15)
# A third in all, with those that hardly reach into the slab, since the layer lies near the skin or ribs are flat: of a
# process and of a rib that the usual slab meets so high, slab thicknesses, this much has to be left to be seen. In any
# back a few lie too deep, or in a blotch.
MOST_HIDDEN, SUMMIT, ENOUGH, HIDDEN_ANYWAY = 1 / 3, (0.57, 0.75), 0.25, 0.05


@dataclass(frozen=True)
class Person:
    """`size`: beside an adult's or adolescent's. `blur`: how many times wider fat makes the beam; `clutter`: how much
    of a shadow it fills. `ribs`: what is left of their height; `invisible`: the share of bones that don't show.
    """

    size: float = 1.0
    blur: float = 1.0
    clutter: float = 0.0
    ribs: float = 1.0
    invisible: float = 0.0

    def grown(self, spine: Spine) -> Spine:
        """The spine in this person's size."""
        if self.size == 1:
            return spine
        lengths = ("y", "x", "half_span", "scale", "line_y", "line_x")
        return replace(spine, **{name: getattr(spine, name) * self.size for name in lengths})


def meet(rng: np.random.Generator, happens: Callable[[str], bool]) -> Person:
    """A person; `happens` says which of the world's peculiarities this one has."""
    child = happens("child")
    stout = not child and happens("stout adult")
    return Person(
        size=round(rng.uniform(*CHILD), 3) if child else 1.0,
        blur=round(rng.uniform(*STOUT_BLUR), 3) if stout else 1.0,
        clutter=round(rng.uniform(*STOUT_CLUTTER), 3) if stout else 0.0,
        ribs=round(rng.uniform(*FAINT_RIBS), 3) if happens("hardly visible ribs") else 1.0,
        invisible=round(rng.uniform(*INVISIBLE), 3) if happens("invisible bones") else 0.0,
    )


def heights(person: Person) -> dict[str, float]:
    """What is left of each bone's height in this person, 0 to 1, by its name, before any is missed."""
    return dict.fromkeys((*PROCESSES, *LUMPS), 1.0) | dict.fromkeys(RIBS, person.ribs)


def left_of_bones(rng: np.random.Generator, person: Person, rise: float = 0.0) -> dict[str, float]:
    """What is left of each bone's height in this person's picture, 0 to 1, by its name, where bones `rise` so much
    further than usual into the slab, slab thicknesses."""
    left = heights(person)
    # so many and no more: a chance for each bone would now and then hide half of them
    missed = rng.choice(list(left), int(person.invisible * len(left)), replace=False)
    shares = {str(bone): rng.uniform(*LEFT_OF_IT) for bone in missed}
    most = int(max(MOST_HIDDEN - hidden(person, rise), 0) * len(left))
    return left | {bone: left[bone] * share for bone, share in list(shares.items())[:most]}


def hidden(person: Person, rise: float) -> float:
    """About which share of the bones doesn't show though none is missed: those that lie too deep for the slab."""
    left = heights(person)
    shown = [
        min(max(SUMMIT[bone in RIBS] + rise, 0) * kept * (1 - person.clutter) / ENOUGH, 1)
        for bone, kept in left.items()
    ]
    return max(1 - sum(shown) / len(shown), HIDDEN_ANYWAY)


def missed_of(person: Person, left: Mapping[str, float]) -> list[str]:
    """The names of the bones that are missed: less is `left` of them than of their like."""
    return [bone for bone, usual in heights(person).items() if left.get(bone, usual) < usual]
