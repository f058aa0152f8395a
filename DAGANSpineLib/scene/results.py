"""What a run made of an image, as nodes beside it: its restored image and its segments."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import slicer
from slicer.i18n import tr as _

from ..errors import ImageError, UserError
from ..records import check_record, kept_json
from ..report import extent
from ..segments import SEGMENTS, Segment
from ..spine import Doubt, Spine
from .images import INPUT_ROLE, OneSlice, pixels_of, put_beside
from .spines import READ_OF, dissolve, markups_of, names_of, put_spine, spine_of

MODEL = "DAGANSpineModel"  # attribute of a result: which model made it
FINDINGS = "DAGANSpineFindings"  # attribute of a result: the run's figures and warnings, in JSON
DOUBT = "DAGANSpineDoubt"  # attribute of a segmentation: how sure the model was of the bones it drew, in JSON
DIGEST = "DAGANSpineSegments"  # attribute of a segmentation: what the run made of its segments, as a sha256


class Former(NamedTuple):
    """What earlier runs have made of an image, None for what is not there; whether a user has edited the segments."""

    restored: slicer.vtkMRMLScalarVolumeNode | None
    segmentation: slicer.vtkMRMLSegmentationNode | None
    edited: bool


def results_of(volume: slicer.vtkMRMLScalarVolumeNode) -> tuple[slicer.vtkMRMLNode | None, slicer.vtkMRMLNode | None]:
    """The restored volume and the segmentation that were made of this volume, None for each that is not there.

    The results refer to the input, not the other way round, so that a copied input doesn't claim them.
    """
    return tuple(
        next((node for node in slicer.util.getNodesByClass(kind) if refers_to(node, volume)), None)
        for kind in ("vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode")
    )


def refers_to(node: slicer.vtkMRMLNode, volume: slicer.vtkMRMLScalarVolumeNode) -> bool:
    """Whether `node` is a result of `volume`."""
    return node.GetNodeReferenceID(INPUT_ROLE) == volume.GetID()


def is_ours(segmentation: slicer.vtkMRMLSegmentationNode) -> bool:
    """Whether a run of this module made this segmentation."""
    return bool(segmentation.GetNodeReferenceID(INPUT_ROLE))


def model_of(result: slicer.vtkMRMLNode) -> str:
    """Which model made this result; empty if that is not known."""
    return result.GetAttribute(MODEL) or ""


def findings_of(result: slicer.vtkMRMLNode) -> dict[str, Any] | None:
    """The run's figures and warnings as `report.findings` gave them; None if they are not known."""
    found = kept_json(result.GetAttribute(FINDINGS))
    try:
        check_findings(found, Path(FINDINGS))
    except UserError:
        return None
    return found


def doubt_of(segmentation: slicer.vtkMRMLSegmentationNode) -> Doubt | None:
    """How sure the model was of the bones that it drew; None if it is not known."""
    try:
        return Doubt.from_text(segmentation.GetAttribute(DOUBT) or "")
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError):
        return None


def check_findings(found: Any, where: Path) -> None:
    """Raise UserError unless these are findings."""
    parts = {"corrupted patches": dict, "largest g": dict, "change of clean patches": object, "classes": dict}
    check_record(found, {**parts, "warnings": list}, where)
    check_record(found["corrupted patches"], {"before": int, "after": int, "of": int}, where)
    check_record(found["largest g"], {"before": int | float | None, "after": int | float | None}, where)
    check_record(found, {"change of clean patches": int | float | None}, where)
    for warning in found["warnings"]:
        check_record({"warning": warning}, {"warning": str}, where)
    for segment in SEGMENTS:
        extents = found["classes"].get(segment.name.lower())
        check_record(extents, {"components": int, "area_pixels": int}, where)
        check_record({"area_mm2": 0, **extents}, {"area_mm2": int | float}, where)


def labels_of(segmentation: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLScalarVolumeNode) -> np.ndarray:
    """The segments as they are now, edited or not: uint8 (rows, columns), upright, values as in `SEGMENTS`; where they
    overlap, the last."""
    labels = np.zeros(OneSlice.of(volume).size, np.uint8)
    for segment in SEGMENTS:
        labels[mask_of_bone(segmentation, segment, volume)] = segment.label
    return labels


