"""The two arms: stock `inference()` in a loop, and our batch at so many streams."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

import torch

from gpu_worker.batching.batch import Batch
from gpu_worker.batching.floor import Shape
from gpu_worker.batching.sampling import Sampling
from gpu_worker.batching.utterances import Utterance
from gpu_worker.engines.xtts.parts import looks_for, prefix_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpu_worker.batching.transformer import Weights
    from gpu_worker.batching.vocoder import Decoder

TEXT = "The mill is running, and whoever listens hears it run until the evening comes."
RATE = 24_000


@dataclass(slots=True)
class Heard:
    """What one arm has given. `took` is seconds: of a CPU's time, or with a card by the clock."""

    took: float = 0.0
    audio: float = 0.0
    steps: int = 0
    first: list[float] = field(default_factory=list)

    @property
    def speed(self) -> float:
        """Audio seconds a second."""
        return self.audio / self.took


def clock_of(model: Any) -> Callable[[], float]:
    """Others use the same CPU; a card is ours alone."""
    return time.perf_counter if model.device.type == "cuda" else time.process_time


def voice(model: Any) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(1)
    latents = torch.randn(1, 32, model.gpt.model_dim, generator=random)
    return latents.to(model.device), torch.randn(1, 512, 1, generator=random).to(model.device)


def stock(model: Any, counts: Sequence[int]) -> Heard:
    """One after the other, as the published code speaks."""
    heard, (latents, speaker) = Heard(), voice(model)
    clock = clock_of(model)
    began = clock()
    for count in counts:
        model.gpt.max_gen_mel_tokens = count
        told = model.inference(TEXT, "en", latents, speaker)
        heard.audio += len(told["wav"]) / RATE
        heard.steps += count
    heard.took = clock() - began
    return heard


def stock_first(model: Any, count: int) -> float:
    """Until the first sound of `inference_stream`."""
    latents, speaker = voice(model)
    model.gpt.max_gen_mel_tokens = count
    began = time.perf_counter()
    next(iter(model.inference_stream(TEXT, "en", latents, speaker))).cpu()
    return time.perf_counter() - began


class Ours:
    """Our batch over these weights."""

    def __init__(self, model: Any, weights: Weights, decoder: Decoder, slots: int) -> None:
        self._model = model
        self._batch = Batch(weights, decoder, Shape(slots, 436, looks_for(model.device)))
        latents, speaker = voice(model)
        tokens = torch.tensor(model.tokenizer.encode(TEXT.lower(), lang="en"))
        self._prefix, self._speaker = prefix_of(model, latents[0], tokens), speaker[0]

    def speak(self, streams: int, counts: Sequence[int]) -> Heard:
        """`streams` callers, each of whom asks again as soon as it has heard the end."""
        heard, lock = Heard(), threading.Lock()
        asked = iter(counts)
        clock = clock_of(self._model)
        began, steps = clock(), self._batch.steps

        def call() -> None:
            while True:
                with lock:
                    count = next(asked, None)
                if count is None:
                    return
                self._listen(count, heard, lock)

        callers = [threading.Thread(target=call) for _ in range(streams)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        heard.took = clock() - began
        heard.steps = self._batch.steps - steps
        return heard

    def _listen(self, count: int, heard: Heard, lock: threading.Lock) -> None:
        sampling = Sampling(seed=count)
        began, first = time.perf_counter(), 0.0
        stream = self._batch.speak(Utterance(self._prefix, self._speaker, sampling, most=count))
        samples = 0
        for sound in stream.listen():
            if len(sound) and not samples:
                first = time.perf_counter() - began
            samples += len(sound)
        with lock:
            heard.first.append(first)
            heard.audio += samples / RATE

    def close(self) -> None:
        self._batch.close()


def counts_for(sizes: Sequence[int], calls: int) -> list[int]:
    return list(islice(cycle(sizes), calls))
