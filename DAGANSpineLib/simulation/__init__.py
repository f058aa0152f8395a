"""Simulated ultrasound volume projection images of simulated spines: no patient's data, every truth known."""

from .comparison import compare
from .dataset import write_dataset
from .display import MARKS, Landmarks, draw_marks
from .subject import Subject, simulate_subject
from .volume import Volume, simulate_volume, write_volume
from .worlds import SEVERITIES, USUAL, World

__all__ = [
    "MARKS",
    "SEVERITIES",
    "USUAL",
    "Landmarks",
    "Subject",
    "Volume",
    "World",
    "compare",
    "draw_marks",
    "simulate_subject",
    "simulate_volume",
    "write_dataset",
    "write_volume",
]
