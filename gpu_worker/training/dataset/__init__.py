"""From somebody's recordings to what a training reads: clips of seconds, each with its text."""

from gpu_worker.training.dataset.building import build
from gpu_worker.training.dataset.limits import Minimum, minimum_for
from gpu_worker.training.dataset.parts import DatasetError, Recording, Rejection
from gpu_worker.training.dataset.report import Report

__all__ = [
    "DatasetError",
    "Minimum",
    "Recording",
    "Rejection",
    "Report",
    "build",
    "minimum_for",
]
