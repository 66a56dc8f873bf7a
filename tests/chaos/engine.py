"""An engine whose sound is a function of its text, and which keeps a journal of what it did."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

from synthesis_worker.contract import AudioChunk, Capabilities, Model, SpeechRequest
from tests.chaos.journal import note
from tests.engines import RATE, echo

if TYPE_CHECKING:
    from collections.abc import Generator

SHORTEST, LONGEST = 0.02, 0.4
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
