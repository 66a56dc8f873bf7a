"""A plain HTTP client with kept connections, a few at a time."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CONNECTIONS = 8
SECONDS = 120


class Load:
    """Sends requests over its own kept connections, and takes no answer but the expected one."""

    def __init__(self, url: str, key: str = "", connections: int = CONNECTIONS) -> None:
        self.headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
        self.threads = ThreadPoolExecutor(connections)
        self._idle: SimpleQueue[HTTPConnection] = SimpleQueue()
        for _ in range(connections):
            self._idle.put(HTTPConnection(urlsplit(url).netloc, timeout=SECONDS))

    def post_all(
        self, path: str, bodies: Sequence[Mapping[str, Any]], status: int
    ) -> list[dict[str, Any]]:
        return list(self.threads.map(lambda body: self.post(path, body, status), bodies))

    def post(
        self, path: str, body: Mapping[str, Any], status: int, **headers: str
    ) -> dict[str, Any]:
        answer = self.send("POST", path, json.dumps(body).encode(), status, headers)
        told: dict[str, Any] = json.loads(answer)
        return told

    def send(
        self, method: str, path: str, body: bytes, status: int, headers: Mapping[str, str]
    ) -> bytes:
        with self._connection() as connection:
            connection.request(method, path, body, self.headers | dict(headers))
            answer = connection.getresponse()
            data = answer.read()
        if answer.status != status:
            raise RuntimeError(f"{method} {path}: {answer.status} {data[:500]!r}")
        return data

    @contextmanager
    def _connection(self) -> Iterator[HTTPConnection]:
        connection = self._idle.get()
        try:
            yield connection
        finally:
            self._idle.put(connection)
