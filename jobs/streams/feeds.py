"""Feeds: one reader of the ledger for all who listen to the same job or tenant."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, TypeVar

from django.db import Error, connection

from jobs.connections import renew_connection
from jobs.hub import LOOK_DEAF, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from jobs.hub import Hub
    from jobs.streams.sources import Page, Source
    from jobs.streams.telling import Position, Told

READERS = 4
BOX = 1_024  # events a client may be behind
LINGER = 0.01  # seconds between two reads: what comes meanwhile is one read
GOODBYE_SECONDS = 1.0  # in which a client must take what it was sent last
HELD = (0.005, 0.25)  # the first and the longest pause while an older transaction holds events back
Answer = TypeVar("Answer")

log = logging.getLogger(__name__)


class Ledger:
    """Reads on a few threads, each with a kept connection."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="streams")

    async def ask(self, question: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, copy_context().run, _on_good_connection, question
        )

    async def ask_unless_away(self, question: Callable[[], Answer]) -> Answer | None:
        """None while the ledger is away."""
        return await self.ask(lambda: _unless_away(question))

    async def read(self, source: Source, after: Position) -> Page | None:
        return await self.ask_unless_away(lambda: source.read(after))


def _on_good_connection(question: Callable[[], Answer]) -> Answer:
    renew_connection()
    return question()


def _unless_away(question: Callable[[], Answer]) -> Answer | None:
    try:
        return question()
    except Error as error:
        log.warning("streams wait for the ledger: %s", error)
        connection.close()
        return None


class Listener:
    """A client's box. Whoever lets it fill up is hung up on, and may come back for the rest."""

    def __init__(
        self, wants: Callable[[Told], bool], key_id: str, hang_up: Callable[[], None]
    ) -> None:
        self.wants, self.key_id, self.hang_up = wants, key_id, hang_up
        self.closed = self.gone = False
        self.offered: Position = ()  # nothing up to here is taken into the box any more
        self._box: deque[Told] = deque()
        self._news = asyncio.Event()

    def put(self, told: Told) -> None:
        if told.position <= self.offered or self.closed:
            return
        self.offered = told.position
        if not self.wants(told):
            return
        if len(self._box) >= BOX:
            self._box.clear()
            self.close()
            return
        self._box.append(told)
        self._news.set()

    async def take(self, seconds: float) -> list[Told]:
        """What there is, as soon as there is something; nothing when the time is over."""
        await wait_for(self._news, seconds)
        self._news.clear()
        taken, self._box = list(self._box), deque()
        return taken

    def close(self) -> None:
        """Its stream ends as soon as it has taken what it was sent, and soon in any case."""
        self.closed = True
        self._news.set()
        asyncio.get_running_loop().call_later(GOODBYE_SECONDS, self._see_off)

    def _see_off(self) -> None:
        if not self.gone:
            self.hang_up()


class Feed:
    """Reads on when there is news, and gives what it read to all listeners."""

    def __init__(self, source: Source, position: Position, hub: Hub, ledger: Ledger) -> None:
        self.source, self.position, self.hub, self.ledger = source, position, hub, ledger
        self.listeners: set[Listener] = set()
        self.task = asyncio.create_task(self._run(), context=Context())  # it is nobody's request

    async def _run(self) -> None:
        try:
            with self.hub.listening(self.source.topic) as news:
                await self._read_forever(news)
        except Exception:
            log.exception("a feed has failed; its clients come back for the rest")
            for listener in self.listeners:
                listener.close()

    async def _read_forever(self, news: asyncio.Event) -> None:
        held = HELD[0]
        while True:
            news.clear()
            page = await self.ledger.read(self.source, self.position)
            if page is None:
                await asyncio.sleep(LOOK_DEAF)
                continue
            self._give(page.events)
            await asyncio.sleep(LINGER)
            if page.held:
                await wait_for(news, held)
            elif not page.full:
                await wait_for(news, min(self.hub.pause, self.source.patience))
            held = HELD[0] if page.events else min(2 * held, HELD[1])

    def _give(self, events: Sequence[Told]) -> None:
        for told in events:
            self.position = told.position
            for listener in tuple(self.listeners):
                listener.put(told)


class Feeds:
    """The feeds somebody listens to."""

    def __init__(self, hub: Hub, ledger: Ledger) -> None:
        self.hub, self.ledger = hub, ledger
        self._feeds: dict[Source, Feed] = {}

    @contextmanager
    def listening(self, source: Source, listener: Listener, seen: Position) -> Iterator[Position]:
        """Have all later events put into its box. Gives where the feed stands: up to there, and
        past what it has seen, the listener reads by itself."""
        feed = self._feeds.get(source)
        if feed is None or feed.task.done():
            feed = self._feeds[source] = Feed(source, seen, self.hub, self.ledger)
        listener.offered = max(seen, feed.position)
        feed.listeners.add(listener)
        try:
            yield feed.position
        finally:
            feed.listeners.discard(listener)
            if not feed.listeners:
                feed.task.cancel()
                if self._feeds.get(source) is feed:
                    del self._feeds[source]
