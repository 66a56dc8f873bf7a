"""Every request has an id, which its answer and its log lines carry, and a line of its own."""

from __future__ import annotations

import logging
import re
import time
from random import getrandbits
from typing import TYPE_CHECKING

from config.logs import FIELDS
from tenants.about import begin
from tenants.problems import internal_error, send_problem

if TYPE_CHECKING:
    from config.guard import App, Message, Receive, Send
    from tenants.about import About

HEADER = b"x-request-id"
SANE = re.compile(rb"(?!vm_)[A-Za-z0-9._-]{1,128}")
PLAIN = re.compile(r"[\w./@-]{0,200}", re.ASCII)  # our addresses are; a sentence is not
PROBES = {"/healthz", "/readyz", "/metrics"}
SERVER_ERROR = 500

log = logging.getLogger(__name__)


class Access:
    """The id that the client gave, if it is one, else one made here."""

    def __init__(self, app: App, *, lines: bool) -> None:
        self.app, self.lines = app, lines

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = Answer(request_id(scope), send)
        about: About = {"request": answer.request.decode()}
        begin(about)
        started = time.perf_counter()
        try:
            await self._answer(scope, receive, answer)
        finally:
            if self.lines:
                write_line(scope, answer, time.perf_counter() - started)

    async def _answer(self, scope: Message, receive: Receive, answer: Answer) -> None:
        try:
            await self.app(scope, receive, answer.send)
        except Exception:
            if answer.status is not None:
                raise  # the server hangs up: half an answer shows
            log.exception("a request failed")
            await send_problem(internal_error(), answer.send)


class Answer:
    """What goes back, seen on its way."""

    __slots__ = ("_send", "request", "size", "status")

    def __init__(self, request: bytes, send: Send) -> None:
        self.request, self._send = request, send
        self.status: int | None = None
        self.size = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], (HEADER, self.request)]
        else:
            self.size += len(message.get("body", b""))
        await self._send(message)


def request_id(scope: Message) -> bytes:
    for name, value in scope["headers"]:
        if name == HEADER and SANE.fullmatch(value):
            return bytes(value)
    return b"%032x" % getrandbits(128)  # a name; it opens nothing


def write_line(scope: Message, answer: Answer, seconds: float) -> None:
    """One a request; of probes only those that fail. Never the query, which may hold a secret."""
    path, status = scope["path"], answer.status
    if path in PROBES and status is not None and status < SERVER_ERROR:
        return
    fields = {
        "method": scope["method"],
        "path": path if PLAIN.fullmatch(path) else "(odd)",
        "status": status,
        "ms": round(seconds * 1000, 1),
        "bytes": answer.size,
    }
    log.info("request", extra={FIELDS: fields})
