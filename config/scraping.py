"""/metrics, on threads of its own: also while every thread of the views is busy."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from django.db import Error as DatabaseError
from django.db import connection

from config.health import Check, ask_broker, ask_store
from jobs.connections import renew_connection
from jobs.exposition import tell_metrics
from jobs.prepared import read_by_index

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.guard import App, Message, Receive, Send

FRESH = 1.0  # seconds an answer is good for, however many ask
PATIENCE = 1.0  # with store and broker, which are asked at one time


class Scraping:
    """Answers /metrics; 503 where the ledger is away. For the network inside, never published."""

    def __init__(self, app: App) -> None:
        self.app = app
        self._thread = ThreadPoolExecutor(1, "metrics")
        self._checks = [
            Check(ask_store, {"store": "down"}),
            Check(ask_broker, {"broker": "down"}),
        ]
        self._until, self._told = 0.0, b""
        self._asking: asyncio.Task[bytes] | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope.get("path") != "/metrics":
            await self.app(scope, receive, send)
            return
        try:
            status, body = 200, await self._metrics()
        except DatabaseError:
            status, body = 503, b"The ledger is away.\n"
        headers = [(b"content-type", b"text/plain; version=0.0.4; charset=utf-8")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _metrics(self) -> bytes:
        """All who ask while the ledger is asked share its one answer."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._look())
        return await asyncio.shield(self._asking)

    async def _look(self) -> bytes:
        if time.monotonic() >= self._until:
            asked = [check.ask(PATIENCE) for check in self._checks]
            found = [pair for told in await asyncio.gather(*asked) for pair in told.items()]
            answering = {name: told == "ok" for name, told in found}
            loop = asyncio.get_running_loop()
            self._told = await loop.run_in_executor(self._thread, partial(_ask, answering))
            self._until = time.monotonic() + FRESH
        return self._told


def _ask(answering: Mapping[str, bool]) -> bytes:
    renew_connection()
    try:
        if connection.connection is None:
            connection.ensure_connection()
            read_by_index(connection)
        return tell_metrics(answering).encode()
    except DatabaseError:
        connection.close()
        raise
