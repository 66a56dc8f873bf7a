"""Audio on its way out: read from the store in pieces, holding no thread while a client is slow."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from tenants.problems import describe, send_problem
from voices.api.serving import STREAM_HEADER
from voices.audio import lose_audio
from voices.storage import WEB_STORE_SECONDS, web_store
from voices.store import ObjectMissing, StoreDown, StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, MutableMapping

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

READERS = 8
HEADER = STREAM_HEADER.lower().encode()


class AudioStreamer:
    """Where a view's answer names a stored file, send the file after its headers."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.readers = ThreadPoolExecutor(READERS, thread_name_prefix="audio")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        named: list[str] = []

        async def send_or_hold(message: Message) -> None:
            if message["type"] == "http.response.start":
                named.extend(_take_header(message))
            if not named:
                await send(message)
            elif message["type"] == "http.response.start":
                await self._answer(scope, message, named[0], send)

        await self.app(scope, receive, send_or_hold)

    async def _answer(self, scope: Message, start: Message, named: str, send: Send) -> None:
        if scope["method"] == "HEAD":
            await send(start)
            await send({"type": "http.response.body", "body": b""})
            return
        loop = asyncio.get_running_loop()
        try:
            pieces = await self._open(named)
        except ObjectMissing:
            lost = await loop.run_in_executor(self.readers, lose_audio, named.partition(" ")[0])
            await _refuse(lost, send)
            return
        except StoreError as error:
            await _refuse(error, send)
            return
        await send(start)
        await self._pour(pieces, send)

    async def _open(self, named: str) -> Generator[bytes, None, None]:
        """In bounded time, also where others that wait for the store hold every reader."""
        name, first, length = named.split()
        loop = asyncio.get_running_loop()
        opening = loop.run_in_executor(
            self.readers, web_store().open_range, name, int(first), int(length)
        )
        try:
            return await asyncio.wait_for(opening, WEB_STORE_SECONDS)
        except TimeoutError as error:
            seconds = f"{WEB_STORE_SECONDS:g} seconds"
            raise StoreDown(f"the store did not answer for {name} within {seconds}") from error

    async def _pour(self, pieces: Generator[bytes, None, None], send: Send) -> None:
        """Piece by piece. A store that fails here breaks the connection: half a file shows."""
        loop = asyncio.get_running_loop()
        try:
            while piece := await loop.run_in_executor(self.readers, next, pieces, b""):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            await loop.run_in_executor(self.readers, pieces.close)


async def _refuse(error: Exception, send: Send) -> None:
    described = describe(error)
    assert described is not None  # noqa: S101 - each error that is passed here has a code
    await send_problem(described, send)


def _take_header(message: Message) -> list[str]:
    """The file an answer names; the header that names it goes no further."""
    found = [value.decode() for name, value in message["headers"] if name.lower() == HEADER]
    message["headers"] = [pair for pair in message["headers"] if pair[0].lower() != HEADER]
    return found
