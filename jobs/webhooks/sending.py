"""One try: a POST to a pinned address, over verified TLS, within its time, whatever comes back."""

from __future__ import annotations

import io
import socket
import ssl
import time
from dataclasses import dataclass
from functools import cache
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings

from jobs.webhooks import lookup, signing
from jobs.webhooks.errors import WebhookUrlRefusedError
from jobs.webhooks.guard import Target, read_url
from jobs.webhooks.retries import wished_delay

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.webhooks.guard import Address

AGENT = "Voicemill-Webhooks/1"
MOST_READ = 64 * 1024  # of an answer's body; the rest is not waited for
MOST_HEADERS = 64 * 1024
KEPT = 1_024  # characters of an answer that can be read later
MOST_ADDRESSES = 3  # of a name that are tried, one after the other


@dataclass(frozen=True, slots=True)
class Letter:
    """What is to be sent, where to, and signed with what."""

    url: str
    message_id: str
    body: str
    secrets: Sequence[str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a status, or why there is none."""

    status: int | None = None
    error: str = ""
    text: str = ""
    retry_after: float | None = None
    milliseconds: int = 0


class Deadline:
    """A span of time that every wait of one try shares."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def left(self, most: float = float("inf")) -> float:
        left = self._at - time.monotonic()
        if left <= 0:
            raise TimeoutError("no whole answer in time")
        return min(left, most)


def send(letter: Letter, ask: lookup.Resolve = lookup.resolve) -> Answer:
    """Never raises for what a receiver does, or does not do."""
    begun = time.monotonic()
    try:
        answer = _post(letter, Deadline(settings.WEBHOOK_SECONDS), ask)
    except (WebhookUrlRefusedError, HTTPException, OSError, ValueError) as error:
        answer = Answer(error=_reason(error))
    spent = round((time.monotonic() - begun) * 1000)
    return Answer(answer.status, answer.error, answer.text, answer.retry_after, spent)


def _post(letter: Letter, deadline: Deadline, ask: lookup.Resolve) -> Answer:
    target = read_url(letter.url, settings.WEBHOOK_ALLOWED_NETWORKS)
    patience = deadline.left(settings.WEBHOOK_CONNECT_SECONDS)
    addresses = lookup.find_addresses(target, patience, ask)
    with _connect(target, addresses, deadline) as sock:
        sock.settimeout(deadline.left())
        sock.sendall(_request(target, letter))
        return _read(sock, deadline)


def _connect(target: Target, addresses: Sequence[Address], deadline: Deadline) -> socket.socket:
    """To an address that was checked: the name is not asked again, and no proxy either."""
    for address in addresses[:MOST_ADDRESSES]:
        patience = deadline.left(settings.WEBHOOK_CONNECT_SECONDS)
        try:
            plain = socket.create_connection((str(address), target.port), patience)
            break
        except OSError as error:
            failure = error
    else:
        raise failure
    if target.scheme == "http":
        return plain
    plain.settimeout(deadline.left(settings.WEBHOOK_CONNECT_SECONDS))
    try:
        return _tls().wrap_socket(plain, server_hostname=target.host)
    except BaseException:
        plain.close()
        raise


@cache
def _tls() -> ssl.SSLContext:
    """Certificates and names are verified against the system's authorities (SSL_CERT_FILE)."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _request(target: Target, letter: Letter) -> bytes:
    body = letter.body.encode()
    headers = {
        "Host": target.authority,
        "User-Agent": AGENT,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Accept-Encoding": "identity",
        "Connection": "close",
        **signing.signed_headers(letter.secrets, letter.message_id, int(time.time()), letter.body),
    }
    lines = [f"POST {target.path} HTTP/1.1", *(f"{name}: {it}" for name, it in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Incoming(io.RawIOBase):
    """What a socket brings until the deadline, and no more of it than is worth reading."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock, self._deadline = sock, deadline
        self._room = MOST_HEADERS + MOST_READ

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(self._deadline.left())
        read = self._sock.recv_into(buffer, min(len(buffer), self._room)) if self._room else 0
        self._room -= read
        return read

    def makefile(self, _: str) -> io.BufferedReader:
        """As http.client asks a socket for it."""
        return io.BufferedReader(self)


def _read(sock: socket.socket, deadline: Deadline) -> Answer:
    response = HTTPResponse(cast(Any, Incoming(sock, deadline)), method="POST")
    response.begin()
    wish = wished_delay(response.getheader("Retry-After"))
    return Answer(response.status, text=_text(response), retry_after=wish)


def _text(response: HTTPResponse) -> str:
    """The beginning of the body. Its status counts, however the body goes on."""
    body = b""
    try:
        while len(body) < MOST_READ and (piece := response.read1(MOST_READ - len(body))):
            body += piece
    except (HTTPException, OSError, ValueError):
        response.close()
    return body[:KEPT].decode(errors="replace").replace("\x00", "\ufffd")


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "timeout: no answer in time"
    if isinstance(error, ssl.SSLError):
        return f"tls: {error.reason or error}"[:200]
    if isinstance(error, WebhookUrlRefusedError):
        return f"refused: {error.args[0]}"
    return f"connection: {str(error) or type(error).__name__}"[:200]