def classes_of(segmentation: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLScalarVolumeNode) -> dict[str, Any]:
    """Components and areas of the segments as they are now, as in `report.findings`: in mm² only where the run trusted
    the pixel size."""
    found, spacing = findings_of(segmentation), OneSlice.of(volume).spacing
    figures = found["classes"].values() if found else ()
    if figures and not any("area_mm2" in values for values in figures):
        spacing = None
    return {segment.name.lower(): extent(mask_of_bone(segmentation, segment, volume), spacing) for segment in SEGMENTS}


def mask_of_bone(
    segmentation: slicer.vtkMRMLSegmentationNode, segment: Segment, volume: slicer.vtkMRMLScalarVolumeNode
) -> np.ndarray:
    """A bone as it is now, in all segments that are called so, a user's own among them; ours counts under any name that
    is no other bone's: boolean (rows, columns), upright."""
    mask = np.zeros(OneSlice.of(volume).size, bool)
    for segment_id, name in names_in(segmentation).items():
        called = bone_called(name)
        if called is segment or (called is None and segment_id == segment.name):
            mask |= mask_of(segmentation, segment_id, volume)
    return mask


def names_in(segmentation: slicer.vtkMRMLSegmentationNode) -> dict[str, str]:
    """The names of the segments by their IDs."""
    segments = segmentation.GetSegmentation()
    ids = [segments.GetNthSegmentID(index) for index in range(segments.GetNumberOfSegments())]
    return {segment_id: segments.GetSegment(segment_id).GetName() or "" for segment_id in ids}


def bone_called(name: str) -> Segment | None:
    """The bone of this name, as we or Slicer's terminology call it; None for any other name."""
    plain = " ".join(name.split()).casefold()
    return next((each for each in SEGMENTS if plain in (each.name.casefold(), each.meaning.casefold())), None)


def mask_of(
    segmentation: slicer.vtkMRMLSegmentationNode, segment_id: str, volume: slicer.vtkMRMLScalarVolumeNode
) -> np.ndarray:
    """A segment as it is now: boolean (rows, columns), upright; empty if it is gone. Where the image has come under
    another transform since, its segments are read as if they had come with it."""
    one_slice = OneSlice.of(volume)
    if segmentation.GetSegmentation().GetSegment(segment_id) is None:
        return np.zeros(one_slice.size, bool)
    give_display(segmentation)
    own, images = segmentation.GetTransformNodeID(), volume.GetTransformNodeID()
    try:
        if own != images:
            segmentation.SetAndObserveTransformNodeID(images)
        return one_slice.picture(slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment_id, volume) > 0)
    finally:
        if own != images:
            segmentation.SetAndObserveTransformNodeID(own)


def give_display(segmentation: slicer.vtkMRMLSegmentationNode) -> None:
    """Make the display node that a user has deleted, hidden as ours are.

    Slicer's slice views go on asking a deleted one (vtkMRMLSegmentationsDisplayableManager2D forgets its pipelines, but
    not that the segmentation had it), and crash at the next change where its memory has got another use. Hence all that
    there were are kept as long as their segmentation.
    """
    if segmentation.GetDisplayNode() is None:
        segmentation.CreateDefaultDisplayNodes()
        segmentation.GetDisplayNode().SetVisibility(False)
    kept = segmentation.__dict__.setdefault("display_nodes", [])
    if segmentation.GetDisplayNode() not in kept:
        kept.append(segmentation.GetDisplayNode())


