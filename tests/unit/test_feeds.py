"""Joining a feed: whether it is ahead of a client or behind it, each event is told once."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, cast
from uuid import UUID

from jobs.streams.asking import Admitted
from jobs.streams.feeds import Feeds, Ledger, Listener
from jobs.streams.serving import Client
from jobs.streams.sources import Opening, Page
from jobs.streams.telling import Position, Told
from tenants.audit import PLATFORM
from tenants.callers import Caller

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jobs.hub import Hub

CALLER = Caller(
    UUID(int=1), "key", PLATFORM, frozenset(), speaks=True, commercial=True, max_queued=1
)


class Written:
    """A ledger of numbers, and somebody who says that there is a new one."""

    parts: ClassVar[int] = 2
    topic, patience, pause, leaving = "t", 60.0, 60.0, False

    def __init__(self, count: int) -> None:
        self.count = count
        self.news = asyncio.Event()

    @contextmanager
    def listening(self, _: str) -> Iterator[asyncio.Event]:
        yield self.news

    def open(self, last: Position | None) -> Opening:
        return Opening(last or (0, 0))

    def read(self, after: Position) -> Page:
        events = [told(number) for number in range(after[0] + 1, self.count + 1)]
        return Page(events, full=False, held=False)

    async def write(self, count: int) -> None:
        """So many more; the feed has read them when this returns."""
        self.count += count
        self.news.set()
        await asyncio.sleep(0.05)


class InMemory(Ledger):
    """Reads without threads, from what is written here."""

    async def read(self, source: Any, after: Position) -> Page | None:
        return cast("Page", source.read(after))


def told(number: int) -> Told:
    return Told((number, 0), "job.progress", "nap", b"<%d>" % number)


def listener() -> Listener:
    return Listener(lambda _: True, "key", lambda: None)


class Follower:
    """A client, and what it was sent."""

    def __init__(self, written: Written, feeds: Feeds, last: int) -> None:
        self.sent = b""
        self.when_sent: dict[bytes, Callable[[], Any]] = {}
        self.listener = listener()
        admitted = Admitted(CALLER, written, written.open((last, 0)), frozenset(), frozenset())
        self.client = Client(admitted, self.listener, feeds, self.send)

    async def send(self, message: Any) -> None:
        body = message.get("body", b"")
        self.sent += body
        for mark, action in tuple(self.when_sent.items()):
            if mark in body:
                del self.when_sent[mark]
                await action()

    @property
    def numbers(self) -> bytes:
        return self.sent.partition(b"\n\n")[2]


async def follow(follower: Follower, written: Written) -> bytes:
    """Let it follow until one more event has come; what it was told."""
    serving = asyncio.create_task(follower.client.serve())
    await asyncio.sleep(0.1)
    await written.write(1)
    follower.listener.close()
    await serving
    return follower.numbers


def test_what_a_feed_told_others_while_a_client_caught_up_is_told_to_it_as_well() -> None:
    async def play() -> bytes:
        written = Written(5)
        feeds = Feeds(cast("Hub", written), InMemory())
        with feeds.listening(written, listener(), (5, 0)):
            follower = Follower(written, feeds, last=2)
            follower.when_sent[b"<5>"] = lambda: written.write(2)  # the feed is at 7, it is at 5
            return await follow(follower, written)

    assert asyncio.run(play()) == b"<3><4><5><6><7><8>"


def test_what_a_client_read_before_a_feed_that_is_behind_is_not_told_again() -> None:
    async def play() -> bytes:
        written = Written(3)
        feeds = Feeds(cast("Hub", written), InMemory())
        with feeds.listening(written, listener(), (3, 0)):
            await asyncio.sleep(0.05)
            written.count = 5  # and no hint: the feed stays at 3
            return await follow(Follower(written, feeds, last=3), written)

    assert asyncio.run(play()) == b"<4><5><6>"


def test_who_stops_listening_leaves_no_reader_behind() -> None:
    async def play() -> bool:
        written = Written(0)
        feeds = Feeds(cast("Hub", written), InMemory())
        with feeds.listening(written, listener(), (0, 0)):
            feed = next(iter(feeds._feeds.values()))
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.02)
        return feed.task.cancelled() and not feeds._feeds

    assert asyncio.run(play())
