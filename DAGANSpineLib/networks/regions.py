"""Regions of a picture on the levels of a U-Net: what has to be known on each, for some of its pixels."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

Region = tuple[slice, slice]  # rows and columns, of a picture or of its coarser copies


def whole(features: Tensor) -> Region:
    """All of (N, C, H, W)."""
    return slice(0, features.shape[-2]), slice(0, features.shape[-1])


def grown(region: Region, reach: int, within: Region) -> Region:
    """Larger by what a network sees around it, as far as there is something."""
    down, across = (
        slice(max(part.start - reach, limit.start), min(part.stop + reach, limit.stop))
        for part, limit in zip(region, within, strict=True)
    )
    return down, across


def halved(region: Region) -> Region:
    """Where it lies on the next coarser level, to its last pixel."""
    down, across = (slice(part.start // 2, -(-part.stop // 2)) for part in region)
    return down, across


def doubled(region: Region) -> Region:
    """Where it lies on the next finer level."""
    down, across = (slice(2 * part.start, 2 * part.stop) for part in region)
    return down, across


@dataclass(frozen=True)
class Level:
    """What a level of a U-Net has to know, so that the wanted pixels come out: `all` there is of it; on the way down
    the `entry` and what is `left` of it by its block; on the way up where what comes from below and the skip `meet`,
    and what is `given` to the next finer one. On the deepest, which has a way down only, that is what is left."""

    all: Region
    entry: Region
    left: Region
    meet: Region
    given: Region


def levels(wanted: Region, everything: Region, count: int, reach: int, pooled: bool) -> list[Level]:
    """The levels of a U-Net, finest first. `reach`: how far a block looks. `pooled`: whether the second level is pooled
    from the first; otherwise it sees the picture itself."""
    extents = [everything]
    for _ in range(count - 1):
        extents.append(halved(extents[-1]))
    given, meet = [wanted], []
    for level in range(count - 1):
        meet.append(grown(given[-1], reach, extents[level]))
        given.append(grown(halved(meet[-1]), 1, extents[level + 1]))  # interpolation looks one pixel further
    meet.append(given[-1])
    left = [given[-1]]
    for level in reversed(range(count - 1)):
        entered = doubled(grown(left[0], reach, extents[level + 1]))
        left.insert(0, entered if level or pooled else meet[0])
    entry = [grown(part, reach, extent) for part, extent in zip(left, extents, strict=True)]
    return [Level(*parts) for parts in zip(extents, entry, left, meet, given, strict=True)]


def cut(features: Tensor, region: Region, of: Region) -> Tensor:
    """A region of features (N, C, H, W) that are known in the region `of`."""
    if region == of:
        return features
    down, across = (
        slice(part.start - known.start, part.stop - known.start) for part, known in zip(region, of, strict=True)
    )
    return features[..., down, across]
