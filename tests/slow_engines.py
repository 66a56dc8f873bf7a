"""An engine that takes its time, so that its worker can be stopped and killed in the middle."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from synthesis_worker.contract import AudioChunk, Capabilities, Model, SpeechRequest, Waveform
from tests.engines import RATE, echo

if TYPE_CHECKING:
    from collections.abc import Generator

STEP = 0.1


class SlowEngine:
    """A text says how: "nap 4" is heard a tenth of a second at a time, "stuck 4" all at the end.

    "wait 4" is as stuck as that, and gives a sign of life all the while.
    """

    capabilities = Capabilities(
        engine="slow",
        version="1",
        languages=("en",),
        max_characters=100,
        models=(Model("slow", "1", "en", RATE),),
    )

    def load(self) -> None:
        """Nothing to load."""

    def synthesize(self, request: SpeechRequest) -> Generator[AudioChunk, None, None]:
        how, seconds = request.text.split()
        for _ in range(round(float(seconds) / STEP)):
            time.sleep(STEP)
            if how == "nap":
                yield echo(request.text)
            elif how == "wait":
                yield Waveform(np.zeros(0, np.float32), RATE)
        yield echo(request.text)


class FinishingEngine(SlowEngine):
    """One that a drain lets finish what has begun to sound."""

    capabilities = replace(SlowEngine.capabilities, finishes=True)
