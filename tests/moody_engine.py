"""An engine that refuses one word for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synthesis_worker.contract import Unsupported
from synthesis_worker.engines.espeak import EspeakEngine

if TYPE_CHECKING:
    from collections.abc import Generator

    from synthesis_worker.contract import AudioChunk, SpeechRequest


class MoodyEngine(EspeakEngine):
    """Speaks all but the unspeakable."""

    def synthesize(self, request: SpeechRequest) -> Generator[AudioChunk, None, None]:
        if "unspeakable" in request.text:
            raise Unsupported("It will not say that.")
        yield from super().synthesize(request)
