"""Segments that a user has corrected, as labels to learn from: nothing that was drawn is left out without a word."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import slicer
from slicer.i18n import tr as _

from ..errors import UserError
from ..segments import SEGMENTS, Segment
from .images import OneSlice
from .results import bone_called, findings_of, mask_of, names_in, was_edited
from .sequences import frame_of


class CorrectionError(UserError):
    """Segments that can't be learnt from; the text says why and what to do."""


class Corrected(NamedTuple):
    """Labels, uint8 (rows, columns), upright, values as in `SEGMENTS`; whether somebody has changed what the model
    drew; how many pixels lay in several segments, of which the last of `SEGMENTS` got them."""

    labels: np.ndarray
    edited: bool
    shared: int


def corrected(segmentation: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLScalarVolumeNode) -> Corrected:
    """The segments as they are now, on the grid of the volume's picture.

    Raises CorrectionError if a bone's segment is gone or there twice, if something else is drawn as well, or if the
    film shows another frame than the one that was segmented.
    """
    refuse_other_frame(segmentation, volume)
    labels, covered = np.zeros(OneSlice.of(volume).size, np.uint8), 0
    of_bones = segments_of_bones(segmentation)
    refuse_others(segmentation, volume, set(of_bones.values()))
    for segment, segment_id in of_bones.items():
        mask = mask_of(segmentation, segment_id, volume)
        covered += int(mask.sum())
        labels[mask] = segment.label
    return Corrected(labels, was_edited(segmentation, volume), covered - int((labels > 0).sum()))


def refuse_other_frame(segmentation: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLScalarVolumeNode) -> None:
    frame, shown = (findings_of(segmentation) or {}).get("frame"), frame_of(volume)
    if frame and shown and frame != shown:
        sentence = _("The film shows frame {shown}, and the segments are those of frame {frame}: go back to it first.")
        raise CorrectionError(sentence.format(shown=shown, frame=frame))


def segments_of_bones(segmentation: slicer.vtkMRMLSegmentationNode) -> dict[Segment, str]:
    """The ID of the segment of each bone, as their names say; one of ours that got a name of its own still counts.
    Raises CorrectionError."""
    names, found = names_in(segmentation), {}
    for segment in SEGMENTS:
        called = [segment_id for segment_id, name in names.items() if bone_called(name) is segment]
        ours = segment.name in names and bone_called(names[segment.name]) is None
        if len(called) > 1:
            sentence = _("Several segments are called {name}: delete or rename all but one.")
            raise CorrectionError(sentence.format(name=segment.name))
        if not called and not ours:
            sentence = _(
                "There is no segment {name} any more: add one of that name, an empty one if the picture shows none."
            )
            raise CorrectionError(sentence.format(name=segment.name))
        found[segment] = called[0] if called else segment.name
    return found


def refuse_others(
    segmentation: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLScalarVolumeNode, of_bones: set[str]
) -> None:
    """Raise CorrectionError if something is drawn in a segment of no bone."""
    for segment_id, name in names_in(segmentation).items():
        if segment_id not in of_bones and mask_of(segmentation, segment_id, volume).any():
            sentence = _("The segment {name} is none of {bones}: rename it so, or delete it.")
            bones = ", ".join(segment.name for segment in SEGMENTS)
            raise CorrectionError(sentence.format(name=name, bones=bones))
