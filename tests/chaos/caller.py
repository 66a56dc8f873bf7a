"""A strict client of the public port: what it may not shrug off is counted, then asked again."""

from __future__ import annotations

import json
import select
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, NamedTuple

TIMEOUT = 40.0  # seconds; longer than any wait that is asked for
UNAVAILABLE = 503
PATIENCE = 2.0  # the longest wait before a request is repeated


class Heard(NamedTuple):
    """An answer, whole."""

    status: int
    problem: bool  # it is a problem+json with a code and a Retry-After
    retry_after: float
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Seen:
    """What all callers together got at the port."""

    requests: int = 0
    failures: list[str] = field(default_factory=list)
    honest: Counter[str] = field(default_factory=Counter)  # 503s that say what to do, by code
    hang_ups: int = 0  # streams that the API ended before their time, and that were resumed
    longest: float = 0.0  # seconds for an answer that no waiting was asked for
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note_answer(self, what: str, heard: Heard) -> bool:
        """Whether it is an answer to go on with."""
        with self._lock:
            self.requests += 1
            if heard.status == UNAVAILABLE and heard.problem:
                self.honest[str(heard.json["code"])] += 1
            elif heard.status >= 400:
                self.failures.append(f"{what}: {heard.status} {heard.body[:200]!r}")
            else:
                return True
        return False

    def note_failure(self, what: str, error: Exception) -> None:
        with self._lock:
            self.requests += 1
            self.failures.append(f"{what}: {error!r}")

    def note_hang_up(self) -> None:
        with self._lock:
            self.hang_ups += 1

    def note_time(self, seconds: float) -> None:
        with self._lock:
            self.longest = max(self.longest, seconds)


class Caller:
    """One client with a connection it keeps, or with a new one for each request."""

    def __init__(self, port: int, token: str, seen: Seen, *, keeps: bool = True) -> None:
        self.port, self.seen, self.keeps = port, seen, keeps
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._kept: HTTPConnection | None = None

    def ask(
        self, method: str, path: str, body: object = None, waits: bool = False, **more: str
    ) -> Heard:
        """An answer below 400. Until there is one it is asked again, and each miss counted."""
        headers = self.headers | {name.replace("_", "-"): it for name, it in more.items()}
        data = None if body is None else json.dumps(body)
        while True:
            begun, pause = time.monotonic(), 0.1
            try:
                heard = self._ask_once(method, path, data, headers)
            except (OSError, HTTPException) as error:
                self.seen.note_failure(f"{method} {path}", error)
            else:
                if not waits:
                    self.seen.note_time(time.monotonic() - begun)
                if self.seen.note_answer(f"{method} {path}", heard):
                    return heard
                pause = min(heard.retry_after, PATIENCE)
            time.sleep(pause)

    def _ask_once(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Heard:
        connection = self._connection()
        try:
            connection.request(method, path, body, headers)
            heard = read_answer(connection.getresponse())
        except BaseException:
            connection.close()
            raise
        self._kept = connection if self.keeps else None
        if not self.keeps:
            connection.close()
        return heard

    def _connection(self) -> HTTPConnection:
        """The kept one unless the server has closed it meanwhile: any pool looks before reuse."""
        kept, self._kept = self._kept, None
        if kept is not None and kept.sock is not None:
            if not select.select([kept.sock], [], [], 0)[0]:
                return kept
            kept.close()
        return HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)

    def stream(self, path: str, last: str) -> tuple[HTTPConnection, HTTPResponse]:
        """An event stream on a connection of its own, from its last id on."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        resumed = {"Last-Event-ID": last} if last else {}
        connection.request("GET", path, None, self.headers | resumed)
        return connection, connection.getresponse()


def read_answer(answered: HTTPResponse) -> Heard:
    retry_after = answered.getheader("Retry-After", "")
    told = answered.getheader("Content-Type", "").startswith("application/problem+json")
    body = answered.read()
    problem = told and retry_after.isdigit() and "code" in json.loads(body)
    return Heard(answered.status, problem, float(retry_after or 1), body)
