"""Engines of the tests' own: their sound says exactly which text they were given."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from synthesis_worker.contract import (
    AudioChunk,
    Capabilities,
    Model,
    Range,
    SpeechRequest,
    Waveform,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

RATE = 8_000


def echo(text: str) -> Waveform:
    """A tenth of a second of noise that is a function of the text alone."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, RATE // 10)
    return Waveform(noise.astype(np.float32), RATE)


class EchoEngine:
    """Speaks every text as its own noise, at once."""

    capabilities = Capabilities(
        engine="echo",
        version="1",
        languages=("en", "de"),
        max_characters=100_000,
        dials={"speed": Range(0.5, 2.0, 1.0)},
        models=(Model("echo", "1", "en", RATE),),
        real_time_factor=0.001,
    )

    def load(self) -> None:
        """Nothing to load."""

    def synthesize(self, request: SpeechRequest) -> Iterator[AudioChunk]:
        yield echo(request.text)


class JournalEngine(EchoEngine):
    """An echo that notes each text it is given, before it speaks it."""

    capabilities = replace(
        EchoEngine.capabilities, engine="journal", models=(Model("journal", "1", "en", RATE),)
    )
    spoken: ClassVar[list[str]] = []

    def synthesize(self, request: SpeechRequest) -> Iterator[AudioChunk]:
        self.spoken.append(request.text)
        yield from super().synthesize(request)
