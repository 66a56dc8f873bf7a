"""What the frames of a sound say together: speech and pauses, noise, one voice or several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthesis_worker.probing.frames import QUIETEST, SILENCE
from synthesis_worker.probing.speakers import one_speaker
from synthesis_worker.probing.speech import is_speech, voiced

if TYPE_CHECKING:
    from synthesis_worker.probing.frames import Floats, Frames

Flags = npt.NDArray[np.bool_]

BELOW_LOUD = 30.0  # decibels: what is softer than this below the loud parts is a pause
STEADY = 6.0
NOTHING = -100.0  # no microphone is as quiet
LOUD_PART = 95
QUIET_PART = 2  # percent of the frames: fast speech has no longer pauses
REACH = 15  # frames: consonants stand this near to a vowel


@dataclass(frozen=True, slots=True)
class Heard:
    noise_floor_dbfs: float
    snr_db: float
    speech_share: float
    silence_share: float
    is_speech: float
    one_speaker: float


def listen(frames: Frames) -> Heard:
    if not len(frames):
        return Heard(QUIETEST, 0.0, 0.0, 1.0, 0.0, 0.0)
    floor, _ = _floor_and_loud(frames.level)
    active = active_in(frames)
    spoken = active & _near(voiced(frames, active), REACH)
    return Heard(
        noise_floor_dbfs=round(floor, 1),
        snr_db=round(_snr(frames.level[active], floor), 1),
        speech_share=round(float(spoken.mean()), 3),
        silence_share=round(float(1 - active.mean()), 3),
        is_speech=round(is_speech(frames, active), 3),
        one_speaker=round(one_speaker(frames, active), 3),
    )


def active_in(frames: Frames) -> Flags:
    """Which frames are no pause."""
    return np.asarray(frames.level > _pause(*_floor_and_loud(frames.level)))


def _floor_and_loud(level: Floats) -> tuple[float, float]:
    """Silence made by a computer hides what noise there is, so it is left out."""
    heard = level[level > NOTHING]
    if not len(heard):
        return QUIETEST, QUIETEST
    return float(np.percentile(heard, QUIET_PART)), float(np.percentile(heard, LOUD_PART))


def _pause(floor: float, loud: float) -> float:
    """The level up to which a frame is a pause. Steady sound has none, and noise under all of it
    makes pauses louder."""
    above_floor = floor + 0.25 * min(BELOW_LOUD, loud - floor)
    return min(max(SILENCE, loud - BELOW_LOUD, above_floor), loud - STEADY)


def _near(flags: Flags, reach: int) -> Flags:
    spread = np.convolve(flags, np.ones(2 * reach + 1, int))
    return spread[reach : reach + len(flags)] > 0


def _snr(active: Floats, floor: float) -> float:
    """Of the speech alone, without the noise that is under it too."""
    if not len(active):
        return 0.0
    power, noise = float(np.mean(10 ** (active / 10))), 10 ** (floor / 10)
    return 10 * float(np.log10(max(power - noise, noise / 100) / noise))
