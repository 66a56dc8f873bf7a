"""The same POST again: what a hit costs beside the miss before it, and that no bell is rung."""

from __future__ import annotations

import itertools
from contextlib import ExitStack

from redis import Redis

from tests.bench.burst import Burst
from tests.bench.figures import Figure, compare, state
from tests.bench.http_load import Load
from tests.bench.mill import Mill, open_site
from tests.bench.rounds import Arm, take_turns
from tests.bench.texts import Texts
from tests.bench.venvs import VOICE, medium_voice

PATH = "/api/v1/jobs/synthesize"
TEXTS = 8
CHARACTERS = 80
SENDS = ("lpush", "rpush", "publish")


class Cache:
    """A Voicemill that is asked for texts it has not said, and for those it has."""

    def __init__(self, mill: Mill, hits: int) -> None:
        key = mill.tenants["first"]["key"]
        self.load = Load(mill.url, key, TEXTS)
        self.burst = Burst(mill.url, PATH, key, Prefer="wait=60")
        self.broker = Redis.from_url(mill.environment["REDIS_URL"])
        self.texts = Texts()
        self.hits = hits
        self.said = self.texts.several(TEXTS, CHARACTERS)
        self.messages = 0

    def miss(self) -> float:
        self.said = self.texts.several(TEXTS, CHARACTERS)
        list(self.load.threads.map(self._speak, self.said))
        return TEXTS

    def hit(self) -> float:
        before = self._sent()
        again = itertools.islice(itertools.cycle(self.said), self.hits)
        answers = self.burst.post([self._body(text) for text in again], 200)
        assert all(job["result"]["cached"] for job in answers)
        self.messages += self._sent() - before
        return self.hits

    def _speak(self, text: str) -> None:
        """The answer comes when the audio is there."""
        job = self.load.post(PATH, self._body(text), 200, Prefer="wait=60")
        assert job["state"] == "succeeded"

    def _body(self, text: str) -> dict[str, str]:
        return {"text": text, "voice": VOICE, "engine": "piper"}

    def _sent(self) -> int:
        """Messages of any kind that the broker has been sent so far."""
        counts = self.broker.info("commandstats")
        return sum(counts.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in SENDS)


def measure(*, quick: bool) -> list[Figure]:
    """All processes of Voicemill are counted, the client is not."""
    medium_voice()
    with ExitStack() as stack:
        site = stack.enter_context(open_site("caching"))
        mill = Mill(site)
        mill.start_dispatcher()
        mill.start_api()
        mill.start_worker("cpu", "synthesis_worker.tasks")
        cache = Cache(mill, 200 if quick else 1000)
        miss = Arm("a miss", cache.miss, site.pids)
        hit = Arm("a hit", cache.hit, site.pids)
        take_turns([miss, hit], 2 if quick else 5)
    what = f"cache hit, a text of {CHARACTERS} characters"
    return [
        compare(what, hit.median, miss.median, "the same POST on a miss", unit="CPU ms"),
        state(what, hit.median, unit="CPU ms", at_most=1.0),
        state("broker messages of all hits", cache.messages, unit="messages", at_most=0),
    ]
