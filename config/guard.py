"""The guard at the door: a request's body is taken whole, in bounded time and size, or refused."""

from __future__ import annotations

import asyncio
import re
import tempfile
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

from tenants.problems import problem, send_problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from tenants.problems import Described

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

IN_MEMORY = 256 * 1024
PIECE = 256 * 1024
LINGER = 5.0  # seconds in which a client may still send what was refused, and read why
CHARSET = re.compile(rb";\s*charset\s*=[^;]*", re.IGNORECASE)


class TooLarge(Exception):
    """The body is larger than this API takes."""


class ClientGone(Exception):
    """The client left before its body was whole."""


class BodyGuard:
    """Holds no thread while a body arrives; a large one is spooled to disk."""

    def __init__(self, app: App, *, most: int, seconds: float) -> None:
        self.app, self.most, self.seconds = app, most, seconds

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._other(scope, receive, send)
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as spool:
            try:
                async with asyncio.timeout(self.seconds):
                    size = await self._take(scope, receive, spool)
            except TooLarge:
                return await _refuse_at_length(self._too_large(), receive, send)
            except TimeoutError:
                return await _refuse(self._too_slow(), send)
            except ClientGone:
                return None
            spool.seek(0)
            await self.app(_as_taken(scope, size), Replay(spool, receive), send)
        return None

    def _too_large(self) -> Described:
        return problem(413, "body_too_large", f"At most {self.most} bytes in one request.")

    def _too_slow(self) -> Described:
        detail = f"The body was not whole after {self.seconds:g} seconds."
        return problem(408, "body_timeout", detail)

    async def _other(self, scope: Message, receive: Receive, send: Send) -> None:
        """Only HTTP is spoken here; a server's start and stop are acknowledged."""
        while scope["type"] == "lifespan":
            kind = (await receive())["type"]
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return

    async def _take(self, scope: Message, receive: Receive, spool: IO[bytes]) -> int:
        if _announced(scope) > self.most:
            raise TooLarge
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            size += len(message.get("body", b""))
            if size > self.most:
                raise TooLarge
            spool.write(message.get("body", b""))
            more = message.get("more_body", False)
        return size


class Replay:
    """The body again, from the spool; after it whatever the client does next."""

    def __init__(self, spool: IO[bytes], receive: Receive) -> None:
        self.spool, self.receive, self.done = spool, receive, False

    async def __call__(self) -> Message:
        if self.done:
            return await self.receive()
        piece = self.spool.read(PIECE)
        self.done = len(piece) < PIECE
        return {"type": "http.request", "body": piece, "more_body": not self.done}


def _announced(scope: Message) -> int:
    value = dict(scope["headers"]).get(b"content-length", b"0")
    return int(value) if value.isdigit() else 0


def _as_taken(scope: Message, size: int) -> Message:
    """The request with the length we counted: one sent in chunks announces none, and WSGI asks.

    A charset is dropped. Text is UTF-8 here, and Python knows charsets that are traps.
    """
    framing = {b"content-length", b"transfer-encoding"}
    kept = [(name, _plain(name, value)) for name, value in scope["headers"] if name not in framing]
    length = [(b"content-length", str(size).encode())] if size else []
    return {**scope, "headers": kept + length}


def _plain(name: bytes, value: bytes) -> bytes:
    return CHARSET.sub(b"", value) if name == b"content-type" else value


async def _refuse(described: Described, send: Send, *, more: bool = False) -> None:
    """The rest of the body may still be on its way, so the connection ends here."""
    body, headers = described
    await send_problem((body, headers | {"Connection": "close"}), send, more=more)


async def _refuse_at_length(described: Described, receive: Receive, send: Send) -> None:
    """Who still sends when its connection is closed may lose the answer with it."""
    await _refuse(described, send, more=True)
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER):
            await _drain(receive)
    await send({"type": "http.response.body"})


async def _drain(receive: Receive) -> None:
    while (await receive()).get("more_body", False):
        pass
