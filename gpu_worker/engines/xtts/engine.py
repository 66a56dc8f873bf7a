"""XTTS behind the engine contract: requests of any thread meet in one batch."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from importlib import metadata
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from gpu_worker.batching.batch import Batch, NoMemoryError
from gpu_worker.batching.floor import Shape
from gpu_worker.batching.sampling import Sampling, seed_of
from gpu_worker.batching.utterances import Utterance
from gpu_worker.engines.memory import busy_without_memory
from gpu_worker.engines.xtts.parts import decoder_of, dtype_for, looks_for, prefix_of, weights_of
from gpu_worker.engines.xtts.stock import FILES, digest_of, hashes_of, load_stock, published
from gpu_worker.engines.xtts.voice import (
    PLACES,
    SECONDS,
    Hearing,
    check_samples,
    hear,
    likeness_of,
    pack,
    unpack,
)
from gpu_worker.engines.xtts.wording import LONGEST, Wording
from synthesis_worker.artifacts import Kept
from synthesis_worker.audio import join
from synthesis_worker.contract import (
    AudioChunk,
    Capabilities,
    EngineBusy,
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
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
    from pathlib import Path

    from gpu_worker.batching.utterances import Stream
    from gpu_worker.engines.xtts.voice import Speaker
    from synthesis_worker.contract import Progress

MODEL = "xtts_v2"
MAX_CHARACTERS = 20_000
AHEAD = 2  # pieces of one request that are spoken at once: a long text leaves slots to others
RATE = 24_000
PROOF = "The quick brown fox jumps over the lazy dog."  # what a clone says to be compared
DIALS = {
    "speed": Range(0.5, 2.0, 1.0),
    "stability": Range(0.0, 1.0, 0.75),
    "temperature": Range(0.1, 1.0, 0.75),
    "length_penalty": Range(0.1, 10.0, 1.0),
    "repetition_penalty": Range(1.0, 20.0, 5.0),
    "top_k": Range(1, 1000, 50),
    "top_p": Range(0.01, 1.0, 0.85),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """How an operator has it run."""

    folder: Path
    device: str = "cpu"
    slots: int = 8
    accepted: bool = False  # the licence of the weights, by the operator
    published: Mapping[str, str] = field(default_factory=published)  # sha256 of each file
    give_up: Callable[[], None] | None = None  # told where the device is spoilt for this process

    @property
    def dtype(self) -> torch.dtype:
        return dtype_for(torch.device(self.device))


@dataclass(frozen=True, slots=True)
class Loaded:
    """The model, its batch, and what is known of it."""

    model: Any
    batch: Batch
    wording: Wording
    digest: str
    published: bool  # only then has its encoder been taught to tell speakers apart

    @property
    def width(self) -> int:
        width: int = self.model.gpt.model_dim
        return width


class XttsEngine:
    """One model on one device. Any number of threads may ask it at once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loading = threading.Lock()
        self._loaded: Loaded | None = None
        self._speakers: Kept[Speaker] = Kept(most=256)

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
        speaker = self._speaker(loaded, request)
        pieces = loaded.wording.read(request.text, request.language)
        return self._speak(loaded, request, speaker, pieces)

    def clone(self, samples: Sequence[Waveform], progress: Progress) -> VoiceArtifact:
        check_samples(samples)
        loaded = self._model()
        progress(0.1)
        hearing = Hearing()
        with _busy_where_it_fails():
            speaker = hear(loaded.model, samples, hearing)
        progress(0.5)
        likeness = self._likeness(loaded, speaker, progress) if loaded.published else None
        data = pack(speaker, loaded.digest, samples, hearing)
        return VoiceArtifact("xtts_v2", data, loaded.digest, likeness)

    def _likeness(self, loaded: Loaded, speaker: Speaker, progress: Progress) -> float:
        said = []
        pieces = loaded.wording.read(PROOF, "en")
        for sound in self._speak(loaded, SpeechRequest(PROOF, "en", MODEL), speaker, pieces):
            progress(0.7)
            said.append(sound)
        with _busy_where_it_fails():
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

    def _speaker(self, loaded: Loaded, request: SpeechRequest) -> Speaker:
        data = request.artifact
        if data is None:
            raise Unsupported("XTTS speaks only as somebody it has cloned.", code="voice_missing")
        return self._speakers.get(data, lambda: unpack(data, loaded.digest, loaded.width))

    def _speak(
        self, loaded: Loaded, request: SpeechRequest, speaker: Speaker, pieces: list[list[int]]
    ) -> Generator[AudioChunk, None, None]:
        asked = (
            loaded.batch.speak(_utterance(loaded, request, speaker, tokens, index))
            for index, tokens in enumerate(pieces)
        )
        with _busy_where_it_fails(), closing(_ahead(asked)) as streams:
            for stream in streams:
                for sound in stream.listen():
                    if not np.isfinite(sound).all():
                        raise ArithmeticError("what the model gave is no sound")
                    yield Waveform(np.clip(sound, -1.0, 1.0), RATE)


def _utterance(
    loaded: Loaded, request: SpeechRequest, speaker: Speaker, tokens: list[int], index: int
) -> Utterance:
    try:
        prefix = prefix_of(loaded.model, speaker.latents, torch.tensor(tokens))
    except torch.OutOfMemoryError:
        raise
    except RuntimeError:  # a spoilt card fails here before the batch hears of it
        loaded.batch.note_failure()
        raise
    return Utterance(
        prefix=prefix,
        speaker=speaker.embedding.to(loaded.model.device),
        sampling=_sampling(request, index),
        speed=request.dials.get("speed", 1.0),
        soon=index == 0,
    )


def _sampling(request: SpeechRequest, index: int) -> Sampling:
    """Stability is another name for a low temperature; whoever sets both means the latter."""
    dials = request.dials
    stable = dials.get("stability", DIALS["stability"].default)
    return Sampling(
        temperature=dials.get("temperature", 1.05 - 0.4 * stable),
        top_k=int(dials.get("top_k", DIALS["top_k"].default)),
        top_p=dials.get("top_p", DIALS["top_p"].default),
        repetition_penalty=dials.get("repetition_penalty", DIALS["repetition_penalty"].default),
        length_penalty=dials.get("length_penalty", 1.0),
        seed=seed_of(request.seed, index),
    )


def _ahead(asked: Iterator[Stream]) -> Generator[Stream, None, None]:
    """Each in its turn, the next ones begun. Whoever stops early leaves them all."""
    begun: deque[Stream] = deque()
    try:
        begun.extend(islice(asked, AHEAD))
        while begun:
            yield begun[0]
            begun.popleft()
            begun.extend(islice(asked, 1))
    finally:
        for stream in begun:
            stream.leave()


@contextmanager
def _busy_where_it_fails() -> Iterator[None]:
    try:
        yield
    except (NoMemoryError, torch.OutOfMemoryError) as error:
        raise EngineBusy(f"The card has no memory left: {error}", code="no_memory") from error
    except Exception as error:
        raise EngineBusy(f"XTTS failed: {error}", code="engine_failed") from error
