"""Piper's command line, once for each text, as many at once as there are cores."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

from tests.bench.mill import CORES
from tests.bench.on_demand import serve
from tests.bench.speech import SHORT, TEXTS, seconds_of
from tests.bench.texts import Texts

threads = ThreadPoolExecutor(CORES)
PYTHON, VOICE = os.environ["PIPER_PYTHON"], os.environ["PIPER_VOICE"]


def speak(text: str) -> float:
    command = [PYTHON, "-m", "piper", "-m", VOICE, "-f", "-"]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=True)
    return seconds_of(done.stdout)


def turn(seed: int) -> float:
    return sum(threads.map(speak, Texts(seed).several(TEXTS, SHORT)))


if __name__ == "__main__":
    serve(turn)
