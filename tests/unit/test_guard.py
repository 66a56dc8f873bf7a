"""The guard at the door, before a small application that tells what it got."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from config.guard import IN_MEMORY, BodyGuard

Message = dict[str, Any]
MOST = 1_000


class Client:
    """Sends its pieces, then hangs (or leaves), and keeps what it is answered."""

    def __init__(self, *pieces: Message, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        self.pieces, self.headers = list(pieces), list(headers)
        self.answers: list[Message] = []

    async def receive(self) -> Message:
        if self.pieces:
            return self.pieces.pop(0)
        await asyncio.sleep(60)
        raise AssertionError("nobody waits this long")

    async def send(self, message: Any) -> None:
        self.answers.append(message)

    @property
    def problem(self) -> Message:
        start, body, *_ = self.answers
        assert (b"content-type", b"application/problem+json") in start["headers"]
        told: Message = json.loads(body["body"])
        assert told["status"] == start["status"]
        return told


class Inner:
    """The application behind the guard: reads all of the body."""

    def __init__(self) -> None:
        self.body: bytes | None = None
        self.headers: dict[bytes, bytes] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.body, self.headers = b"", dict(scope["headers"])
        more = True
        while more:
            message = await receive()
            self.body += message["body"]
            more = message["more_body"]


def piece(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def serve(client: Client, *, most: int = MOST, seconds: float = 5) -> Inner:
    inner = Inner()
    scope = {"type": "http", "headers": client.headers}
    guard = BodyGuard(inner, most=most, seconds=seconds)
    asyncio.run(guard(scope, client.receive, client.send))
    return inner


def test_a_body_in_pieces_arrives_whole() -> None:
    inner = serve(Client(piece(b"one ", more=True), piece(b"two")))
    assert inner.body == b"one two"


def test_a_body_that_is_spooled_to_disk_arrives_whole() -> None:
    body = bytes(range(256)) * (IN_MEMORY // 256 + 1)
    inner = serve(Client(piece(body, more=True), piece(b"!")), most=10 * IN_MEMORY)
    assert inner.body == body + b"!"


def test_an_empty_body_is_an_empty_body() -> None:
    inner = serve(Client(piece(b"")))
    assert (inner.body, inner.headers) == (b"", {})


def test_what_follows_learns_the_length_of_a_body_that_came_in_chunks() -> None:
    client = Client(piece(b"abc", more=True), piece(b"d"), headers=((b"transfer-encoding", b"c"),))
    assert serve(client).headers == {b"content-length": b"4"}


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        (b"application/json; charset=rot13", b"application/json"),
        (
            b'multipart/form-data; Charset = "utf-7" ; boundary=x',
            b"multipart/form-data; boundary=x",
        ),
        (b"text/plain", b"text/plain"),
    ],
)
def test_what_follows_sees_no_charset(given: bytes, seen: bytes) -> None:
    inner = serve(Client(piece(b""), headers=((b"content-type", given),)))
    assert inner.headers == {b"content-type": seen}


def test_too_large_is_refused_by_its_header_before_a_byte_is_read() -> None:
    client = Client(piece(b""), headers=((b"content-length", b"1001"),))
    inner = serve(client)
    assert inner.body is None
    assert (client.problem["status"], client.problem["code"]) == (413, "body_too_large")


def test_too_large_is_refused_by_its_bytes_whatever_the_header_says() -> None:
    client = Client(
        piece(b"x" * 600, more=True), piece(b"x" * 401), headers=((b"content-length", b"5"),)
    )
    assert serve(client).body is None
    assert client.problem["code"] == "body_too_large"


def test_who_is_refused_while_it_sends_may_send_on_before_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("config.guard.LINGER", 0.05)
    rest = [piece(b"x" * 600, more=True) for _ in range(5)]
    client = Client(*rest)
    serve(client)
    assert client.pieces == []
    assert [message.get("more_body", False) for message in client.answers] == [False, True, False]


def test_exactly_as_much_as_allowed_is_allowed() -> None:
    assert serve(Client(piece(b"x" * MOST))).body == b"x" * MOST


def test_a_body_that_does_not_come_is_refused_in_time() -> None:
    client = Client(piece(b"half", more=True))
    assert serve(client, seconds=0.05).body is None
    assert (client.problem["status"], client.problem["code"]) == (408, "body_timeout")


def test_a_client_that_leaves_halfway_reaches_nobody_and_is_answered_nothing() -> None:
    client = Client(piece(b"half", more=True), {"type": "http.disconnect"})
    assert serve(client).body is None
    assert client.answers == []


@pytest.mark.parametrize("kind", ["startup", "shutdown"])
def test_a_servers_start_and_stop_are_acknowledged(kind: str) -> None:
    client = Client({"type": f"lifespan.{kind}"}, {"type": "lifespan.shutdown"})
    asyncio.run(
        BodyGuard(Inner(), most=1, seconds=1)({"type": "lifespan"}, client.receive, client.send)
    )
    assert client.answers[0] == {"type": f"lifespan.{kind}.complete"}
