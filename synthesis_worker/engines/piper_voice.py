"""A loaded voice of Piper: its network on one thread, and what it has read before."""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime
from piper import PiperConfig, PiperVoice, SynthesisConfig

from synthesis_worker.contract import AudioChunk, ModelDamaged, SpeechError, Waveform
from synthesis_worker.engines.piper_models import VoiceFiles

REMEMBERED_SENTENCES = 1024


class Voice:
    """A network with its settings, and the ids of the sentences it has spoken before.

    Nothing in it points back at it: whoever drops a voice has its memory back at once.
    """

    def __init__(
        self, name: str, session: onnxruntime.InferenceSession, config: Mapping[str, Any]
    ) -> None:
        self.config = config
        self._name = name
        self._known = PiperConfig.from_dict(dict(config))
        self._piper = PiperVoice(session=session, config=self._known)
        find = functools.partial(_find_ids, self._piper)
        self.ids = functools.lru_cache(REMEMBERED_SENTENCES)(find)

    def speak(self, ids: tuple[int, ...], settings: SynthesisConfig) -> AudioChunk:
        audio = np.asarray(self._piper.phoneme_ids_to_audio(list(ids), settings), np.float32)
        if not audio.size or not np.isfinite(audio).all():
            raise SpeechError(
                f"The voice {self._name!r} gave no sound, or sound that is no number."
            )
        return Waveform(np.clip(audio, -1.0, 1.0), self._known.sample_rate)


def load_installed(files: VoiceFiles) -> Voice:
    try:
        session = open_session(str(files.onnx))
    except Exception as error:  # ONNX Runtime has no base class of its own
        raise ModelDamaged(f"{files.onnx.name} is no network that can be run: {error}") from error
    return Voice(files.id, session, files.config)


def open_session(network: str | bytes) -> onnxruntime.InferenceSession:
    """Of a file, or of what stands in one."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        network, sess_options=options, providers=["CPUExecutionProvider"]
    )


def _find_ids(piper: PiperVoice, sentence: str) -> tuple[int, ...]:
    """Nothing where the sentence has no sound in it."""
    phonemes = _join_phonemes(piper.phonemize(sentence))
    if not any(phoneme.isalnum() for phoneme in phonemes):
        return ()
    return tuple(piper.phonemes_to_ids(phonemes))


def _join_phonemes(parts: list[list[str]]) -> list[str]:
    """One sentence of what espeak took for several: the dot of "Dr." is no pause."""
    joined: list[str] = []
    for part in parts:
        if joined:
            joined[-1:] = [" "] if joined[-1] == "." else [joined[-1], " "]
        joined += part
    return joined
