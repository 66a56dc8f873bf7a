"""espeak-ng: over a hundred languages from the wheel alone, the voice that is always there."""

import functools
from collections.abc import Generator, Mapping
from dataclasses import dataclass

import numpy as np

from synthesis_worker.audio import stretch
from synthesis_worker.contract import AudioChunk, Capabilities, Range, SpeechRequest, Waveform
from synthesis_worker.engines.espeak_library import SAMPLE_RATE, espeak_library
from synthesis_worker.engines.espeak_voices import EspeakVoices
from synthesis_worker.engines.request import (
    check_artifact,
    check_dials,
    check_length,
    check_speaker,
    nothing_to_say,
)
from synthesis_worker.plain_text import split_sentences

NORMAL_RATE, SLOWEST_RATE, FASTEST_RATE = 175, 80, 450  # words per minute that espeak can do
MIDDLE_PITCH = 50
MAX_CHARACTERS = 100_000
FULL_SCALE = np.float32(1 / 32768)

DIALS: Mapping[str, Range] = {
    "speed": Range(0.25, 4.0, 1.0),
    "pitch": Range(-12.0, 12.0, 0.0),  # about semitones: espeak's ends lie near an octave away
}


@dataclass(frozen=True, slots=True)
class _Task:
    """A request in espeak's own terms; `tempo` is the speed that its rates do not reach."""

    voice: str
    sentences: list[str]
    rate: int
    tempo: float
    pitch: int


class EspeakEngine:
    """Speaks as "en-us", "de+f3" (voice and variant) or "+f3" (voice by the request's language).

    Its sound is a function of the request: any seed repeats itself, and changes nothing.
    """

    def load(self) -> None:
        """Read the voices; asking for the capabilities does it too."""
        _ = self._voices

    @functools.cached_property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            engine="espeak",
            version=espeak_library().version(),
            languages=self._voices.languages,
            max_characters=MAX_CHARACTERS,
            dials=DIALS,
            models=self._voices.models,
            variants=self._voices.variants,
            streams=True,
            seeds=True,
            licence="GPL-3.0-or-later",
            real_time_factor=0.003,
        )

    def synthesize(self, request: SpeechRequest) -> Generator[AudioChunk, None, None]:
        """Refuse at once what cannot be spoken; then one chunk per sentence."""
        return _speak(self._read(request))

    @functools.cached_property
    def _voices(self) -> EspeakVoices:
        return EspeakVoices(espeak_library())

    def _read(self, request: SpeechRequest) -> _Task:
        check_artifact(request, "espeak")
        check_length(request, "espeak", MAX_CHARACTERS)
        check_dials(request, "espeak", DIALS)
        check_speaker(request, speakers=1)
        voice = self._voices.find(request.model, request.language)
        sentences = split_sentences(request.text)
        if not sentences:
            raise nothing_to_say()
        rate, tempo = _rate_and_tempo(request.dials.get("speed", 1.0))
        pitch = round(MIDDLE_PITCH * (1 + request.dials.get("pitch", 0.0) / 12))
        return _Task(voice, sentences, rate, tempo, pitch)


def _rate_and_tempo(speed: float) -> tuple[int, float]:
    """espeak's rate, and what is left to do by stretching where espeak stops at its limits."""
    asked = NORMAL_RATE * speed
    if SLOWEST_RATE <= asked <= FASTEST_RATE:
        return round(asked), 1.0
    rate = SLOWEST_RATE if asked < SLOWEST_RATE else FASTEST_RATE
    return rate, asked / rate


def _speak(task: _Task) -> Generator[AudioChunk, None, None]:
    heard = False
    last = len(task.sentences) - 1
    for index, sentence in enumerate(task.sentences):
        chunk = _speak_sentence(task, sentence, pause=index < last)
        if chunk.samples.any():
            heard = True
            yield chunk
    if not heard:
        raise nothing_to_say()


def _speak_sentence(task: _Task, sentence: str, *, pause: bool) -> AudioChunk:
    spoken = espeak_library().speak(
        task.voice, sentence, rate=task.rate, pitch=task.pitch, pause=pause
    )
    samples = np.frombuffer(spoken, np.int16) * FULL_SCALE
    return stretch(Waveform(samples, SAMPLE_RATE), task.tempo)
