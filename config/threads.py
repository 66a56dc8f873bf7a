"""Ordinary views on a few threads; too many requests that wait for one are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from a2wsgi import WSGIMiddleware

from tenants.problems import OVERLOADED, send_problem

if TYPE_CHECKING:
    from config.guard import Message, Receive, Send

TICKET = "voicemill.ticket"


class ViewThreads:
    """A WSGI application for ASGI. A client that is slow to read its answer is not counted."""

    def __init__(self, wsgi: Any, *, threads: int, most_waiting: int) -> None:
        self.wsgi, self.most_waiting = wsgi, most_waiting
        self.waiting: set[object] = set()  # one ticket each; threads take theirs out by themselves
        self.views: Any = WSGIMiddleware(self._begin, workers=threads)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if len(self.waiting) >= self.most_waiting:
            await send_problem(OVERLOADED, send)
            return
        ticket = object()
        self.waiting.add(ticket)
        try:
            await self.views({**scope, TICKET: ticket}, receive, send)
        finally:
            self.waiting.discard(ticket)

    def _begin(self, environ: Any, start_response: Any) -> Any:
        self.waiting.discard(environ["asgi.scope"][TICKET])
        return self.wsgi(environ, start_response)
