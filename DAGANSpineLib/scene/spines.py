"""The spine that was read off an image's segments, in the scene: the lines of its curves' ends, to be dragged, and the
names of its levels. All that is known of it is kept with these markups, and saved, loaded and undone with them."""

from __future__ import annotations

import json
from functools import lru_cache

import numpy as np
import slicer
from slicer.i18n import tr as _

from ..records import kept_json
from ..report import short_name
from ..spine import Level, Spine, as_record, from_record
from ..vpi import side_of_patients_right
from .images import picture_axes, picture_to_local, put_beside

SPINE_ROLE = "DAGANSpineSpineOf"  # node reference from the markups of a spine to the segmentation that it was read off
SPINE = "DAGANSpineSpine"  # attribute of the names: the spine as it was read, and curves that were added, in JSON
READ_OF = "DAGANSpineReadOf"  # attribute of the names: which segments it was read off, as a sha256
LEVEL = "DAGANSpineLevel"  # attribute of a line: the level that it was drawn at
PLACE = "DAGANSpinePlace"  # attribute of a line: where it was drawn, its ends in mm, in JSON
UNMOVED = 0.01  # mm
AUTOMATIC, BY_HAND, NAMES = (1.0, 1.0, 1.0), (0.2, 0.9, 1.0), (1.0, 0.88, 0.0)  # red, green, blue: 0 to 1
LETTERS, HANDLES, DOTS = 2.6, 1.6, 0.3  # Slicer's sizes of texts, of a line's ends, of names' places: percent of a view
ASIDE = 0.8  # of the longest line's length: how far from a line's middle its name stands, so as not to hide the bone


def all_markups() -> list[slicer.vtkMRMLMarkupsNode]:
    """The markups of every spine in the scene, those whose segmentation, and with it the
    reference to it, is gone as well."""
    nodes = slicer.util.getNodesByClass("vtkMRMLMarkupsNode")
    return [node for node in nodes if node.GetAttribute(LEVEL) or node.GetAttribute(READ_OF)]


def markups_of(segmentation: slicer.vtkMRMLSegmentationNode | None) -> list[slicer.vtkMRMLMarkupsNode]:
    """The markups of the spine that was read off this segmentation."""
    if segmentation is None:
        return []
    return [node for node in all_markups() if node.GetNodeReferenceID(SPINE_ROLE) == segmentation.GetID()]


def names_of(segmentation: slicer.vtkMRMLSegmentationNode | None) -> slicer.vtkMRMLMarkupsFiducialNode | None:
    """The names of the levels, with which the spine is kept; None where none was read, or the user has deleted it."""
    return next((node for node in markups_of(segmentation) if node.GetAttribute(READ_OF)), None)


def lines_of(segmentation: slicer.vtkMRMLSegmentationNode | None) -> list[slicer.vtkMRMLMarkupsLineNode]:
    """The lines that can be dragged: those at the ends of the curves, unless the user has deleted some."""
    return [node for node in markups_of(segmentation) if node.GetAttribute(LEVEL)]


def spine_of(segmentation: slicer.vtkMRMLSegmentationNode | None) -> Spine | None:
    """The spine as it was read off the segments; None if it is not known."""
    names = names_of(segmentation)
    return None if names is None else parsed(names.GetAttribute(SPINE) or "")


@lru_cache(maxsize=8)
def parsed(text: str) -> Spine | None:
    """The spine that a text holds; None for what is none, or can't be shown."""
    try:
        spine = from_record(kept_json(text))
        levels = {level.name for level in spine.levels}
        for curve in spine.curves or ():
            str(curve)
            if not {curve.upper, curve.lower, curve.apex} <= levels:
                return None
        json.dumps(spine.as_json())
        "".join(spine.notes)
        whole = len(spine.midline) > 1 or not spine.levels
        return spine if whole and 0 <= spine.plausibility <= 1 and np.isfinite(spine.spacing).all() else None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError):
        return None


def is_moved(line: slicer.vtkMRMLMarkupsLineNode) -> bool:
    """Whether a line lies elsewhere than where it was drawn."""
    ends, place = ends_of(line), place_of(line)
    return ends is not None and place is not None and bool(np.abs(ends - place).max() > UNMOVED)


def ends_of(line: slicer.vtkMRMLMarkupsLineNode) -> np.ndarray | None:
    """(2, 3): where the ends of a line are, mm, before its transform; None where it lost one."""
    if line.GetNumberOfDefinedControlPoints() < 2:
        return None
    return np.array([line.GetNthControlPointPosition(end) for end in range(2)])


def place_of(line: slicer.vtkMRMLMarkupsLineNode) -> np.ndarray | None:
    """(2, 3): where the ends of a line were drawn, mm; None if that is not known."""
    try:
        place = np.array(kept_json(line.GetAttribute(PLACE)), dtype=float)
    except (TypeError, ValueError):
        return None
    return place if place.shape == (2, 3) and np.isfinite(place).all() else None


def put_spine(
    segmentation: slicer.vtkMRMLSegmentationNode,
    volume: slicer.vtkMRMLScalarVolumeNode,
    spine: Spine,
    read_of: str,
    made: list,
) -> None:
    """Put a spine's names and lines into the scene, hidden; what is new is appended to `made`. Former names are filled
    anew, so that display settings that a user gave them stay; former lines are not touched. Curves that the user added
    to the former spine are added to this one, where it has their ends. `read_of`: the sha256 of the segments that it
    was read off."""
    spine, to_local = spine.with_added(spine_of(segmentation)), picture_to_local(volume)
    for level in ends_of_curves(spine):
        add_line(level, to_local, segmentation, volume, made)
    names = names_of(segmentation) or add_names(segmentation, volume, made)
    names.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
    names.SetAttribute(SPINE, json.dumps(as_record(spine)))
    names.SetAttribute(READ_OF, read_of)
    names.RemoveAllControlPoints()
    if spine.curves is not None:
        for level, place in zip(spine.levels, places_of_names(spine, to_local), strict=True):
            names.AddControlPoint(place, short_name(level.name))


