"""Server-Sent Events over ASGI: a client holds a connection and a little memory, no thread."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter
from contextlib import contextmanager
from contextvars import Context
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from jobs.hub import LOOK_DEAF
from jobs.streams import HANG_UP
from jobs.streams.asking import Admitted, Asked, admit_stream
from jobs.streams.feeds import Feeds, Ledger, Listener
from jobs.streams.telling import PING, RETRY, place, tell_gap
from tenants.callers import living_keys
from tenants.problems import OVERLOADED, describe, internal_error, problem, send_problem
from tenants.scopes import Scope

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence

    from jobs.hub import Hub
    from jobs.streams.telling import Position, Told
    from tenants.problems import Described

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

PING_SECONDS = 15.0
PATROL_SECONDS = 3.0
PATH = re.compile(
    r"/api/v1/(?:jobs/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/)?events"
)
TOO_MANY = problem(
    429, "too_many_streams", "This tenant holds as many streams open as it may.", retry_after=5
)
HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}

log = logging.getLogger(__name__)


class Streams:
    """Answers GETs of event streams; everything else is the views'."""

    def __init__(self, app: App, hub: Hub, *, most: int, most_opening: int) -> None:
        self.app, self.hub = app, hub
        self.most, self.most_opening = most, most_opening
        self.ledger = Ledger()
        self.feeds = Feeds(hub, self.ledger)
        self._opening = 0
        self._open: Counter[UUID] = Counter()
        self._listeners: set[Listener] = set()
        self._patrol: asyncio.Task[None] | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        found = PATH.fullmatch(scope["path"]) if scope["method"] == "GET" else None
        if found is None:
            await self.app(scope, receive, send)
        elif self._opening >= self.most_opening:
            await send_problem(OVERLOADED, send)
        else:
            await self._answer(read_asked(found[1], scope), scope[HANG_UP], receive, send)

    def leave(self) -> None:
        """The process is about to stop: every stream ends, and its client comes back elsewhere."""
        self.hub.leave()
        for listener in self._listeners:
            listener.close()

    async def _answer(
        self, asked: Asked, hang_up: Callable[[], None], receive: Receive, send: Send
    ) -> None:
        admitted = await self._admit(asked)
        if not isinstance(admitted, Admitted):
            await send_problem(admitted, send)
        elif admitted.opening.nothing:
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        elif self._open[admitted.caller.tenant_id] >= self.most:
            await send_problem(TOO_MANY, send)
        else:
            listener = Listener(admitted.wants, admitted.caller.key_id, hang_up)
            with self._counting(admitted.caller.tenant_id, listener):
                await self._stream(Client(admitted, listener, self.feeds, send), receive)

    async def _admit(self, asked: Asked) -> Admitted | Described:
        self._opening += 1
        try:
            return await self.ledger.ask(partial(_admit_or_refuse, asked))
        finally:
            self._opening -= 1

    @contextmanager
    def _counting(self, tenant_id: UUID, listener: Listener) -> Iterator[None]:
        self._open[tenant_id] += 1
        self._listeners.add(listener)
        if self.hub.leaving:
            listener.close()
        if self._patrol is None:
            self._patrol = asyncio.create_task(self._patrol_forever(), context=Context())
        try:
            yield
        finally:
            listener.gone = True
            self._listeners.discard(listener)
            self._open[tenant_id] -= 1
            if not self._open[tenant_id]:
                del self._open[tenant_id]

    async def _stream(self, client: Client, receive: Receive) -> None:
        watch = asyncio.create_task(_close_when_gone(receive, client.listener))
        try:
            await client.serve()
        finally:
            watch.cancel()

    async def _patrol_forever(self) -> None:
        """A key that was revoked, or has lost its scope, ends its streams."""
        while True:
            await asyncio.sleep(PATROL_SECONDS)
            keys = {listener.key_id for listener in self._listeners}
            if not keys:
                continue
            alive = await self.ledger.ask_unless_away(partial(living_keys, keys, Scope.JOBS_READ))
            if alive is None:
                continue
            for listener in self._listeners:
                if listener.key_id not in alive:
                    listener.close()


class Client:
    """One stream, from its greeting to its end."""

    def __init__(self, admitted: Admitted, listener: Listener, feeds: Feeds, send: Send) -> None:
        self.source, self.opening, self.wants = admitted.source, admitted.opening, admitted.wants
        self.listener, self.feeds, self._send = listener, feeds, send
        self.one_job = admitted.source.parts == 1
        self.position = admitted.opening.position
        self.done = False

    async def serve(self) -> None:
        pairs = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
        await self._send({"type": "http.response.start", "status": 200, "headers": pairs})
        await self._say(self._greeting())
        await self._tell_what_was()
        if not self.opening.over:
            with self.feeds.listening(self.source, self.listener, self.position) as upto:
                await self._tell_what_was(upto)
                await self._tell_what_comes()
        await self._send({"type": "http.response.body", "body": b""})

    @property
    def _goes_on(self) -> bool:
        return not (self.done or self.listener.closed)

    def _greeting(self) -> bytes:
        """With its place, so that who loses the connection before any event has one to name."""
        gap = tell_gap(self.position) if self.opening.gap else b""
        return RETRY + place(self.position) + gap

    async def _tell_what_was(self, upto: Position | None = None) -> None:
        """What the ledger has past our place, as far as the feed has come."""
        more = upto is None or upto > self.position
        while more and self._goes_on:
            page = await self.feeds.ledger.read(self.source, self.position)
            if page is None:
                await asyncio.sleep(LOOK_DEAF)
                continue
            events = [told for told in page.events if upto is None or told.position <= upto]
            await self._tell(events)
            more = page.full and len(events) == len(page.events)

    async def _tell_what_comes(self) -> None:
        while self._goes_on:
            if events := await self.listener.take(PING_SECONDS):
                await self._tell(events)
            elif not self.listener.closed:
                self.position = max(self.position, self.listener.offered)
                await self._say(PING + place(self.position))

    async def _tell(self, events: Sequence[Told]) -> None:
        if not events:
            return
        self.position = events[-1].position
        self.done = self.one_job and any(told.final for told in events)
        if wanted := b"".join(told.block for told in events if self.wants(told)):
            await self._say(wanted)

    async def _say(self, block: bytes) -> None:
        await self._send({"type": "http.response.body", "body": block, "more_body": True})


def read_asked(job_id: str | None, scope: Message) -> Asked:
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    return Asked(
        UUID(job_id) if job_id else None,
        scope["query_string"].decode("latin-1"),
        headers.get(b"authorization", ""),
        headers.get(b"last-event-id", ""),
    )


def _admit_or_refuse(asked: Asked) -> Admitted | Described:
    """What is wrong is told on the thread that asked: its connection may have to be closed."""
    try:
        return admit_stream(asked)
    except Exception as error:
        described = describe(error)
        if described is None:
            log.exception("a stream could not be opened")
        return described or internal_error()


async def _close_when_gone(receive: Receive, listener: Listener) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    listener.close()
