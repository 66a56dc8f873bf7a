"""An engine that fails on some texts, and quotes them in its error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synthesis_worker.engines.espeak import EspeakEngine

if TYPE_CHECKING:
    from collections.abc import Generator

    from synthesis_worker.contract import AudioChunk, SpeechRequest

TOO_HARD = "unpronounceable"


class QuotingEngine(EspeakEngine):
    """espeak, but for one word."""

    def synthesize(self, request: SpeechRequest) -> Generator[AudioChunk, None, None]:
        if TOO_HARD in request.text:
            raise ValueError(f"cannot say {request.text!r}")
        yield from super().synthesize(request)
