"""Sentences read aloud by espeak one after the other, and when each is said; and a melody."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from synthesis_worker.contract import Waveform
from tests.sound_clips import SCALE, melody
from tests.sound_files import speech
from voices.transcripts import Line

if TYPE_CHECKING:
    from collections.abc import Sequence

RATE = 24_000
HEARD = 0.01  # of full scale
TEXTS = (
    "The quick brown fox jumps over the lazy dog.",
    "She sells sea shells by the shore every summer.",
    "Please leave the parcel with my neighbour at number nine.",
    "A gentle breeze carried the smell of fresh bread.",
    "How much would you charge to mend these shoes?",
    "They joined the choir because their voices blend so well.",
    "Nothing measures pleasure like a long walk home.",
    "The weather there is rather wet in the autumn.",
    "Bring your own cup, and we will pour the tea.",
    "Our train arrives at half past four in the morning.",
    "Vera thought the view from the bridge was worth the climb.",
    "Every child in the village knows this old song by heart.",
)


@dataclass(frozen=True, slots=True)
class Reading:
    sound: Waveform
    lines: tuple[Line, ...]


@cache
def sentence(text: str, model: str = "en-us") -> Waveform:
    """Without the silence around it."""
    samples = speech(model, text).samples
    heard = np.flatnonzero(np.abs(samples) > HEARD)
    return Waveform(samples[heard[0] : heard[-1]], RATE)


@cache
def read_aloud(
    texts: Sequence[str] = TEXTS, model: str = "en-us", pause: float = 0.6, noise: float = 2e-4
) -> Reading:
    """With a pause before, between and after, in a room with a little noise."""
    parts, lines, place = [np.zeros(int(pause * RATE), np.float32)], [], pause
    for text in texts:
        spoken = sentence(text, model)
        lines.append(Line(place, place + spoken.seconds, text))
        parts += [spoken.samples, parts[0]]
        place += spoken.seconds + pause
    sound = np.concatenate(parts)
    hiss = np.random.default_rng(3).normal(0, noise, len(sound))
    return Reading(Waveform((sound + hiss).astype(np.float32), RATE), tuple(lines))


def played() -> Reading:
    """Music, and lines that say that somebody speaks there."""
    sound = Waveform(melody(*SCALE).astype(np.float32), RATE)
    return Reading(sound, tuple(Line(at, at + 3, "It is easy to tell.") for at in (0.5, 4.0, 8.0)))
