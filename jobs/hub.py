"""Whoever waits for something to happen to a job or a tenant: one subscription wakes them all."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from contextlib import contextmanager, suppress
from contextvars import Context
from typing import TYPE_CHECKING, Any

import redis.asyncio
from redis.exceptions import RedisError

from jobs.wire import EVENTS, SILENCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LOOK_ANYWAY = 15.0  # seconds after which the ledger is asked whether or not a hint came
LOOK_DEAF = 1.0  # and while no hint can come, or the ledger could not be asked
QUIET = 5.0  # a subscription that says nothing for so long is asked whether it still lives

log = logging.getLogger(__name__)


class Hub:
    """Hints from Redis, handed to everybody in this process whom they concern."""

    def __init__(self, redis_url: str) -> None:
        self.redis_url = redis_url
        self.leaving = False
        self._hears_from = float("inf")
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None

    @property
    def pause(self) -> float:
        """Seconds until the ledger is asked without a hint."""
        return LOOK_ANYWAY if time.monotonic() >= self._hears_from else LOOK_DEAF

    @contextmanager
    def listening(self, topic: str) -> Iterator[asyncio.Event]:
        """An event that is set when there is news of this job, or of this tenant's jobs."""
        if self._task is None:
            self._task = asyncio.create_task(self._listen_forever(), context=Context())
        news = asyncio.Event()
        self._waiting[topic].add(news)
        try:
            yield news
        finally:
            self._waiting[topic].discard(news)
            if not self._waiting[topic]:
                del self._waiting[topic]

    def leave(self) -> None:
        """The process is about to stop: nobody should wait any longer."""
        self.leaving = True
        self._wake(self._waiting)

    async def _listen_forever(self) -> None:
        while True:
            try:
                await self._listen()
            except (RedisError, OSError) as error:
                log.warning("no hints for those who wait: %s", error)
            self._hears_from = float("inf")
            await asyncio.sleep(LOOK_DEAF)

    async def _listen(self) -> None:
        client = redis.asyncio.Redis.from_url(self.redis_url, socket_timeout=QUIET)
        async with client, client.pubsub() as hints:
            await hints.subscribe(EVENTS)
            while message := await _next(hints):
                self._hear(message)
        log.warning("the broker was silent for %g seconds", 2 * QUIET)

    def _hear(self, message: dict[str, Any]) -> None:
        if message["type"] == "subscribe":
            # Who writes events may think Redis away for a while yet, and send no hints.
            self._hears_from = time.monotonic() + SILENCE + LOOK_DEAF
            self._wake(self._waiting)  # what happened while we were deaf
        elif message["type"] == "message":
            self._wake(message["data"].decode().replace(",", ":").split(":"))

    def _wake(self, topics: Iterable[str]) -> None:
        for topic in topics:
            for news in self._waiting.get(topic, ()):
                news.set()


async def _next(hints: redis.asyncio.client.PubSub) -> dict[str, Any] | None:
    """None where the broker does not even answer a ping."""
    message = await hints.get_message(timeout=QUIET)
    if message is None:
        await hints.ping()
        message = await hints.get_message(timeout=QUIET)
    found: dict[str, Any] | None = message
    return found


async def wait_for(news: asyncio.Event, seconds: float) -> None:
    """Until there is news, or the time is over."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await news.wait()
