"""The picture of a sound: its lowest and highest sample in each of a few hundred slices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from synthesis_worker.probing.frames import HOP

if TYPE_CHECKING:
    from synthesis_worker.probing.frames import Floats

MOST_PAIRS = 400


class WaveformMeter:
    """Takes the canonical sound in blocks of whole hops, the last of any length."""

    def __init__(self) -> None:
        self.low: list[Floats] = []
        self.high: list[Floats] = []

    def add(self, block: Floats) -> None:
        rows = np.resize(block, (-(-len(block) // HOP), HOP))
        self.low.append(rows.min(axis=1))
        self.high.append(rows.max(axis=1))

    def pairs(self) -> list[tuple[float, float]]:
        if not self.low:
            return []
        low, high = np.concatenate(self.low), np.concatenate(self.high)
        step = -(-len(low) // MOST_PAIRS)
        starts = np.arange(0, len(low), step)
        pairs = zip(
            np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts), strict=True
        )
        return [(round(float(a), 4), round(float(b), 4)) for a, b in pairs]
