"""How a picture leaves the scanner: after the tracker has lost its origin, in the program's pixels, as a screenshot."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from .circumstances import Circumstances
from .display import Landmarks, draw_marks
from .echo import blur
from .moves import Coarser, Jump, moved
from .torn import torn_pixels

# What is known of bursts and noise in pixels, beside their rows: heights and periods, errors to the side, speeds.
LENGTHS = ("period", "gap", "side", "rows", "columns", "speed")


@dataclass(frozen=True)
class Picture:
    """The pictures of a `Subject`, (rows, columns) each."""

    vpi: np.ndarray
    clean: np.ndarray
    labels: np.ndarray
    torn: np.ndarray
    body: np.ndarray
    skin: np.ndarray
    bone_depth: np.ndarray

    def jumped(self, jump: Jump) -> "Picture":
        return Picture(*(jump.picture(getattr(self, each.name)) for each in fields(self)))

    def coarser(self, move: Coarser, softness: float) -> "Picture":
        """In larger pixels, blurred by so many of them; 0 stays what wasn't filled, and torn is what still shows."""

        def soft(pixels: np.ndarray) -> np.ndarray:
            grey = np.rint(np.clip(blur(move.picture(pixels.astype(np.float32)), softness, softness), 0, 255))
            return np.where(move.picture(pixels > 0), np.maximum(grey, 1), grey).astype(np.uint8)

        vpi, clean = soft(self.vpi), soft(self.clean)
        return Picture(
            vpi=vpi, clean=clean, labels=move.labels(self.labels), torn=torn_pixels(vpi, clean),
            body=move.picture(self.body), skin=move.picture(self.skin), bone_depth=move.picture(self.bone_depth),
        )  # fmt: skip

    def before(self, background: int) -> "Picture":
        """In a window whose own grey is the `background`."""
        outside = ~self.body & (self.vpi <= 1)
        vpi, clean = np.where(outside, background, self.vpi), np.where(self.body, self.clean, background)
        return replace(self, vpi=vpi.astype(np.uint8), clean=clean.astype(np.uint8))


def finish(
    rng: np.random.Generator, picture: Picture, known: dict[str, Any], what: Circumstances, jumps: Sequence[Jump]
) -> dict[str, Any]:
    """The fields of a `Subject`, as the scanner and its program leave them."""
    moves: list[Jump | Coarser] = list(jumps)
    for jump in jumps:
        picture = picture.jumped(jump)
    if what.background:
        picture = picture.before(what.background)
    times = picture.vpi.shape[1] / what.scanner.columns if what.scanner.columns else 1.0
    if times > 1:
        moves.append(Coarser(times))
        picture = picture.coarser(moves[-1], what.scanner.blur)
    if moves:
        known = followed(known, moves, times)
    marks = draw_marks(rng, (picture.vpi, picture.clean), _landmarks(known, picture)) if what.marked else {}
    return {each.name: getattr(picture, each.name) for each in fields(picture)} | {"known": known | {"marks": marks}}


def followed(known: dict[str, Any], moves: Sequence[Jump | Coarser], times: float) -> dict[str, Any]:
    """What is known, after the picture has been moved and its pixels have become so many `times` larger."""

    def scaled(event: dict[str, Any]) -> dict[str, Any]:
        rows = {name: int(event[name] / times) for name in ("first", "last") if name in event}
        return event | rows | {name: round(event[name] / times, 3) for name in LENGTHS if name in event}

    return known | {
        "spacing_mm": [each * times for each in known["spacing_mm"]],
        "vertebra_centres": {level: moved(at, moves) for level, at in known["vertebra_centres"].items()},
        "centreline": [moved(at, moves) for at in known["centreline"]],
        "swept_rows": [int(row / times) for row in known["swept_rows"]],
        "bursts": [scaled(burst) for burst in known["bursts"]],
        "noise": [scaled(event) for event in known["noise"]],
        "bones": {name: bone | {"centre": moved(bone["centre"], moves)} for name, bone in known["bones"].items()},
    }


def _landmarks(known: dict[str, Any], picture: Picture) -> Landmarks:
    inside = {level: at for level, at in known["vertebra_centres"].items() if 0 <= at[0] < len(picture.body)}
    lit = picture.body.any(1)
    left = np.where(lit, picture.body.argmax(1), 0)
    right = picture.body.shape[1] - 1 - np.where(lit, picture.body[:, ::-1].argmax(1), 0)
    midline = [at for at in known["centreline"] if 0 <= at[0] < len(picture.body)]
    return Landmarks(inside, known["vertebra_tilt_deg"], midline, np.stack([left, right], 1))
