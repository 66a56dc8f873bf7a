"""Waiting for a job to end without holding a thread: `?wait=N` and `Prefer: wait=N`."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from jobs.hub import LOOK_DEAF, wait_for
from jobs.states import FINAL

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from jobs.hub import Hub

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

LONGEST = 60.0
JOB_PATH = re.compile(r"/api/v1/jobs/[0-9a-f-]{36}")
SPEECH_PATH = re.compile(
    r"/api/v1/(?:jobs/synthesize|personalities/[A-Za-z0-9_-]{1,60}/voice/generate)"
)
CLIENT_ERROR = 4


@dataclass
class Answer:
    """An answer held back until we know whether it is the one to give."""

    start: Message = field(default_factory=dict)
    body: bytes = b""

    async def collect(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = message
        else:
            self.body += message.get("body", b"")

    async def send_to(self, send: Send) -> None:
        await send(self.start)
        await send({"type": "http.response.body", "body": self.body})

    @cached_property
    def job(self) -> dict[str, Any]:
        """The job it shows, or nothing where it shows none. Not to be asked before it is whole."""
        if self.start["status"] not in {200, 202}:
            return {}
        shown = json.loads(self.body)
        return shown if isinstance(shown, dict) and "state" in shown else {}

    @property
    def refused(self) -> bool:
        """It will not be shown later either: the key may not read, or was revoked meanwhile."""
        return int(self.start["status"]) // 100 == CLIENT_ERROR

    @property
    def settled(self) -> bool:
        return not self.job or self.job["state"] in FINAL


class WaitingRoom:
    """Asks the ordinary views, and asks again when the job has ended."""

    def __init__(self, app: App, hub: Hub) -> None:
        self.app, self.hub = app, hub

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        seconds = seconds_to_wait(scope)
        if seconds is None:
            await self.app(scope, receive, send)
            return
        answer = await self._ask(scope, receive)
        if not answer.settled:
            answer = await self._wait(scope, answer, time.monotonic() + seconds)
        await answer.send_to(send)

    async def _wait(self, scope: Message, answer: Answer, until: float) -> Answer:
        """The job as it ended; as it was seen last where it did not, or cannot be seen any more."""
        first = answer
        with self.hub.listening(first.job["id"]) as news:
            while True:
                seen = await self._look(scope, first)
                answer = seen if seen.job else answer
                left = 0 if self.hub.leaving else until - time.monotonic()
                if answer.settled or seen.refused or left <= 0:
                    return _with_location(answer, first)
                await wait_for(news, min(left, self.hub.pause if seen.job else LOOK_DEAF))
                news.clear()

    async def _look(self, scope: Message, first: Answer) -> Answer:
        path = f"/api/v1/jobs/{first.job['id']}"
        look = dict(scope) | {"method": "GET", "path": path, "raw_path": path.encode()}
        kept = [pair for pair in scope["headers"] if not pair[0].startswith(b"content-")]
        return await self._ask(look | {"query_string": b"", "headers": kept}, _no_body)

    async def _ask(self, scope: Message, receive: Receive) -> Answer:
        answer = Answer()
        await self.app(scope, receive, answer.collect)
        return answer


def seconds_to_wait(scope: Message) -> float | None:
    """How long the client is willing to wait; None where it did not say so, or cannot."""
    if scope["method"] == "GET" and JOB_PATH.fullmatch(scope["path"]):
        query = parse_qs(scope["query_string"].decode("latin-1"))
        return _seconds(query.get("wait", [""])[0])
    if scope["method"] == "POST" and SPEECH_PATH.fullmatch(scope["path"]):
        prefer = dict(scope["headers"]).get(b"prefer", b"").decode("latin-1")
        found = re.search(r"\bwait=(\d{1,4})\b", prefer)
        return _seconds(found[1]) if found else None
    return None


def _seconds(value: str) -> float | None:
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", value) or float(value) == 0:
        return None
    return min(float(value), LONGEST)


def _with_location(answer: Answer, first: Answer) -> Answer:
    """What the first answer said of the job's place, and of it not having ended, still holds."""
    if answer is first:
        return first
    kept = {b"location", b"idempotent-replayed"}
    extra = [pair for pair in first.start["headers"] if pair[0].lower() in kept]
    status = (answer if answer.settled else first).start["status"]
    headers = [*answer.start["headers"], *extra]
    answer.start = {**answer.start, "status": status, "headers": headers}
    return answer


async def _no_body() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}