def publish(
    volume: slicer.vtkMRMLScalarVolumeNode,
    restored: np.ndarray,
    labels: np.ndarray,
    model: str = "",
    findings: dict[str, Any] | None = None,
    spine: Spine | None = None,
    pixels: np.ndarray | None = None,
    former: Former | None = None,
) -> tuple[slicer.vtkMRMLScalarVolumeNode, slicer.vtkMRMLSegmentationNode]:
    """Put results into the scene, with the input's geometry and parent transform.

    `restored`, `labels`: uint8 (rows, columns), upright; labels as in `SEGMENTS`, 0 for none. `model`: which one made
    them, `findings`: the run's figures and warnings; both are kept with the nodes and saved with the scene. `pixels`:
    what was restored, grey (rows, columns), upright; read from the volume where nobody has it any more. Former results
    of the same input are filled anew, so that names, colours and display settings that a user gave them stay; segments
    that a user has edited are kept as they are, in a segmentation of another name, and new ones made. `former`: what
    `former_of` gave before the image itself was filled anew; looked up if None. `spine`: what was read off the labels;
    its lines take the place of the former ones, of which those that were drawn by hand are kept under other names.
    Raises ImageError if the volume no longer has the size of the pictures; the scene is then as it was.
    """
    one_slice = OneSlice.of(volume)
    if one_slice.size != restored.shape:
        raise ImageError(_("{name} was changed during the run; run it again.").format(name=volume.GetName()))
    former = former or former_of(volume)
    made, former_markups = [], markups_of(former.segmentation)
    try:
        restored_node = former.restored or add_restored(volume, made, pixels)
        segmentation_node = (None if former.edited else former.segmentation) or add_segmentation(volume, made)
        for node in (restored_node, segmentation_node):
            node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
            put_beside(node, volume)
        slicer.util.updateVolumeFromArray(restored_node, one_slice.array(restored))
        restored_node.CopyOrientation(volume)
        fill_segments(segmentation_node, volume, one_slice.array(labels))
        for node in (restored_node, segmentation_node):
            node.SetAttribute(MODEL, model or None)
            node.SetAttribute(FINDINGS, json.dumps(findings, ensure_ascii=False) if findings else None)
        made_of = digest([labels == segment.label for segment in SEGMENTS])
        segmentation_node.SetAttribute(DIGEST, made_of)
        doubt = spine.doubt if spine is not None else None
        segmentation_node.SetAttribute(DOUBT, doubt.as_text() if doubt is not None else None)
        if spine is not None:
            put_spine(segmentation_node, volume, spine, made_of, made)
    except Exception:
        for node in made:
            slicer.mrmlScene.RemoveNode(node)
        raise
    dissolve(former_markups, names_of(segmentation_node))
    if former.edited:
        set_aside(former.segmentation)
    return restored_node, segmentation_node


def former_of(volume: slicer.vtkMRMLScalarVolumeNode) -> Former:
    """What earlier runs have made of this image, as it lies now."""
    restored, segmentation = results_of(volume)
    return Former(restored, segmentation, segmentation is not None and was_edited(segmentation, volume))


def digest(masks: list[np.ndarray]) -> str:
    """A sha256 of boolean pictures (rows, columns)."""
    return hashlib.sha256(b"".join(np.packbits(mask).tobytes() for mask in masks)).hexdigest()


def was_edited(segmentation: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLScalarVolumeNode) -> bool:
    """Whether the segments are other ones than the run made. Of results that an earlier version made, nothing but
    their figures is known."""
    made = segmentation.GetAttribute(DIGEST)
    if made:
        return made != digest([mask_of_bone(segmentation, segment, volume) for segment in SEGMENTS])
    found = findings_of(segmentation)
    return bool(found) and classes_of(segmentation, volume) != found["classes"]


def measure_again(
    segmentation: slicer.vtkMRMLSegmentationNode,
    volume: slicer.vtkMRMLScalarVolumeNode,
    labels: np.ndarray,
    spine: Spine,
) -> list[slicer.vtkMRMLNode]:
    """Let this spine, read off these labels of the segmentation, take the place of the one before; all of it or none.
    Returns the lines that were drawn by hand, which are kept under other names."""
    former, made = markups_of(segmentation), []
    try:
        put_spine(segmentation, volume, spine, digest([labels == segment.label for segment in SEGMENTS]), made)
    except Exception:
        for node in made:
            slicer.mrmlScene.RemoveNode(node)
        raise
    return dissolve(former, names_of(segmentation))


def is_outdated(segmentation: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLScalarVolumeNode) -> bool:
    """Whether the spine that is known was read off other segments than there are now, or with another pixel size; also
    where none is known."""
    spine, names = spine_of(segmentation), names_of(segmentation)
    if spine is None:
        return True
    if not np.allclose(spine.spacing, OneSlice.of(volume).spacing or (1.0, 1.0)):
        return True
    return names.GetAttribute(READ_OF) != digest([mask_of_bone(segmentation, segment, volume) for segment in SEGMENTS])


