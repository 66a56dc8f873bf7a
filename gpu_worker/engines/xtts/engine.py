"""XTTS behind the engine contract: requests of any thread meet in one batch."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING, Any

import torch

from gpu_worker.batching.batch import Batch
from gpu_worker.batching.floor import Shape
from gpu_worker.engines.memory import busy_without_memory
from gpu_worker.engines.xtts.guests import Guests
from gpu_worker.engines.xtts.parts import (
    Loaded,
    Voice,
    decoder_of,
    dtype_for,
    looks_for,
    weights_of,
)
from gpu_worker.engines.xtts.saying import DIALS, RATE, busy_where_it_fails, speak
from gpu_worker.engines.xtts.stock import FILES, digest_of, hashes_of, load_stock, published
from gpu_worker.engines.xtts.trained import invite
from gpu_worker.engines.xtts.voice import (
    PLACES,
    SECONDS,
    Hearing,
    check_samples,
    hear,
    is_trained,
    likeness_of,
    name_of,
    pack,
    unpack,
)
from gpu_worker.engines.xtts.wording import LONGEST, Wording
from synthesis_worker.artifacts import Kept
from synthesis_worker.audio import join
from synthesis_worker.contract import (
    AudioChunk,
    Capabilities,
    Model,
    ModelMissing,
    SpeechError,
    SpeechRequest,
    Unsupported,
    VoiceArtifact,
    Waveform,
)
from synthesis_worker.engines.request import check_dials, check_length, check_speaker

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from pathlib import Path

    from gpu_worker.engines.xtts.saying import Borrow
    from gpu_worker.engines.xtts.voice import Speaker
    from synthesis_worker.contract import Progress

MODEL = "xtts_v2"
MAX_CHARACTERS = 20_000
PROOF = "The quick brown fox jumps over the lazy dog."  # what a clone says to be compared


@dataclass(frozen=True, slots=True)
class Settings:
    """How an operator has it run."""

    folder: Path
    device: str = "cpu"
    slots: int = 8
    trained: int = 2  # voices with weights of their own, at a time
    accepted: bool = False  # the licence of the weights, by the operator
    published: Mapping[str, str] = field(default_factory=published)  # sha256 of each file
    give_up: Callable[[], None] | None = None  # told where the device is spoilt for this process

    @property
    def dtype(self) -> torch.dtype:
        return dtype_for(torch.device(self.device))


class XttsEngine:
    """One model on one device. Any number of threads may ask it at once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loading = threading.Lock()
        self._loaded: Loaded | None = None
        self._speakers: Kept[Speaker] = Kept(most=256)
        self._guests: Guests[Voice] = Guests(settings.trained)

    @property
    def capabilities(self) -> Capabilities:
        """Nothing is offered where the licence was not accepted, or there is no model."""
        models = self._models()
        return Capabilities(
            engine="xtts_v2",
            version=metadata.version("coqui-tts"),
            languages=tuple(sorted(LONGEST)),
            max_characters=MAX_CHARACTERS,
            dials=DIALS,
            models=models,
            streams=True,
            clones=bool(models),
            clone_seconds=SECONDS,
            seeds=True,
            finishes=True,
            licence="Coqui Public Model License 1.0.0: not for commercial use",
            commercial=False,
            real_time_factor=0.05 if self._settings.device.startswith("cuda") else 2.5,
        )

    def load(self) -> None:
        self._model()

    def close(self) -> None:
        """When all that was asked has been spoken."""
        with self._loading:  # what is being loaded is closed as well
            loaded = self._loaded
        self._guests.close()
        if loaded is not None:
            loaded.batch.close()

    def synthesize(self, request: SpeechRequest) -> Generator[AudioChunk, None, None]:
        """Refuse at once what cannot be spoken; then sound, before the first sentence has ended."""
        check_length(request, "XTTS", MAX_CHARACTERS)
        check_dials(request, "XTTS", DIALS)
        check_speaker(request, speakers=1)
        if request.model != MODEL:
            raise ModelMissing(f"XTTS has no model {request.model!r}; it has {MODEL}.")
        loaded = self._model()
        borrow = self._voice(loaded, request)
        pieces = loaded.wording.read(request.text, request.language)
        return speak(borrow, request, pieces)

    def clone(self, samples: Sequence[Waveform], progress: Progress) -> VoiceArtifact:
        check_samples(samples)
        loaded = self._model()
        progress(0.1)
        hearing = Hearing()
        with busy_where_it_fails():
            speaker = hear(loaded.model, samples, hearing)
        progress(0.5)
        likeness = self._likeness(loaded, speaker, progress) if loaded.published else None
        data = pack(speaker, loaded.digest, samples, hearing)
        return VoiceArtifact("xtts_v2", data, loaded.digest, likeness)

    def _likeness(self, loaded: Loaded, speaker: Speaker, progress: Progress) -> float:
        said = []
        pieces = loaded.wording.read(PROOF, "en")
        request, voice = SpeechRequest(PROOF, "en", MODEL), Voice(loaded, speaker)
        for sound in speak(lambda: nullcontext(voice), request, pieces):
            progress(0.7)
            said.append(sound)
        with busy_where_it_fails():
            return likeness_of(loaded.model, speaker, join(said))

    def _models(self) -> tuple[Model, ...]:
        try:
            self._check_licence()
            digest = digest_of(self._settings.folder)
        except SpeechError:
            return ()
        return (Model(MODEL, digest, "", RATE),)

    def _check_licence(self) -> None:
        if not self._settings.accepted:
            raise ModelMissing(
                "The licence of XTTS's weights has not been accepted here: see `manage.py models`.",
                code="licence_not_accepted",
            )

    def _model(self) -> Loaded:
        with self._loading:
            if self._loaded is None:
                self._check_licence()
                with busy_without_memory():
                    self._loaded = self._open()
            elif self._loaded.batch.broken:
                self._loaded = replace(self._loaded, batch=self._batch(self._loaded.model))
            return self._loaded

    def _open(self) -> Loaded:
        settings = self._settings
        digest = digest_of(settings.folder)
        known = [settings.published.get(name) for name in FILES]
        same = known == list(hashes_of(settings.folder))
        model = load_stock(settings.folder, torch.device(settings.device))
        wording = Wording(model.tokenizer, model.args.gpt_max_text_tokens)
        return Loaded(model, self._batch(model), wording, digest, same)

    def _batch(self, model: Any) -> Batch:
        settings = self._settings
        longest = PLACES + model.args.gpt_max_text_tokens + 2
        shape = Shape(settings.slots, longest, looks_for(model.device))
        weights, decoder = weights_of(model, settings.dtype), decoder_of(model)
        return Batch(weights, decoder, shape, settings.give_up)

    def _voice(self, loaded: Loaded, request: SpeechRequest) -> Borrow:
        data = request.artifact
        if data is None:
            raise Unsupported("XTTS speaks only as somebody it has cloned.", code="voice_missing")
        if is_trained(data):
            settings = self._settings
            own = partial(invite, loaded, data, settings.dtype, settings.give_up)
            borrow = partial(self._guests.borrow, name_of(data), own)
            with borrow():  # what is damaged is refused at once
                return borrow
        speaker = self._speakers.get(data, lambda: unpack(data, loaded.digest, loaded.width))
        return lambda: nullcontext(Voice(loaded, speaker))
