"""From which side a volume is looked at: that of the skin, as the coordinates say or else as the voxels show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import ImageError
from ..progress import Progress
from ..texts import tr as _
from .orientation import LONG, SIDES, View, find_view, lying, other_views, view_along
from .skin import FINEST_MM, Beginnings, Surface, find_skin

SMOOTHER = 2.0  # times: a side so much smoother than the other is the skin's, whatever the geometry says
SURE = 0.85  # of the columns begin at the skin; of simulated backs, all do: if fewer, another side may be the skin's
STEEP = 1.0  # mm of depth for each mm across: a skin as steep as that faces another side more than this one
LOOK_MM = 3.0, 12.0  # under the skin: where a spine's midline is dark


@dataclass(frozen=True)
class Looked:
    """What a view shows of the skin: `agreeing`, the share of columns that begin at it."""

    view: View
    begin: Beginnings
    surface: Surface
    agreeing: float

    @classmethod
    def along(cls, view: View, voxels: np.ndarray, index_to_lps: np.ndarray) -> Looked:
        begin = Beginnings.of(view.of(voxels), view.spacing(index_to_lps))
        return cls(view, begin, *find_skin(begin))

    @property
    def slope(self) -> float:
        """How much deeper the skin lies with each mm across the picture, the median: 0 where who looks stands right
        behind the back."""
        across = self.begin.across
        depths = self.surface.at(self.begin.down, across)
        known = np.isfinite(self.begin.mm)
        return float(np.median(np.gradient(depths, across, axis=1)[known])) if len(across) > 1 else 0.0

    @property
    def quality(self) -> float:
        """Of what may be the skin: where nearly all columns begin, which those of a cut do not, and smooth."""
        return self.agreeing**4 / max(self.begin.roughness_mm, FINEST_MM)


def find_side(
    voxels: np.ndarray,
    index_to_lps: np.ndarray,
    head: str | None,
    skin: str | None,
    progress: Progress,
) -> Looked:
    """The view from the skin's side; the parameters are those of `Projector.of`.

    The skin is smooth and the bones' far side is not: where that is clear, it counts more than the coordinates, for a
    tracker's need not be the patient's. Raises ImageError if nothing begins anywhere.
    """
    view = find_view(index_to_lps, voxels.shape, head, skin)
    progress(0.6, _("Finding the skin"))
    begin = Beginnings.of(view.of(voxels), view.spacing(index_to_lps))
    if skin is None:
        progress(0.75, _("Finding the skin"))
        behind = view.from_the_other_side()
        opposite = Beginnings.of(behind.of(voxels), behind.spacing(index_to_lps))
        if SMOOTHER * opposite.roughness_mm < begin.roughness_mm:
            view, begin = behind, opposite
    progress(0.9, _("Finding the skin"))
    looked = Looked(view, begin, *find_skin(begin))
    if head is not None or skin is not None:
        return looked
    if looked.agreeing < SURE:
        return look_from_elsewhere(voxels, index_to_lps, looked)
    return look_where_skin_faces(voxels, index_to_lps, looked)


def look_where_skin_faces(voxels: np.ndarray, index_to_lps: np.ndarray, looked: Looked) -> Looked:
    """The view from beside, where a back that is turned about its length faces rather that way."""
    slope = looked.slope
    if abs(slope) < STEEP:
        return looked
    edges = index_to_lps[:3, :3]
    directions = (edges / np.linalg.norm(edges, axis=0)).T
    up, across, _back = looked.view.axes
    from_the_right = slope > 0  # the skin falls away to the right, and faces there
    deep_is_back = from_the_right != looked.view.reverse[1]
    try:
        beside = view_along(directions, up, across, deep_is_back, np.array(SIDES["S"]))
        other = Looked.along(beside, voxels, index_to_lps)
    except ImageError:  # no skin at all
        return looked
    return other if other.agreeing >= SURE and abs(other.slope) < abs(slope) else looked


def look_from_elsewhere(voxels: np.ndarray, index_to_lps: np.ndarray, looked: Looked) -> Looked:
    """The view from the side that shows the clearest skin, if that is far clearer than what the coordinates gave: those
    of a tracker need not be the patient's, and a patient may be turned."""
    best = looked
    for view in other_views(index_to_lps, voxels.shape, looked.view):
        try:
            other = Looked.along(view, voxels, index_to_lps)
        except ImageError:  # no skin at all
            continue
        best = max(best, other, key=lambda each: each.quality)
    if best.quality < SMOOTHER * looked.quality:
        return looked
    lengths = np.array(best.view.of(voxels).shape[:2]) * best.view.spacing(index_to_lps)[:2]
    if lengths.max() < LONG * lengths.min() and midline_lies_across(best, best.view.spacing(index_to_lps)[2]):
        return Looked.along(lying(best.view, index_to_lps), voxels, index_to_lps)
    return best


def midline_lies_across(looked: Looked, size: float) -> bool:
    """Whether the spine's dark midline runs across a short volume's picture: its rows differ more than its columns.

    `size`: mm between depths.
    """
    known, grey = np.isfinite(looked.begin.mm), looked.begin.grey
    skin = looked.surface.at(looked.begin.down, looked.begin.across)
    first = np.rint((skin + LOOK_MM[0]) / size).astype(np.intp)[..., None]
    at = first + np.arange(max(1, round((LOOK_MM[1] - LOOK_MM[0]) / size)))
    inside = (at >= 0) & (at < grey.shape[2]) & known[..., None]
    under = np.take_along_axis(grey, np.clip(at, 0, grey.shape[2] - 1), 2) * inside
    spread = []
    for axis in (0, 1):
        count = (under > 0).sum((axis, 2))
        means = under.sum((axis, 2), dtype=np.float64) / np.maximum(count, 1)
        spread.append(means[count > 0.3 * count.max(initial=0)].std() if count.any() else 0.0)
    return spread[1] > spread[0]
