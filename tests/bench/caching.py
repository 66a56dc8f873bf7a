"""The same POST again: what a hit costs beside the miss before it, and that no bell is rung."""

from __future__ import annotations

import itertools
from contextlib import ExitStack
from typing import TYPE_CHECKING

from redis import Redis

from tests.bench.figures import Figure, compare, state
from tests.bench.http_load import Load
from tests.bench.mill import Mill, open_site
from tests.bench.rounds import Arm, take_turns
from tests.bench.texts import Texts
from tests.bench.venvs import VOICE, medium_voice

if TYPE_CHECKING:
    from collections.abc import Sequence

PATH = "/api/v1/jobs/synthesize"
TEXTS = 8
CHARACTERS = 80
SENDS = ("lpush", "rpush", "publish")


class Cache:
    """A Voicemill that is asked for texts it has not said, and for those it has."""

    def __init__(self, mill: Mill, hits: int) -> None:
        self.load = Load(mill.url, mill.tenants["first"]["key"], TEXTS)
        self.broker = Redis.from_url(mill.environment["REDIS_URL"])
        self.texts = Texts()
        self.hits = hits
        self.said = self.texts.several(TEXTS, CHARACTERS)
        self.messages = 0

    def miss(self) -> float:
        self.said = self.texts.several(TEXTS, CHARACTERS)
        self._ask(self.said)
        return TEXTS

    def hit(self) -> float:
        before = self._sent()
        self._ask(list(itertools.islice(itertools.cycle(self.said), self.hits)))
        self.messages += self._sent() - before
        return self.hits

    def _ask(self, texts: Sequence[str]) -> None:
        """Each answer comes when the audio is there: of a hit at once."""
        ways = {"voice": VOICE, "engine": "piper"}
        list(self.load.threads.map(lambda text: self._post({"text": text, **ways}), texts))

    def _post(self, body: dict[str, str]) -> None:
        job = self.load.post(PATH, body, 200, Prefer="wait=60")
        assert job["state"] == "succeeded"

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
