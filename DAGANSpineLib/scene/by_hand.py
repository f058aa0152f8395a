"""Curves measured by hand: lines are dragged, curves added, names and colours follow, and there is a way back."""

from __future__ import annotations

import json

import numpy as np
import slicer

from ..report import short_name
from ..spine import Level, Spine, as_record
from .images import picture_to_local
from .spines import (
    AUTOMATIC,
    BY_HAND,
    LEVEL,
    SPINE,
    UNMOVED,
    add_line,
    colour,
    ends_of,
    ends_of_curves,
    is_moved,
    lines_of,
    names_of,
    place_of,
    places_of_names,
    spine_of,
)


def drawn_spine_of(
    segmentation: slicer.vtkMRMLSegmentationNode | None, volume: slicer.vtkMRMLScalarVolumeNode
) -> Spine | None:
    """The spine with its lines as they are now, where the user has dragged some, and without added curves of which the
    user has deleted a line; None if none is known."""
    spine, lines = spine_of(segmentation), lines_of(segmentation)
    if spine is None:
        return None
    spine = spine.without_added(kept={line.GetAttribute(LEVEL) for line in lines})
    names = {level.name for level in spine.levels}
    moved = [line for line in lines if is_moved(line) and line.GetAttribute(LEVEL) in names]
    to_local = picture_to_local(volume) if moved else None
    return spine.with_lines(
        {line.GetAttribute(LEVEL): tuple(to_picture(point, to_local) for point in ends_of(line)) for line in moved}
    )


def to_picture(point: np.ndarray, to_local: np.ndarray) -> tuple[float, float]:
    """The (row, column) that is nearest to a place; `to_local` as by `picture_to_local`."""
    row, column = np.linalg.lstsq(to_local[:, :2], point - to_local[:, 2], rcond=None)[0]
    return float(row), float(column)


def level_of(line: slicer.vtkMRMLMarkupsLineNode) -> str | None:
    """The level that a line was drawn at."""
    return line.GetAttribute(LEVEL)


def is_whole(line: slicer.vtkMRMLMarkupsLineNode) -> bool:
    """Whether a line has both its ends, and can be seen: Slicer's undo brings back lines without their display."""
    return ends_of(line) is not None and line.GetDisplayNode() is not None


def is_automatic(segmentation: slicer.vtkMRMLSegmentationNode) -> bool:
    """Whether the curves and their lines are as they were read: none moved, none deleted, none added."""
    spine, lines = spine_of(segmentation), lines_of(segmentation)
    if any(map(is_moved, lines)) or not all(map(is_whole, lines)):
        return False
    if spine is None:
        return True
    ends = {level.name for level in ends_of_curves(spine)}
    return {line.GetAttribute(LEVEL) for line in lines} == ends and spine.curves == spine.without_added().curves


def add_curve(
    segmentation: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLScalarVolumeNode, upper: str, lower: str
) -> None:
    """Let the curve between these two levels be one of the spine's, with lines at its ends that can be dragged; Slicer
    can undo that. Raises KeyError or ValueError as `Spine.with_curve` does."""
    kept = {line.GetAttribute(LEVEL) for line in lines_of(segmentation)}
    spine = spine_of(segmentation).without_added(kept).with_curve(upper, lower)
    slicer.mrmlScene.SaveStateForUndo()
    names_of(segmentation).SetAttribute(SPINE, json.dumps(as_record(spine)))
    add_missing_lines(segmentation, volume, [level for level in spine.levels if level.name in (upper, lower)])


def add_missing_lines(
    segmentation: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLScalarVolumeNode, levels: list[Level]
) -> None:
    """Draw the lines of these levels that there are none of, hidden."""
    there = {line.GetAttribute(LEVEL) for line in lines_of(segmentation) if is_whole(line)}
    to_local, added = picture_to_local(volume), []
    for level in levels:
        if level.name not in there:
            add_line(level, to_local, segmentation, volume, added)


def reset_lines(segmentation: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Go back to the curves that were read, and to lines where they were drawn: those that were moved go back, those
    that were deleted come again, added curves go; Slicer can undo that."""
    slicer.mrmlScene.SaveStateForUndo()
    spine = spine_of(segmentation)
    for line in lines_of(segmentation):
        if is_moved(line):
            for end, point in enumerate(place_of(line)):
                line.SetNthControlPointPosition(end, *point)
    if spine is None:
        return
    read = spine.without_added()
    names_of(segmentation).SetAttribute(SPINE, json.dumps(as_record(read)))
    ends = ends_of_curves(read)
    for line in lines_of(segmentation):
        if line.GetAttribute(LEVEL) not in {level.name for level in ends} or not is_whole(line):
            slicer.mrmlScene.RemoveNode(line)
    add_missing_lines(segmentation, volume, ends)


def follow_lines(
    segmentation: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLScalarVolumeNode, spine: Spine
) -> None:
    """Let the names of a spine's levels follow its lines, and their colours say which were moved; `spine`: with the
    lines as they are now."""
    for line in lines_of(segmentation):
        colour(line, BY_HAND if is_moved(line) else AUTOMATIC)
    names, to_local = names_of(segmentation), picture_to_local(volume)
    if names is None or names.GetNumberOfControlPoints() == 0:
        return  # a spine without curves has no names
    places = {
        short_name(level.name): place
        for level, place in zip(spine.levels, places_of_names(spine, to_local), strict=True)
    }
    for number in reversed(range(names.GetNumberOfControlPoints())):
        place = places.pop(names.GetNthControlPointLabel(number), None)
        if place is None:
            names.RemoveNthControlPoint(number)  # no line lies any more at this level, which has no bones
        elif np.abs(place - names.GetNthControlPointPosition(number)).max() > UNMOVED:
            names.SetNthControlPointPosition(number, *place)
    for name in places.keys() & {
        short_name(level.name) for level in spine.levels if level.by_hand or level.without_bones
    }:
        names.AddControlPoint(places[name], name)
