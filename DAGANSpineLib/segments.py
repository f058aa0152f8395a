"""The three segments as Slicer knows them: names, colours and terminology codes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Segment:
    """A class of bone: its label value, name, colour (red, green, blue, 0 to 1) and SNOMED CT code."""

    label: int
    name: str
    colour: tuple[float, float, float]
    code: str
    meaning: str

    @property
    def terminology(self) -> str:
        """The entry of a segment's terminology tag: category, type, no modifiers, no anatomic region."""
        return (
            "Segmentation category and type - DICOM master list~SCT^123037004^Anatomical Structure"
            f"~SCT^{self.code}^{self.meaning}~^^~Anatomic codes - DICOM master list~^^~^^"
        )


SEGMENTS = (
    Segment(1, "Rib", (0.90, 0.25, 0.20), "113197003", "Rib"),
    Segment(2, "Thoracic", (0.25, 0.80, 0.35), "122495006", "Thoracic spine"),
    Segment(3, "Lumbar", (0.25, 0.50, 0.95), "122496007", "Lumbar spine"),
)
CLASSES = ("background", *(segment.name.lower() for segment in SEGMENTS))  # label values 0 to 3
