"""Piper: neural voices on a CPU, one ONNX thread each. Piper is GPL; only a worker imports this."""

from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

from piper import PiperConfig, SynthesisConfig

from synthesis_worker.artifacts import KEEP_SECONDS
from synthesis_worker.contract import (
    AudioChunk,
    Capabilities,
    Range,
    SpeechRequest,
    Unsupported,
)
from synthesis_worker.engines.piper_models import PiperModels, language_of
from synthesis_worker.engines.piper_trained import load_trained
from synthesis_worker.engines.piper_voice import Voice, load_installed
from synthesis_worker.engines.request import (
    check_dials,
    check_length,
    check_speaker,
    nothing_to_say,
)
from synthesis_worker.engines.voice_cache import VoiceCache
from synthesis_worker.languages import primary_language
from synthesis_worker.plain_text import LONGEST_PIECE, part_first_clause, split_sentences

MAX_CHARACTERS = 100_000
FIRST_CLAUSE, FIRST_SENTENCE = 20, 80  # characters: a first sentence over 80 starts with a clause

DIALS: Mapping[str, Range] = {
    "speed": Range(0.25, 4.0, 1.0),
    "length": Range(0.25, 4.0, 1.0),  # without these three a voice speaks by its own settings
    "noise": Range(0.0, 2.0, 0.667),
    "noise_w": Range(0.0, 2.0, 0.8),
}
Borrow = Callable[[], AbstractContextManager[Voice]]


@dataclass(frozen=True, slots=True)
class _Task:
    """A request that has been found sound: a verified voice, sentences, Piper's own settings."""

    borrow: Borrow
    sentences: list[str]
    settings: SynthesisConfig


class PiperEngine:
    """Speaks with the voices of a folder and with trained ones that come with their requests.

    It holds the last `keep` of all in memory, a trained one for `trained_seconds` after its use.

    A voice's noise comes from ONNX operators that take no seed per request, so no seed is
    promised; with noise and noise_w at 0 the same request is the same sound.
    """

    def __init__(
        self, models_dir: Path, *, keep: int = 2, trained_seconds: float = KEEP_SECONDS
    ) -> None:
        self._models = PiperModels(models_dir)
        self._voices: VoiceCache[Voice] = VoiceCache(keep)
        self._trained_seconds = trained_seconds

    def load(self) -> None:
        """Read the folder once; a voice is loaded by the first request for it."""
        self._models.list()

    @property
    def capabilities(self) -> Capabilities:
        """With the voices that lie in the folder now."""
        models = self._models.list()
        return Capabilities(
            engine="piper",
            version=metadata.version("piper-tts"),
            languages=tuple(sorted({model.language for model in models})),
            max_characters=MAX_CHARACTERS,
            dials=DIALS,
            models=models,
            streams=True,
            trained=True,
            licence="GPL-3.0-or-later",
        )

    def synthesize(self, request: SpeechRequest) -> Generator[AudioChunk, None, None]:
        """Refuse at once what cannot be spoken; then one chunk per sentence.

        A long first sentence comes in two, so that its first clause is heard early.
        """
        return self._speak(self._read(request))

    def _read(self, request: SpeechRequest) -> _Task:
        check_length(request, "Piper", MAX_CHARACTERS)
        check_dials(request, "Piper", DIALS)
        borrow, config = self._find(request)
        check_speaker(request, config["num_speakers"])
        _check_language(request, config)
        settings = _read_settings(request, PiperConfig.from_dict(dict(config)))
        return _Task(borrow, _split(request.text, settings.length_scale or 1.0), settings)

    def _find(self, request: SpeechRequest) -> tuple[Borrow, Mapping[str, Any]]:
        """The voice and its settings. An installed one is loaded when it is to speak."""
        if request.artifact is not None:
            return self._find_trained(request.model, request.artifact)
        files = self._models.open(request.model)
        load = partial(load_installed, files)
        return partial(self._voices.borrow, f"{files.id} {files.digest}", load), files.config

    def _find_trained(self, name: str, artifact: bytes) -> tuple[Borrow, Mapping[str, Any]]:
        """It has to be loaded to know its settings. Known by its bytes: these keep their hash."""
        load = partial(load_trained, name, artifact)
        borrow = partial(self._voices.borrow, artifact, load, self._trained_seconds)
        with borrow() as voice:
            return borrow, voice.config

    def _speak(self, task: _Task) -> Generator[AudioChunk, None, None]:
        heard = False
        with task.borrow() as voice:
            for sentence in task.sentences:
                if ids := voice.ids(sentence):
                    heard = True
                    yield voice.speak(ids, task.settings)
        if not heard:
            raise nothing_to_say()


def _check_language(request: SpeechRequest, config: Mapping[str, Any]) -> None:
    spoken = language_of(config)
    if request.language and primary_language(request.language) != primary_language(spoken):
        raise Unsupported(f"{request.model!r} speaks {spoken!r}, not {request.language!r}.")


def _read_settings(request: SpeechRequest, config: PiperConfig) -> SynthesisConfig:
    dials = request.dials
    return SynthesisConfig(
        speaker_id=request.speaker,
        length_scale=dials.get("length", config.length_scale) / dials.get("speed", 1.0),
        noise_scale=dials.get("noise", config.noise_scale),
        noise_w_scale=dials.get("noise_w", config.noise_w_scale),
    )


def _split(text: str, length_scale: float) -> list[str]:
    """Slow speech is cut shorter: the memory of a chunk grows with its seconds."""
    sentences = split_sentences(text, int(LONGEST_PIECE / max(1.0, length_scale)))
    if not sentences:
        raise nothing_to_say()
    first, *rest = sentences
    return [*part_first_clause(first, FIRST_CLAUSE, FIRST_SENTENCE), *rest]
