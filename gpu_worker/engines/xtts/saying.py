"""A request in XTTS's batch: its pieces, their dials and chance, and the sound as it comes."""

from __future__ import annotations

from collections import deque
from contextlib import closing, contextmanager
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import torch

from gpu_worker.batching.batch import NoMemoryError
from gpu_worker.batching.sampling import Sampling, seed_of
from gpu_worker.batching.utterances import Utterance
from gpu_worker.engines.xtts.parts import prefix_of
from synthesis_worker.contract import AudioChunk, EngineBusy, Range, SpeechRequest, Waveform

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from contextlib import AbstractContextManager

    from gpu_worker.batching.utterances import Stream
    from gpu_worker.engines.xtts.parts import Voice

    Borrow = Callable[[], AbstractContextManager[Voice]]

AHEAD = 2  # pieces of one request that are spoken at once: a long text leaves slots to others
RATE = 24_000
DIALS = {
    "speed": Range(0.5, 2.0, 1.0),
    "stability": Range(0.0, 1.0, 0.75),
    "temperature": Range(0.1, 1.0, 0.75),
    "length_penalty": Range(0.1, 10.0, 1.0),
    "repetition_penalty": Range(1.0, 20.0, 5.0),
    "top_k": Range(1, 1000, 50),
    "top_p": Range(0.01, 1.0, 0.85),
}


def speak(
    borrow: Borrow, request: SpeechRequest, pieces: list[list[int]]
) -> Generator[AudioChunk, None, None]:
    with borrow() as voice, busy_where_it_fails():
        asked = (
            voice.loaded.batch.speak(_utterance(voice, request, tokens, index))
            for index, tokens in enumerate(pieces)
        )
        with closing(_ahead(asked)) as streams:
            for stream in streams:
                for sound in stream.listen():
                    if not np.isfinite(sound).all():
                        raise ArithmeticError("what the model gave is no sound")
                    yield Waveform(np.clip(sound, -1.0, 1.0), RATE)


def _utterance(voice: Voice, request: SpeechRequest, tokens: list[int], index: int) -> Utterance:
    model, speaker = voice.loaded.model, voice.speaker
    try:
        prefix = prefix_of(model, speaker.latents, torch.tensor(tokens))
    except torch.OutOfMemoryError:
        raise
    except RuntimeError:  # a spoilt card fails here before the batch hears of it
        voice.loaded.batch.note_failure()
        raise
    return Utterance(
        prefix=prefix,
        speaker=speaker.embedding.to(model.device),
        sampling=sampling_of(request, index),
        speed=request.dials.get("speed", 1.0),
        soon=index == 0,
    )


def sampling_of(request: SpeechRequest, index: int) -> Sampling:
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
def busy_where_it_fails() -> Iterator[None]:
    try:
        yield
    except (NoMemoryError, torch.OutOfMemoryError) as error:
        raise EngineBusy(f"The card has no memory left: {error}", code="no_memory") from error
    except Exception as error:
        raise EngineBusy(f"XTTS failed: {error}", code="engine_failed") from error
