"""Receivers of webhooks: real HTTP and TLS servers that answer as a test wants, or misbehave."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.ledger import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TLS = Path(__file__).parent / "tls"
NAME = "hooks.example.test"
HOSTILE = Path(__file__).parent / "hostile_urls.txt"
MEGABYTE = b"x" * 2**20
PIECE = 2**16


@dataclass(frozen=True, slots=True)
class Got:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: str

    @property
    def message_id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """What it was sent, and how it answers: `answer` gets the request's number, from 0."""

    url: str
    port: int
    got: list[Got] = field(default_factory=list)
    answer: Callable[[int], Reply] = lambda _: Reply()
    sent: int = 0  # bytes of answers that went out
    released: threading.Event = field(default_factory=threading.Event)

    def wait_for(self, count: int, seconds: float = 10) -> list[Got]:
        eventually(lambda: len(self.got) >= count, seconds)
        return list(self.got)

    def ids(self) -> list[str]:
        return [one.message_id for one in self.got]


@dataclass(frozen=True, slots=True)
class Reply:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    megabytes: int = 0  # more of it, after the body
    hangs: bool = False
    raw: bytes | None = None  # said instead of HTTP


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any

    def do_POST(self) -> None:
        receiver: Receiver = self.server.receiver
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length).decode()
        names = {name.lower(): value for name, value in self.headers.items()}
        with self.server.lock:
            number = len(receiver.got)
            receiver.got.append(Got(self.path, names, body))
        reply = receiver.answer(number)
        if reply.hangs:
            receiver.released.wait(30)
            self.close_connection = True
        elif reply.raw is not None:
            self._pour(reply.raw, receiver)
            self.close_connection = True
        else:
            self._say(reply, receiver)

    def _say(self, reply: Reply, receiver: Receiver) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        whole = len(reply.body) + reply.megabytes * len(MEGABYTE)
        self.send_header("Content-Length", str(whole))
        self.end_headers()
        self._pour(reply.body, receiver)
        for _ in range(reply.megabytes):
            self._pour(MEGABYTE, receiver)

    def _pour(self, data: bytes, receiver: Receiver) -> None:
        """As much of it as the sender takes."""
        with suppress(OSError):
            for start in range(0, len(data), PIECE):
                receiver.sent += self.request.send(data[start : start + PIECE])

    def log_message(self, *_: Any) -> None:
        """Silent."""


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512
    tls: ssl.SSLContext | None = None

    def finish_request(self, request: Any, client_address: Any) -> None:
        """The handshake in the request's own thread: one that is slow holds up nobody."""
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        with self.tls.wrap_socket(request, server_side=True) as wrapped:
            super().finish_request(wrapped, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that hangs up is what tests want to see."""


@contextmanager
def receiver(
    answer: Callable[[int], Reply] = lambda _: Reply(),
    *,
    certificate: str = "",
    host: str = "127.0.0.1",
) -> Iterator[Receiver]:
    """On a free port of the loopback; with a certificate's name it speaks TLS."""
    server = QuietServer((host, 0), Handler)
    port = server.server_address[1]
    url = f"https://{NAME}:{port}/hook" if certificate else f"http://{host}:{port}/hook"
    if certificate:
        server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.tls.load_cert_chain(TLS / f"{certificate}.pem")
    made = Receiver(url, port, answer=answer)
    server.receiver, server.lock = made, threading.Lock()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.released.set()
        server.shutdown()
        server.server_close()


class Trap:
    """Listens on every address of this machine, and counts who comes."""

    def __init__(self) -> None:
        self.hits = 0
        self._socket = socket.create_server(
            ("", 0), family=socket.AF_INET6, backlog=128, dualstack_ipv6=True
        )
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._count, daemon=True)
        self._thread.start()

    def _count(self) -> None:
        with suppress(OSError):
            while True:
                guest, _ = self._socket.accept()
                self.hits += 1
                guest.close()

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


@contextmanager
def trap() -> Iterator[Trap]:
    made = Trap()
    try:
        yield made
    finally:
        made.close()


def hostile_urls(port: int | None = None) -> list[str]:
    """The addresses that must never be called; those that can lead to a trap lead there."""
    lines = HOSTILE.read_text(encoding="utf-8").splitlines()
    end = "" if port is None else f":{port}"
    return [line.replace("{port}", end) for line in lines if not line.startswith("#")]