def ends_of_curves(spine: Spine) -> list[Level]:
    """The levels at which curves end, from head to foot."""
    ends = {end for curve in spine.curves or () for end in (curve.upper, curve.lower)}
    return [level for level in spine.levels if level.name in ends]


def add_names(
    segmentation: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLScalarVolumeNode, made: list
) -> slicer.vtkMRMLMarkupsFiducialNode:
    """A node for the names of the levels, which nobody drags."""
    name = _("{name} levels").format(name=volume.GetName())
    names = add_markup("vtkMRMLMarkupsFiducialNode", name, segmentation, volume, made)
    names.SetLocked(True)
    names.GetDisplayNode().SetGlyphScale(DOTS)
    colour(names, NAMES)
    return names


def add_line(
    level: Level,
    to_local: np.ndarray,
    segmentation: slicer.vtkMRMLSegmentationNode,
    volume: slicer.vtkMRMLScalarVolumeNode,
    made: list,
) -> None:
    """A level's line, that can be dragged by its ends."""
    name = _("{name} line of {level}").format(name=volume.GetName(), level=short_name(level.name))
    line = add_markup("vtkMRMLMarkupsLineNode", name, segmentation, volume, made)
    place = [(to_local @ (*point, 1)).tolist() for point in (level.left, level.right)]
    line.SetAttribute(LEVEL, level.name)
    line.SetAttribute(PLACE, json.dumps(place))
    for point in place:
        line.AddControlPoint(point)
    line.SetFixedNumberOfControlPoints(True)  # an end can be moved, but not be deleted
    line.GetDisplayNode().SetGlyphScale(HANDLES)
    line.GetDisplayNode().SetPointLabelsVisibility(False)
    colour(line, AUTOMATIC)


def add_markup(
    kind: str,
    name: str,
    segmentation: slicer.vtkMRMLSegmentationNode,
    volume: slicer.vtkMRMLScalarVolumeNode,
    made: list,
) -> slicer.vtkMRMLMarkupsNode:
    """A node of a spine, hidden: Slicer's views would show it over any patient's image."""
    node = slicer.mrmlScene.AddNewNodeByClass(kind, name)
    made.append(node)
    node.SetNodeReferenceID(SPINE_ROLE, segmentation.GetID())
    node.SetUndoEnabled(True)
    node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
    put_beside(node, volume)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetVisibility(False)
    display.SetPropertiesLabelVisibility(False)
    display.SetPointLabelsVisibility(True)
    display.SetTextScale(LETTERS)
    display.SetSnapMode(display.SnapModeUnconstrained)
    display.SetUndoEnabled(True)  # or a line that comes back by an undo could not be seen
    return node


def places_of_names(spine: Spine, to_local: np.ndarray) -> list[np.ndarray]:
    """Where the names of a spine's levels stand, mm: to the right of their lines, all equally far."""
    along = [np.subtract(level.right, level.left) for level in spine.levels]
    lengths = [float(np.hypot(*(line * spine.spacing))) for line in along]
    away = [ASIDE * max(lengths) / length if length else 0.0 for length in lengths]
    return [
        to_local @ (*(level.centre + far * line), 1) for level, far, line in zip(spine.levels, away, along, strict=True)
    ]


def colour(node: slicer.vtkMRMLMarkupsNode, rgb: tuple[float, float, float]) -> None:
    """Show markups in this colour, whether selected or not."""
    display = node.GetDisplayNode()
    if display is not None and display.GetSelectedColor() != rgb:
        display.SetColor(*rgb)
        display.SetSelectedColor(*rgb)


def dissolve(
    markups: list[slicer.vtkMRMLMarkupsNode], names: slicer.vtkMRMLMarkupsNode | None
) -> list[slicer.vtkMRMLMarkupsNode]:
    """Remove a spine's former markups, but for `names`, which are still in use. Lines that were drawn by hand become
    the user's own, hidden, under names that say so; they are returned."""
    kept = []
    for node in markups:
        if node is names:
            continue
        if node.GetAttribute(LEVEL) and is_moved(node):
            node.SetName(slicer.mrmlScene.GenerateUniqueName(_("{name} (by hand)").format(name=node.GetName())))
            node.SetNodeReferenceID(SPINE_ROLE, None)
            for attribute in (LEVEL, PLACE):
                node.SetAttribute(attribute, None)
            if node.GetDisplayNode() is not None:
                node.GetDisplayNode().SetVisibility(False)
            kept.append(node)
        else:
            slicer.mrmlScene.RemoveNode(node)
    return kept


def remove_orphans() -> None:
    """Remove the markups of spines whose segmentation was deleted."""
    for node in all_markups():
        if node.GetNodeReference(SPINE_ROLE) is None:
            slicer.mrmlScene.RemoveNode(node)


def patients_right_is(volume: slicer.vtkMRMLScalarVolumeNode) -> str | None:
    """The side of the picture, "left" or "right", where the patient's right is; None unless the geometry says so."""
    return side_of_patients_right(*picture_axes(volume))
