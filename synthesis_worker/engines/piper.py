"""Piper: neural voices on a CPU, one ONNX thread each. Piper is GPL; only a worker imports this."""

import functools
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
import onnxruntime
from piper import PiperConfig, PiperVoice, SynthesisConfig

from synthesis_worker.contract import (
    AudioChunk,
    Capabilities,
    ModelDamaged,
    Range,
    SpeechError,
    SpeechRequest,
    Unsupported,
    Waveform,
)
from synthesis_worker.engines.piper_models import PiperModels, VoiceFiles, language_of
from synthesis_worker.engines.request import (
    check_artifact,
    check_dials,
    check_length,
    check_speaker,
    nothing_to_say,
)
from synthesis_worker.engines.voice_cache import VoiceCache
from synthesis_worker.languages import primary_language
from synthesis_worker.plain_text import LONGEST_PIECE, part_first_clause, split_sentences

MAX_CHARACTERS = 100_000
REMEMBERED_SENTENCES = 1024
FIRST_CLAUSE, FIRST_SENTENCE = 20, 80  # characters: a first sentence over 80 starts with a clause

DIALS: Mapping[str, Range] = {
    "speed": Range(0.25, 4.0, 1.0),
    "length": Range(0.25, 4.0, 1.0),  # without these three a voice speaks by its own settings
    "noise": Range(0.0, 2.0, 0.667),
    "noise_w": Range(0.0, 2.0, 0.8),
}


@dataclass(frozen=True, slots=True)
class _Task:
    """A request that has been found sound: verified files, sentences, Piper's own settings."""

    files: VoiceFiles
    sentences: list[str]
    settings: SynthesisConfig


class PiperEngine:
    """Speaks with the voices of a folder, and holds the last `keep` of them in memory.

    A voice's noise comes from ONNX operators that take no seed per request, so no seed is
    promised; with noise and noise_w at 0 the same request is the same sound.
    """

    def __init__(self, models_dir: Path, *, keep: int = 2) -> None:
        self._models = PiperModels(models_dir)
        self._voices: VoiceCache[_Voice] = VoiceCache(keep)

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
            licence="GPL-3.0-or-later",
        )

    def synthesize(self, request: SpeechRequest) -> Generator[AudioChunk, None, None]:
        """Refuse at once what cannot be spoken; then one chunk per sentence.

        A long first sentence comes in two, so that its first clause is heard early.
        """
        return self._speak(self._read(request))

    def _read(self, request: SpeechRequest) -> _Task:
        check_artifact(request, "Piper")
        check_length(request, "Piper", MAX_CHARACTERS)
        check_dials(request, "Piper", DIALS)
        files = self._models.open(request.model)
        check_speaker(request, files.config["num_speakers"])
        _check_language(request, files)
        settings = _read_settings(request, PiperConfig.from_dict(dict(files.config)))
        return _Task(files, _split(request.text, settings.length_scale or 1.0), settings)

    def _speak(self, task: _Task) -> Generator[AudioChunk, None, None]:
        heard = False
        load = functools.partial(_Voice, task.files)
        with self._voices.borrow(f"{task.files.id} {task.files.digest}", load) as voice:
            for sentence in task.sentences:
                if ids := voice.ids(sentence):
                    heard = True
                    yield voice.speak(ids, task.settings)
        if not heard:
            raise nothing_to_say()


class _Voice:
    """A loaded voice: its network, and the ids of the sentences it has spoken before."""

    def __init__(self, files: VoiceFiles) -> None:
        self._id = files.id
        self._config = PiperConfig.from_dict(dict(files.config))
        self._piper = PiperVoice(session=_open_session(files), config=self._config)
        self.ids = functools.lru_cache(REMEMBERED_SENTENCES)(self._find_ids)

    def speak(self, ids: tuple[int, ...], settings: SynthesisConfig) -> AudioChunk:
        audio = np.asarray(self._piper.phoneme_ids_to_audio(list(ids), settings), np.float32)
        if not audio.size or not np.isfinite(audio).all():
            raise SpeechError(f"The voice {self._id!r} gave no sound, or sound that is no number.")
        return Waveform(np.clip(audio, -1.0, 1.0), self._config.sample_rate)

    def _find_ids(self, sentence: str) -> tuple[int, ...]:
        """Nothing where the sentence has no sound in it."""
        phonemes = _join_phonemes(self._piper.phonemize(sentence))
        if not any(phoneme.isalnum() for phoneme in phonemes):
            return ()
        return tuple(self._piper.phonemes_to_ids(phonemes))


def _open_session(files: VoiceFiles) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(
            str(files.onnx), sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # ONNX Runtime has no base class of its own
        raise ModelDamaged(f"{files.onnx.name} is no network that can be run: {error}") from error


def _check_language(request: SpeechRequest, files: VoiceFiles) -> None:
    spoken = language_of(files.config)
    if request.language and primary_language(request.language) != primary_language(spoken):
        raise Unsupported(f"{files.id!r} speaks {spoken!r}, not {request.language!r}.")


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


def _join_phonemes(parts: list[list[str]]) -> list[str]:
    """One sentence of what espeak took for several: the dot of "Dr." is no pause."""
    joined: list[str] = []
    for part in parts:
        if joined:
            joined[-1:] = [" "] if joined[-1] == "." else [joined[-1], " "]
        joined += part
    return joined
