"""The Piper engine alone, in one process with as many threads as a worker has slots."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from synthesis_worker import audio
from synthesis_worker.contract import SpeechRequest
from synthesis_worker.engines.piper import PiperEngine
from tests.bench.mill import CORES
from tests.bench.on_demand import serve
from tests.bench.speech import LONG, TEXTS, seconds_of
from tests.bench.texts import Texts
from tests.bench.venvs import VOICE, medium_voice

engine = PiperEngine(medium_voice().parent)
threads = ThreadPoolExecutor(CORES)


def speak(text: str) -> float:
    request = SpeechRequest(text=text, language="en-US", model=VOICE)
    return seconds_of(audio.encode(audio.join(engine.synthesize(request)), "wav"))


def turn(seed: int) -> float:
    return sum(threads.map(speak, Texts(seed).several(TEXTS, LONG)))


if __name__ == "__main__":
    serve(turn)
