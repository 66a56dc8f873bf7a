"""An engine whose sound is a function of its text, and which keeps a journal of what it did."""

from __future__ import annotations

import hashlib
import time
from itertools import pairwise
from typing import TYPE_CHECKING

from synthesis_worker.contract import AudioChunk, Capabilities, Model, SpeechRequest, Waveform
from tests.chaos.journal import note
from tests.engines import RATE, echo

if TYPE_CHECKING:
    from collections.abc import Generator

SHORTEST, LONGEST = 0.02, 0.4
PIECE = 0.1  # seconds the paced engine takes for one
PACES = ((0.8, 0.1, 0.6), (0.96, 1.0, 3.0), (1.0, 5.0, 7.0))  # up to which share, and seconds
FINISH_SECONDS = 0.2  # from the last look whether to go on until the finish is written


def seconds_for(text: str) -> float:
    """How long the engine takes over a text: the same each time."""
    place = hashlib.sha256(text.encode()).digest()[-1] / 255
    return SHORTEST + (LONGEST - SHORTEST) * place


class JournalEngine:
    """Takes its time over a text, and notes when it began and when it ended."""

    capabilities = Capabilities(
        engine="echo",
        version="1",
        languages=("en",),
        max_characters=1_000,
        models=(Model("echo", "1", "en", RATE),),
        real_time_factor=0.05,
    )

    def load(self) -> None:
        """Nothing to load."""

    def synthesize(self, request: SpeechRequest) -> Generator[AudioChunk, None, None]:
        note("start", request.text)
        time.sleep(seconds_for(request.text))
        note("end", request.text)
        yield echo(request.text)


class PacedEngine:
    """Speaks piece by piece: most texts in a moment, some for seconds, a few for longer still."""

    capabilities = JournalEngine.capabilities

    def load(self) -> None:
        """Nothing to load."""

    def synthesize(self, request: SpeechRequest) -> Generator[AudioChunk, None, None]:
        note("start", request.text)
        pieces = max(1, round(pace_of(request.text) / PIECE))
        try:
            for number, piece in enumerate(cut(echo(request.text), pieces), 1):
                time.sleep(PIECE)
                if number == pieces:
                    note("end", request.text)
                yield piece
        except GeneratorExit:
            note("dropped", request.text)
            raise


def pace_of(text: str) -> float:
    """How long the paced engine takes over a text: the same each time."""
    digest = hashlib.sha256(text.encode()).digest()
    shortest, longest = next(span for share, *span in PACES if digest[0] < share * 256)
    return shortest + (longest - shortest) * digest[1] / 255


def cut(sound: Waveform, pieces: int) -> list[Waveform]:
    places = [len(sound.samples) * number // pieces for number in range(pieces + 1)]
    return [
        Waveform(sound.samples[begin:end], sound.sample_rate) for begin, end in pairwise(places)
    ]