def set_aside(segmentation: slicer.vtkMRMLSegmentationNode) -> None:
    """Let a segmentation be the user's own, under a name that says so, hidden from Slicer's views."""
    name = _("{name} (edited)").format(name=segmentation.GetName())
    segmentation.SetName(slicer.mrmlScene.GenerateUniqueName(name))
    segmentation.SetNodeReferenceID(INPUT_ROLE, None)
    give_display(segmentation)
    segmentation.GetDisplayNode().SetVisibility(False)


def add_restored(
    volume: slicer.vtkMRMLScalarVolumeNode, made: list, pixels: np.ndarray | None
) -> slicer.vtkMRMLScalarVolumeNode:
    """A new node for the restored image; appended to `made`."""
    node = add_result(volume, "vtkMRMLScalarVolumeNode", _("{name} restored"), made)
    node.GetDisplayNode().AutoWindowLevelOff()
    node.GetDisplayNode().SetWindowLevelMinMax(*shown_greys(volume, pixels))
    return node


def shown_greys(volume: slicer.vtkMRMLScalarVolumeNode, pixels: np.ndarray | None) -> tuple[float, float]:
    """The grey levels, 0 to 255, that are black and white where the volume is shown: its restored image is compared
    with it side by side."""
    display = volume.GetDisplayNode()
    if display is None or volume.IsA("vtkMRMLVectorVolumeNode"):
        return 0.0, 255.0
    offset, factor = grey_scale(volume, pixels)
    return tuple(offset + factor * level for level in (display.GetWindowLevelMin(), display.GetWindowLevelMax()))


def grey_scale(volume: slicer.vtkMRMLScalarVolumeNode, pixels: np.ndarray | None = None) -> tuple[float, float]:
    """Offset and factor: what is restored, grey 0 to 255, is offset + factor × what the volume holds. `pixels`: what
    was restored, if somebody has it."""
    if volume.IsA("vtkMRMLVectorVolumeNode"):
        return 0.0, 1.0
    pixels = pixels_of(volume) if pixels is None else pixels
    stored = slicer.util.arrayFromVolume(volume)
    factor = (float(pixels.max()) - float(pixels.min())) / (float(stored.max()) - float(stored.min()))
    return float(pixels.min()) - factor * float(stored.min()), factor


def add_segmentation(volume: slicer.vtkMRMLScalarVolumeNode, made: list) -> slicer.vtkMRMLSegmentationNode:
    """A new node for the segments, hidden: Slicer's views would show it over any patient's image; appended to
    `made`."""
    node = add_result(volume, "vtkMRMLSegmentationNode", _("{name} segmentation"), made)
    node.GetDisplayNode().SetVisibility(False)
    node.GetDisplayNode().SetOpacity2DFill(0.3)  # Slicer's 0.5 hides the bone under it
    return node


def add_result(volume: slicer.vtkMRMLScalarVolumeNode, kind: str, name: str, made: list) -> slicer.vtkMRMLNode:
    """A new node with its display node, that refers to its input; `name` holds a {name}; appended to `made`."""
    node = slicer.mrmlScene.AddNewNodeByClass(kind, name.format(name=volume.GetName()))
    made.append(node)
    node.SetNodeReferenceID(INPUT_ROLE, volume.GetID())
    node.CreateDefaultDisplayNodes()
    return node


def fill_segments(
    segmentation_node: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLScalarVolumeNode, labels: np.ndarray
) -> None:
    """Rib, Thoracic and Lumbar from a label array (slices, rows, columns); other segments are left alone."""
    give_display(segmentation_node)
    segmentation_node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    segmentation = segmentation_node.GetSegmentation()
    for segment in SEGMENTS:
        if segmentation.GetSegment(segment.name) is None:
            segmentation.AddEmptySegment(segment.name, segment.name, segment.colour)
            added = segmentation.GetSegment(segment.name)
            added.SetTag(added.GetTerminologyEntryTagName(), segment.terminology)
        mask = (labels == segment.label).astype(np.uint8)
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation_node, segment.name, volume)
