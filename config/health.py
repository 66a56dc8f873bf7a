"""Am I alive; can I do my work: database, broker, store and workers, told apart."""

from __future__ import annotations

import asyncio
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import redis
from amqp import AMQPError
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from kombu.exceptions import KombuError

from config.celery import app as celery_app
from jobs.connections import renew_connection
from jobs.metrics import WORKERS
from jobs.schema import schema
from jobs.wire import redis_client
from voices.storage import web_store
from voices.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from config.guard import App, Message, Receive, Send

    Finding = Mapping[str, Any]

ALIVE = json.dumps({"status": "ok"}).encode()
PATIENCE = 3.0  # seconds; who has not answered by then is down, whatever it says later
AWAY = (DatabaseError, redis.RedisError, KombuError, AMQPError, StoreError, OSError)

log = logging.getLogger(__name__)


class Pulse:
    """Answers /healthz from the event loop: also while every thread is busy, or hangs."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope.get("path") == "/healthz":
            await _send(send, 200, ALIVE)
        else:
            await self.app(scope, receive, send)


class Readiness:
    """Answers /readyz: 200 where the ledger and the store answer, for then jobs are accepted.

    A broker or workers that are away are told, and no reason to refuse jobs: they wait.
    """

    def __init__(self, app: App) -> None:
        self.app = app
        self.checks = [
            Check(_ask_database, {"database": "down", "workers": "unknown"}),
            Check(ask_broker, {"broker": "down"}),
            Check(ask_store, {"store": "down"}),
        ]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope.get("path") != "/readyz":
            await self.app(scope, receive, send)
            return
        told: dict[str, Any] = {}
        for found in await asyncio.gather(*(check.ask() for check in self.checks)):
            told |= found
        ready = told["database"] == told["store"] == "ok"
        await _send(send, 200 if ready else 503, json.dumps(told).encode())


class Check:
    """One question on a thread of its own. While it hangs, all who ask share it."""

    def __init__(self, question: Callable[[], Finding], failed: Finding) -> None:
        self.question, self.failed = question, failed
        self._thread = ThreadPoolExecutor(1, "readiness")
        self._asking: asyncio.Future[Finding] | None = None

    async def ask(self, patience: float = PATIENCE) -> Finding:
        if self._asking is None or self._asking.done():
            loop = asyncio.get_running_loop()
            self._asking = loop.run_in_executor(self._thread, self._look)
        await asyncio.wait([self._asking], timeout=patience)
        return self._asking.result() if self._asking.done() else self.failed

    def _look(self) -> Finding:
        try:
            return self.question()
        except AWAY as error:
            log.warning("not ready: %s", error)
            connection.close()
            return self.failed


def _ask_database() -> Finding:
    """`behind`: its tables are older than this code, which must not be sent requests yet."""
    renew_connection()
    database = "ok" if schema.is_complete() else "behind"
    alive = {queue: workers for queue, workers, _ in WORKERS.rows(settings.WORKER_ALIVE) if workers}
    return {"database": database, "workers": alive or "none"}


def ask_broker() -> Finding:
    """Hints go through Redis also where bells do not."""
    redis_client().ping()
    if settings.AMQP_URL:
        with celery_app.connection_for_write(connect_timeout=PATIENCE) as broker:
            broker.connect()
    return {"broker": "ok"}


def ask_store() -> Finding:
    web_store().check()
    return {"store": "ok"}


async def _send(send: Send, status: int, body: bytes) -> None:
    again = [] if status == HTTPStatus.OK else [(b"retry-after", b"2")]
    headers = [(b"content-type", b"application/json"), *again]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
