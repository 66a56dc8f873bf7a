"""A steady load: tenants that speak and wait, poll, follow events and send bulks, all the time."""

from __future__ import annotations

import random
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.chaos.caller import Caller, Seen
from tests.chaos.client import Accepted
from tests.chaos.following import Follower
from tests.chaos.workload import VOICE, format_of, fresh_text, other_format

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

FINAL = {"succeeded", "failed", "cancelled", "expired"}
JOBS = "/api/v1/jobs"
BULK = 6
REST = (0.05, 0.6)  # seconds between two orders of a client
SPOKEN_AGAIN = 0.15  # share of texts that are then asked for in the other format
LAST_EVENTS = 5.0


class Steady:
    """Clients of four tenants, until told to stop; what they were promised, and what they saw."""

    def __init__(self, port: int, tokens: Mapping[str, str], seed: int) -> None:
        self.port, self.tokens, self.seed = port, tokens, seed
        self.seen = Seen()
        self.accepted: dict[str, Accepted] = {}
        self.told: list[str] = []  # jobs whose end the follower of one tenant heard of
        self.stopping = threading.Event()
        # (tenant, what it does, whether it keeps its connection)
        self._kinds: list[tuple[str, Callable[[Caller, random.Random], None], bool]] = [
            ("north", self._speak_and_wait, True),
            ("north", self._speak_and_wait, False),
            ("south", self._poll, True),
            ("south", self._poll, False),
            ("east", self._follow, True),
            ("east", self._follow, False),
            ("west", self._send_bulk, True),
        ]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Left when everything that was asked for is there."""
        follower = Follower(self._caller("east"), "/api/v1/events?types=job.succeeded")
        with ThreadPoolExecutor(len(self._kinds) + 1) as threads:
            listening = threads.submit(self._listen, follower)
            clients = [threads.submit(self._work, number) for number in range(len(self._kinds))]
            try:
                yield
            finally:
                self.stopping.set()
                errors = [client.exception() for client in clients]
                self._hear_the_rest()
                follower.leave()
            for error in (*errors, listening.exception()):
                if error is not None:
                    raise error

    @property
    def untold(self) -> int:
        """Ends that the follower was not told of, or more than once."""
        expected = {job for job, it in self.accepted.items() if it.tenant == "east"}
        return len(expected - set(self.told)) + len(self.told) - len(set(self.told))

    def _caller(self, tenant: str, *, keeps: bool = True) -> Caller:
        return Caller(self.port, self.tokens[tenant], self.seen, keeps=keeps)

    def _work(self, number: int) -> None:
        tenant, serve, keeps = self._kinds[number]
        caller, rng = self._caller(tenant, keeps=keeps), random.Random(self.seed * 100 + number)
        while not self.stopping.is_set():
            serve(caller, rng)
            time.sleep(rng.uniform(*REST))

    def _speak_and_wait(self, caller: Caller, rng: random.Random) -> None:
        text = fresh_text(rng)
        job = self._order("north", caller, text, waits=True, Prefer="wait=10")
        self._take(caller, self._until_ended(caller, job))
        if rng.random() < SPOKEN_AGAIN:
            again = self._order("north", caller, text, again=True, waits=True, Prefer="wait=10")
            self._take(caller, self._until_ended(caller, again))

    def _poll(self, caller: Caller, rng: random.Random) -> None:
        job = self._order("south", caller, fresh_text(rng))
        self._take(caller, self._until_ended(caller, job))

    def _follow(self, caller: Caller, rng: random.Random) -> None:
        job = self._order("east", caller, fresh_text(rng))
        for said in Follower(caller, f"{JOBS}/{job['id']}/events").events():
            if said["state"] in FINAL:
                break
        self._take(caller, self._until_ended(caller, job))

    def _send_bulk(self, caller: Caller, rng: random.Random) -> None:
        texts = [fresh_text(rng) for _ in range(BULK)]
        items = [_item(text, format_of(text)) for text in texts]
        told = caller.ask("POST", f"{JOBS}/bulk", {"items": items}, Idempotency_Key=_key()).json
        for text, item in zip(texts, told["items"], strict=True):
            self.accepted[item["id"]] = Accepted("west", text)
        while not caller.ask("GET", f"/api/v1/batches/{told['batch_id']}").json["ended"]:
            time.sleep(0.5)
        for item in told["items"]:
            self._take(caller, self._until_ended(caller, item | {"state": "unknown"}))

    def _order(
        self, tenant: str, caller: Caller, text: str, *, again: bool = False, **more: Any
    ) -> dict[str, Any]:
        item = _item(text, other_format(text) if again else format_of(text))
        job = caller.ask("POST", f"{JOBS}/synthesize", item, Idempotency_Key=_key(), **more).json
        self.accepted[job["id"]] = Accepted(tenant, text, again)
        return job

    def _until_ended(self, caller: Caller, job: dict[str, Any]) -> dict[str, Any]:
        while job["state"] not in FINAL:
            job = caller.ask("GET", f"{JOBS}/{job['id']}?wait=5", waits=True).json
        return job

    def _take(self, caller: Caller, job: dict[str, Any]) -> None:
        """The audio, where there is any: of a job that failed the ledger tells."""
        if job["state"] == "succeeded":
            caller.ask("GET", f"{JOBS}/{job['id']}/audio")

    def _listen(self, follower: Follower) -> None:
        for said in follower.events():
            self.told.append(said["job_id"])

    def _hear_the_rest(self) -> None:
        until = time.monotonic() + LAST_EVENTS
        while self.untold and time.monotonic() < until:
            time.sleep(0.1)


def _item(text: str, audio_format: str) -> dict[str, str]:
    return {"text": text, "voice": VOICE, "format": audio_format}


def _key() -> str:
    return str(uuid.uuid4())
