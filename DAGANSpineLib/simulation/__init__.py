"""Simulated ultrasound volume projection images of simulated spines: no patient's data, every truth known."""

from .comparison import compare
from .dataset import write_dataset
from .subject import Subject, simulate_subject
from .volume import Volume, simulate_volume, write_volume

__all__ = [
    "Subject",
    "Volume",
    "compare",
    "simulate_subject",
    "simulate_volume",
    "write_dataset",
    "write_volume",
]
