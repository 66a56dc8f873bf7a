"""StyleTTS2 behind the engine contract: English, cloned voices, a sentence a chunk."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

import numpy as np
import torch

from gpu_worker.engines.memory import busy_without_memory
from gpu_worker.engines.styletts2.chance import OwnChance
from gpu_worker.engines.styletts2.hearing import RATE
from gpu_worker.engines.styletts2.model_files import digest_of, load_networks, read_config
from gpu_worker.engines.styletts2.speaking import Manner, Speaking, Spoken
from gpu_worker.engines.styletts2.voice import SECONDS, check_samples, hear, pack, unpack
from gpu_worker.engines.styletts2.wording import read
from synthesis_worker.contract import (
    AudioChunk,
    Capabilities,
    Model,
    ModelMissing,
    Range,
    SpeechError,
    SpeechRequest,
    Unsupported,
    VoiceArtifact,
    Waveform,
)
from synthesis_worker.engines.request import check_dials, check_length, check_speaker

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from synthesis_worker.contract import Progress

ENGINE = MODEL = "styletts2"
MAX_CHARACTERS = 20_000
DIALS: Mapping[str, Range] = {
    "speed": Range(0.75, 1.75, 1.0),
    "alpha": Range(0.0, 1.0, 0.3),  # timbre: the voice's own, or what suits the text
    "beta": Range(0.0, 1.0, 0.7),  # the same for prosody
    "diffusion_steps": Range(2, 20, 5),
    "embedding_scale": Range(1.0, 2.5, 1.0),
    "carry_over": Range(0.0, 1.0, 0.7),  # of the style of one sentence into the next
}


@dataclass(frozen=True, slots=True)
class _Loaded:
    speaking: Speaking
    digest: str


@dataclass(frozen=True, slots=True)
class _Task:
    """A request that has been found sound. Its text is read as it is spoken."""

    speaking: Speaking
    voice: Tensor
    manner: Manner
    pieces: Iterator[list[int]]
    seed: int


class StyleTts2Engine:
    """The model of a folder, as `convert` writes it, on one device. Threads may ask it at once."""

    def __init__(self, folder: Path, *, device: str = "cpu", accepted: bool = False) -> None:
        self._folder = folder
        self._device = torch.device(device)
        self._accepted = accepted
        self._loading = threading.Lock()
        self._loaded: _Loaded | None = None

    @property
    def capabilities(self) -> Capabilities:
        """Nothing is offered where the licence was not accepted, or there is no model."""
        models = self._models()
        return Capabilities(
            engine=ENGINE,
            version=metadata.version("styletts2"),
            languages=("en",),
            max_characters=MAX_CHARACTERS,
            dials=DIALS,
            models=models,
            streams=True,
            clones=bool(models),
            clone_seconds=SECONDS,
            seeds=True,
            licence="MIT; weights: listeners are told it is synthesised, or the speaker agreed",
            real_time_factor=0.05 if self._device.type == "cuda" else 1.5,
        )

    def load(self) -> None:
        self._model()

    def synthesize(self, request: SpeechRequest) -> Generator[AudioChunk, None, None]:
        """Refuse at once what cannot be spoken; then one chunk per sentence."""
        return _speak(self._read(request))

    def clone(self, samples: Sequence[Waveform], progress: Progress) -> VoiceArtifact:
        check_samples(samples)
        loaded = self._model()
        with busy_without_memory():
            style = hear(loaded.speaking, samples, progress)
        return VoiceArtifact(ENGINE, pack(style, loaded.digest, samples), loaded.digest)

    def _models(self) -> tuple[Model, ...]:
        try:
            self._check_licence()
            return (Model(MODEL, digest_of(self._folder), "en", RATE),)
        except SpeechError:
            return ()

    def _check_licence(self) -> None:
        if not self._accepted:
            raise ModelMissing(
                "The licence of StyleTTS2's weights has not been accepted here: see"
                " docs/models.md.",
                code="licence_not_accepted",
            )

    def _model(self) -> _Loaded:
        with self._loading:
            if self._loaded is None:
                self._check_licence()
                with busy_without_memory():
                    self._loaded = self._open()
            return self._loaded

    def _open(self) -> _Loaded:
        digest = digest_of(self._folder)
        networks = load_networks(self._folder, self._device)
        shifted = read_config(self._folder).model["decoder"]["type"] == "hifigan"
        return _Loaded(Speaking(networks, shifted=shifted), digest)

    def _read(self, request: SpeechRequest) -> _Task:
        check_length(request, "StyleTTS2", MAX_CHARACTERS)
        check_dials(request, "StyleTTS2", DIALS)
        check_speaker(request, speakers=1)
        if request.model != MODEL:
            raise ModelMissing(f"StyleTTS2 has no model {request.model!r}; its own is {MODEL!r}.")
        if request.artifact is None:
            raise Unsupported(
                "StyleTTS2 speaks only as somebody it has cloned.", code="voice_missing"
            )
        pieces = read(request.text, request.language)
        loaded = self._model()
        voice = unpack(request.artifact, loaded.digest).to(self._device)
        return _Task(loaded.speaking, voice, _manner(request.dials), pieces, request.seed)


def _manner(asked: Mapping[str, float]) -> Manner:
    return Manner(**{name: asked.get(name, dial.default) for name, dial in DIALS.items()})


def _speak(task: _Task) -> Generator[AudioChunk, None, None]:
    chance, before = OwnChance(task.seed), None
    for tokens in task.pieces:
        spoken = _speak_piece(task, tokens, chance, before)
        before = spoken.style
        if not np.isfinite(spoken.samples).all():
            raise SpeechError("StyleTTS2 gave sound that is no number.")
        yield Waveform(np.clip(spoken.samples, -1.0, 1.0), RATE)


def _speak_piece(
    task: _Task, tokens: Sequence[int], chance: OwnChance, before: Tensor | None
) -> Spoken:
    with busy_without_memory(), chance:
        return task.speaking.speak(tokens, task.voice, task.manner, before)
