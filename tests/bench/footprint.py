"""What each process takes to be there: peak memory, and the time until it is up."""

from __future__ import annotations

from contextlib import ExitStack

from tests.bench.cpu import peak_mib, tree
from tests.bench.figures import Figure, state
from tests.bench.http_load import Load
from tests.bench.mill import Mill, open_site
from tests.bench.texts import Texts
from tests.bench.venvs import VOICE, medium_voice

PATH = "/api/v1/jobs/synthesize"
WORK = [{"voice": VOICE}, {"voice": "ember"}, {"voice": "ember", "format": "mp3"}]


def measure(*, quick: bool) -> list[Figure]:
    """Memory after some jobs: the medium voice in the CPU worker, a container for the media one."""
    medium_voice()
    with ExitStack() as stack:
        site = stack.enter_context(open_site("footprint"))
        mill = Mill(site)
        mill.start_dispatcher()
        mill.start_api()
        for queue in ("cpu", "media"):
            mill.start_worker(queue, "synthesis_worker.tasks")
        speak(mill, 4 if quick else 20)
        peaks = {name: largest(pid) for name, pid in site.pids.items()}
    return [
        *(state(f"{name}: peak of the largest process", peaks[name], unit="MiB") for name in peaks),
        *(state(f"{name}: start", seconds, unit="s") for name, seconds in site.starts.items()),
    ]


def speak(mill: Mill, times: int) -> None:
    load, texts = Load(mill.url, mill.tenants["first"]["key"]), Texts()
    for text in texts.several(times, 200):
        for how in WORK:
            load.post(PATH, {"text": text, **how}, 200, Prefer="wait=60")


def largest(root: int) -> float:
    """A pool's children and PostgreSQL's backends share what they were forked from."""
    return max(peak_mib(pid) for pid in tree([root]))
