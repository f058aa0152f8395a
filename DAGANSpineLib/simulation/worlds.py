"""How mild or severe a world is: which scanners take its pictures, and how often what goes wrong goes wrong.

What each kind is, and how far it goes, stands in its own file; here stands how often it happens, and what happens
together: who scans with a portable scanner scans fast, on a laptop that loses frames; who uses a console exports a
screenshot of its smooth picture.
"""

from dataclasses import dataclass

RESEARCH, CONSOLE, PORTABLE = SCANNERS = ("research", "console", "portable")

# In how many of 100 pictures of the world `mixed`, by scanner, in the order of SCANNERS.
OFTEN = {
    "too fast a sweep": (15, 0, 60),
    "interleaved frames": (12, 6, 50),
    "missing bands": (12, 5, 45),
    "off the back": (15, 15, 30),
    "saturated rows": (12, 50, 20),
    "rows of other gain": (25, 25, 45),
    "another gain from some row on": (10, 15, 25),
    "steps of the lit edge": (20, 8, 65),
    "one side darker": (8, 10, 50),
    "screenshot": (15, 70, 45),
    "marks": (10, 40, 30),
    "another layer": (40, 60, 45),
    "hardly visible ribs": (15, 15, 15),
    "invisible bones": (30, 30, 40),
    "child": (12, 12, 12),
    "stout adult": (15, 15, 15),
}  # fmt: skip


@dataclass(frozen=True)
class World:
    """`scanners`: how many of 100 pictures each of SCANNERS takes. `occasions`: how often everything that may go wrong
    has the occasion to, beside `mixed`. `torn`: the least and the largest share of the sweep that one kind of tearing
    takes. `sure`: kinds that happen to everybody; `layer`: everybody's, if it is given. `half_depth`: whether experts
    draw shadows at half their depth, and `tied`: whether the midline's slope is the vertebrae's tilt; both as in the
    first simulation.
    """

    name: str
    scanners: tuple[float, float, float] = (100, 0, 0)
    occasions: float = 0
    torn: tuple[float, float] = (0, 0)
    sure: tuple[str, ...] = ()
    layer: int | None = None
    half_depth: bool = False
    tied: bool = False

    def chance(self, kind: str, scanner: str) -> float:
        """How probable it is that something happens at least once."""
        if kind in self.sure:
            return 1.0
        return 1 - (1 - OFTEN[kind][SCANNERS.index(scanner)] / 100) ** self.occasions


WORLDS = {
    world.name: world
    for world in (
        # the first simulation's scans: a research scanner, and bursts of fast and jerky movement alone
        World("mild"),
        World("mixed", scanners=(45, 25, 30), occasions=1, torn=(0.03, 0.2)),
        World("severe", scanners=(15, 15, 70), occasions=3, torn=(0.1, 0.5)),
        # the first simulation itself, its spines and its readers: repeats its figures bit by bit
        World("former", half_depth=True, tied=True),
    )
}
SEVERITIES = tuple(WORLDS)
USUAL = "mixed"  # what the bundled model learns from


def world_of(severity: str) -> World:
    """A world by its name. Raises ValueError where there is none of that name."""
    if severity not in WORLDS:
        raise ValueError(f"A simulated world is one of {', '.join(WORLDS)}, not {severity}.")
    return WORLDS[severity]
