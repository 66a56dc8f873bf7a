"""What ASGI has no words for: that the server is about to stop, and how to hang up on a client."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any

from jobs.streams import HANG_UP

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.guard import App, Message, Receive, Send

STOPPING = (signal.SIGTERM, signal.SIGINT)


class Uvicorn:
    """uvicorn waits for streams to end before it says that it stops: its signals say so first."""

    def __init__(self, app: App, *, on_stopping: Callable[[], None]) -> None:
        self.app, self.on_stopping = app, on_stopping

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            self._hear_signals()
        elif scope["type"] == "http":
            cycle: Any = send.__self__  # type: ignore[attr-defined]  # a method of uvicorn's
            scope[HANG_UP] = cycle.transport.abort
        await self.app(scope, receive, send)

    def _hear_signals(self) -> None:
        """uvicorn's own handlers, which are in place by now, still have their turn."""
        loop = asyncio.get_running_loop()
        for number in STOPPING:
            signal.signal(number, _first(self.on_stopping, loop, signal.getsignal(number)))


def _first(
    action: Callable[[], None], loop: asyncio.AbstractEventLoop, then: Any
) -> Callable[[int, Any], None]:
    def hear(number: int, frame: Any) -> None:
        loop.call_soon_threadsafe(action)
        if callable(then):
            then(number, frame)

    return hear
