"""Simulated ultrasound volume projection images of simulated spines: no patient's data, every truth known."""

from .dataset import write_dataset
from .subject import Subject, simulate_subject

__all__ = ["Subject", "simulate_subject", "write_dataset"]
