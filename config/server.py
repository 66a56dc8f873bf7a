"""What ASGI has no words for: how the server stops, and how to hang up on a client."""

from __future__ import annotations

import asyncio
import signal
from functools import partial
from typing import TYPE_CHECKING, Any

from jobs.streams import HANG_UP
from tenants.problems import problem, send_problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.guard import App, Message, Receive, Send

STOPPING = (signal.SIGTERM, signal.SIGINT)
FADE = 1.0  # seconds in which clients with a kept connection get an answer that tells them to go
SETTLE = 0.25  # and in which who has only just connected sends its request
LOOK_EVERY = 0.05
STOPPED = problem(
    503, "restarting", "This API stopped before it had an answer; repeat it.", retry_after=2
)


class Uvicorn:
    """uvicorn stops by closing what is idle, and breaks off a request that is on its way there.

    So its signals first let connections fade: each answer closes its own. Then streams are told to
    end, nobody new is let in, and uvicorn's own way to stop finds nothing left to break.
    """

    def __init__(self, app: App, *, on_stopping: Callable[[], None]) -> None:
        self.app, self.on_stopping = app, on_stopping
        self._leaving: asyncio.Task[None] | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            self._hear_signals()
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        """Who waits longer than uvicorn does at its end is told so, and not that we failed."""
        cycle: Any = send.__self__  # type: ignore[attr-defined]  # a method of uvicorn's
        cycle.keep_alive = cycle.keep_alive and self._leaving is None
        scope[HANG_UP] = cycle.transport.abort
        try:
            await self.app(scope, receive, send)
        except asyncio.CancelledError:
            if self._leaving is None or cycle.response_started:
                raise
            await send_problem(STOPPED, send)

    def _hear_signals(self) -> None:
        """uvicorn's own handlers, in place by now, have their turn when we are through."""
        loop = asyncio.get_running_loop()
        for number in STOPPING:
            then: Any = signal.getsignal(number)
            told = partial(self._go, then.__self__, partial(then, number, None))
            signal.signal(number, lambda *_, told=told: loop.call_soon_threadsafe(told))

    def _go(self, server: Any, stop: Callable[[], None]) -> None:
        """At once where we were told before."""
        if self._leaving is not None:
            stop()
        else:
            self._leaving = asyncio.create_task(self._leave(server, stop))

    async def _leave(self, server: Any, stop: Callable[[], None]) -> None:
        for connection in server.server_state.connections:
            if connection.cycle is not None:
                connection.cycle.keep_alive = False
        await _until_none_is_idle(server.server_state.connections)
        self.on_stopping()
        for listener in server.servers:
            listener.close()
        await asyncio.sleep(SETTLE)
        stop()


async def _until_none_is_idle(connections: set[Any]) -> None:
    """Or those that are have been so for a while."""
    until = asyncio.get_running_loop().time() + FADE
    while any(map(_is_idle, connections)) and asyncio.get_running_loop().time() < until:
        await asyncio.sleep(LOOK_EVERY)


def _is_idle(connection: Any) -> bool:
    return connection.cycle is None or connection.cycle.response_complete
