"""Engines of the tests' own: their sound says exactly which text they were given."""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from synthesis_worker.contract import (
    AudioChunk,
    Capabilities,
    Model,
    Progress,
    Range,
    SpeechError,
    SpeechRequest,
    Unsupported,
    VoiceArtifact,
    Waveform,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

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


class MimicEngine(EchoEngine):
    """Clones: its noise is of the text and of the artifact, so one hears whose voice spoke.

    It takes its time where `steps` are set, and tells how far it is.
    """

    capabilities = replace(
        EchoEngine.capabilities,
        engine="mimic",
        dials={
            "speed": Range(0.5, 2.0, 1.0),
            "stability": Range(0, 1, 0.75),
            "warmth": Range(0, 1, 0),
        },
        models=(Model("mimic", "m1", "en", RATE),),
        clones=True,
        clone_seconds=(1.0, 30.0),
    )
    steps: ClassVar[int] = 0
    begun: ClassVar[threading.Event] = threading.Event()
    trouble: ClassVar[SpeechError | None] = None
    likeness: ClassVar[float | None] = None

    def clone(self, samples: Sequence[Waveform], progress: Progress) -> VoiceArtifact:
        self.begun.set()
        for step in range(self.steps):
            progress(step / self.steps)
            time.sleep(0.1)
        if self.trouble is not None:
            raise self.trouble
        heard = hashlib.sha256(b"".join(sample.samples.tobytes() for sample in samples))
        return VoiceArtifact("mimic", b"mimic:" + heard.digest(), "m1", self.likeness)

    def synthesize(self, request: SpeechRequest) -> Iterator[AudioChunk]:
        if request.artifact is None:
            raise Unsupported("mimic speaks only as somebody it has cloned.")
        yield mimic(request.text, request.artifact, request.dials)


def mimic(text: str, artifact: bytes, dials: Mapping[str, float]) -> Waveform:
    """What the mimic says."""
    return echo(f"{text} {artifact.hex()} {sorted(dials.items())}")
