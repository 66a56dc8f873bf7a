"""Whether a sound moves as speech does: voiced and not in turn, gliding, changing, in syllables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from numpy.fft import rfft, rfftfreq

from synthesis_worker.probing.evidence import grade

if TYPE_CHECKING:
    from synthesis_worker.probing.frames import Floats, Frames

Flags = npt.NDArray[np.bool_]

FRAMES_A_SECOND = 50
PERIODIC = 0.6
LEAST_FRAMES = 25
APART = 5  # frames: a tenth of a second, about one sound of speech
DYNAMICS = 40.0
SYLLABLES = (2.0, 8.0)  # Hz
PACE = (0.3, 25.0)
GLIDE = (0.04, 2.0)  # semitones a frame: a voice never holds still, and does not leap
WHISPER = 0.3  # the most that speech without a voice can be known by


def is_speech(frames: Frames, active: Flags) -> float:
    """A confidence from 0 to 1. One missing sign is enough against it: music has most of them."""
    if np.count_nonzero(active) < LEAST_FRAMES:
        return 0.0
    change = _change(frames.cepstra, active)
    rhythm = grade(_syllables(frames.level), 0.12, 0.3)
    return grade(change, 1.5, 3.5) * rhythm * max(_voice(frames, active), _whisper(change))


def voiced(frames: Frames, active: Flags) -> Flags:
    return active & (frames.periodicity > PERIODIC)


def _voice(frames: Frames, active: Flags) -> float:
    """Vowels that glide, between sounds without pitch."""
    spoken = voiced(frames, active)
    share = np.count_nonzero(spoken) / np.count_nonzero(active)
    mixed = grade(share, 0.03, 0.12) * grade(1 - share, 0.01, 0.06)
    return mixed * grade(_gliding(frames.pitch, spoken), 0.15, 0.5)


def _whisper(change: float) -> float:
    return WHISPER * grade(change, 4.5, 6.0)


def _gliding(pitch: Floats, spoken: Flags) -> float:
    steps = np.abs(np.diff(pitch))[spoken[1:] & spoken[:-1]]
    if len(steps) < LEAST_FRAMES / 2:
        return 0.0
    return float(np.mean((steps > GLIDE[0]) & (steps < GLIDE[1])))


def _change(cepstra: Floats, active: Flags) -> float:
    """How unlike itself the envelope is a tenth of a second later."""
    steps = np.linalg.norm(cepstra[APART:] - cepstra[:-APART], axis=1)
    heard = steps[active[APART:] & active[:-APART]]
    return float(np.median(heard)) if len(heard) else 0.0


def _syllables(level: Floats) -> float:
    """The share of the level's movement that is at the rate of syllables."""
    held = np.maximum(level, np.percentile(level, 95) - DYNAMICS)
    moves = (held - held.mean()) * np.hanning(len(held))
    power = np.abs(rfft(moves)) ** 2
    rates = rfftfreq(len(held), 1 / FRAMES_A_SECOND)
    return float(_between(power, rates, SYLLABLES) / (_between(power, rates, PACE) + 1e-9))


def _between(power: Floats, rates: Floats, bounds: tuple[float, float]) -> float:
    return float(power[(rates >= bounds[0]) & (rates <= bounds[1])].sum())
