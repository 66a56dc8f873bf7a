"""Graded evidence: how a measure between two bounds speaks for something."""

from __future__ import annotations


def grade(value: float, none: float, full: float) -> float:
    """0 at `none`, 1 at `full`, a straight line between, whichever is the larger."""
    return min(1.0, max(0.0, (value - none) / (full - none)))
